"""`pypiserver`: the real index server of that name over a folder of wheels: HTML pages with sha256 hashes."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

__all__ = ["PROGRAM", "pypiserver"]

PROGRAM = Path(sys.executable).with_name("pypi-server")


@contextmanager
def pypiserver(folder: Path) -> Iterator[str]:
    """Run it on a free port, and end it afterwards; the URL of its index. Its log is beside the folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["-p", str(port), "-i", "127.0.0.1", "--disable-fallback", "--hash-algo", "sha256", str(folder)]
    with folder.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen([PROGRAM, "run", *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        _wait_for(f"http://127.0.0.1:{port}/health", process)
        yield f"http://127.0.0.1:{port}/simple"
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            urlopen(url, timeout=5).close()
        except (URLError, OSError):
            assert process.poll() is None, "the index server ended at once"
            assert time.monotonic() < end, "the index server does not answer"
            time.sleep(0.05)
        else:
            return
