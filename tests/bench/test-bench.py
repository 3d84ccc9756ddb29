# SPDX-License-Identifier: Apache-2.0
"""The bench itself: its options, its judgement, and one cheap row from end to end where a domain controller can be started."""

import json
import os
import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import figures  # noqa: E402
import instructions  # noqa: E402
import rows  # noqa: E402
import table  # noqa: E402


def bench(*arguments, **environment):
    return subprocess.run([sys.executable, HERE / "run", *arguments], capture_output=True, text=True, timeout=110, check=False,
                          env={**os.environ, **environment})


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def test_options():
    r = bench("--list")
    check(r.returncode == 0 and r.stdout.split() == list(rows.ROWS), f"--list: {r}")
    r = bench("--row", "nonsense")
    check(r.returncode == 2 and 'there is no row "nonsense"' in r.stderr, f"an unknown row: {r}")
    r = bench("--nonsense")
    check(r.returncode == 2, f"an unknown option: {r}")


def test_peers_help():
    r = subprocess.run([HERE / "peers", "--help"], capture_output=True, text=True, timeout=60, check=False)
    check(r.returncode == 0 and "--quick" in r.stdout, r)
    r = subprocess.run([HERE / "peers", "--nonsense"], capture_output=True, text=True, timeout=60, check=False)
    check(r.returncode == 2, r)


def test_every_row_has_a_function():
    for name in rows.ROWS:
        module = HERE / "rows" / (rows.ROWS[name][0] + ".py")
        text = module.read_text()
        check("def row(bench):" in text and f'"""{name}: ' in text, f"{module.name} has a function, and says what it measures")


def test_every_row_is_in_the_docs():
    text = (HERE.parents[1] / "docs" / "performance.md").read_text(encoding="utf-8")
    missing = [name for name in rows.ROWS if f"`{name}`" not in text]
    check(not missing, f"docs/performance.md says nothing of {missing}")


def test_figures():
    check(figures.percentile(range(1, 101), 99) == 99 and figures.percentile([5], 99) == 5, "percentile")
    check(figures.median([3, 1, 2]) == 2 and figures.median([1, 2, 3, 4]) == 2.5, "median")


def test_judgement():
    def series(*values):
        left = list(values)
        return figures.measure(lambda: {"base": left.pop(0)}, 3, ["base"], n_repeats=1)

    even = series(1.0, 1.1, 1.4)
    check(table.judge(True, even) == "met" and table.judge(False, even) == "missed", "an even baseline is judged")
    check(even.n_repeats == 0, even.n_repeats)
    mended = series(1, 1, 2, 1, 1, 1)
    check(table.judge(True, mended) == "met" and "repeated once" in mended.note(), mended.note())
    uneven = series(1, 1, 2, 1, 1, 1.6)
    check(table.judge(True, uneven) == "repeated" and "still uneven: 1.6" in uneven.note(), uneven.note())


def test_instructions():
    kept = instructions.Counts("gcc", {"parsed": 1000, "packed": 500})
    for parts, expected in (({"parsed": 1000, "packed": 500}, []), ({"parsed": 1099, "packed": 1}, []), ({"parsed": 1101, "packed": 500}, ["parsed"]),
                            ({"parsed": 1000}, ["packed"]), ({"parsed": 1000, "packed": 500, "new": 1}, ["new"])):
        check(instructions.wrong(instructions.Counts("gcc", parts), kept) == expected, f"{parts}: {instructions.wrong(instructions.Counts('gcc', parts), kept)}")
    table_now = instructions.read_table()
    check(len(table_now.parts) == 7 and table_now.date and "glibc" in table_now.made, table_now)


def test_a_row():
    """Exit 0 and a document that says so; 77 where there is no peer."""
    r = bench("--quick", "--json", "--row", "noop")
    if r.returncode == 77:
        print(r.stderr, file=sys.stderr)
        sys.exit(77)
    check(r.returncode == 0, f"noop: {r}")
    lines = json.loads(r.stdout)["lines"]
    check([(line["row"], line["figure"], line["verdict"]) for line in lines] == [("noop", "0", "met")], lines)


for test in (test_options, test_peers_help, test_every_row_has_a_function, test_every_row_is_in_the_docs, test_figures, test_judgement, test_instructions, test_a_row):
    test()
    print(f"ok {test.__name__}", flush=True)
