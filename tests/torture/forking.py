"""A warm process that forks: hundreds of processes a second do real work on a store, and may be killed at any moment."""

import gc
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress

__all__ = ["ended", "forked", "killed_after"]

_LONGEST = 60.0


def forked(work: Callable[[], object]) -> int:
    """The id of a child that does this and ends: 0 where it was done, 1 where it raised. The child runs nothing else."""
    gc.freeze()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        code = int(work() or 0)  # type: ignore[call-overload]
    except BaseException as error:  # noqa: BLE001 (a child's end is its exit code, and its words)
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
    finally:
        os._exit(code)


def ended(pid: int, patience: float = _LONGEST) -> int:
    """Its exit code; negative for a signal. AssertionError where it has to be killed."""
    end, nap = time.monotonic() + patience, 0.0005
    while True:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > end:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise AssertionError(f"a process hung for {patience:g} s")
        time.sleep(nap)
        nap = min(nap * 2, 0.01)


def killed_after(pid: int, seconds: float) -> bool:
    """Kill it, if it lives that long; whether it was killed."""
    time.sleep(seconds)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return ended(pid) == -signal.SIGKILL
