#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The live list under load, and a store of 100,000 reports: test-live-list.py CONSOLE [SECONDS]

200 changes a second are shown as they end: the browser's heap and its elements stay what they are, and the page answers. The long form is
600 s. Beside it: the first pages over 100,000 reports, each within 100 ms.
"""
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import chromium  # noqa: E402
from checks import Findings  # noqa: E402
from console_server import Server  # noqa: E402
from pages import go, sign_in  # noqa: E402

SKIP = 77
PER_S = 200
REPORTS = 100000
FIRST_PAGE_MS = 100
GROWTH = 1 << 20  # bytes of heap: a list that keeps what it shows grows by more in seconds
ELEMENTS = 5000
MOST = 100  # lines that the list shows
SLOW_MS = 1000  # between a question to the page's script and its answer: it hangs


def heap(page):
    """What is in use after a collection, and how many elements there are."""
    page.call("HeapProfiler.collectGarbage")
    return page.call("Runtime.getHeapUsage")["usedSize"], page.evaluate("document.querySelectorAll('*').length")


def follow(page, server, seconds, found):
    page.view(1280, 900)
    go(page, server.url + "/changes")
    page.until("document.querySelector('.live').innerText.startsWith('Live')", True)
    server.tell("live %d" % PER_S)
    first = page.evaluate("document.querySelector('#changes a').href")
    found.check(page.until("document.querySelector('#changes a').href != '%s'" % first, True), "nothing new came")
    found.check(page.until("document.getElementById('changes').rows.length", MOST, 30) == MOST, "as many as it shows")
    began, (before, elements), slowest = time.monotonic(), heap(page), 0
    largest, most, seen = before, elements, set()
    while time.monotonic() - began < seconds:
        asked = time.monotonic()
        seen.add(page.evaluate("document.querySelector('#changes a').href"))
        slowest = max(slowest, time.monotonic() - asked)
        time.sleep(0.25)
        if len(seen) % 20 == 0:
            used, count = heap(page)
            largest, most = max(largest, used), max(most, count)
    after, count = heap(page)
    server.tell("live 0")
    print("%d s of %d changes a second: heap %.2f MB, then %.2f MB (most %.2f); %d elements, then %d; slowest answer of the page %.0f ms" % (
        seconds, PER_S, before / 1e6, after / 1e6, largest / 1e6, elements, count, slowest * 1000))
    found.check(len(seen) > seconds, "the list moved", len(seen), "times")
    found.check(after - before < GROWTH, "the heap grew from", before, "to", after)
    found.check(max(most, count) < ELEMENTS, "elements:", most)
    found.check(slowest * 1000 < SLOW_MS, "the page answered after", slowest)
    found.check(not page.complaints, page.complaints[:3])


def speed(page, server, found):
    for path in ("/", "/changes", "/changes?result=failure", "/changes?q=Hopper", "/changes?page=50"):
        took = []
        for _ in range(5):
            go(page, server.url + path)
            took.append(page.evaluate("performance.getEntriesByType('navigation')[0].responseEnd"))
        took.sort()
        print("%-26s over %d reports: %.0f ms (median of 5, worst %.0f)" % (path, REPORTS, took[2], took[-1]))
        found.check(took[2] < FIRST_PAGE_MS, path, "takes", took)


def main(program, seconds="15"):
    if not chromium.find():
        print("skipped: there is no chromium on this machine (Debian package chromium)")
        return SKIP
    found = Findings()
    with tempfile.TemporaryDirectory() as folder, Server(program, folder, REPORTS) as server, chromium.Browser() as browser:
        page = browser.page()
        sign_in(page, server, "ada", found)
        speed(page, server, found)
        follow(page, server, float(seconds), found)
        page.close()
    print("%d checks, %d failed" % (found.n_checks, len(found.all)))
    return 1 if found.all else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
