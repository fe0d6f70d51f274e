"""Where the bytes of an image are: a layout, envbuild's store, or a registry; each read without envbuild."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from .documents import INDEX, MANIFEST


class Place(Protocol):
    """Gives blobs and manifests by digest."""

    def open(self, digest: str) -> BinaryIO:
        """The bytes, not checked. KeyError where they are not there."""


def _opened(path: Path, digest: str) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise KeyError(digest) from None


class Layout:
    """A folder in OCI's image layout."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def file(self, name: str) -> bytes:
        """A file of the layout; b"null" where there is none."""
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return b"null"

    def digests(self) -> Iterator[str]:
        """What the blobs' names say that they are."""
        for path in sorted((self._folder / "blobs" / "sha256").iterdir()):
            yield f"sha256:{path.name}"

    def open(self, digest: str) -> BinaryIO:
        """A blob's bytes."""
        return _opened(self._folder / "blobs" / digest.replace(":", "/"), digest)


class Store:
    """A store of envbuild's: the folder that ENVBUILD_HOME names."""

    def __init__(self, home: Path) -> None:
        self._cache = home / "cache"

    def images(self) -> Iterator[dict[str, Any]]:
        """A descriptor for each image that is claimed."""
        for path in sorted((self._cache / "claims.v1" / "image").glob("*/*.json")):
            if path.name.endswith(".material.json"):
                continue
            digest = json.loads(path.read_bytes())["value"]["manifest"]
            try:
                size = self._path(digest).stat().st_size
            except FileNotFoundError:
                size = 0
            yield {"mediaType": MANIFEST, "digest": digest, "size": size}

    def open(self, digest: str) -> BinaryIO:
        """A blob's bytes."""
        return _opened(self._path(digest), digest)

    def _path(self, digest: str) -> Path:
        value = digest.removeprefix("sha256:")
        return self._cache / "blobs.v1" / value[:2] / value


class Registry:
    """A repository of a registry that asks for no login: `Registry("http://127.0.0.1:5000", "team/app")`."""

    def __init__(self, url: str, repository: str) -> None:
        self._base = f"{url}/v2/{repository}"

    def entry(self, reference: str) -> dict[str, Any]:
        """The descriptor of what a tag or digest names."""
        with self._get(f"manifests/{reference}") as answer:
            raw = answer.read()
            return {
                "mediaType": answer.headers["Content-Type"],
                "digest": answer.headers["Docker-Content-Digest"],
                "size": len(raw),
            }

    def open(self, digest: str) -> BinaryIO:
        """The bytes of a blob or manifest."""
        for kind in ("blobs", "manifests"):
            try:
                with self._get(f"{kind}/{digest}") as answer:
                    return io.BytesIO(answer.read())
            except HTTPError as error:
                if error.code != 404:
                    raise
        raise KeyError(digest)

    def _get(self, path: str) -> Any:
        return urlopen(Request(f"{self._base}/{path}", headers={"Accept": f"{MANIFEST}, {INDEX}"}), timeout=60)
