"""Whether an engine reaches this machine's loopback: then it pulls from us what it lacks, else it is sent whole archives."""

import time
from urllib.parse import urlencode

from envbuild.oci import Image
from envbuild.ports import OpensBlobs
from envbuild.runners.enginesocket import lines
from envbuild.runners.loopback import Loopback

__all__ = ["reaches_loopback"]

_POLL = 0.1
_ABSENT = "not-there"


def reaches_loopback(socket_path: str, blobs: OpensBlobs, timeout: float) -> bool:
    """Whether the engine on this socket comes to us within `timeout` seconds.

    It is asked for an image that our registry does not have, so that nothing is left behind in it.
    """
    try:
        with Loopback(Image(b"{}", b"{}", ()), blobs) as registry:
            query = urlencode({"fromImage": registry.repository, "tag": _ABSENT})
            until = time.monotonic() + timeout
            with lines(socket_path, "POST", f"/images/create?{query}") as answer:
                while not (registry.asked.is_set() or answer.ended or time.monotonic() > until):
                    answer.next(_POLL)
            return registry.asked.is_set()
    except (OSError, ValueError):
        return False
