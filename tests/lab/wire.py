# SPDX-License-Identifier: Apache-2.0
"""A wire to a server that can be cut for as long as one likes: connections hang, and new ones are not taken on."""

import select
import socket
import threading


class Wire:
    """Passes connections on to HOST:PORT. While it is cut, no byte goes through, in neither direction, and nobody is told."""

    def __init__(self, host, port):
        self._to = (host, port)
        self._whole = threading.Event()
        self._whole.set()
        self._listener = socket.create_server((host, 0))
        self.url = f"nats://{host}:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self):
        self._whole.clear()

    def mend(self):
        self._whole.set()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        self._whole.wait()
        try:
            server = socket.create_connection(self._to, timeout=5)
        except OSError:
            client.close()
            return
        other = {client: server, server: client}
        try:
            while True:
                for s in select.select([client, server], [], [])[0]:
                    data = s.recv(65536)
                    self._whole.wait()
                    if not data:
                        return
                    other[s].sendall(data)
        except OSError:
            pass
        finally:
            client.close()
            server.close()
