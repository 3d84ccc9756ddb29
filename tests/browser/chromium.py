# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium, driven over its DevTools socket with nothing but the standard library.

    with Browser() as browser:
        page = browser.page()
        page.open("file:///tmp/report.htm")
        page.evaluate("document.title")

Every page collects what its console says: errors, exceptions, refusals of the Content-Security-Policy.
"""
import base64
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--hide-scrollbars",
    "--mute-audio",
    "--remote-debugging-port=0",
)


def find():
    for name in NAMES:
        path = shutil.which(name)
        if path:
            return path
    return None


class Socket:
    """The client's half of RFC 6455, as far as DevTools needs it: text, in frames of any size."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout=60)
        self.buffer = b""
        self.socket.sendall(
            (
                "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n"
                % (parts.path, parts.hostname, parts.port, base64.b64encode(os.urandom(16)).decode())
            ).encode()
        )
        while b"\r\n\r\n" not in self.buffer:
            self.fill()
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise OSError("no websocket: %r" % head)

    def fill(self):
        data = self.socket.recv(1 << 16)
        if not data:
            raise OSError("the browser closed the connection")
        self.buffer += data

    def take(self, n):
        while len(self.buffer) < n:
            self.fill()
        data, self.buffer = self.buffer[:n], self.buffer[n:]
        return data

    def send(self, text):
        data = text.encode("utf-8")
        n = len(data)
        size = bytes([0x80 | n]) if n < 126 else b"\xfe" + struct.pack(">H", n) if n < 65536 else b"\xff" + struct.pack(">Q", n)
        # The mask is for proxies; over loopback one of zeros is as good, and costs nothing.
        self.socket.sendall(b"\x81" + size + b"\0\0\0\0" + data)

    def receive(self):
        text = b""
        while True:
            first, second = self.take(2)
            n = second & 0x7F
            if n == 126:
                (n,) = struct.unpack(">H", self.take(2))
            elif n == 127:
                (n,) = struct.unpack(">Q", self.take(8))
            data = self.take(n)
            if first & 0x0F == 8:
                raise OSError("the browser closed the connection")
            if first & 0x0F in (0, 1):
                text += data
                if first & 0x80:
                    return text.decode("utf-8")

    def close(self):
        self.socket.close()


class Page:
    def __init__(self, url):
        self.socket = Socket(url)
        self.last = 0
        self.events = []
        self.complaints = []
        for domain in ("Page", "Runtime", "Log", "DOM"):
            self.call(domain + ".enable")

    def note(self, message):
        method, params = message["method"], message.get("params", {})
        self.events.append(method)
        if method == "Log.entryAdded":
            entry = params["entry"]
            if entry["level"] in ("error", "warning"):
                self.complaints.append("%s: %s" % (entry["source"], entry["text"]))
        elif method == "Runtime.exceptionThrown":
            self.complaints.append("exception: %s" % json.dumps(params["exceptionDetails"])[:500])
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.complaints.append("console: %s" % json.dumps(params["args"])[:500])
        elif method == "Page.javascriptDialogOpening":
            self.complaints.append("dialog: %s" % params["message"])
            self.send("Page.handleJavaScriptDialog", accept=True)

    def send(self, method, **params):
        self.last += 1
        self.socket.send(json.dumps({"id": self.last, "method": method, "params": params}))
        return self.last

    def call(self, method, **params):
        number = self.send(method, **params)
        while True:
            message = json.loads(self.socket.receive())
            if message.get("id") == number:
                if "error" in message:
                    raise RuntimeError("%s: %s" % (method, message["error"]))
                return message["result"]
            if "method" in message:
                self.note(message)

    def wait_for(self, event):
        while event not in self.events:
            message = json.loads(self.socket.receive())
            if "method" in message:
                self.note(message)

    def open(self, url):
        self.events.clear()
        self.call("Page.navigate", url="about:blank")
        self.wait_for("Page.loadEventFired")
        self.events.clear()
        self.complaints.clear()
        self.call("Page.navigate", url=url)
        self.wait_for("Page.loadEventFired")

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError("%s: %s" % (expression, json.dumps(result["exceptionDetails"])[:800]))
        return result["result"].get("value")

    def until(self, expression, wanted, deadline_s=5):
        """The value of the expression as soon as it is what is wanted; else what it is at the deadline. What a key or a hash does, the page's
        script may see a moment later."""
        end = time.monotonic() + deadline_s
        while True:
            try:
                value = self.evaluate(expression)
            except RuntimeError as e:
                if "navigated" not in str(e):
                    raise
                value = None  # the page is being loaded again
            if value == wanted or time.monotonic() >= end:
                return value

    def view(self, width, height, dark=False, media=""):
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        self.call(
            "Emulation.setEmulatedMedia",
            media=media,
            features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}],
        )

    def script(self, on):
        self.call("Emulation.setScriptExecutionDisabled", value=not on)

    def key(self, key, code=None, number=0, text=None):
        params = {"key": key, "code": code or key, "windowsVirtualKeyCode": number}
        self.call("Input.dispatchKeyEvent", type="keyDown", **(dict(params, text=text) if text else params))
        self.call("Input.dispatchKeyEvent", type="keyUp", **params)

    def tab(self):
        self.key("Tab", number=9)

    def enter(self):
        self.key("Enter", number=13, text="\r")

    def screenshot(self, path, whole=False):
        result = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        if whole:
            size = self.call("Page.getLayoutMetrics")["cssContentSize"]
            clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 8000), "scale": 1}
            result = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        with open(path, "wb") as f:
            f.write(base64.b64decode(result["data"]))

    def close(self):
        self.socket.close()


class Browser:
    def __init__(self, path=None):
        self.path = path or find()
        self.process = None
        self.folder = None

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="sosync-browser-")
        self.process = subprocess.Popen(
            (self.path,) + FLAGS + ("--user-data-dir=" + self.folder, "about:blank"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            self.port = self.wait_for_port()
        except BaseException:
            self.stop()
            raise
        return self

    def wait_for_port(self):
        path = os.path.join(self.folder, "DevToolsActivePort")
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise OSError("the browser ended with status %d" % self.process.returncode)
            try:
                with open(path, encoding="ascii") as f:
                    return int(f.readline())
            except (OSError, ValueError):
                time.sleep(0.05)
        raise OSError("the browser did not start within a minute")

    def page(self):
        request = urllib.request.Request("http://127.0.0.1:%d/json/new?about:blank" % self.port, method="PUT")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as answer:
            return Page(json.load(answer)["webSocketDebuggerUrl"])

    def stop(self):
        # Its own session: the group holds every helper it started, and nothing else.
        for sign in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, sign)
            except ProcessLookupError:
                pass
            try:
                self.process.wait(10)
                break
            except subprocess.TimeoutExpired:
                continue
        shutil.rmtree(self.folder, ignore_errors=True)

    def __exit__(self, *_):
        self.stop()
