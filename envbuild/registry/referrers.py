"""Referrers: what points at a manifest, by the registry's own list or by the tag that stands in for it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from envbuild.canonical import encode
from envbuild.digest import Digest
from envbuild.errors import EnvironmentFault
from envbuild.oci import INDEX_TYPE, Descriptor
from envbuild.registry.faults import not_a_registry
from envbuild.registry.manifests import Manifests
from envbuild.registry.session import Session

__all__ = ["Referrers"]

_PAGES = 1000
_TRIES = 5


class Referrers:
    """Of the manifests of one repository ("Listing Referrers", "Pushing Manifests with Subject")."""

    def __init__(self, session: Session, repository: str, manifests: Manifests) -> None:
        self._session, self._repository, self._manifests = session, repository, manifests

    def of(self, subject: Digest, artifact_type: str = "") -> tuple[Mapping[str, Any], ...]:
        """Descriptors of all that points at `subject`, of one artifact type if one is given."""
        found = self._listed(subject, artifact_type)
        if found is None:
            found = self._tagged(subject)
        return tuple(d for d in found if not artifact_type or d.get("artifactType") == artifact_type)

    def attach(self, raw: bytes, media_type: str, subject: Descriptor) -> Digest:
        """Push a manifest that names `subject`, and see that it is found from there."""
        digest = Digest.of(raw)
        headers = self._manifests.put(str(digest), raw, media_type)
        if headers.get("oci-subject") != str(subject.digest):
            self._enter(_entry(raw, media_type), subject.digest)
        return digest

    def _listed(self, subject: Digest, artifact_type: str) -> list[Mapping[str, Any]] | None:
        """By the registry's own list; None where it has none."""
        query = f"?artifactType={quote(artifact_type, safe='')}" if artifact_type else ""
        target = f"/v2/{self._repository}/referrers/{subject}{query}"
        action = f"listing what belongs to {self._repository}@{subject}"
        scopes, headers = frozenset({f"repository:{self._repository}:pull"}), {"Accept": INDEX_TYPE}
        found: list[Mapping[str, Any]] = []
        for reply in self._session.pages(target, action=action, scopes=scopes, most=_PAGES, headers=headers):
            if reply.status == 404:
                if "html" in reply.headers.get("content-type", ""):
                    raise not_a_registry(self._session.host, action, reply.headers)
                return None
            found += _manifests_of(reply.body, self._session.host, action, reply.headers)
        return found

    def _tagged(self, subject: Digest) -> list[Mapping[str, Any]]:
        found = self._manifests.get(_tag(subject))
        if found is None:
            return []
        return _manifests_of(found.raw, self._session.host, "reading referrers", {})

    def _enter(self, entry: Mapping[str, Any], subject: Digest) -> None:
        """Into the index under the stand-in tag. Another may do the same at once, so what was written is read back."""
        for _ in range(_TRIES):
            there = self._tagged(subject)
            if any(d.get("digest") == entry["digest"] for d in there):
                return
            document: Any = {"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [*there, entry]}
            self._manifests.put(_tag(subject), encode(document), INDEX_TYPE)
        raise EnvironmentFault(
            f"the list of what belongs to {subject} is changed by others all the time", at=self._session.host,
            hint="try again",
        )  # fmt: skip


def _tag(subject: Digest) -> str:
    return f"sha256-{subject.hex}"


def _entry(raw: bytes, media_type: str) -> dict[str, Any]:
    document = json.loads(raw)
    entry: dict[str, Any] = dict(Descriptor(media_type, Digest.of(raw), len(raw)).to_json())
    kind = document.get("artifactType") or document.get("config", {}).get("mediaType")
    more = {"artifactType": kind, "annotations": document.get("annotations")}
    return entry | {name: value for name, value in more.items() if value}


def _manifests_of(body: bytes, host: str, action: str, headers: Mapping[str, str]) -> list[Mapping[str, Any]]:
    try:
        found = json.loads(body)["manifests"]
        return list(_described(found))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise not_a_registry(host, action, headers) from None


def _described(entries: Any) -> Iterator[Mapping[str, Any]]:
    for entry in entries:
        Digest.parse(entry["digest"])
        yield entry
