#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The console over HTTP, asked by those who mean no good: test-console-http.py CONSOLE

Each threat of report/console/console.h and docs/security.md has its case here. Raw sockets: no library between.
"""
import http.client
import os
import pathlib
import re
import select
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse

sys.dont_write_bytecode = True
sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
from console_server import TOKENS, Server  # noqa: E402
from lab import wait_until  # noqa: E402

PROGRAM = sys.argv.pop(1)


class Console(unittest.TestCase):
    config = ""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.server = Server(PROGRAM, cls.folder.name, 200, cls.config)

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__()
        cls.folder.cleanup()

    def ask(self, method, path, body=None, **headers):
        """Status, headers, body."""
        c = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        headers = {k.replace("_", "-"): v for k, v in headers.items()}
        if body is not None:
            headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
            body = urllib.parse.urlencode(body) if isinstance(body, dict) else body
        c.request(method, path, body, headers)
        answer = c.getresponse()
        data = answer.read().decode("utf-8", "replace")
        c.close()
        return answer.status, answer.headers, data

    def raw(self, data, deadline_s=10):
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=deadline_s) as s:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            answer = b""
            try:
                while part := s.recv(65536):
                    answer += part
            except ConnectionResetError:
                pass
            return answer

    def sign_in(self, who):
        """Cookie, form token."""
        status, headers, _ = self.ask("POST", "/sign-in", {"token": TOKENS[who], "next": "/parked"})
        self.assertEqual((status, headers["Location"]), (303, "/parked"))
        cookie = headers["Set-Cookie"]
        for word in ("HttpOnly", "SameSite=Lax", "Path=/"):
            self.assertIn(word, cookie)
        cookie = cookie.split(";")[0]
        page = self.ask("GET", "/parked", Cookie=cookie)[2]
        return cookie, re.search(r'name="csrf" value="([0-9a-f]{64})"', page)[1]


class Threats(Console):
    def test_everything_needs_a_user(self):
        for path in ("/", "/changes", "/parked", "/rules", "/explain", "/metrics", "/events", "/changes/" + "0" * 36):
            status, headers, body = self.ask("GET", path)
            self.assertEqual(status, 401, path)
            self.assertNotIn("Lovelace", body)
        for path in ("/sync", "/parked/steer"):
            self.assertEqual(self.ask("POST", path, {"dn": "CN=x", "verb": "drop"})[0], 401, path)

    def test_headers_of_every_page(self):
        for path in ("/", "/sign-in", "/style.css", "/nowhere", "/healthz"):
            headers = self.ask("GET", path)[1]
            self.assertIn("frame-ancestors 'none'", headers["Content-Security-Policy"], path)
            self.assertNotIn("unsafe", headers["Content-Security-Policy"], path)
            self.assertEqual(headers["X-Frame-Options"], "DENY")
            self.assertEqual(headers["X-Content-Type-Options"], "nosniff")

    def test_dns_rebinding(self):
        cookie, _ = self.sign_in("ada")
        for host in ("evil.test", "evil.test:80", "127.0.0.1.evil.test", "", "127.0.0.1@evil.test", "[::1", "localhost.evil"):
            self.assertEqual(self.ask("GET", "/", Host=host, Cookie=cookie)[0], 400, host)
        for host in ("127.0.0.1", "127.0.0.1:1", "localhost:8065"):
            self.assertEqual(self.ask("GET", "/", Host=host, Cookie=cookie)[0], 200, host)

    def test_csrf(self):
        cookie, csrf = self.sign_in("ada")
        form = {"verb": "retry-all", "csrf": csrf}
        self.assertEqual(self.ask("POST", "/parked/steer", form, Cookie=cookie)[0], 303)
        for other in ("", "0" * 64, csrf[:-1], csrf + "0"):
            self.assertEqual(self.ask("POST", "/parked/steer", {**form, "csrf": other}, Cookie=cookie)[0], 403, other)
        self.assertEqual(self.ask("POST", "/parked/steer", {"verb": "retry-all"}, Cookie=cookie)[0], 403)
        for origin in ("http://evil.test", "null", "https://127.0.0.1.evil.test"):
            self.assertEqual(self.ask("POST", "/parked/steer", form, Cookie=cookie, Origin=origin)[0], 403, origin)
        self.assertEqual(self.ask("POST", "/parked/steer", form, Cookie=cookie, Sec_Fetch_Site="cross-site")[0], 403)
        # A form of another session, and one sent as what no form can send.
        _, others = self.sign_in("ada")
        self.assertEqual(self.ask("POST", "/parked/steer", {**form, "csrf": others}, Cookie=cookie)[0], 403)
        self.assertEqual(self.ask("POST", "/parked/steer", '{"verb":"retry-all"}', Cookie=cookie, Content_Type="text/plain")[0], 400)
        # Nothing is done by a GET.
        self.assertEqual(self.ask("GET", "/parked/steer?verb=retry-all&csrf=" + csrf, Cookie=cookie)[0], 404)

    def together(self, *requests):
        """The answers to requests that are sent at once, up to the end of the last, which is that of /healthz, or to the end of the connection."""
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=20) as s:
            s.sendall("\r\n".join(requests).encode())
            answer = b""
            while not answer.endswith(b"\r\n\r\nalive\n") and (part := s.recv(65536)):
                answer += part
            return answer

    def test_head(self):
        """What a GET would have, without its body: on a connection that is kept, the next answer begins right behind."""
        bearer = "Authorization: Bearer " + TOKENS["ada"]
        for path, status in (("/changes", 200), ("/style.css", 200), ("/healthz", 200), ("/nowhere", 404), ("/events", 200), ("/changes?q=%zz", 400)):
            head = f"HEAD {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{bearer}\r\n"
            last = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
            first, second = self.together(head, last).split(b"\r\n\r\n", 1)
            self.assertIn(b" %d " % status, first.split(b"\r\n")[0], path)
            # After a 400 the connection ends.
            self.assertTrue(second.startswith(b"HTTP/1.1 200 ") if status != 400 else not second, (path, second[:100]))
            if path in ("/style.css", "/changes"):
                length = re.search(rb"(?i)content-length: (\d+)", first)[1]
                body = self.together(head.replace("HEAD", "GET"), last).split(b"\r\n\r\n", 1)[1].split(b"HTTP/1.1 200 ")[0]
                self.assertEqual(int(length), len(body), path)

    def test_acts_that_are_not_done(self):
        """What was wrong in the question is told as that, what waits as that."""
        cookie, csrf = self.sign_in("ada")
        for dn in ("rubbish", "", "<b>x</b>", "\u202egpj.x"):
            status, _, body = self.ask("POST", "/sync", {"dn": dn, "csrf": csrf}, Cookie=cookie)
            self.assertEqual(status, 400, dn)
            self.assertIn("is not a distinguished name", body)
            self.assertNotIn("<b>x", body)
        status, _, body = self.ask("POST", "/parked/brake", {"verb": "release", "brake": "none", "csrf": csrf}, Cookie=cookie)
        self.assertEqual(status, 400)
        self.assertIn("there is no such brake", body)
        self.server.tell("broken")
        try:
            status, _, body = self.ask("POST", "/sync", {"dn": "CN=x,DC=corp", "csrf": csrf}, Cookie=cookie)
        finally:
            self.server.tell("well")
        self.assertEqual(status, 503)
        self.assertIn("Not synchronized yet", body)

    def test_roles(self):
        cookie, csrf = self.sign_in("bob")
        self.assertEqual(self.ask("GET", "/changes", Cookie=cookie)[0], 200)
        for path in ("/sync", "/parked/steer"):
            self.assertEqual(self.ask("POST", path, {"verb": "retry-all", "csrf": csrf}, Cookie=cookie)[0], 403)
        bearer = "Bearer " + TOKENS["bob"]
        self.assertEqual(self.ask("POST", "/parked/steer", {"verb": "retry-all"}, Authorization=bearer)[0], 403)
        self.assertEqual(self.ask("GET", "/metrics", Authorization=bearer)[0], 200)

    def test_sessions_end(self):
        cookie, csrf = self.sign_in("ada")
        self.assertEqual(self.ask("POST", "/sign-out", {"csrf": csrf}, Cookie=cookie)[0], 303)
        self.assertEqual(self.ask("GET", "/", Cookie=cookie)[0], 401)
        for cookie in ("sosync=", "sosync=" + "0" * 64, "sosync=" + "a" * 5000, "x=1; sosync=;;=;"):
            self.assertEqual(self.ask("GET", "/", Cookie=cookie)[0], 401, cookie)

    def test_open_redirect(self):
        for target in ("//evil.test", "/\\evil.test", "https://evil.test", "javascript:alert(1)", "/x\r\nSet-Cookie: a=b"):
            status, headers, _ = self.ask("POST", "/sign-in", {"token": TOKENS["ada"], "next": target})
            self.assertEqual((status, headers["Location"]), (303, "/"), target)
            self.assertEqual(len(headers.get_all("Set-Cookie")), 1)

    def test_path_traversal(self):
        bearer = "Bearer " + TOKENS["ada"]
        for path in ("/changes/..%2f..%2fetc%2fpasswd", "/changes/../../etc/passwd", "/../style.css", "//etc/passwd", "/changes/%00",
                     "/changes/%2e%2e", "/rules/..%2f..", "/style.css/../../etc/passwd", "/changes/" + "a" * 8000, "/%ff"):
            status, _, body = self.ask("GET", path, Authorization=bearer)
            self.assertIn(status, (400, 404), path)
            self.assertNotIn("root:", body)

    def test_giants(self):
        for head in (b"X: " + b"a" * 200000, b"\r\n".join(b"X%d: y" % i for i in range(20000)), b"Cookie: " + b"a=b; " * 10000):
            answer = self.raw(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + head + b"\r\n\r\n")
            self.assertNotIn(b" 200 ", answer[:20])
        answer = self.raw(b"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                          b"Content-Length: 1000000\r\n\r\n" + b"token=" + b"a" * 999994)
        self.assertNotIn(b" 303 ", answer[:20])
        answer = self.raw(b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        self.assertNotIn(b" 200 ", answer[:20])
        self.assertEqual(self.ask("GET", "/healthz")[0], 200)

    def test_smuggling(self):
        for head in (b"Transfer-Encoding: chunked", b"Content-Length: 3\r\nTransfer-Encoding: chunked",
                     b"Content-Length: 3\r\nContent-Length: 4", b"Transfer-Encoding: xchunked", b"Host: 127.0.0.1"):
            answer = self.raw(b"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                              + head + b"\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            self.assertNotIn(b"alive", answer, head)
        for line in (b"GET http://evil.test/ HTTP/1.1", b"GET http://127.0.0.1/style.css HTTP/1.1", b"CONNECT x:1 HTTP/1.1", b"TRACE / HTTP/1.1",
                     b"OPTIONS * HTTP/1.1", b"PUT / HTTP/1.1", b"BREW / HTCPCP/1.0", b"\x16\x03\x01\x02\x00", b"GET / HTTP/9.9", b"GET"):
            answer = self.raw(line + b"\r\nHost: 127.0.0.1\r\n\r\n")
            self.assertNotIn(b" 200 ", answer[:20], line)
        self.assertEqual(self.ask("GET", "/healthz")[0], 200)

    def test_log_injection(self):
        self.ask("POST", "/sign-in", {"token": "wrong\n2026-01-01T00:00:00Z error  forged  x=y\x1b[31m"})
        cookie, csrf = self.sign_in("ada")
        self.ask("POST", "/sync", {"dn": "CN=x\nforged line\x1b]0;x\x07", "csrf": csrf}, Cookie=cookie)
        self.ask("POST", "/parked/steer", {"verb": "drop\nforged", "object": "\x1b", "csrf": csrf}, Cookie=cookie)
        log = self.server.log()
        self.assertNotIn("\x1b", log)
        self.assertFalse([line for line in log.splitlines() if line.startswith("forged")], log)
        self.assertIn("act=sync", log)

    def test_many_events(self):
        bearer = "Bearer " + TOKENS["ada"]
        follow = b"GET /events?page=changes HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: " + bearer.encode() + b"\r\n\r\n"
        sockets = [socket.create_connection(("127.0.0.1", self.server.port), timeout=20) for _ in range(70)]
        try:
            heads = []
            for s in sockets:
                s.sendall(follow)
            for s in sockets:
                heads.append(s.recv(12))
            self.assertEqual(heads.count(b"HTTP/1.1 200"), 64)
            self.assertEqual(heads.count(b"HTTP/1.1 503"), 6)
            self.assertEqual(self.ask("GET", "/healthz")[0], 200)
        finally:
            for s in sockets:
                s.close()

    def test_events_end_with_the_session(self):
        """Who has signed out hears no more, on any page that is still open."""
        signed_in = [self.sign_in("ada"), self.sign_in("ada")]
        sockets = []
        for cookie, _ in signed_in:
            s = socket.create_connection(("127.0.0.1", self.server.port), timeout=30)
            s.sendall(b"GET /events?page=changes HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: " + cookie.encode() + b"\r\n\r\n")
            self.assertEqual(s.recv(12), b"HTTP/1.1 200")
            sockets.append(s)
        try:
            for i in range(2):
                if i:  # nobody's end but its own
                    readable = select.select(sockets[1:], [], [], 0)[0]
                    self.assertFalse(readable and b"\r\n0\r\n\r\n" in sockets[1].recv(65536, socket.MSG_PEEK))
                cookie, csrf = signed_in[i]
                self.assertEqual(self.ask("POST", "/sign-out", {"csrf": csrf}, Cookie=cookie)[0], 303)
                heard = b""
                while not heard.endswith(b"\r\n0\r\n\r\n"):
                    part = sockets[i].recv(65536)
                    self.assertTrue(part, heard)
                    heard += part
        finally:
            for s in sockets:
                s.close()

    def test_guessing(self):
        """Wrong tokens are told to wait, do not fill the log, and lock nobody out."""
        before = self.server.log().count("sign-in refused")
        statuses = {self.ask("POST", "/sign-in", {"token": "guess %d" % i})[0] for i in range(60)}
        self.assertEqual(statuses, {403, 429})
        self.assertLess(self.server.log().count("sign-in refused") - before, 30)
        self.sign_in("ada")
        for token, status in ((TOKENS["ada"], 200), ("guess", 401)):
            self.assertEqual(self.ask("GET", "/parked", Authorization="Bearer " + token)[0], status)


class Events(Console):
    def heard(self, query, is_whole, *headers):
        """What a follower has been sent by then."""
        head = f"GET /events?{query} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKENS['ada']}\r\n"
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=20) as s:
            s.sendall((head + "".join(f"{h}\r\n" for h in headers) + "\r\n").encode())
            text = ""
            while not is_whole(text):
                part = s.recv(65536)
                self.assertTrue(part, text)
                text += part.decode()
            return text

    def runs(self, text):
        return re.findall(r'href="/changes/([0-9a-f-]{36})"', text)

    def test_events_go_on_where_the_page_ends(self):
        """The page has what is not written yet; the events have all that ends behind it; what is gone is told."""
        bearer = "Bearer " + TOKENS["ada"]
        page = self.ask("GET", "/changes", Authorization=bearer)[2]
        self.server.tell("unwritten 3")
        newer = self.ask("GET", "/changes", Authorization=bearer)[2]
        unwritten = self.runs(newer)[:3]
        self.assertEqual(self.runs(newer)[3:], self.runs(page))
        status, _, text = self.ask("GET", "/changes/" + unwritten[0], Authorization=bearer)
        self.assertEqual(status, 503)
        self.assertIn("not written yet", text)
        # More than one beat may send, and in between page and stream.
        self.server.tell("done 90")
        after = re.search(r'data-after="([^"]*)"', newer)[1]
        heard = self.heard("page=changes&after=" + after, lambda text: len(self.runs(text)) == 90)
        now = self.ask("GET", "/changes", Authorization=bearer)[2]
        self.assertEqual(self.runs(heard)[:50], self.runs(now)[:50])
        mark = re.search(r"\nid: (\S+)\n", heard)[1]
        self.assertEqual(mark, re.search(r'data-after="([^"]*)"', now)[1])
        # The browser's word is newer than that of the page.
        self.server.tell("done 2")
        heard = self.heard("page=changes&after=" + after, lambda text: len(self.runs(text)) >= 2, "Last-Event-ID: " + mark)
        self.assertEqual(self.runs(heard), self.runs(self.ask("GET", "/changes", Authorization=bearer)[2])[:2])
        self.assertNotIn("missed", heard)
        # Of another life of the program, or too long ago.
        for wrong in ("00000000-5", "x"):
            self.heard("page=changes&after=" + wrong, lambda text: "event: missed" in text)
        self.server.tell("unwritten 600")
        self.heard("page=changes&q=nobody&after=" + after, lambda text: "event: missed" in text)
        self.assertEqual(len(set(self.runs(self.ask("GET", "/changes", Authorization=bearer)[2]))), 512 + 50)


class Slow(Console):
    def test_slow_and_many_connections(self):
        """A byte now and then holds nobody up, and is ended; so are those who connect and say nothing."""
        sockets = [socket.create_connection(("127.0.0.1", self.server.port), timeout=60) for _ in range(300)]
        try:
            end = time.monotonic() + 40
            ended = False
            for s in sockets[:200]:
                s.sendall(b"GET / HTTP/1.1\r\n")
            # 256 places are taken; whoever comes now waits in the kernel until the first are ended.
            self.assertEqual(self.ask_patiently("/healthz"), 200)
            while time.monotonic() < end and not ended:
                try:
                    for s in sockets[:20]:
                        s.sendall(b"X: y\r\n")
                    time.sleep(0.5)
                except OSError:
                    ended = True
            self.assertTrue(ended, "a slow request lives on")
        finally:
            for s in sockets:
                s.close()

    def ask_patiently(self, path):
        c = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        c.request("GET", path)
        return c.getresponse().status


class Proxy(Console):
    config = ("path: /sosync\nhosts: [console.corp.test]\nmetrics: open\n"
              "proxy: {header: X-Remote-User, from: [127.0.0.1]}\n")

    def test_prefix(self):
        bearer = "Bearer " + TOKENS["ada"]
        for path in ("/sosync/changes", "/changes", "/sosync"):
            status, _, body = self.ask("GET", path, Host="console.corp.test", Authorization=bearer)
            self.assertEqual(status, 200, path)
            links = re.findall(r'(?:href|src|action)="(/[^"]*)"', body)
            self.assertTrue(links and all(link.startswith("/sosync/") for link in links), links)
        status, headers, _ = self.ask("POST", "/sosync/sign-in", {"token": TOKENS["ada"]})
        self.assertEqual((status, headers["Location"]), (303, "/sosync/"))
        self.assertIn("Path=/sosync;", headers["Set-Cookie"])

    def test_word_of_the_proxy(self):
        status, headers, body = self.ask("GET", "/parked", X_Remote_User="ada", X_Forwarded_Proto="https")
        self.assertEqual(status, 200)
        self.assertIn("Secure", headers["Set-Cookie"])
        cookie = headers["Set-Cookie"].split(";")[0]
        csrf = re.search(r'name="csrf" value="([0-9a-f]{64})"', body)[1]
        self.assertEqual(self.ask("POST", "/parked/steer", {"verb": "retry-all", "csrf": csrf}, X_Remote_User="ada", Cookie=cookie)[0], 303)
        self.assertEqual(self.ask("POST", "/parked/steer", {"verb": "retry-all"}, X_Remote_User="ada")[0], 403)
        # Another person at the same browser is another session.
        self.assertEqual(self.ask("POST", "/parked/steer", {"verb": "retry-all", "csrf": csrf}, X_Remote_User="bob", Cookie=cookie)[0], 403)
        self.assertEqual(self.ask("GET", "/", X_Remote_User="eve")[0], 401)
        # Whom the proxy names and nobody knows is not whoever's cookie is in the browser.
        for who in ("mallory", "(null)"):
            status, headers, _ = self.ask("GET", "/parked", X_Remote_User="ada")
            cookie = headers["Set-Cookie"].split(";")[0]
            status, headers, body = self.ask("GET", "/parked", X_Remote_User=who, Cookie=cookie)
            self.assertEqual(status, 401)
            self.assertIn("Max-Age=0", headers["Set-Cookie"])
            self.assertNotIn("csrf", body)
            self.assertIn("The proxy before this console", body)
            self.assertEqual(self.ask("POST", "/sync", {"dn": "CN=x,DC=corp", "csrf": csrf}, X_Remote_User=who, Cookie=cookie)[0], 401)
            self.assertEqual(self.ask("GET", "/parked", Cookie=cookie)[0], 401)
        # Twice: one of them is not the proxy's.
        for first, second in ((b"ada", b"bob"), (b"bob", b"ada"), (b"ada", b"ada")):
            answer = self.raw(b"GET /parked HTTP/1.1\r\nHost: console.corp.test\r\nX-Remote-User: " + first + b"\r\nX-Remote-User: " + second + b"\r\n\r\n")
            self.assertNotIn(b" 200 ", answer[:20])

    def test_open_metrics(self):
        self.assertEqual(self.ask("GET", "/metrics")[0], 200)
        self.assertEqual(self.ask("GET", "/readyz")[0], 200)


class Elsewhere(Console):
    """The header counts only from the proxy."""
    config = "proxy: {header: X-Remote-User, from: [192.0.2.1]}\n"

    def test_forged_header(self):
        self.assertEqual(self.ask("GET", "/", X_Remote_User="ada")[0], 401)


class Tls(Console):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        if cls.make(cls.folder.name + "/key", cls.folder.name + "/pem").returncode:
            raise unittest.SkipTest("openssl cannot be run")
        cls.server = Server(PROGRAM, cls.folder.name, 10, "tls: {certificate_file: pem, key_file: key}\n")

    @staticmethod
    def make(key, certificate):
        made = subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1",
                               "-keyout", key, "-out", certificate], capture_output=True, check=False)
        if made.returncode == 0:
            os.chmod(key, 0o600)
        return made

    def shown(self):
        return ssl.get_server_certificate(("127.0.0.1", self.server.port))

    def test_certificate_is_replaced(self):
        """As a renewal does it, one file after the other; what cannot be used changes nothing."""
        folder, first = self.folder.name, self.shown()
        with open(folder + "/new", "w", encoding="ascii") as f:
            f.write("no certificate")
        os.rename(folder + "/new", folder + "/pem")
        wait_until(lambda: "the new certificate cannot be used; the one before stays" in self.server.log(), 60, "a word about it")
        self.assertEqual(self.shown(), first)
        self.make(folder + "/new-key", folder + "/new")
        os.rename(folder + "/new", folder + "/pem")
        os.rename(folder + "/new-key", folder + "/key")
        wait_until(lambda: self.shown() != first, 60, "the new certificate", every_s=0.1)
        with open(folder + "/pem", encoding="ascii") as f:
            self.assertEqual(self.shown().strip(), f.read().strip())
        self.assertEqual(self.server.log().count("cannot be used"), 1)

    def test_https(self):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        c = http.client.HTTPSConnection("127.0.0.1", self.server.port, timeout=20, context=context)
        for _ in range(3):
            c.request("GET", "/sign-in")
            answer = c.getresponse()
            answer.read()
            self.assertEqual(answer.status, 200)
            self.assertIn("max-age", answer.headers["Strict-Transport-Security"])
        c.request("POST", "/sign-in", "token=" + TOKENS["ada"], {"Content-Type": "application/x-www-form-urlencoded"})
        self.assertIn("Secure", c.getresponse().headers["Set-Cookie"])
        self.assertNotIn(b"200", self.raw(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")[:20])


if __name__ == "__main__":
    unittest.main(verbosity=2)
