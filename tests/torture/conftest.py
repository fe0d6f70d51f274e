"""How much of each set is done: a part of it with every test run, all of it with `make torture`; and what was counted.

ENVBUILD_TEST_TORTURE_SHARE=0.1 does a tenth of the long sets.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).resolve().parents[1]
_counted: list[str] = []


@dataclass(frozen=True, slots=True)
class Scale:
    """Which set this is."""

    long: bool

    def pick(self, fast: int, long: int) -> int:
        """How many."""
        return max(fast, round(long * float(os.environ.get("ENVBUILD_TEST_TORTURE_SHARE", "1")))) if self.long else fast


@pytest.fixture(params=["fast", pytest.param("long", marks=pytest.mark.long)])
def scale(request) -> Scale:
    return Scale(request.param == "long")


@pytest.fixture
def tally(scale) -> Callable[..., None]:
    """`tally("kills", 500, calm=20)`: what is told when all tests are done."""

    def tell(what: str, count: int, **more: object) -> None:
        beside = ", ".join(f"{name} {value}" for name, value in more.items())
        _counted.append(f"{what}: {count}{f' ({beside})' if beside else ''}")

    return tell


@pytest.fixture
def torture(tmp_path) -> Iterator[Callable[..., dict[str, Any]]]:
    """`torture("kills", 500)`: one of the programs here, to its end; what it counted. Nothing of it is left."""

    def run(program: str, *words: object) -> dict[str, Any]:
        done = subprocess.run(
            [sys.executable, "-m", f"torture.{program}", *map(str, words)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)]), "TMPDIR": str(tmp_path)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=3 * 3600,
            check=False,
        )
        assert done.returncode == 0, f"{program} {words}: exit {done.returncode}\n{done.stderr[-3000:]}"
        counted = json.loads(done.stdout)
        counted["said"] = done.stderr[-3000:]
        return counted

    yield run
    shutil.rmtree(tmp_path, ignore_errors=True)


@pytest.fixture
def mounts() -> None:
    """Skips where file systems cannot be mounted."""
    needed = [
        tool
        for tool in ("mkfs.ext4", "unshare", "mount")
        if shutil.which(tool, path=f"{os.environ['PATH']}:/sbin:/usr/sbin") is None
    ]
    if os.geteuid() != 0 or needed:
        pytest.skip(f"needs root{''.join(f', {tool}' for tool in needed)}")
    tried = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True, check=False
    )
    if tried.returncode:
        pytest.skip(f"no file system can be mounted here: {tried.stderr.decode().strip()}")


@pytest.fixture
def strace() -> None:
    """Skips where system calls cannot be made to fail."""
    if shutil.which("strace") is None:
        pytest.skip("needs strace")
    tried = subprocess.run(
        ["strace", "-qq", "-o", "/dev/null", "-e", "inject=fsync:error=EIO", "true"], capture_output=True, check=False
    )
    if tried.returncode:
        pytest.skip(f"strace may not trace here: {tried.stderr.decode().strip()}")


def pytest_terminal_summary(terminalreporter):
    for line in _counted:
        terminalreporter.write_line(f"torture: {line}")
    _counted.clear()
