"""What every row of bad input must come to: a sentence, the right exit code, nothing written, no request made."""

import os
import socket
import stat
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

import pytest

BUILD = ("build", "requirements.txt", "--to", "store")
SECONDS_OF_CPU = 20.0
"""What a fault that stands in the words themselves may cost at most: 2 are meant, on a machine that does nothing else."""


def _told(result, code: int, said=(), unsaid=()) -> None:
    everything = result.stdout + result.stderr
    assert result.code == code, everything
    assert "Traceback" not in everything, everything
    assert "a bug of envbuild's own" not in everything, everything
    for words in said:
        assert words in result.stderr, f"{words!r} is not said:\n{everything}"
    for words in unsaid:
        assert words not in everything, f"{words!r} is said:\n{everything}"


def _tree(folder: Path) -> dict[str, tuple[str, str]]:
    found = {}
    for path in sorted(folder.rglob("*")) if folder.exists() else []:
        kind = stat.filemode(path.lstat().st_mode)
        readable = kind.startswith("-") and os.access(path, os.R_OK)
        found[str(path.relative_to(folder))] = (kind, sha256(path.read_bytes()).hexdigest() if readable else "")
    return found


@pytest.fixture
def told():
    """`told(result, code, said, unsaid)`: asserts what a command told its user, and that it was no traceback."""
    return _told


@pytest.fixture
def tree_of():
    """`tree_of(folder)`: the names in a folder, with kind, mode and content, to be compared."""
    return _tree


@pytest.fixture
def closed_port() -> int:
    """A port of this machine where nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture
def no_network(closed_port) -> dict[str, str]:
    """Settings with which every request fails: whoever makes one ends with exit code 5."""
    return {
        "ENVBUILD_PYPI_INDEX": f"http://127.0.0.1:{closed_port}/simple",
        "ENVBUILD_DEBIAN_MIRROR": f"http://127.0.0.1:{closed_port}/debian",
    }


@pytest.fixture
def project(tmp_path) -> Callable[..., Path]:
    """`project({"requirements.txt": "numpy"})`: a folder with these files."""

    def make(files=None) -> Path:
        folder = tmp_path / "project"
        folder.mkdir(exist_ok=True)
        for name, content in (files or {}).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return folder

    return make


@pytest.fixture
def refuses(run_cli, home, project, no_network) -> Callable[..., None]:
    """`refuses(code, said, files=..., command=...)`: refused at once, before any request, with nothing left behind.

    `prepare(folder)` makes in the project what is no plain file; `facts=True` where the definition itself is good, so
    that what it says may be remembered.
    """

    def check(code, said, *, files=None, command=BUILD, prepare=None, env=None, unsaid=(), facts=False) -> None:
        folder = project(files)
        if prepare:
            prepare(folder)
        before, used = _tree(folder), getrusage(RUSAGE_CHILDREN)
        result = run_cli(*command, cwd=folder, env={**no_network, **(env or {})}, timeout=60)
        now = getrusage(RUSAGE_CHILDREN)
        _told(result, code, said, unsaid)
        assert result.stdout == "", "something went to stdout, where a reference is expected"
        assert now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime < SECONDS_OF_CPU
        assert _tree(folder) == before, "the project was changed"
        kept = [name for name, (kind, _) in _tree(home.store).items() if not kind.startswith("d")]
        remembered = ("cache/claims.v1/seen/", "cache/claims.v1/definition/") if facts else ()
        # An empty file that users and the collector of the store lock.
        remembered = (*remembered, "cache/locks.v1/use.lock")
        assert [name for name in kept if not name.startswith(remembered)] == [], "something was written to the store"

    return check
