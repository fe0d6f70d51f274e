"""`Registry` and `Repository`: the OCI distribution specification 1.1 from the client's side."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

from envbuild.digest import Digest
from envbuild.errors import EnvironmentFault, IntegrityError
from envbuild.http.client import Http
from envbuild.oci import Descriptor
from envbuild.registry.auth import Login
from envbuild.registry.downloads import Download
from envbuild.registry.faults import BlobUnknown, is_absence, not_a_registry
from envbuild.registry.manifests import Manifest, Manifests
from envbuild.registry.referrers import Referrers
from envbuild.registry.session import Session
from envbuild.registry.uploads import Pushed, Upload

__all__ = ["BlobUnknown", "Login", "Manifest", "Pushed", "Registry", "Repository"]

_PAGES = 10_000


def _silent(_: int) -> None:
    """Nobody watches."""


class Registry:
    """One registry, `host` or `host:port`; safe for threads. `login` is called once, when the registry asks for one."""

    def __init__(
        self, host: str, http: Http, login: Callable[[], Login | None] = lambda: None, *, plain: bool = False
    ) -> None:
        """`plain`: by http. A registry on this machine is asked in the way that it answers."""
        self.host = host
        self._session = Session(host, http, login, plain=plain)

    def repository(self, path: str) -> "Repository":
        """A repository of it, there or not."""
        return Repository(self.host, path, self._session)


class Repository:
    """A repository: blobs by digest, manifests by tag or digest.

    Everything that is received is verified. Absent is only what the registry itself calls so: any failure is an
    EnvironmentFault with the host and what to do; other bytes than were asked for are an IntegrityError.
    """

    def __init__(self, host: str, path: str, session: Session) -> None:
        self.host, self.path, self.name = host, path, f"{host}/{path}"
        self._session = session
        self._manifests = Manifests(session, path)
        self._referrers = Referrers(session, path, self._manifests)

    # Blobs.

    def blob_size(self, digest: Digest) -> int | None:
        """A blob's size in bytes; None where the registry does not have it here; 0 where it does not say."""
        self._session.check()
        action = f"asking for a blob of {self.path}"
        reply = self._session.ask(
            "HEAD", f"/v2/{self.path}/blobs/{digest}", action=action, ok=frozenset({200, 404}),
            scopes=frozenset({f"repository:{self.path}:pull,push"}),
        )  # fmt: skip
        if "html" in reply.headers.get("content-type", ""):
            raise not_a_registry(self.host, action, reply.headers)
        if reply.status == 404:
            if not self._session.own(reply.url):
                raise self._lost(action)
            return None
        length = reply.headers.get("content-length", "")
        return int(length) if length.isdigit() else 0

    def _lost(self, action: str) -> EnvironmentFault:
        return EnvironmentFault(
            f"{action}: the registry's own storage does not have it", at=self.host,
            hint="try again later, or ask whoever runs the registry",
        )  # fmt: skip

    def push_blob(
        self,
        digest: Digest,
        size: int,
        opened: Callable[[], BinaryIO],
        *,
        mount_from: Sequence[str] = (),
        known_missing: bool = False,
        progress: Callable[[int], object] = _silent,
    ) -> Pushed:
        """Bring a blob here: it is there, or mounted from another repository of this registry, or sent.

        `opened` opens its bytes, checked. `known_missing` saves the question. `progress` gets each byte once.
        """
        self._session.check()
        if not known_missing:
            there = self.blob_size(digest)
            if there not in (None, 0, size):
                raise IntegrityError(
                    f"the registry has {there} bytes for the blob {digest} of {size} bytes", at=self.host,
                    hint="its storage is damaged: ask whoever runs the registry",
                )  # fmt: skip
            if there is not None:
                return Pushed.EXISTED
        with opened() as stream:
            return Upload(self._session, self.path, digest, size, stream, progress).run(mount_from)

    def pull_blob(
        self, digest: Digest, size: int, write: Callable[[bytes], object], progress: Callable[[int], object] = _silent
    ) -> None:
        """The blob in pieces; it is verified when this returns, and not before. KeyError where it is not here."""
        Download(self._session, self.path, digest, size, write, progress).run()

    # Manifests.

    def manifest(self, reference: str) -> Manifest | None:
        """The manifest of a tag or digest, or None."""
        return self._manifests.get(reference)

    def head_manifest(self, reference: str) -> Descriptor | None:
        """What the manifest of a tag or digest is, or None."""
        return self._manifests.head(reference)

    def put_manifest(self, reference: str, raw: bytes, media_type: str) -> Digest:
        """Keep these very bytes under a tag or their digest. BlobUnknown where a blob of it is not here."""
        self._manifests.put(reference, raw, media_type)
        return Digest.of(raw)

    def delete_manifest(self, digest: Digest) -> bool:
        """Take a manifest away, with every tag on it; whether it was there."""
        return self._manifests.delete(digest)

    def tags(self) -> Iterator[str]:
        """All tags, page after page."""
        target, action = f"/v2/{self.path}/tags/list", f"listing the tags of {self.path}"
        scopes = frozenset({f"repository:{self.path}:pull"})
        for reply in self._session.pages(target, action=action, scopes=scopes, most=_PAGES):
            if reply.status == 404:
                if not is_absence(reply.body):
                    raise not_a_registry(self.host, action, reply.headers)
                return
            try:
                found: Any = json.loads(reply.body)
                names = [str(tag) for tag in found["tags"] or ()]
            except (ValueError, KeyError, TypeError, RecursionError):
                raise not_a_registry(self.host, action, reply.headers) from None
            yield from names

    # Referrers.

    def referrers(self, digest: Digest, artifact_type: str = "") -> tuple[Mapping[str, Any], ...]:
        """Descriptors of the manifests whose subject is this one."""
        return self._referrers.of(digest, artifact_type)

    def attach(self, raw: bytes, media_type: str, subject: Descriptor) -> Digest:
        """Push a manifest whose subject is another one, so that `referrers` finds it."""
        return self._referrers.attach(raw, media_type, subject)
