"""Uploads of blobs: mounted, sent whole, or in chunks that go on after a cut ("Pushing blobs")."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from typing import BinaryIO, cast
from urllib.parse import urlencode, urlsplit

from envbuild.digest import Digest
from envbuild.errors import EnvbuildError, EnvironmentFault, IntegrityError
from envbuild.http.client import Body
from envbuild.http.faults import Passing
from envbuild.http.patience import HEADWAY, TRIES
from envbuild.registry.bodies import Outgoing
from envbuild.registry.session import Reply, Session

__all__ = ["CHUNK", "Pushed", "Upload"]

CHUNK = 32 << 20
"""Blobs up to this size are sent whole; larger ones in pieces of it, so that a cut costs one piece at most."""
_RANGE = re.compile(r"(?:bytes[= ])?0-([0-9]{1,18})")
_TYPE = "application/octet-stream"
_NO_CHUNKS = frozenset({404, 405, 411, 413, 415, 501})
"""What registries answer to chunks that they do not take (some take none, some only small ones)."""


class Pushed(StrEnum):
    """How a blob came to be in a repository."""

    EXISTED = "existed"
    MOUNTED = "mounted"
    SENT = "sent"


class Upload:
    """Brings one blob to one repository."""

    def __init__(
        self,
        session: Session,
        repository: str,
        digest: Digest,
        size: int,
        stream: BinaryIO,
        progress: Callable[[int], object],
    ) -> None:
        self._session, self._repository = session, repository
        self._digest, self._size = digest, size
        self._blob = Outgoing(digest, size, stream, progress)
        self._whole = size <= CHUNK
        self._step = CHUNK
        self._action = f"pushing to {repository}"
        self._scopes = frozenset({f"repository:{repository}:pull,push"})
        self._patience = session.patience()

    def run(self, mount_from: Sequence[str]) -> Pushed:
        """Mount it from one of these repositories, or send it. EnvironmentFault where the registry does not take it.

        IntegrityError where the file is not what its digest says.
        """
        location = ""
        for source in mount_from:
            mounted, location = self._mount(source)
            if mounted:
                return Pushed.MOUNTED
            if location:
                break
        while True:
            location = location or self._begin()
            try:
                if self._send(location):
                    return Pushed.SENT
            except EnvbuildError:
                self._give_up(location)
                raise
            location = ""

    def _send(self, location: str) -> bool:
        """Whether it is done; False: to be begun anew."""
        if not self._whole:
            return self._send_chunks(location)
        try:
            self._finish(location, 0)
        except Passing as passing:
            self._patience.wait(passing)
            if self._there():
                return True
            self._give_up(location)
            return False
        return True

    def _begin(self) -> str:
        return self._location(self._ask("POST", f"/v2/{self._repository}/blobs/uploads/", {202}, again=True))

    def _mount(self, source: str) -> tuple[bool, str]:
        """Whether it was mounted; else the address of the upload that the registry began in its stead, if it did."""
        query = urlencode({"mount": str(self._digest), "from": source}, safe=":/")
        scopes = self._scopes | {f"repository:{source}:pull"}
        target = f"/v2/{self._repository}/blobs/uploads/?{query}"
        try:
            reply = self._ask("POST", target, {201, 202}, again=True, scopes=scopes)
        except EnvironmentFault:
            # A registry may refuse the other repository, or mounts as such: then it is sent, or refused for a clear reason.
            return False, ""
        if reply.status == 201:
            self._check(reply)
        return reply.status == 201, "" if reply.status == 201 else self._location(reply)

    def _send_chunks(self, location: str) -> bool:
        """Whether it is done; False: to be begun anew."""
        offset = 0
        while offset < self._size:
            end = min(offset + self._step, self._size)
            cut: Passing | None = None
            try:
                reply = self._patch(location, offset, end)
            except Passing as passing:
                cut = passing
                self._patience.wait(cut)
                location, there = self._where(location)
            else:
                if reply.status in _NO_CHUNKS and not offset:
                    self._whole, there = True, None
                else:
                    location, there = self._taken(reply, location, end)
                    if there is None or there <= offset:
                        self._patience.wait(self._still(offset))
            if there is None:
                self._give_up(location)
                return False
            if there > end:
                raise self._not_ours(there, end)
            if there == end or there - offset >= HEADWAY:
                self._patience.renew()
            offset = there
        return self._close(location)

    def _patch(self, location: str, start: int, end: int) -> Reply:
        headers = {"Content-Range": f"{start}-{end - 1}"}
        return self._ask("PATCH", location, {202, 416, *_NO_CHUNKS}, headers, start=start, end=end)

    def _taken(self, reply: Reply, location: str, end: int) -> tuple[str, int | None]:
        """Where it goes on, and how much the registry has, after the answer to a chunk; None: it lost the upload."""
        if reply.status == 202:
            there = _received(reply)
            return self._location(reply, location), end if there is None else there
        return self._where(location) if reply.status == 416 else (location, None)

    def _where(self, location: str) -> tuple[str, int | None]:
        """Where it goes on, and how much the registry has by its own word; None where it does not know."""
        try:
            reply = self._ask("GET", location, {200, 202, 204}, again=True)
        except EnvironmentFault:
            return location, None
        return self._location(reply, location), _received(reply)

    def _close(self, location: str) -> bool:
        """After the last chunk. Whether it is done; False: to be begun anew."""
        while True:
            try:
                self._finish(location, self._size)
            except Passing as passing:
                self._patience.wait(passing)
                if self._there():
                    return True
                location, there = self._where(location)
                if there != self._size:
                    self._give_up(location)
                    return False
            else:
                return True

    def _finish(self, location: str, start: int) -> None:
        parts = urlsplit(location)
        digest = f"digest={self._digest}"
        target = parts._replace(query=f"{parts.query}&{digest}" if parts.query else digest, fragment="").geturl()
        self._check(self._ask("PUT", target, {201, 204}, start=start, end=self._size))

    def _there(self) -> bool:
        """Whether the registry has it now: an answer that was lost may have been a good one."""
        target = f"/v2/{self._repository}/blobs/{self._digest}"
        reply = self._ask("HEAD", target, {200, 404}, again=True)
        return reply.status == 200 and reply.headers.get("content-length") == str(self._size)

    def _give_up(self, location: str) -> None:
        """Tell the registry that the upload will not be finished. Whether it listens does not matter."""
        with suppress(EnvbuildError, Passing):
            self._ask("DELETE", location, {200, 202, 204, 404})

    def _check(self, reply: Reply) -> None:
        told = reply.headers.get("docker-content-digest", "")
        if told and told != str(self._digest):
            raise IntegrityError(
                f"{self._action}: the registry keeps {told[:80]}, not {self._digest}", at=self._session.host
            )

    def _ask(
        self, method: str, target: str, ok: set[int], headers: Mapping[str, str] | None = None, *,
        start: int = 0, end: int = 0, again: bool = False, scopes: frozenset[str] = frozenset(),
    ) -> Reply:  # fmt: skip
        def body() -> Body:
            if end > start:
                return cast(BinaryIO, self._blob.stretch(start, end - start))
            return b"" if sends else None

        sends = method in ("PUT", "PATCH", "POST")
        more = {"Content-Length": str(end - start)} if sends else {}
        more |= {"Content-Type": _TYPE} if sends and method != "POST" else {}
        return self._session.ask(
            method, target, action=self._action, scopes=scopes or self._scopes, ok=frozenset(ok),
            headers={**more, **(headers or {})}, body=body, again=again,
        )  # fmt: skip

    def _not_ours(self, there: int, sent: int) -> EnvironmentFault:
        return EnvironmentFault(
            f"{self._action}: the registry has {there} bytes of a blob of which {sent} were sent", at=self._session.host,
            hint="try again",
        )  # fmt: skip

    def _still(self, offset: int) -> Passing:
        fault = EnvironmentFault(
            f"{self._action}: the registry takes no bytes at {offset}", at=self._session.host, hint="try again later"
        )
        return Passing(fault, tries=TRIES)

    def _location(self, reply: Reply, before: str = "") -> str:
        location = reply.headers.get("location", "")
        if not location and not before:
            raise EnvironmentFault(f"{self._action}: the registry names no place to send to", at=self._session.host)
        least = reply.headers.get("oci-chunk-min-length", "")
        self._step = max(CHUNK, int(least)) if least.isdigit() and len(least) < 18 else self._step
        return self._session.following(reply.url, location) if location else before


def _received(reply: Reply) -> int | None:
    """The bytes that the registry has, by its Range header; 0-0 is how registries write that they have none."""
    found = _RANGE.fullmatch(reply.headers.get("range", "").strip())
    if found is None:
        return None
    return int(found[1]) + 1 if int(found[1]) else 0
