"""Other programs: run one and take its output, or hand it the terminal. The only import of subprocess."""

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import BinaryIO, cast

from envbuild.errors import EnvironmentFault, TimeLimit

__all__ = ["Finished", "attached", "replace", "run", "which"]

_GRACE = 2.0
"""Seconds between SIGTERM and SIGKILL."""
_FOR_BOTH = tuple(getattr(signal, name) for name in ("SIGINT", "SIGQUIT") if hasattr(signal, name))
"""What a terminal sends to the whole foreground group: the child has it already."""
_FOR_PARENT = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2") if hasattr(signal, name)
)


@dataclass(frozen=True, slots=True)
class Finished:
    """A program that ended: its exit code (128 + signal where one ended it) and all it wrote."""

    code: int
    stdout: bytes
    stderr: bytes

    @property
    def last_line(self) -> str:
        """What it said last: on stderr, where it said anything there."""
        return (self.stderr or self.stdout).decode(errors="replace").strip().rpartition("\n")[2]


def which(name: str) -> str | None:
    """Where PATH has this program, or None."""
    return shutil.which(name)


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    input: bytes | None = None,  # noqa: A002 (the name it has everywhere)
    feed: Callable[[BinaryIO], object] | None = None,
    cwd: Path | str | None = None,
    timeout: float | None = None,
) -> Finished:
    """Run a program to its end, apart from the terminal, and take its output. Any exit code is an answer.

    `env` replaces the environment; `input` is its stdin, or `feed` writes to it (any amount; a reader that stops early
    is no error). After `timeout` seconds, or on Ctrl-C, it goes with all its children, and TimeLimit is raised.
    EnvironmentFault where it cannot be started.
    """
    fed = input is not None or feed is not None
    child = _start(
        argv,
        env=None if env is None else dict(env),
        cwd=cwd,
        stdin=subprocess.PIPE if fed else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    with child:
        try:
            with _feeding(child, feed):
                stdout, stderr = child.communicate(input, timeout=timeout)
        except subprocess.TimeoutExpired:
            _end_group(child)
            raise TimeLimit(f"{argv[0]} did not end within {timeout:g} s", hint="allow it more time") from None
        except BaseException:
            _end_group(child)
            raise
    return Finished(_code(child.returncode), stdout, stderr)


def attached(argv: Sequence[str], *, env: Mapping[str, str] | None = None, cwd: Path | str | None = None) -> int:
    """Run a program on our stdin, stdout, stderr and terminal; its exit code, or 128 + the signal that ended it.

    It stays in our process group, so that Ctrl-C, Ctrl-Z and a resized window reach it as they would without
    us; we wait. SIGTERM, SIGHUP and what else is sent to us alone is passed on.
    """
    with _passing_signals() as relay:
        child = _start(argv, env=None if env is None else dict(env), cwd=cwd)
        relay.adopt(child)
        return _code(child.wait())


def replace(argv: Sequence[str], *, env: Mapping[str, str] | None = None) -> None:
    """Become this program: nothing of ours stays behind. Returns only by raising EnvironmentFault."""
    try:
        os.execvpe(argv[0], list(argv), dict(os.environ if env is None else env))  # noqa: S606 (that is the point)
    except OSError as error:
        raise _cannot_start(argv[0], error) from error


def _start(argv: Sequence[str], **options: object) -> "subprocess.Popen[bytes]":
    cwd = options.get("cwd")
    if isinstance(cwd, (str, os.PathLike)) and not Path(cwd).is_dir():
        raise EnvironmentFault("there is no such folder to run in", at=os.fspath(cwd))
    try:
        return subprocess.Popen(list(argv), **options)  # type: ignore[call-overload,no-any-return]
    except (OSError, ValueError) as error:
        raise _cannot_start(argv[0], error) from error


def _cannot_start(name: str, error: Exception) -> EnvironmentFault:
    if isinstance(error, FileNotFoundError):
        return EnvironmentFault(f"the program {name!r} is not here", hint="install it, or put its folder on PATH")
    if isinstance(error, PermissionError):
        return EnvironmentFault(f"the program {name!r} may not be run: {error.strerror}", hint="check its mode bits")
    return EnvironmentFault(f"the program {name!r} cannot be started: {error}")


@contextmanager
def _feeding(child: "subprocess.Popen[bytes]", feed: Callable[[BinaryIO], object] | None) -> Iterator[None]:
    """A thread that writes the program's stdin; what it raises is raised here, once the program ended."""
    pipe = child.stdin
    if feed is None or pipe is None:
        yield
        return
    raised: list[BaseException] = []

    def write() -> None:
        try:
            with suppress(BrokenPipeError), pipe:
                feed(cast(BinaryIO, pipe))
        except BaseException as error:  # noqa: BLE001 (handed to the caller's thread)
            raised.append(error)
            child.kill()

    child.stdin = None
    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    yield
    thread.join()
    if raised:
        raise raised[0]


def _end_group(child: "subprocess.Popen[bytes]") -> None:
    """End the program and all it started: asked first, then killed."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            child.wait(_GRACE)
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


class _Relay:
    """Sends signals on to a child; those that come before it is there, when it is."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        if number in _FOR_BOTH and _in_foreground():
            return
        if self._child is None:
            self._early.append(number)
        else:
            self._child.send_signal(number)

    def adopt(self, child: "subprocess.Popen[bytes]") -> None:
        self._child = child
        for number in self._early:
            child.send_signal(number)


@contextmanager
def _passing_signals() -> "Iterator[_Relay]":
    """While inside, no signal ends us; what only we were sent goes to the adopted child. In the main thread alone."""
    relay = _Relay()
    before = {}
    if threading.current_thread() is threading.main_thread():
        found = {number: signal.getsignal(number) for number in (*_FOR_BOTH, *_FOR_PARENT)}
        before = {number: handler for number, handler in found.items() if handler not in (signal.SIG_IGN, None)}
    try:
        for number in before:
            signal.signal(number, relay)
        yield relay
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _in_foreground() -> bool:
    """Whether a terminal gives its signals to our process group, the child in it."""
    for descriptor in (0, 1, 2):
        with suppress(OSError):
            return os.tcgetpgrp(descriptor) == os.getpgrp()
    return False


def _code(returncode: int) -> int:
    return 128 - returncode if returncode < 0 else returncode
