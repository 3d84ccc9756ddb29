# SPDX-License-Identifier: Apache-2.0
"""A wire that can be cut: passes connections on to a server, and breaks them in the middle of a byte stream when told to."""

import random
import select
import socket
import threading


class Proxy:
    """Listens on a port of its own at the server's address, so that the server's certificate is right for both; or beside the Unix socket of a server
    that has nothing else.

    `cut()` lets every open connection pass a random number of bytes more and then resets it, without a farewell.
    """

    def __init__(self, host, port=636, seed=0, socket_path=None):
        self._to = socket_path or (host, port)
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._left = {}  # server's socket -> bytes until the cut
        if socket_path:
            path = f"{socket_path}.proxy"
            self._listener = socket.create_server(path, family=socket.AF_UNIX)
            self.uri = "ldapi://" + path.replace("/", "%2F")
        else:
            self._listener = socket.create_server((host, 0))
            self.uri = f"ldaps://{host}:{self._listener.getsockname()[1]}"
        self.n_cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self, at_most=20000):
        with self._lock:
            for s in self._left:
                if self._left[s] is None:
                    self._left[s] = self._random.randrange(at_most)

    def is_used(self):
        with self._lock:
            return bool(self._left)

    def close(self):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._pass, args=(client,), daemon=True).start()

    def _connect(self):
        if isinstance(self._to, tuple):
            return socket.create_connection(self._to, timeout=5)
        s = socket.socket(socket.AF_UNIX)
        s.connect(self._to)
        return s

    def _pass(self, client):
        try:
            server = self._connect()
        except OSError:
            client.close()
            return
        with self._lock:
            self._left[server] = None
        try:
            while self._pass_some(client, server):
                pass
        except OSError:
            pass
        finally:
            with self._lock:
                del self._left[server]
            for s in (client, server):
                s.close()

    def _pass_some(self, client, server):
        # A connection that is silent is cut too, a moment later.
        ready, _, _ = select.select([client, server], [], [], 0.2)
        for s in ready or [None]:
            data = s.recv(16384) if s else b""
            if s and not data:
                return False
            with self._lock:
                left = self._left[server]
                if left is not None:
                    data = data[:left]
                    self._left[server] = left = left - len(data) if s else 0
            if data:
                (server if s is client else client).sendall(data)
            if left == 0:
                self.n_cuts += 1
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
                return False
        return True
