"""Ctrl-C and SIGTERM: the work unwinds; what does not within a moment (a thread in a slow download) is cut off."""

import os
import signal
import sys
import threading
from types import FrameType

from envbuild.cli.exits import INTERRUPTED, TERMINATED
from envbuild.host import is_terminal
from envbuild.store.durable import discard_unfinished

__all__ = ["Terminated", "is_interrupted", "watch"]

_GRACE = 3.0
"""Seconds in which the work may unwind."""
_NOTICED = 0.3
"""Seconds in which the main thread has noticed a signal, if it is going to."""
_CURSOR = b"\r\x1b[2K\x1b[?25h"
"""Clears the line of a bar, and shows the cursor that bars hide."""
_ENDS: dict[int, tuple[type[BaseException], int, bytes]] = {}


class Terminated(BaseException):
    """SIGTERM arrived."""


def watch() -> None:
    """From now on the two signals end this process soon: 130 or 143. One that the caller ignores stays ignored."""
    _ENDS[signal.SIGINT] = (KeyboardInterrupt, INTERRUPTED, b"interrupted\n")
    _ENDS[signal.SIGTERM] = (Terminated, TERMINATED, b"terminated\n")
    for number in _ENDS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=_nudge, args=[reading], daemon=True).start()


def _nudge(reading: int) -> None:
    """Python runs its handlers in the main thread, and one that is about to wait for a lock may sleep through a signal."""
    main = threading.main_thread().ident or 0
    for number in iter(lambda: os.read(reading, 1), b""):
        if signal.getsignal(number[0]) is _end and not _begun.wait(_NOTICED):
            signal.pthread_kill(main, number[0])


_begun = threading.Event()


def is_interrupted() -> bool:
    """Whether one of the two signals has come."""
    return _begun.is_set()


def _end(number: int, _frame: FrameType | None) -> None:
    kind, code, words = _ENDS[number]
    if _begun.is_set():
        _cut(code)
    _begun.set()
    os.write(2, words)
    timer = threading.Timer(_GRACE, _cut, [code])
    timer.daemon = True
    timer.start()
    raise kind


def _cut(code: int) -> None:
    discard_unfinished()
    if "rich.progress" in sys.modules and is_terminal(2):
        os.write(2, _CURSOR)
    os._exit(code)
