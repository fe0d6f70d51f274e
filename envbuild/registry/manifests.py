"""Manifests as they travel: raw bytes, whose digest is computed and compared ("Pulling manifests", "Pushing manifests")."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from envbuild.digest import Digest
from envbuild.errors import EnvironmentFault, IntegrityError
from envbuild.oci import INDEX_TYPE, MANIFEST_TYPE, Descriptor
from envbuild.registry.faults import is_absence, not_a_registry
from envbuild.registry.session import Reply, Session

__all__ = ["ACCEPTED", "Manifest", "Manifests"]

_DOCKER = "application/vnd.docker.distribution.manifest"
ACCEPTED = (MANIFEST_TYPE, INDEX_TYPE, f"{_DOCKER}.v2+json", f"{_DOCKER}.list.v2+json")
_OLD = (f"{_DOCKER}.v1+json", f"{_DOCKER}.v1+prettyjws")


@dataclass(frozen=True, slots=True)
class Manifest:
    """The exact bytes of a manifest or index, and its media type."""

    raw: bytes
    media_type: str

    @property
    def digest(self) -> Digest:
        """Of the raw bytes."""
        return Digest.of(self.raw)

    @property
    def descriptor(self) -> Descriptor:
        """As another manifest names it."""
        return Descriptor(self.media_type, self.digest, len(self.raw))

    @property
    def document(self) -> dict[str, Any]:
        """What it says."""
        found: dict[str, Any] = json.loads(self.raw)
        return found


class Manifests:
    """The manifests of one repository, by tag or digest."""

    def __init__(self, session: Session, repository: str) -> None:
        self._session, self._repository = session, repository
        self._pull = frozenset({f"repository:{repository}:pull"})
        self._push = frozenset({f"repository:{repository}:pull,push"})

    def get(self, reference: str) -> Manifest | None:
        """The manifest, verified; None where the registry says that there is none. IntegrityError for other bytes."""
        action = f"pulling {self._shown(reference)}"
        headers = {"Accept": ", ".join(ACCEPTED), "Accept-Encoding": "identity"}
        reply = self._session.ask(
            "GET", self._path(reference), action=action, scopes=self._pull, ok=frozenset({200, 404}), headers=headers
        )
        if reply.status == 404:
            if not is_absence(reply.body):
                raise not_a_registry(self._session.host, action, reply.headers)
            return None
        return self._checked(reply, reference, action)

    def head(self, reference: str) -> Descriptor | None:
        """What a manifest is, without its bytes; None where there is none."""
        self._session.check()
        action = f"asking for {self._shown(reference)}"
        headers = {"Accept": ", ".join(ACCEPTED)}
        reply = self._session.ask(
            "HEAD", self._path(reference), action=action, scopes=self._pull, ok=frozenset({200, 404}), headers=headers
        )
        if "html" in reply.headers.get("content-type", ""):
            raise not_a_registry(self._session.host, action, reply.headers)
        if reply.status == 404:
            return None
        kind = _plain_type(reply.headers)
        try:
            if kind not in ACCEPTED:
                raise KeyError(kind)
            digest = Digest.parse(reply.headers["docker-content-digest"])
            size = int(reply.headers["content-length"])
        except (KeyError, ValueError):
            # None of these headers is owed: then the manifest itself tells.
            found = self.get(reference)
            return found.descriptor if found else None
        if reference.startswith("sha256:") and reference != str(digest):
            raise IntegrityError(f"{action}: the registry has {digest} there", at=self._session.host, hint=_DAMAGED)
        return Descriptor(kind, digest, size)

    def put(self, reference: str, raw: bytes, media_type: str) -> Mapping[str, str]:
        """The answer's headers. BlobUnknown where the registry lacks a blob of it; IntegrityError where it keeps others."""
        action, digest = f"pushing {self._shown(reference)}", Digest.of(raw)
        headers = {"Content-Type": media_type, "Content-Length": str(len(raw))}
        reply = self._session.ask(
            "PUT", self._path(reference), action=action, scopes=self._push, ok=frozenset({201}), headers=headers,
            body=lambda: raw,
        )  # fmt: skip
        told = reply.headers.get("docker-content-digest") or self._told(reference)
        if told != str(digest):
            raise IntegrityError(f"{action}: the registry keeps {told[:80]}, not {digest}", at=self._session.host)
        return reply.headers

    def _told(self, reference: str) -> str:
        """What the registry has under a name, asked anew."""
        found = self.head(reference)
        return str(found.digest) if found else "nothing"

    def delete(self, digest: Digest) -> bool:
        """Whether it was there. EnvironmentFault where the registry allows no deleting."""
        action = f"deleting {self._shown(str(digest))}"
        reply = self._session.ask(
            "DELETE", self._path(str(digest)), action=action,
            scopes=frozenset({f"repository:{self._repository}:delete,pull,push"}), ok=frozenset({200, 202, 404}),
        )  # fmt: skip
        if reply.status == 404 and not is_absence(reply.body):
            raise not_a_registry(self._session.host, action, reply.headers)
        return reply.status != 404

    def _checked(self, reply: Reply, reference: str, action: str) -> Manifest:
        host, kind = self._session.host, _plain_type(reply.headers)
        digest = Digest.of(reply.body)
        expected = reference if reference.startswith("sha256:") else reply.headers.get("docker-content-digest", "")
        if reference.startswith("sha256:") and expected != str(digest):
            raise IntegrityError(f"{action}: these bytes are {digest}", at=host, hint=_DAMAGED)
        if "html" in kind:
            raise not_a_registry(host, action, reply.headers)
        try:
            document = json.loads(reply.body, object_pairs_hook=_no_duplicates)
            named = document.get("mediaType", kind)
        except (ValueError, AttributeError, RecursionError) as error:
            raise IntegrityError(f"{action}: no manifest: {str(error)[:100]}", at=host, hint=_DAMAGED) from error
        if kind in _OLD or document.get("schemaVersion") == 1:
            raise EnvironmentFault(
                f"{action}: a manifest of schema 1", at=host, hint="push the image anew: it is too old"
            )
        if named != kind and kind in ACCEPTED:
            raise IntegrityError(f"{action}: sent as {kind}, and says it is {str(named)[:100]}", at=host, hint=_DAMAGED)
        if expected and expected != str(digest):
            raise IntegrityError(f"{action}: these bytes are {digest}, told as {expected[:80]}", at=host, hint=_DAMAGED)
        if isinstance(document.get("manifests"), list) == isinstance(document.get("config"), dict) or (
            "manifests" in document and "layers" in document
        ):
            raise IntegrityError(f"{action}: neither a manifest nor an index, or both", at=host, hint=_DAMAGED)
        if named not in ACCEPTED:
            raise EnvironmentFault(f"{action}: of a kind that is not known: {str(named)[:100]}", at=host)
        return Manifest(reply.body, str(named))

    def _path(self, reference: str) -> str:
        return f"/v2/{self._repository}/manifests/{reference}"

    def _shown(self, reference: str) -> str:
        return f"{self._repository}{'@' if ':' in reference else ':'}{reference}"


_DAMAGED = "the registry's storage is damaged, or something stands between"


def _plain_type(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip()


def _no_duplicates(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("the same name twice")
    return found
