#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The examples for `notify`, against a mail server and a webhook that write down what they get: test.py"""
import email
import email.policy
import http.server
import json
import os
import pathlib
import socketserver
import subprocess
import sys
import tempfile
import threading
import unittest

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
ALARM = {
    "event": "opened", "kind": "brake", "name": "disable", "text": "40 of 1,000\r\nBcc: eve@evil.test \x1b[2J für Zoë", "since": "2026-11-22T12:00:00.000Z",
    "at": "2026-11-22T12:00:00.000Z", "source": "corp.contoso.test", "host": "sync1",
}


class Mail(socketserver.StreamRequestHandler):
    """As much of a mail server as one mail takes (RFC 5321)."""

    def say(self, text):
        self.wfile.write((text + "\r\n").encode())

    def handle(self):
        got = self.server.got
        self.say("220 hello")
        for line in self.rfile:
            verb = line.split()[0].upper() if line.split() else b""
            if verb == b"RCPT":
                got.setdefault("to", []).append(line.decode().split("<")[1].split(">")[0])
            if verb == b"DATA":
                self.say("354 go on")
                lines = []
                for part in self.rfile:
                    if part == b".\r\n":
                        break
                    lines.append(part[1:] if part.startswith(b".") else part)
                got["mail"] = b"".join(lines)
            self.say("221 bye" if verb == b"QUIT" else "250 yes")
            if verb == b"QUIT":
                return


class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.got.update(body=self.rfile.read(int(self.headers["Content-Length"])), path=self.path)
        self.send_response(self.server.status)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Notify(unittest.TestCase):
    def serve(self, kind, handler):
        server = kind(("127.0.0.1", 0), handler)
        server.got, server.status = {}, 200
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server

    def run_it(self, name, *arguments, alarm=ALARM):
        return subprocess.run([sys.executable, HERE / name, *arguments], input=json.dumps(alarm) + "\n", capture_output=True,
                              text=True, timeout=60, check=False, env={**os.environ, "no_proxy": "127.0.0.1"})

    def test_mail(self):
        server = self.serve(socketserver.TCPServer, Mail)
        r = self.run_it("mail", "127.0.0.1:%d" % server.server_address[1], "sosync@contoso.test", "a@contoso.test", "b@contoso.test")
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertEqual(server.got["to"], ["a@contoso.test", "b@contoso.test"])
        mail = email.message_from_bytes(server.got["mail"], policy=email.policy.default)
        self.assertEqual(mail["Subject"], "[sosync] ALARM: brake disable")
        self.assertIsNone(mail["Bcc"])
        body = mail.get_content().replace("\r\n", "\n")
        self.assertIn("text    40 of 1,000  Bcc: eve@evil.test  [2J für Zoë\n", body)
        self.assertIn("host    sync1\n", body)

    def test_mail_header(self):
        server = self.serve(socketserver.TCPServer, Mail)
        r = self.run_it("mail", "127.0.0.1:%d" % server.server_address[1], "s@contoso.test", "a@contoso.test",
                        alarm={**ALARM, "name": "x\r\nBcc: eve@evil.test", "event": "closed"})
        self.assertEqual(r.returncode, 0, r.stderr)
        mail = email.message_from_bytes(server.got["mail"], policy=email.policy.default)
        self.assertEqual((mail["Subject"], mail["Bcc"]), ("[sosync] over: brake x  Bcc: eve@evil.test", None))

    def test_mail_nobody(self):
        r = self.run_it("mail", "127.0.0.1:1", "s@contoso.test", "a@contoso.test")
        self.assertEqual((r.returncode, r.stderr.splitlines()[0][:6]), (1, "mail: "))

    def hook(self, status):
        server = self.serve(http.server.HTTPServer, Hook)
        server.status = status
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("http://127.0.0.1:%d/hook/SECRET\n" % server.server_address[1])
            file.flush()
            return server, self.run_it("webhook", file.name)

    def test_webhook(self):
        server, r = self.hook(200)
        self.assertEqual((r.returncode, r.stderr), (0, ""))
        body = json.loads(server.got["body"])
        self.assertEqual(body["alarm"], ALARM)
        self.assertTrue(body["text"].startswith("sosync on sync1: ALARM: brake disable: 40 of 1,000"), body)

    def test_webhook_refused(self):
        for status in (302, 403, 500):
            server, r = self.hook(status)
            self.assertEqual((r.returncode, r.stderr), (1, "webhook: %d\n" % status))
            self.assertEqual(server.got["path"], "/hook/SECRET")
        r = self.run_it("webhook", "/nowhere")
        self.assertEqual((r.returncode, r.stderr), (1, "webhook: No such file or directory\n"))


if __name__ == "__main__":
    unittest.main()
