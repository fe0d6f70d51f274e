"""Where a lock's files are served to this machine now, by sha256; URLs without logins and tokens."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from envbuild.lockfile import Artifact, ArtifactKind, Lock
from envbuild.matchspec.channel import without_logins
from envbuild.workspace.adapters import Adapters

__all__ = ["channel_places", "conda_urls", "wheel_urls"]

_AT_ONCE = 8


def wheel_urls(adapters: Adapters, lock: Lock) -> dict[str, str]:
    """Of a lock's wheels. Direct references have their own, and what its index has not is not there."""
    urls: dict[str, str] = {}
    for artifact in lock.of_kind(ArtifactKind.WHEEL):
        project = None if artifact.url else adapters.index.project(artifact.source, artifact.name)
        found = (f for f in (project.files if project else ()) if f.sha256 == artifact.sha256)
        urls |= {file.sha256: without_logins(file.url)[0] for file in found}
    return urls


def conda_urls(adapters: Adapters, packages: Sequence[Artifact]) -> dict[str, str]:
    """Of conda packages. Nothing is asked, but where a channel stands at several places: there the first that has the file."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        urls = pool.map(lambda package: _url(adapters, package), packages)
        return {a.sha256: without_logins(url)[0] for a, url in zip(packages, urls, strict=True)}


def channel_places(adapters: Adapters, channel: str) -> tuple[str, ...]:
    """All places of a channel, the first goes first."""
    return tuple(dict.fromkeys(without_logins(url)[0] for url in adapters.channels.urls(channel)))


def _url(adapters: Adapters, package: Artifact) -> str:
    if package.url:
        return package.url
    channel, _, subdir = package.source.rpartition("/")
    first, *more = channel_places(adapters, channel)
    client = adapters.channels
    found = (url for url in client.file_urls(package) if client.http.size(url) is not None) if more else iter(())
    return next(found, f"{first}/{subdir}/{package.file}")
