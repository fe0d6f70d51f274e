"""Several blobs at once: the first failure, or Ctrl-C, ends the others soon and not when all their bytes are through."""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from threading import Event
from typing import TypeVar

from envbuild.errors import EnvironmentFault

__all__ = ["AT_ONCE", "Tell", "together"]

AT_ONCE = 6
"""Requests that one registry is asked at the same time."""

Tell = Callable[[int], object]
"""Takes the bytes that went through since it was called last."""

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def together(
    work: Callable[[_Item, Tell], _Result], items: Sequence[_Item], progress: Tell = lambda _: None
) -> list[_Result]:
    """The results of `work(item, tell)`, in the order of the items; raises what failed first.

    `tell` passes bytes on to `progress`. Once the rest is not wanted any more it raises, which ends the transfer that
    calls it.
    """
    ended = Event()

    def tell(amount: int) -> None:
        if ended.is_set():
            raise EnvironmentFault("given up, since another transfer failed")
        progress(amount)

    pool = ThreadPoolExecutor(AT_ONCE)
    jobs: list[Future[_Result]] = []
    try:
        jobs += [pool.submit(work, item, tell) for item in items]
        done, _ = wait(jobs, return_when=FIRST_EXCEPTION)
        return [job.result() for job in jobs if job in done]
    finally:
        ended.set()
        pool.shutdown(wait=True, cancel_futures=True)
