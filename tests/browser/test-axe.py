#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every page of reports and console under axe-core: test-axe.py CORPUS CONSOLE AXE

No issue that axe calls serious or critical, in light and dark, wide and narrow. Lesser ones are printed.
"""
import glob
import json
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import axe  # noqa: E402
import chromium  # noqa: E402
from checks import Findings  # noqa: E402
from console_server import Server  # noqa: E402
from pages import go, pages, sign_in  # noqa: E402

SKIP = 77
TABS = ("steps", "troubleshooting", "modified", "summary")
WORST = ("serious", "critical")
# Light and wide, dark and narrow: what a style may do wrong, it does in one of these. A report of every kind is seen in one of them,
# these in both.
VIEWS = ((1280, False), (360, True))
BOTH = ("hostile", "long-values", "parked")

ASK = """axe.run(document, { resultTypes: ['violations'] }).then(r => r.violations.map(v => ({
    id: v.id, impact: v.impact, help: v.help, n: v.nodes.length, first: v.nodes.slice(0, 3).map(n => n.html.slice(0, 160)) })))"""


def ask(page, library, what, found, lesser):
    """The page as it is now."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(library + ";0")
    for v in page.evaluate(ASK):
        text = "%s %s (%s): %d, %s" % (v["impact"], v["id"], v["help"], v["n"], json.dumps(v["first"]))
        found.check(v["impact"] not in WORST, what, text)
        if v["impact"] not in WORST:
            lesser.setdefault(text, what)
    found.check(page.evaluate("typeof axe.version") == "string", what, "axe did not run")


def few(names):
    """The reports of error codes differ in words only; many-attributes has 3,000 rows like those of update-user, over which axe sits
    for minutes."""
    return [name for name in names if not name.startswith("error-") and name != "many-attributes"]


def look_at_reports(page, library, corpus, folder, found, lesser):
    subprocess.run([corpus, folder], check=True)
    names = few(sorted(os.path.basename(path)[:-4] for path in glob.glob(os.path.join(folder, "*.htm"))))
    for i, name in enumerate(names):
        for width, dark in VIEWS if name in BOTH else VIEWS[i % 2 :][:1]:
            page.view(width, 900, dark)
            page.open("file://%s/%s.htm" % (folder, name))
            for tab in TABS:
                page.evaluate("location.hash = '%s'" % tab)
                page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
                ask(page, library, "%s %s %d" % (name, tab, width), found, lesser)
    return len(names)


def look_at_console(page, library, program, folder, found, lesser):
    with Server(program, folder, 500) as server:
        for width, dark in VIEWS:
            page.view(width, 900, dark)
            go(page, server.url + "/sign-in")
            ask(page, library, "sign-in %d" % width, found, lesser)
        sign_in(page, server, "ada", found)
        server.tell("parked 3")
        server.tell("broken")
        all_pages = list(pages(server))
        for name, path in all_pages:
            for width, dark in VIEWS:
                page.view(width, 900, dark)
                go(page, server.url + path)
                ask(page, library, "console %s %d" % (name, width), found, lesser)
    return 1 + len(all_pages)


def main(corpus, program, folder):
    if not chromium.find():
        print("skipped: there is no chromium on this machine (Debian package chromium)")
        return SKIP
    library = axe.script(folder)
    if not library:
        print("skipped: axe-core %s is not in %s (tests/browser/axe.py fetches it with npm)" % (axe.VERSION, folder))
        return SKIP
    found, lesser = Findings(), {}
    with tempfile.TemporaryDirectory() as reports, tempfile.TemporaryDirectory() as console, chromium.Browser() as browser:
        page = browser.page()
        n = look_at_console(page, library, program, console, found, lesser)
        n += look_at_reports(page, library, corpus, reports, found, lesser)
        page.close()
    for text, what in lesser.items():
        print("lesser:", what, text)
    print("%d pages, %d checks, %d failed" % (n, found.n_checks, len(found.all)))
    return 1 if found.all else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
