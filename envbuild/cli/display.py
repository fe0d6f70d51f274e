"""Progress and words on stderr: live bars on a terminal, plain lines in a log, nothing when quiet."""

import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Any

import click

from envbuild.cli.saying import printable, shown
from envbuild.pipeline.quiet import Quiet
from envbuild.ports import Reporter

if TYPE_CHECKING:
    from rich.progress import TaskID

__all__ = ["amount", "clear", "reporter", "seconds", "table"]

_UNITS = ("B", "kB", "MB", "GB", "TB")


def reporter(*, quiet: bool) -> Reporter:
    """The reporter that fits where stderr goes."""
    if quiet:
        return Quiet()
    return _Live() if sys.stderr.isatty() else _Plain()


_moving: "set[_Live]" = set()
"""What has bars on the terminal now."""


def clear() -> None:
    """Take away the bars of a stage that did not end, and give the terminal its cursor back."""
    for live in list(_moving):
        live.clear()


class _Plain:
    """A line when a stage is over."""

    def __init__(self) -> None:
        self._started: dict[str, float] = {}
        self._done: dict[str, int] = {}
        self._mutex = Lock()

    def begin(self, stage: str, total: int) -> None:
        self._started[stage], self._done[stage] = time.monotonic(), 0

    def advance(self, stage: str, amount: int) -> None:
        with self._mutex:
            self._done[stage] = self._done.get(stage, 0) + amount

    def end(self, stage: str) -> None:
        took = time.monotonic() - self._started.pop(stage, time.monotonic())
        done = self._done.pop(stage, 0)
        size = "" if stage == "resolve" or not done else f" {amount(done)},"
        click.echo(f"{stage}:{size} {seconds(took)}", err=True)

    def notice(self, text: str) -> None:
        click.echo(f"note: {shown(text)}", err=True)


class _Live:
    """Bars that move, and go when their stage is over; what stays is a line a stage, as in a log."""

    def __init__(self) -> None:
        self._plain = _Plain()
        self._tasks: dict[str, TaskID] = {}
        self._progress: Any = None

    def begin(self, stage: str, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        self._plain.begin(stage, total)
        if self._progress is None:
            self._progress = Progress(
                SpinnerColumn(), TextColumn("{task.description:<9}"), BarColumn(),
                TextColumn("{task.fields[size]:>11}"), TimeElapsedColumn(),
                console=Console(stderr=True), transient=True,
            )  # fmt: skip
            self._progress.start()
            _moving.add(self)
        self._tasks[stage] = self._progress.add_task(
            stage, total=total or None, size=f"of {amount(total)}" if total else ""
        )

    def advance(self, stage: str, amount: int) -> None:
        self._plain.advance(stage, amount)
        if self._progress is not None and stage in self._tasks:
            self._progress.advance(self._tasks[stage], amount)

    def end(self, stage: str) -> None:
        if self._progress is not None and stage in self._tasks:
            self._progress.remove_task(self._tasks.pop(stage))
            if not self._tasks:
                self.clear()
        self._plain.end(stage)

    def clear(self) -> None:
        """No bars any more."""
        _moving.discard(self)
        self._tasks.clear()
        if self._progress is not None:
            progress, self._progress = self._progress, None
            # The terminal may be gone.
            with suppress(OSError):
                progress.stop()

    def notice(self, text: str) -> None:
        # From any thread, while another one may take the bars away.
        progress = self._progress
        if progress is not None:
            progress.console.print(f"note: {shown(text)}", markup=False, highlight=False)
        else:
            self._plain.notice(text)


def amount(size: float) -> str:
    """Bytes for people: `66.2 MB`."""
    for unit in _UNITS:
        if size < 1000 or unit == _UNITS[-1]:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError("unreachable")


def seconds(time_taken: float) -> str:
    """Seconds for people: `0.08 s`, `3.2 s`, `4 min 10 s`."""
    if time_taken < 1:
        return f"{time_taken:.2f} s"
    if time_taken < 60:
        return f"{time_taken:.1f} s"
    return f"{int(time_taken) // 60} min {int(time_taken) % 60} s"


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """Rows in aligned columns."""
    rows = [tuple(map(printable, row)) for row in rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))] if rows else []
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows)
