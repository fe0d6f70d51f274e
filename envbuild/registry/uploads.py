"""Uploads of blobs: mounted, sent whole, or in chunks that go on after a cut ("Pushing blobs")."""

import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import BinaryIO, cast
from urllib.parse import quote, urlencode, urljoin, urlsplit

from envbuild.digest import Digest
from envbuild.errors import EnvironmentFault
from envbuild.http.client import Body
from envbuild.http.faults import Passing
from envbuild.registry.session import Reply, Session

__all__ = ["CHUNK", "Pushed", "Upload"]

CHUNK = 32 << 20
"""Blobs up to this size are sent whole; larger ones in pieces of it, so that a cut costs one piece at most."""
_RANGE = re.compile(r"(?:bytes=)?0-([0-9]+)")
_TYPE = "application/octet-stream"
_NEXT = frozenset({202, 204})


class Pushed(StrEnum):
    """How a blob came to be in a repository."""

    EXISTED = "existed"
    MOUNTED = "mounted"
    SENT = "sent"


class _Part:
    """A stretch of a file, as a request's body; tells how much of it was read."""

    def __init__(self, stream: BinaryIO, start: int, length: int, progress: Callable[[int], object]) -> None:
        self._stream, self._left, self._progress = stream, length, progress
        stream.seek(start)

    def read(self, size: int = -1, /) -> bytes:
        """More of it."""
        data = self._stream.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        self._progress(len(data))
        return data


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
        self._digest, self._size, self._stream, self._progress = digest, size, stream, progress
        self._shown = 0
        self._action = f"pushing to {repository}"
        self._scopes = frozenset({f"repository:{repository}:pull,push"})

    def run(self, mount_from: Sequence[str]) -> Pushed:
        """Mount it from one of these repositories, or send it. EnvironmentFault where the registry does not take it."""
        location = ""
        for source in mount_from:
            mounted, location = self._mount(source)
            if mounted:
                return Pushed.MOUNTED
            if location:
                break
        patience = self._session.patience()
        while True:
            try:
                self._send(location or self._begin())
            except Passing as passing:
                location = ""
                patience.wait(passing)
            else:
                return Pushed.SENT

    def _begin(self) -> str:
        reply = self._ask("POST", f"/v2/{self._repository}/blobs/uploads/", {202}, headers={"Content-Length": "0"})
        return self._location(reply)

    def _mount(self, source: str) -> tuple[bool, str]:
        """Whether it was mounted; else the address of the upload that the registry began in its stead, if it did."""
        query = urlencode({"mount": str(self._digest), "from": source}, safe=":/")
        scopes = self._scopes | {f"repository:{source}:pull"}
        try:
            reply = self._session.ask(
                "POST", f"/v2/{self._repository}/blobs/uploads/?{query}", action=self._action, scopes=scopes,
                ok=frozenset({201, 202}), headers={"Content-Length": "0"},
            )  # fmt: skip
        except EnvironmentFault:
            # A registry may refuse the other repository, or mounts as such: then it is sent, or refused for a clear reason.
            return False, ""
        return reply.status == 201, "" if reply.status == 201 else self._location(reply)

    def _send(self, location: str) -> None:
        if self._size <= CHUNK:
            self._finish(location, 0, self._size)
            return
        offset, step = 0, CHUNK
        while offset < self._size:
            end = min(offset + step, self._size)
            try:
                reply = self._patch(location, offset, end)
            except Passing as passing:
                location, offset = self._where(location, passing)
                continue
            if reply.status == 416:
                location, there = self._where(location, None)
                if there == offset:
                    raise EnvironmentFault(
                        f"{self._action}: refuses the bytes at {offset} (416)", at=self._session.host
                    )
                offset = there
                continue
            least = reply.headers.get("oci-chunk-min-length", "")
            step = max(step, int(least) if least.isdigit() else 0)
            location, offset = self._location(reply, location), _received(reply, end)
        self._finish(location, self._size, 0)

    def _patch(self, location: str, start: int, end: int) -> Reply:
        headers = {"Content-Range": f"{start}-{end - 1}", "Content-Length": str(end - start), "Content-Type": _TYPE}
        return self._ask("PATCH", location, {202, 416}, headers=headers, start=start, length=end - start, again=False)

    def _finish(self, location: str, start: int, length: int) -> None:
        parts = urlsplit(location)
        digest = f"digest={quote(str(self._digest), safe=':')}"
        target = parts._replace(query=f"{parts.query}&{digest}" if parts.query else digest).geturl()
        headers = {"Content-Length": str(length), "Content-Type": _TYPE}
        self._ask("PUT", target, {201}, headers=headers, start=start, length=length, again=False)

    def _where(self, location: str, cut: Passing | None) -> tuple[str, int]:
        """How much the registry has, and where it goes on. Where it does not know, the cut is told: begin anew."""
        try:
            reply = self._ask("GET", location, set(_NEXT))
        except EnvironmentFault as fault:
            raise cut or Passing(fault, tries=2) from fault
        return self._location(reply, location), _received(reply, 0)

    def _ask(
        self, method: str, target: str, ok: set[int], *, headers: dict[str, str] | None = None,
        start: int = 0, length: int = 0, again: bool = True,
    ) -> Reply:  # fmt: skip
        def body() -> Body:
            if not length:
                return b"" if headers else None
            return cast(BinaryIO, _Part(self._stream, start, length, lambda n: self._tell(start, length, n)))

        self._sent = start
        return self._session.ask(
            method, target, action=self._action, scopes=self._scopes, ok=frozenset(ok), headers=headers or {},
            body=body, again=again,
        )  # fmt: skip

    def _tell(self, start: int, length: int, amount: int) -> None:
        """Bytes are told once, however often they are sent."""
        self._sent = min(self._sent + amount, start + length)
        if self._sent > self._shown:
            self._progress(self._sent - self._shown)
            self._shown = self._sent

    def _location(self, reply: Reply, before: str = "") -> str:
        location = reply.headers.get("location", "")
        if not location and not before:
            raise EnvironmentFault(f"{self._action}: the registry names no place to send to", at=self._session.host)
        return urljoin(reply.url, location or before)


def _received(reply: Reply, otherwise: int) -> int:
    """The bytes that the registry has, by its Range header; some say 0-0 where they have none."""
    found = _RANGE.fullmatch(reply.headers.get("range", "").strip())
    if found is None:
        return otherwise
    return int(found[1]) + 1 if found[1] != "0" else 0
