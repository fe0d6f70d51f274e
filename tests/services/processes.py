"""Processes that outlive the program that started them: begun in their own session, ended only if they are still the same."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

BOOT = Path("/proc/sys/kernel/random/boot_id")


def start_time(pid: int) -> str:
    """When a process started: the boot and its ticks since then (proc(5), stat field 22); empty where it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
    state, *fields = stat.rpartition(")")[2].split()
    return "" if state in "ZX" else f"{BOOT.read_text(encoding='ascii').strip()}/{fields[18]}"


@dataclass(frozen=True, slots=True)
class Process:
    """A process by its id and start, so that a pid that was given out again is never taken for it."""

    pid: int
    started: str

    @classmethod
    def start(cls, argv: Sequence[str], log: Path) -> Self:
        """Start a program in the background, detached from the terminal, its output in a log."""
        with log.open("wb") as output:
            child = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )
        # It is not waited for: whoever stops it later is another process.
        child.returncode = 0
        return cls(child.pid, start_time(child.pid))

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return bool(self.started) and start_time(self.pid) == self.started

    def stop(self, patience: float = 30.0) -> None:
        """Ask it to end, wait, then kill it. Nothing happens where it is gone or its pid is another's."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not self.alive:
                break
            os.kill(self.pid, number)
            wait_until(lambda: not self.alive, patience)
        with suppress(ChildProcessError):
            os.waitpid(self.pid, os.WNOHANG)

    def to_json(self) -> dict[str, object]:
        """As the state file keeps it."""
        return asdict(self)


def wait_until(ready: Callable[[], bool], seconds: float) -> bool:
    """Ask until it is so, or the time is over."""
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True
