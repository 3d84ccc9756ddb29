# SPDX-License-Identifier: Apache-2.0
"""summary.py TESTLOG.JSON MESON-STATUS: the results of a `meson test`, per suite; the last line is the count of all.

Exit status 0 if there are results, none of them failed and meson itself was content.
"""

import json
import sys

PASSED = {"OK", "EXPECTEDFAIL"}
SKIPPED = {"SKIP"}
ORDER = ["unit", "lint", "contract", "scenario", "peers", "browser"]


def read(path):
    try:
        with open(path) as log:
            return [json.loads(line) for line in log if line.strip()]
    except OSError:
        return []


def last_word(test):
    """The reason a skipped test gave: its last line."""
    lines = f"{test.get('stdout') or ''}\n{test.get('stderr') or ''}".split("\n")
    lines = [line.strip() for line in lines if line.strip()]
    return lines[-1] if lines else "no reason given"


def main():
    tests = read(sys.argv[1])
    status = int(sys.argv[2])
    suites = {}
    failed, skipped = [], []
    for test in tests:
        group, _, name = test["name"].rpartition(" / ")
        names = [s.partition(":")[2] or s for s in group.split("+")] if group else ["other"]
        counts = suites.setdefault(names[0], [0, 0, 0, 0.0])
        counts[3] += test.get("duration") or 0
        if test["result"] in PASSED:
            counts[0] += 1
        elif test["result"] in SKIPPED:
            counts[2] += 1
            skipped.append((name, test))
        else:
            counts[1] += 1
            failed.append((name, test))
    if suites:
        print(f"  {'suite':<12}{'passed':>8}{'failed':>8}{'skipped':>9}{'time':>10}")
        for name in sorted(suites, key=lambda s: (ORDER.index(s) if s in ORDER else len(ORDER), s)):
            passed, n_failed, n_skipped, duration = suites[name]
            print(f"  {name:<12}{passed:>8}{n_failed:>8}{n_skipped:>9}{duration:>8.1f} s")
        print()
    for name, test in skipped:
        print(f"  skipped  {name}: {last_word(test)}")
    for name, test in failed:
        print(f"  failed   {name} ({test['result'].lower()})")
    if failed or skipped:
        print()
    total = len(tests) - len(failed) - len(skipped)
    print(f"{total} passed, {len(failed)} failed, {len(skipped)} skipped")
    sys.exit(0 if tests and not failed and not status else 1)


main()
