#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The console in a browser: test-console.py CONSOLE SCREENSHOTS

Every page at 360, 1024 and 1600 pixels, light and dark: no word on the browser's console, nothing refused by the
policy, no planted script has run, no scrolling sideways, contrast that WCAG AA asks for, a name for every control
and a heading for every page. Then what people do: sign in, find out why somebody did not sync, retry and drop,
watch, with scripts and without; and how quick it is with many reports.
"""
import json
import os
import sys
import tempfile

sys.dont_write_bytecode = True
import chromium  # noqa: E402
from checks import CONTRAST, UNIQUE, WIDE, Findings  # noqa: E402
from console_server import Server  # noqa: E402
from pages import go, pages, sign_in  # noqa: E402

SKIP = 77
WIDTHS = (360, 1024, 1600)
REPORTS = 20000
FIRST_PAGE_MS = 100

# What a screen reader would have to say: names of controls, one h1, a language, landmarks, tables with headers.
NAMELESS = """(() => { const bad = [];
    for (const e of document.querySelectorAll('a[href],button,input:not([type=hidden]),select,summary')) {
        const label = e.labels && e.labels.length ? e.labels[0].textContent : '';
        const name = (e.getAttribute('aria-label') || label || e.textContent || e.title || '').trim();
        if (!name) bad.push(e.outerHTML.slice(0, 80)); }
    if (document.querySelectorAll('h1').length !== 1) bad.push('h1: ' + document.querySelectorAll('h1').length);
    if (!document.documentElement.lang) bad.push('no language');
    if (document.querySelectorAll('main').length !== 1) bad.push('no main, or several');
    for (const t of document.querySelectorAll('table')) if (!t.querySelector('thead th[scope=col]')) bad.push('table without headers');
    for (const i of document.querySelectorAll('svg')) if (!i.closest('[aria-hidden=true]')) bad.push('svg without a word: ' + i.outerHTML.slice(0, 60));
    for (const e of document.querySelectorAll('[tabindex]')) if (e.tabIndex > 0) bad.push('tabindex');
    return bad.slice(0, 4); })()"""


def look_at(page, name, url, shots, found):
    for dark in (False, True):
        for width in WIDTHS:
            page.view(width, 900, dark)
            go(page, url)
            what = "%s %d %s" % (name, width, "dark" if dark else "light")
            sides = page.evaluate("document.documentElement.scrollWidth")
            found.check(sides <= width, what, "scrolls sideways:", sides, page.evaluate(WIDE))
            wrong = page.evaluate(CONTRAST)
            found.check(not wrong, what, "too little contrast:", wrong)
            if (width, dark) in ((1600, False), (1024, True), (360, False)):
                page.screenshot(os.path.join(shots, "console-%s-%d-%s.png" % (name, width, "dark" if dark else "light")), True)
    found.check(not page.evaluate(UNIQUE), name, "ids twice:", page.evaluate(UNIQUE))
    nameless = page.evaluate(NAMELESS)
    found.check(not nameless, name, "has no word for", nameless)
    title = page.evaluate("document.title")
    found.check(title.endswith("· sosync"), name, "a planted script has run:", title)
    found.check(not page.complaints, name, page.complaints[:3])
    page.complaints.clear()


def find_out_why(page, server, shots, found):
    """From the first page: why did a given user not sync? Type, and three clicks."""
    page.view(1280, 900)
    go(page, server.url + "/")
    page.evaluate("document.getElementById('q').value = 'Grace Hopper 97'")
    page.screenshot(os.path.join(shots, "walk-1.png"))
    page.evaluate("document.querySelector('.ask button').click()")
    page.until("document.title", "Changes · sosync")
    page.screenshot(os.path.join(shots, "walk-2.png"))
    page.evaluate("document.querySelector('#changes .failure a').click()")
    page.until("!!document.querySelector('.verdict')", True)
    page.screenshot(os.path.join(shots, "walk-3.png"))
    verdict = page.evaluate("document.querySelector('.verdict').innerText")
    found.check("AttributeValueMustBeUnique" in verdict, "the report says", verdict)
    page.evaluate("document.querySelector('.tabs a[href=\"#troubleshooting\"]').click()")
    shown = page.until("[...document.querySelectorAll('main > section')].filter(s => s.getBoundingClientRect().height > 0).map(s => s.id)", ["troubleshooting"])
    found.check(shown == ["troubleshooting"], "troubleshooting shows", shown)
    page.screenshot(os.path.join(shots, "walk-4.png"))


def steer(page, server, found):
    go(page, server.url + "/parked")
    n = "document.querySelectorAll('li.parked').length"
    found.check(page.evaluate(n) == 3, "parked are", page.evaluate(n))
    page.evaluate("[...document.querySelectorAll('li.parked button')].find(b => b.innerText == 'Try again').click()")
    found.check(page.until(n, 2) == 2, "after one more try", page.evaluate(n))
    page.evaluate("confirm = () => true; [...document.querySelectorAll('li.parked button')].find(b => b.innerText == 'Drop').click()")
    found.check(page.until(n, 1) == 1, "after a drop", page.evaluate(n))
    go(page, server.url + "/scheduler")
    page.until("!!document.querySelector('main button')", True)
    page.evaluate("document.querySelector('main button').click()")
    word = page.until("document.querySelector('main button')?.innerText", "Let the regular cycle run")
    found.check(word == "Let the regular cycle run", "after a pause the scheduler offers", word)
    go(page, server.url + "/changes/" + server.reports["update-user"])
    page.evaluate("[...document.querySelectorAll('.acts button')].find(b => b.innerText == 'Synchronize now').click()")
    by = page.until("document.querySelector('.key') ? document.querySelector('.key').innerText.includes('ada') : false", True)
    found.check(by, "the run does not say who asked for it")


def brake(page, server, shots, found):
    """One that is on: the first page says so, and what it holds is tried by nobody, but released."""
    server.tell("held 4")
    look_at(page, "overview-brake", server.url + "/", shots, found)
    look_at(page, "parked-brake", server.url + "/parked", shots, found)
    offered = page.evaluate("[...document.querySelectorAll('li.parked button')].map(b => b.innerText)")
    found.check(sorted(offered) == ["Drop"] * 5 + ["Try again"], "behind a brake is offered", offered)
    page.evaluate("confirm = () => false; [...document.querySelectorAll('.brake button')].find(b => b.innerText == 'Let it go on').click()")
    found.check(page.evaluate("!!document.querySelector('.brake')"), "it is released though nobody has confirmed it")
    page.evaluate("confirm = () => true; [...document.querySelectorAll('.brake button')].find(b => b.innerText == 'Let it go on').click()")
    found.check(page.until("!document.querySelector('.brake')", True), "it is not released")


def watch(page, server, found):
    """What is new comes by itself; a filter holds for it too; without scripts it is there after a reload."""
    page.view(1280, 900)
    go(page, server.url + "/changes")
    page.until("document.querySelector('.live').innerText.startsWith('Live')", True)
    first = page.evaluate("document.querySelector('#changes a').href")
    server.tell("live 20")
    found.check(page.until("document.querySelector('#changes a').href != '%s'" % first, True), "nothing new came")
    page.evaluate("document.querySelector('.live button').click()")
    # What was on its way arrives, and is kept back.
    page.until("/new/.test(document.querySelector('.live').innerText)", True)
    held = page.evaluate("document.querySelector('#changes a').href")
    # More has come when the number that is kept back has grown.
    waiting = page.evaluate("document.querySelector('.live').innerText")
    found.check(page.until("document.querySelector('.live').innerText !== %s" % json.dumps(waiting), True), "nothing more came")
    found.check(page.evaluate("document.querySelector('#changes a').href") == held, "a paused list goes on")
    server.tell("live 0")
    come_back(page, server, found)
    server.tell("live 20")
    go(page, server.url + "/changes?q=Hopper")
    page.until("document.querySelector('.live').innerText.startsWith('Live')", True)
    first = page.evaluate("document.querySelector('#changes a').href")
    found.check(page.until("document.querySelector('#changes a').href != '%s'" % first, True), "nothing new came through the filter")
    other = page.evaluate("[...document.querySelectorAll('#changes th')].filter(x => !x.innerText.includes('Hopper')).length")
    found.check(other == 0, "the filter lets others pass", other)
    server.tell("live 0")
    go(page, server.url + "/")
    server.tell("broken")
    said = page.until("document.querySelector('.whole').innerText.startsWith('Microsoft Graph cannot be used')", True)
    found.check(said, "the overview does not say that it is broken", page.evaluate("document.querySelector('.whole').innerText"))
    found.check("planted" not in page.evaluate("document.title"), "a planted script has run in the overview")
    server.tell("well")
    page.until("document.querySelector('.whole').className.includes('success')", True)


def come_back(page, server, found):
    """What came while the page was hidden is in the list, and not left out between two rows."""
    live = "!!document.querySelector('.live')?.innerText.startsWith('Live')"
    links = "[...document.querySelectorAll('#changes a')].map(a => a.href)"
    turn = "Object.defineProperty(document, 'hidden', {get: () => %s, configurable: true}); document.dispatchEvent(new Event('visibilitychange'))"
    go(page, server.url + "/changes")
    page.until(live, True)
    page.evaluate(turn % "true")
    page.evaluate("window.before = true")
    before = page.evaluate(links)
    server.tell("live 100")
    newer = "fetch(location.href).then(r => r.text()).then(t => !t.includes(%s))" % json.dumps(before[-1].rsplit("/", 1)[1])
    found.check(page.until(newer, True), "nothing new came")
    server.tell("live 0")
    page.evaluate(turn % "false")
    there = "fetch(location.href).then(r => r.text()).then(t => [...new DOMParser().parseFromString(t, 'text/html').querySelectorAll('#changes a')].map(a => a.href))"
    is_whole = there + ".then(all => all.every((x, i) => x === %s[i]))" % links
    found.check(page.until(is_whole, True), "the list has a hole")
    found.check(page.evaluate("window.before === true"), "the list was loaded again though nothing was missed")
    # More than is kept, but no more than a list shows: the newest are there. Of a filter's some are gone: it is loaded again.
    page.evaluate(turn % "true")
    server.tell("done 600")
    page.evaluate(turn % "false")
    found.check(page.until(is_whole, True), "the newest are not there")
    found.check(page.evaluate("window.before === true"), "the list was loaded again though it was whole")
    go(page, server.url + "/changes?q=Hopper")
    page.until(live, True)
    page.evaluate("window.before = true")
    page.evaluate(turn % "true")
    server.tell("done 600")
    page.evaluate(turn % "false")
    found.check(page.until("window.before === undefined && " + live, True), "a list that has missed something is not loaded again")
    found.check(page.evaluate(is_whole), "the list that was loaded again has a hole")
    # Somebody who has paused it is not disturbed.
    page.evaluate("document.querySelector('.live button').click()")
    page.evaluate(turn % "true")
    server.tell("done 600")
    page.evaluate(turn % "false")
    found.check(page.until("!!document.querySelector('.live')?.innerText.startsWith('Others are new')", True), "a paused list does not say that there is more")
    page.evaluate("window.before = true")
    page.evaluate("document.querySelector('.live button').click()")
    found.check(page.until("window.before === undefined && " + live, True), "a list that goes on is not whole")


def without_scripts(page, server, found):
    page.script(False)
    go(page, server.url + "/changes")
    page.script(True)
    found.check(page.evaluate("document.querySelectorAll('#changes tr').length") == 50, "without scripts the list has not its page")
    page.script(False)
    go(page, server.url + "/changes?page=2")
    page.script(True)
    found.check(page.evaluate("!!document.querySelector('a[rel=prev]') && !!document.querySelector('a[rel=next]')"), "pages")


def roles(page, server, found):
    go(page, server.url + "/parked")
    page.evaluate("document.querySelector('.me button').click()")
    page.until("document.title", "Sign in · sosync")
    sign_in(page, server, "bob", found)
    server.tell("held 1")
    go(page, server.url + "/parked")
    found.check(page.evaluate("document.querySelectorAll('main button').length") == 0 and page.evaluate("!!document.querySelector('.brake')"), "a reader is offered acts")
    page.complaints.clear()


def speed(page, server, found):
    took = []
    for _ in range(9):
        go(page, server.url + "/changes")
        took.append(page.evaluate("performance.getEntriesByType('navigation')[0].responseEnd"))
    took.sort()
    found.check(took[4] < FIRST_PAGE_MS, "the list takes", took)
    print("the list of %d reports: %.0f ms (median of 9, worst %.0f)" % (REPORTS, took[4], took[-1]))


def main(program, shots):
    if not chromium.find():
        print("skipped: there is no chromium on this machine (Debian package chromium)")
        return SKIP
    os.makedirs(shots, exist_ok=True)
    found = Findings()
    with tempfile.TemporaryDirectory() as folder, Server(program, folder, REPORTS) as server, chromium.Browser() as browser:
        page = browser.page()
        page.view(1024, 900)
        go(page, server.url + "/changes")
        found.check(page.evaluate("document.title") == "Sign in · sosync", "without signing in")
        look_at(page, "sign-in", server.url + "/sign-in", shots, found)
        page.complaints.clear()  # a page that answers 401 is a word on the browser's console
        sign_in(page, server, "ada", found)
        server.tell("parked 3")
        for name, path in pages(server):
            look_at(page, name, server.url + path, shots, found)
        find_out_why(page, server, shots, found)
        steer(page, server, found)
        brake(page, server, shots, found)
        watch(page, server, found)
        without_scripts(page, server, found)
        speed(page, server, found)
        found.check(not page.complaints, "the walk", page.complaints[:3])
        roles(page, server, found)
        page.close()
    print("%d checks, %d failed; screenshots in %s" % (found.n_checks, len(found.all), shots))
    return 1 if found.all else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
