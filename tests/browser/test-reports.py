#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every report of the corpus in a browser: test-reports.py CORPUS SCREENSHOTS

What is asked of each page: no word on the console, nothing refused by its own policy, no planted script has run,
no scrolling sideways at 360, 1024 and 1600 pixels in light and dark, ids that are unique, contrast that WCAG AA
asks for, and four tabs that the keyboard reaches, with scripts and without.
"""
import glob
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import chromium  # noqa: E402
from checks import CONTRAST, UNIQUE, WIDE, Findings  # noqa: E402

SKIP = 77
WIDTHS = (360, 1024, 1600)
TABS = ("steps", "troubleshooting", "modified", "summary")
NAMES = ("Steps", "Troubleshooting & Recommendation", "Modified Properties", "Summary")

SHOWN = """[...document.querySelectorAll('main > section')]
    .filter(s => s.getBoundingClientRect().height > 0).map(s => s.id)"""

DEAD_LINKS = """[...document.querySelectorAll('a')].map(a => a.getAttribute('href'))
    .filter(h => !h.startsWith('#') || !document.getElementById(h.slice(1))).slice(0, 3)"""


# Those whose pictures are worth keeping; the others differ in words, or are long.
PICTURES = ("create-user", "disable", "empty", "group-members", "hostile", "long-values", "parked", "retry", "update-user")


def wide_pages(names):
    """All fixtures; of the reports of each error code, which differ in words only, a few."""
    errors = [name for name in names if name.startswith("error-")]
    return [name for name in names if name not in errors] + errors[::13]


def look_at(page, name, url, shots, found):
    for dark in (False, True):
        for width in WIDTHS if name in PICTURES or not dark else (1024,):
            page.view(width, 900, dark)
            page.open(url)
            for tab in TABS:
                page.evaluate("location.hash = '%s'" % tab)
                sides = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
                found.check(sides[0] <= width, name, tab, width, "scrolls sideways:", sides, page.evaluate(WIDE))
                wrong = page.evaluate(CONTRAST)
                found.check(not wrong, name, tab, width, "dark" if dark else "light", "too little contrast:", wrong)
    for width, dark in ((1600, False), (1024, True), (360, False)) if name in PICTURES else ():
        page.view(width, 1000, dark)
        page.open(url)
        for tab in TABS:
            page.evaluate("location.hash = '%s'" % tab)
            picture = "%s-%s-%d-%s.png" % (name, tab, width, "dark" if dark else "light")
            page.screenshot(os.path.join(shots, picture), True)


def check_page(page, name, url, found):
    page.view(1024, 900)
    page.open(url)
    title = page.evaluate("document.title")
    found.check(title.endswith("· sosync"), name, "another title:", title)
    found.check(page.evaluate("document.querySelectorAll('script').length") == 1, name, "has another script")
    found.check(page.evaluate("document.querySelectorAll('img,iframe,object,form,link').length") == 0, name, "has more")
    found.check(page.evaluate("getComputedStyle(document.body).display") == "block", name, "was hidden by a planted style")
    found.check(not page.evaluate(UNIQUE), name, "ids twice:", page.evaluate(UNIQUE))
    found.check(not page.evaluate(DEAD_LINKS), name, "links that lead nowhere:", page.evaluate(DEAD_LINKS))
    # Everything opened at once, as a curious reader would.
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    found.check(page.evaluate("document.documentElement.scrollWidth") <= 1024, name, "too wide when all is open", page.evaluate(WIDE))
    found.check(not page.complaints, name, page.complaints[:3])


def walk_tabs(page, name, url, script, found):
    """Tab and Enter alone: from the top of the page to each of the four parts."""
    kind = "with scripts" if script else "without scripts"
    page.script(script)
    page.view(1024, 900)
    page.open(url)
    page.script(True)  # evaluate needs them; the page has been loaded without
    found.check(page.evaluate(SHOWN) == ["steps"], name, kind, "begins with", page.evaluate(SHOWN))
    names = page.evaluate(
        "[...document.querySelectorAll('.tabs a')].map(a => a.innerText.replace(/\\s+/g, ' ').replace(/ \\d+$/, '').trim())"
    )
    found.check([n.replace(" (there is something)", "") for n in names] == list(NAMES), name, "tabs are called", names)
    reached = []
    for _ in range(400):
        page.tab()
        at = page.evaluate("document.activeElement.matches('.tabs a') ? document.activeElement.hash.slice(1) : ''")
        if not at:
            if len(reached) == len(TABS):
                break
            continue
        seen = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        found.check(seen != "none", name, kind, at, "has no visible focus")
        reached.append(at)
    found.check(reached == list(TABS), name, kind, "the keyboard reaches", reached)
    for tab in TABS:
        page.evaluate("document.querySelector('.tabs a[href=\"#%s\"]').focus()" % tab)
        page.enter()
        shown = page.until(SHOWN, [tab])
        found.check(shown == [tab], name, kind, tab, "shows", shown)
    if script:
        page.evaluate("document.querySelector('.tabs a[href=\"#steps\"]').focus()")
        page.key("ArrowRight", number=39)
        shown = page.until(SHOWN, ["troubleshooting"])
        found.check(shown == ["troubleshooting"], name, "arrow key shows", shown)
        current = page.until("[...document.querySelectorAll('.tabs [aria-current]')].map(a => a.hash)", ["#troubleshooting"])
        found.check(current == ["#troubleshooting"], name, "says aloud", current)


def follow_property(page, url, script, found):
    """The name of a modified property leads to its row in the export's table."""
    page.script(script)
    page.open(url + "#modified")
    page.script(True)
    page.evaluate("document.querySelector('.modified tbody a').focus()")
    page.enter()
    found.check(page.evaluate(SHOWN) == ["steps"], "a property leads to", page.evaluate(SHOWN))
    row = page.evaluate(
        "(() => { const r = document.querySelector('tr:target'); const b = r.getBoundingClientRect();"
        " return [r.cells[0].innerText, b.top >= 0 && b.bottom <= innerHeight]; })()"
    )
    found.check(row == ["members", True], "its row is", row)


def use_comfort(page, url, found):
    page.view(1600, 900)
    page.open(url)
    page.evaluate("[...document.querySelectorAll('.tools button')].find(b => b.innerText == 'Expand all').click()")
    found.check(page.evaluate("[...document.querySelectorAll('details.attrs')].every(d => d.open)"), "expand all")
    page.evaluate(
        "(() => { const i = document.querySelector('#step-7 input[type=search]'); i.value = 'Attribute299';"
        " i.dispatchEvent(new Event('input')); })()"
    )
    rows = page.evaluate("[...document.querySelectorAll('#step-7 tbody tr')].filter(r => r.checkVisibility()).length")
    found.check(rows == 11, "the filter leaves", rows)
    page.open(url)
    page.evaluate("document.querySelector('#step-7 details').open = true; document.querySelector('#step-7 .only').click()")
    rows = page.evaluate("[...document.querySelectorAll('#step-7 tbody tr')].filter(r => r.checkVisibility()).length")
    found.check(rows == 2252, "changed only leaves", rows)
    found.check(not page.complaints, "comfort", page.complaints)


def check_print(page, url, found):
    page.view(800, 1100, media="print")
    page.open(url)
    found.check(page.evaluate(SHOWN) == list(TABS), "print shows", page.evaluate(SHOWN))
    found.check(page.evaluate("getComputedStyle(document.querySelector('.tabs')).display") == "none", "print has tabs")
    page.view(1024, 900)


def check_policy(page, found):
    """The policy bites: a page that is changed on its way cannot run what was added."""
    page.evaluate("const s = document.createElement('script'); s.textContent = \"document.title='planted'\"; document.body.append(s)")
    found.check(page.evaluate("document.title") != "planted", "the policy lets a foreign script run")
    found.check(any("Content Security Policy" in c for c in page.complaints), "no word of the policy", page.complaints)


def main(corpus, shots):
    if not chromium.find():
        print("skipped: there is no chromium on this machine (Debian package chromium)")
        return SKIP
    os.makedirs(shots, exist_ok=True)
    found = Findings()
    with tempfile.TemporaryDirectory() as folder, chromium.Browser() as browser:
        subprocess.run([corpus, folder], check=True)
        names = sorted(os.path.basename(path)[:-4] for path in glob.glob(os.path.join(folder, "*.htm")))
        url = lambda name: "file://%s/%s.htm" % (folder, name)
        page = browser.page()
        for name in names:
            check_page(page, name, url(name), found)
        for name in wide_pages(names):
            look_at(page, name, url(name), shots, found)
        for name in ("update-user", "parked", "hostile"):
            walk_tabs(page, name, url(name), True, found)
            walk_tabs(page, name, url(name), False, found)
        page.view(1024, 900)
        follow_property(page, url("group-members"), True, found)
        follow_property(page, url("group-members"), False, found)
        use_comfort(page, url("many-attributes"), found)
        check_print(page, url("parked"), found)
        page.open(url("hostile"))
        check_policy(page, found)
        page.close()
    print("%d pages, %d checks, %d failed; screenshots in %s" % (len(names), found.n_checks, len(found.all), shots))
    return 1 if found.all else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
