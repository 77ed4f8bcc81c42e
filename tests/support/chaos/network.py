"""A network between a campaign and its MongoDB that can be cut, without touching the machine's."""

import socket
from contextlib import suppress
from pathlib import Path
from threading import Event, Lock, Thread


class Network:
    """Passes connections on to the unix socket of a server.

    Parameters
    ----------
    server
        Unix socket of a MongoDB.
    """

    def __init__(self, server: Path) -> None:
        self._server = server
        self._open: set[socket.socket] = set()
        self._lock = Lock()
        self._flowing = Event()
        self._flowing.set()
        self._listener = self._listen(0)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def connections(self) -> int:
        """Connections that are open."""
        return len(self._open) // 2

    def cut(self) -> None:
        """End all connections, and refuse new ones."""
        _end(self._listener)
        with self._lock:
            for end in self._open:
                _end(end)

    def mend(self) -> None:
        """Take connections again after a cut."""
        self._listener = self._listen(int(self.address.rpartition(":")[2]))

    def freeze(self) -> None:
        """Let nothing through: connections stay, new ones get no answer."""
        self._flowing.clear()

    def thaw(self) -> None:
        """Let everything through again that has waited."""
        self._flowing.set()

    def _listen(self, port: int) -> socket.socket:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
        Thread(target=self._accept, args=(listener,), daemon=True).start()
        return listener

    def _accept(self, listener: socket.socket) -> None:
        with listener, suppress(OSError):  # which ends it
            while True:
                client, _ = listener.accept()
                self._flowing.wait()
                self._connect(client)

    def _connect(self, client: socket.socket) -> None:
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(str(self._server))
        except OSError:
            client.close()
            server.close()
            return
        with self._lock:
            self._open |= {client, server}
        for ends in ((client, server), (server, client)):
            Thread(target=self._pass_on, args=ends, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self._flowing.wait()
                target.sendall(data)
        # The thread of the other direction ends, too, and closes its source.
        _end(target)
        with self._lock:
            self._open.discard(source)
        source.close()


def _end(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
