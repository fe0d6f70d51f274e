"""Downloads of blobs: verified, and resumed where they were cut ("Pulling blobs")."""

import hashlib
from collections.abc import Callable

from envbuild.digest import Digest
from envbuild.errors import EnvironmentFault, IntegrityError
from envbuild.http.client import Answer
from envbuild.http.faults import Passing
from envbuild.http.patience import HEADWAY, TRIES
from envbuild.registry.faults import is_absence, not_a_registry
from envbuild.registry.session import Session

__all__ = ["Download"]

_LARGEST = 1 << 16


class Download:
    """Brings one blob from one repository. What `write` was given is the blob only when `run` returns.

    No If-Range: the digest says at the end whether all parts were of one blob.
    """

    def __init__(
        self,
        session: Session,
        repository: str,
        digest: Digest,
        size: int,
        write: Callable[[bytes], object],
        progress: Callable[[int], object],
    ) -> None:
        self._session, self._repository = session, repository
        self._digest, self._size, self._write, self._progress = digest, size, write, progress
        self._hash, self._received = hashlib.sha256(), 0
        self._action = f"pulling from {repository}"

    def run(self) -> None:
        """KeyError for a blob that is not there; IntegrityError for other bytes than its digest names."""
        patience = self._session.patience()
        while self._received < self._size or not self._received:
            before = self._received
            try:
                self._attempt()
                break
            except Passing as passing:
                if self._received - before >= HEADWAY:
                    patience.renew()
                patience.wait(passing)
        found = Digest(self._hash.hexdigest())
        if self._received != self._size or found != self._digest:
            raise self._wrong(f"{self._received} bytes that are {found}")

    def _attempt(self) -> None:
        headers = {"Accept-Encoding": "identity"}
        if self._received:
            headers["Range"] = f"bytes={self._received}-"
        with self._session.stream(
            "GET",
            f"/v2/{self._repository}/blobs/{self._digest}",
            action=self._action,
            scopes=frozenset({f"repository:{self._repository}:pull"}),
            ok=frozenset({200, 206, 404, 416} if self._received else {200, 206, 404}),
            headers=headers,
        ) as answer:
            if answer.status == 404:
                self._absent(answer)
            if answer.status == 416:
                raise self._wrong(f"no more than {self._received} bytes")
            skip = self._received - self._start(answer)
            self._read(answer, skip)

    def _absent(self, answer: Answer) -> None:
        """KeyError where the registry itself says so; else the fault that it is."""
        if self._session.own(answer.url) and is_absence(answer.read(_LARGEST)):
            raise KeyError(str(self._digest))
        raise not_a_registry(self._session.host, self._action, answer.headers)

    def _start(self, answer: Answer) -> int:
        """The offset of the answer's first byte."""
        if "html" in answer.headers.get("content-type", ""):
            raise not_a_registry(self._session.host, self._action, answer.headers)
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise self._wrong("them in another encoding than they have")
        if answer.status == 200:
            length = answer.headers.get("content-length", "")
            if length.isdigit() and int(length) != self._size:
                raise self._wrong(f"{length} bytes")
            return 0
        first, _, total = answer.headers.get("content-range", "").removeprefix("bytes ").partition("/")
        start = first.partition("-")[0]
        if not start.isdigit() or int(start) > self._received or (total.isdigit() and int(total) != self._size):
            raise self._wrong(f"another part than was asked for ({first}/{total})")
        return int(start)

    def _read(self, answer: Answer, skip: int) -> None:
        for chunk in answer.chunks():
            fresh = chunk[skip:]
            skip -= min(skip, len(chunk))
            self._received += len(fresh)
            if self._received > self._size:
                raise self._wrong(f"more than {self._size} bytes")
            self._hash.update(fresh)
            self._write(fresh)
            self._progress(len(fresh))
        if self._received < self._size:
            raise Passing(
                EnvironmentFault(f"{self._action}: the answer ends too early", at=self._session.host, hint="try again"),
                tries=TRIES,
            )

    def _wrong(self, gave: str) -> IntegrityError:
        return IntegrityError(
            f"{self._action}: the registry gave {gave} for the blob {self._digest} of {self._size} bytes",
            at=self._session.host,
            hint="nothing of it was kept; the registry's storage is damaged, or something stands between",
        )
