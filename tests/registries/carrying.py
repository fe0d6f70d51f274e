"""A program: pushes a large blob and pulls it again, and says in JSON how that went and how much memory it took.

`python -m registries.carrying HOST BYTES CHUNK USER PASSWORD FOLDER`. It is a process of its own, so that the memory is its own.
"""

import hashlib
import json
import random
import sys
import time
from pathlib import Path

from envbuild.digest import Digest
from envbuild.httpsettings import HttpSettings
from envbuild.registry import uploads
from envbuild.registry.client import Login
from registries.clients import Client

_PIECE = 1 << 20


def _made(path: Path, size: int) -> Digest:
    source, hasher = random.Random(7), hashlib.sha256()
    with path.open("wb") as file:
        for start in range(0, size, _PIECE):
            data = source.randbytes(min(_PIECE, size - start))
            hasher.update(data)
            file.write(data)
    return Digest(hasher.hexdigest())


def _peak() -> int:
    """Bytes of memory at most; not from getrusage, which begins with the parent's."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))


def main() -> None:
    """Push, pull, report."""
    host, size, chunk, user, password, folder = sys.argv[1:]
    uploads.CHUNK = int(chunk)
    path = Path(folder) / "blob"
    digest = _made(path, int(size))
    login = Login(user, password) if user else None
    client = Client(host, login, HttpSettings(read_timeout=20.0))
    # A fault of the network is over at once here, but a server needs a moment to see that a connection ended.
    client.slept = _Naps()  # type: ignore[assignment]
    client.__post_init__()
    repository = client.repository()
    told: list[int] = []
    repository.push_blob(digest, int(size), lambda: path.open("rb"), progress=told.append)
    pulled: list[int] = []
    repository.pull_blob(digest, int(size), lambda data: pulled.append(len(data)))
    sys.stdout.write(json.dumps({"peak": _peak(), "told": sum(told), "pulled": sum(pulled)}) + "\n")


class _Naps(list[float]):
    def append(self, seconds: float) -> None:
        time.sleep(min(seconds, 0.02))


if __name__ == "__main__":
    main()
