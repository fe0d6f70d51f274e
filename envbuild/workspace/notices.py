"""`Notices`: how what only the network knows (a host keeps us waiting) reaches whoever called the workspace."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock

from envbuild.ports import Reporter

__all__ = ["Notices"]


def _never() -> bool:
    return False


@dataclass(frozen=True)
class Notices:
    """Of one workspace; safe for threads. `interrupted` is whether the caller gave up (Ctrl-C)."""

    interrupted: Callable[[], bool] = _never
    _reporters: list[Reporter] = field(default_factory=list)
    _mutex: Lock = field(default_factory=Lock)

    @contextmanager
    def to(self, report: Reporter) -> Iterator[None]:
        """While inside, notices go to this reporter; of calls at the same time each gets all of them."""
        with self._mutex:
            self._reporters.append(report)
        try:
            yield
        finally:
            with self._mutex:
                self._reporters.remove(report)

    def tell(self, text: str) -> None:
        """A line for every call that is going on. From any thread."""
        with self._mutex:
            hearing = list({id(report): report for report in self._reporters}.values())
        for report in hearing:
            report.notice(text)
