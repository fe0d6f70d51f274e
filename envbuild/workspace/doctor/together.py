"""Checks at the same time: none of them keeps anybody waiting beyond its bound, or ends in a traceback."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from envbuild.errors import EnvbuildError
from envbuild.workspace.doctor.diagnosis import Ability, Check, Verdict

__all__ = ["Task", "failed", "gathered", "together"]

_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What gives one check or more; what it stops where it does not even end is in `stops`."""

    name: str
    topic: str
    ask: Callable[[], Iterable[Check]]
    stops: tuple[Ability, ...] = ()
    about: str = ""
    """What is asked, where the name does not say: a URL as it may be shown."""


class _Asked(threading.Thread, Generic[_Found]):
    """A daemon: a name server that never answers cannot be interrupted, and must not keep the process."""

    def __init__(self, ask: Callable[[], _Found]) -> None:
        super().__init__(daemon=True)
        self._ask = ask
        self.found: list[_Found] = []
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.found.append(self._ask())
        except BaseException as error:  # noqa: BLE001 (whatever it is, it becomes a line)
            self.error = error


def together(tasks: Sequence[Task], seconds: float) -> list[Check]:
    """The checks of all tasks in their order. A task that raises, or does not end in time, is a failing check."""
    found: list[Check] = []
    for task, asked in zip(tasks, _asked([partial(_all, task) for task in tasks], seconds), strict=True):
        if asked.found:
            found += asked.found[0]
        elif asked.error is not None:
            found.append(failed(task, asked.error))
        else:
            found.append(_late(task, seconds))
    return found


def gathered(asks: Sequence[Callable[[], _Found]], seconds: float) -> list[_Found]:
    """The answers that came in time, in their order; what raised is left out."""
    return [found for asked in _asked(asks, seconds) for found in asked.found]


def _all(task: Task) -> tuple[Check, ...]:
    return tuple(task.ask())


def _asked(asks: Sequence[Callable[[], _Found]], seconds: float) -> list[_Asked[_Found]]:
    until = time.monotonic() + seconds
    threads = [_Asked(ask) for ask in asks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    return threads


def failed(task: Task, error: BaseException) -> Check:
    """The line of a task that raised."""
    if isinstance(error, EnvbuildError):
        place = f"{error.at}: " if error.at else ""
        return _failing(task, f"{place}{error.what}", error.hint)
    what = f"this check itself broke: {type(error).__name__}: {error}"
    return _failing(task, what, "please report it: this is a bug of envbuild's own")


def _late(task: Task, seconds: float) -> Check:
    about = f"{task.about}: " if task.about else ""
    return _failing(
        task, f"{about}no answer within {seconds:.0f} s", "is there a firewall, or a name server that is down?"
    )


def _failing(task: Task, found: str, remedy: str) -> Check:
    found = " ".join(found.split())
    return Check(
        name=task.name, topic=task.topic, verdict=Verdict.FAILING, found=found, remedy=remedy, stops=task.stops
    )
