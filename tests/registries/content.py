"""What a registry of the distribution specification 1.1 does: requests in, answers out, all in memory, no sockets.

It is strict where clients are often wrong: chunks in order (416), digests checked, a manifest's blobs must be there.
"""

import hashlib
import json
import re
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

__all__ = ["Answer", "Ask", "Content", "digest_of", "error"]

_NAME = r"(?P<name>[a-z0-9][a-z0-9._/-]*?)"
_ROUTES = (
    ("check", re.compile(r"/v2/")),
    ("upload", re.compile(rf"/v2/{_NAME}/blobs/uploads/(?P<rest>[^/]*)")),
    ("blob", re.compile(rf"/v2/{_NAME}/blobs/(?P<rest>[^/]+)")),
    ("manifest", re.compile(rf"/v2/{_NAME}/manifests/(?P<rest>[^/]+)")),
    ("tags", re.compile(rf"/v2/{_NAME}/tags/list(?P<rest>)")),
    ("referrers", re.compile(rf"/v2/{_NAME}/referrers/(?P<rest>[^/]+)")),
)
_INDEX = "application/vnd.oci.image.index.v1+json"
_LARGEST_MANIFEST = 4 << 20


@dataclass(frozen=True, slots=True)
class Ask:
    """A request: `path` without its query; header names in lower case; `complete`: the body came to its end."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers and body; for HEAD the body is left out when it is sent."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(slots=True)
class _Repository:
    blobs: set[str] = field(default_factory=set)
    manifests: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


def digest_of(data: bytes) -> str:
    """`sha256:<hex>` of these bytes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def error(status: int, code: str, message: str = "", headers: Mapping[str, str] | None = None) -> Answer:
    """A refusal in the specification's form ("Error Codes")."""
    body = json.dumps({"errors": [{"code": code, "message": message or code.lower().replace("_", " ")}]}).encode()
    return Answer(status, {"Content-Type": "application/json", **(headers or {})}, body)


class Content:
    """All repositories of one registry; safe for threads."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.repositories: dict[str, _Repository] = {}
        self.uploads: dict[str, bytearray] = {}
        self.referrers_api = True
        self.page = 100
        self.chunk_min_length = 0
        self.location_query = ""
        """Put behind the address of an upload, as registries do that keep their state there."""
        self._lock = threading.Lock()

    def put_blob(self, name: str, data: bytes) -> str:
        """Place a blob, as if it had been pushed; its digest."""
        digest = digest_of(data)
        self.blobs[digest] = data
        self._repository(name).blobs.add(digest)
        return digest

    def put_manifest(self, name: str, tag: str, raw: bytes, kind: str) -> str:
        """Place a manifest with a tag; its digest."""
        digest = digest_of(raw)
        repository = self._repository(name)
        repository.manifests[digest] = (raw, kind)
        if tag:
            repository.tags[tag] = digest
        return digest

    def handle(self, ask: Ask) -> Answer:
        """The right answer."""
        with self._lock:
            for kind, pattern in _ROUTES:
                if found := pattern.fullmatch(ask.path):
                    if kind == "check":
                        return Answer(200, {"Content-Type": "application/json"}, b"{}")
                    answer: Answer = getattr(self, f"_{kind}")(ask, found["name"], found["rest"])
                    return answer
        return error(404, "NAME_UNKNOWN")

    def _repository(self, name: str) -> _Repository:
        return self.repositories.setdefault(name, _Repository())

    def _blob(self, ask: Ask, name: str, digest: str) -> Answer:
        here = self._repository(name).blobs
        if digest not in here:
            return error(404, "BLOB_UNKNOWN")
        if ask.method == "DELETE":
            here.discard(digest)
            return Answer(202)
        if ask.method not in ("GET", "HEAD"):
            return error(405, "UNSUPPORTED")
        data = self.blobs[digest]
        headers = {
            "Docker-Content-Digest": digest,
            "Content-Type": "application/octet-stream",
            "Accept-Ranges": "bytes",
        }
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", ask.headers.get("range", ""))
        if not wanted:
            return Answer(200, headers, data)
        first, last = int(wanted[1]), min(int(wanted[2] or len(data)), len(data) - 1)
        if first >= len(data):
            return Answer(416, {"Content-Range": f"bytes */{len(data)}"})
        return Answer(206, {**headers, "Content-Range": f"bytes {first}-{last}/{len(data)}"}, data[first : last + 1])

    def _upload(self, ask: Ask, name: str, session: str) -> Answer:
        if not session:
            return self._begin(ask, name) if ask.method == "POST" else error(405, "UNSUPPORTED")
        if session not in self.uploads:
            return error(404, "BLOB_UPLOAD_UNKNOWN")
        if ask.method == "GET":
            return Answer(204, self._place(name, session))
        if ask.method == "DELETE":
            del self.uploads[session]
            return Answer(204)
        data = self.uploads[session]
        wanted = re.fullmatch(r"(\d+)-(\d+)", ask.headers.get("content-range", ""))
        if wanted and int(wanted[1]) != len(data):
            return Answer(416, self._place(name, session))
        data += ask.body
        if not ask.complete:
            return Answer(0)
        if wanted and int(wanted[2]) - int(wanted[1]) + 1 != len(ask.body):
            return error(400, "SIZE_INVALID")
        if ask.method == "PATCH":
            return Answer(202, self._place(name, session))
        return self._finish(name, session, ask.query.get("digest", ""))

    def _begin(self, ask: Ask, name: str) -> Answer:
        source, wanted = ask.query.get("from", ""), ask.query.get("mount", "")
        if wanted and wanted in self._repository(source).blobs:
            self._repository(name).blobs.add(wanted)
            return self._created(name, wanted)
        session = secrets.token_hex(8)
        self.uploads[session] = bytearray(ask.body)
        if "digest" in ask.query:
            return self._finish(name, session, ask.query["digest"])
        least = {"OCI-Chunk-Min-Length": str(self.chunk_min_length)} if self.chunk_min_length else {}
        return Answer(202, {**self._place(name, session), **least})

    def _place(self, name: str, session: str) -> dict[str, str]:
        size = len(self.uploads[session])
        extra = f"?{self.location_query}" if self.location_query else ""
        return {"Location": f"/v2/{name}/blobs/uploads/{session}{extra}", "Range": f"0-{max(0, size - 1)}"}

    def _finish(self, name: str, session: str, digest: str) -> Answer:
        data = bytes(self.uploads.pop(session))
        if digest != digest_of(data):
            return error(400, "DIGEST_INVALID")
        self.put_blob(name, data)
        return self._created(name, digest)

    def _created(self, name: str, digest: str) -> Answer:
        return Answer(201, {"Location": f"/v2/{name}/blobs/{digest}", "Docker-Content-Digest": digest})

    def _manifest(self, ask: Ask, name: str, reference: str) -> Answer:
        repository = self._repository(name)
        if ask.method == "PUT":
            return self._put_manifest(ask, name, reference)
        digest = repository.tags.get(reference, reference)
        if digest not in repository.manifests:
            return error(404, "MANIFEST_UNKNOWN")
        if ask.method == "DELETE":
            del repository.manifests[digest]
            repository.tags = {tag: of for tag, of in repository.tags.items() if of != digest}
            return Answer(202)
        raw, kind = repository.manifests[digest]
        return Answer(200, {"Content-Type": kind, "Docker-Content-Digest": digest}, raw)

    def _put_manifest(self, ask: Ask, name: str, reference: str) -> Answer:
        repository = self._repository(name)
        if not ask.complete:
            return Answer(0)
        if len(ask.body) > _LARGEST_MANIFEST:
            return error(413, "SIZE_INVALID")
        try:
            parsed: dict[str, Any] = json.loads(ask.body)
        except ValueError:
            return error(400, "MANIFEST_INVALID")
        digest = digest_of(ask.body)
        if reference.startswith("sha256:") and reference != digest:
            return error(400, "DIGEST_INVALID")
        needed = [entry["digest"] for entry in (parsed.get("config"), *parsed.get("layers", ())) if entry]
        if any(one not in repository.blobs for one in needed):
            return error(400, "MANIFEST_BLOB_UNKNOWN")
        if any(entry["digest"] not in repository.manifests for entry in parsed.get("manifests", ())):
            return error(400, "MANIFEST_BLOB_UNKNOWN", "manifest unknown")
        kind = ask.headers.get("content-type", "")
        self.put_manifest(name, "" if reference.startswith("sha256:") else reference, ask.body, kind)
        subject = parsed.get("subject")
        told = {"OCI-Subject": subject["digest"]} if subject and self.referrers_api else {}
        return Answer(201, {"Location": f"/v2/{name}/manifests/{digest}", "Docker-Content-Digest": digest, **told})

    def _tags(self, ask: Ask, name: str, _: str) -> Answer:
        if name not in self.repositories:
            return error(404, "NAME_UNKNOWN")
        last = ask.query.get("last", "")
        names = sorted(tag for tag in self.repositories[name].tags if tag > last)
        size = int(ask.query.get("n", self.page))
        size = min(size, self.page)
        headers = {"Content-Type": "application/json"}
        if len(names) > size:
            address = f"/v2/{name}/tags/list?n={size}&last={quote(names[size - 1])}"
            headers["Link"] = f'<{address}>; rel="next"'
        return Answer(200, headers, json.dumps({"name": name, "tags": names[:size]}).encode())

    def _referrers(self, ask: Ask, name: str, digest: str) -> Answer:
        if not self.referrers_api:
            return error(404, "NOT_FOUND")
        found = []
        for own, (raw, kind) in self._repository(name).manifests.items():
            parsed = json.loads(raw)
            if (parsed.get("subject") or {}).get("digest") == digest:
                artifact = parsed.get("artifactType") or (parsed.get("config") or {}).get("mediaType", "")
                found.append({"mediaType": kind, "digest": own, "size": len(raw), "artifactType": artifact})
        headers = {"Content-Type": _INDEX}
        if wanted := ask.query.get("artifactType", ""):
            found = [entry for entry in found if entry["artifactType"] == wanted]
            headers["OCI-Filters-Applied"] = "artifactType"
        index = {"schemaVersion": 2, "mediaType": _INDEX, "manifests": found}
        return Answer(200, headers, json.dumps(index).encode())
