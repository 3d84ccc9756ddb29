# SPDX-License-Identifier: Apache-2.0
"""The pages of the console, and the way in."""
from console_server import TOKENS


def go(page, url):
    """Open, after what a click has begun is over: else its end would be taken for ours."""
    page.until("document.readyState", "complete")
    page.open(url)


def sign_in(page, server, who, found):
    go(page, server.url + "/sign-in?next=%2F")
    page.evaluate("document.getElementById('token').value = '%s'" % TOKENS[who])
    page.evaluate("document.querySelector('main button').click()")
    title = page.until("document.title", "Overview · sosync")
    found.check(title == "Overview · sosync", "signing in leads to", title)


def pages(server):
    yield "overview", "/"
    yield "changes", "/changes"
    yield "changes-failures", "/changes?result=failure&since=24h"
    yield "changes-none", "/changes?q=nobody-is-called-so"
    yield "parked", "/parked"
    yield "scheduler", "/scheduler"
    yield "rules", "/rules"
    yield "rule", "/rules/In%20from%20AD%20-%20User%20Join"
    yield "explain", "/explain"
    yield "explain-one", "/explain?dn=CN%3DAda%2COU%3DCorp%2CDC%3Dcorp"
    yield "explain-wrong", "/explain?dn=%3Cimg%20src%3Dx%20onerror%3D%22document.title%3D'planted'%22%3E"
    for name in ("update-user", "parked", "hostile"):
        yield "change-" + name, "/changes/" + server.reports[name]
