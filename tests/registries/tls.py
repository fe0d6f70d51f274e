"""A TLS server of one test, as small as it can be: every connection gets one answer."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["answering"]


@contextmanager
def answering(context: ssl.SSLContext, body: bytes = b"", address: str = "127.0.0.1") -> Iterator[int]:
    """Its port on `address`; it answers 200 with `body` until the block is left, however it is left."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(body), body)
    stop = threading.Event()
    with socket.create_server((address, 0)) as listener:
        listener.settimeout(0.05)

        def serve() -> None:
            while not stop.is_set():
                try:
                    connection, _ = listener.accept()
                    connection.settimeout(5)
                    with context.wrap_socket(connection, server_side=True) as secure:
                        secure.recv(65536)
                        secure.sendall(answer)
                except OSError:
                    continue

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            stop.set()
            thread.join()
