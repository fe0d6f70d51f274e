"""An image brought to a repository: what is there is not sent, the rest at once, the manifest last."""

from collections.abc import Callable, Sequence
from functools import partial
from io import BytesIO
from typing import BinaryIO

from envbuild.digest import Digest
from envbuild.errors import EnvironmentFault
from envbuild.oci import MANIFEST_TYPE, Image
from envbuild.ports import OpensBlobs
from envbuild.registry.client import BlobUnknown, Pushed, Repository
from envbuild.registry.pushes import Memory, Push, PushCount, blobs_of
from envbuild.registry.together import Tell, together

__all__ = ["push_image"]

_SOURCES = 3
"""Repositories that a mount is tried from."""


def push_image(
    image: Image,
    repository: Repository,
    tags: Sequence[str],
    blobs: OpensBlobs,
    memory: Memory,
    progress: Callable[[int], object],
) -> PushCount:
    """Bring an image to a repository under these tags. When this returns, the registry has confirmed all of it."""
    host, path = repository.host, repository.path
    if memory.knows(host, path, image.digest) and _is_there(image, repository, tags):
        progress(image.size)
        return PushCount(existed=len(blobs_of(image)))
    pushes = memory.pushes(host)
    known = _confirmed(image, repository, [p for p in pushes if p.repository == path])
    sources = {digest: _sources(digest, path, pushes) for digest, _ in blobs_of(image)}
    count = _send(image, repository, blobs, known, sources, progress)
    try:
        _tag(image, repository, tags)
    except BlobUnknown:
        # The registry collected what we thought it had: now each blob is asked for.
        count += _send(image, repository, blobs, frozenset(), {}, lambda _: None)
        _tag(image, repository, tags)
    memory.put(host, path, image)
    return count


def _is_there(image: Image, repository: Repository, tags: Sequence[str]) -> bool:
    """Whether every tag means this very image already."""
    found = [repository.head_manifest(tag) for tag in tags]
    return all(d is not None and d.digest == image.digest for d in found)


def _confirmed(image: Image, repository: Repository, pushes: Sequence[Push]) -> frozenset[str]:
    """Blobs that need no question: a manifest that is there has all of its own."""
    own = {str(d) for d, _ in blobs_of(image)}
    nearest = max(pushes, key=lambda p: len(p.blobs & own), default=None)
    if nearest is None or not nearest.blobs & own or repository.head_manifest(str(nearest.manifest)) is None:
        return frozenset()
    return nearest.blobs


def _sources(digest: Digest, path: str, pushes: Sequence[Push]) -> list[str]:
    """Other repositories of the registry that had a blob."""
    names = dict.fromkeys(p.repository for p in pushes if p.repository != path and str(digest) in p.blobs)
    return list(names)[:_SOURCES]


def _send(
    image: Image,
    repository: Repository,
    blobs: OpensBlobs,
    known: frozenset[str],
    sources: dict[Digest, list[str]],
    progress: Callable[[int], object],
) -> PushCount:
    """All blobs, the largest first, several at once."""

    def bring(blob: tuple[Digest, int], tell: Tell) -> Pushed:
        digest, size = blob
        if str(digest) in known:
            tell(size)
            return Pushed.EXISTED
        opened = partial(_opened, blobs, image, digest)
        how = repository.push_blob(digest, size, opened, mount_from=sources.get(digest, ()), progress=tell)
        if how is not Pushed.SENT:
            tell(size)
        return how

    wanted = sorted(blobs_of(image), key=lambda blob: -blob[1])
    how = together(bring, wanted, progress)
    sent = [size for (_, size), way in zip(wanted, how, strict=True) if way is Pushed.SENT]
    return PushCount(
        existed=how.count(Pushed.EXISTED), mounted=how.count(Pushed.MOUNTED), sent=len(sent), sent_bytes=sum(sent)
    )


def _tag(image: Image, repository: Repository, tags: Sequence[str]) -> None:
    for tag in tags:
        try:
            repository.put_manifest(tag, image.manifest, MANIFEST_TYPE)
        except BlobUnknown:
            raise
        except EnvironmentFault as fault:
            # A tag that may not be changed, and need not be.
            there = repository.head_manifest(tag) if "changed" in fault.hint else None
            if there is None or there.digest != image.digest:
                raise


def _opened(blobs: OpensBlobs, image: Image, digest: Digest) -> BinaryIO:
    return BytesIO(image.config) if digest == image.config_digest else blobs.open(digest)
