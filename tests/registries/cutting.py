"""A network that breaks: a TCP relay on 127.0.0.1 that ends connections at random places."""

import random
import socket
import struct
import threading
from contextlib import suppress

__all__ = ["Cutter"]

_PIECE = 1 << 14


class Cutter:
    """Relays to `target` (host:port). Each connection may carry between `least` and `most` bytes, until `cuts` were made."""

    def __init__(self, target: str, *, cuts: int, least: int, most: int, seed: int = 0) -> None:
        name, _, port = target.partition(":")
        self._target = (name, int(port))
        self._random = random.Random(seed)
        self._least, self._most = least, most
        self.left = cuts
        self.made = 0
        self.up = self.down = 0
        """Bytes that went to the target, and that came back."""
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._closed = False
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def host(self) -> str:
        """host:port, to be used in the target's stead."""
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        """Take no more connections."""
        self._closed = True
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=_Pair(self, client, self._target).run, daemon=True).start()

    def allowance(self) -> int | None:
        """How many bytes a new connection may carry; None: all."""
        with self._lock:
            return self._random.randint(self._least, self._most) if self.left > 0 else None

    def counted(self, amount: int, *, up: bool) -> None:
        """So many bytes went by."""
        with self._lock:
            if up:
                self.up += amount
            else:
                self.down += amount

    def take(self) -> bool:
        """Whether a cut may be made now; it counts."""
        with self._lock:
            if self.left <= 0:
                return False
            self.left -= 1
            self.made += 1
            return True

    def hard(self) -> bool:
        """Whether this cut is a reset, and not an end."""
        with self._lock:
            return self._random.random() < 0.5


class _Pair:
    """A client's connection and the one to the target."""

    def __init__(self, cutter: Cutter, client: socket.socket, target: tuple[str, int]) -> None:
        self._cutter, self._client = cutter, client
        self._server = socket.create_connection(target, timeout=60)
        self._left = cutter.allowance()
        self._lock = threading.Lock()

    def run(self) -> None:
        back = threading.Thread(target=self._relay, args=(self._server, self._client), daemon=True)
        back.start()
        self._relay(self._client, self._server)
        back.join()
        self._client.close()
        self._server.close()

    def _relay(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(_PIECE):
                allowed = self._allowed(len(data))
                target.sendall(data[:allowed])
                self._cutter.counted(allowed, up=source is self._client)
                if allowed < len(data) and self._cutter.take():
                    self._cut()
                    return
                target.sendall(data[allowed:])
                self._cutter.counted(len(data) - allowed, up=source is self._client)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def _allowed(self, size: int) -> int:
        with self._lock:
            if self._left is None:
                return size
            allowed = min(size, self._left)
            self._left -= allowed
            return allowed

    def _cut(self) -> None:
        if self._cutter.hard():
            self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        for one in (self._client, self._server):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
