"""`CondaExport`: locks with conda packages as conda-lock.yml, pixi.lock or conda's explicit file."""

from collections.abc import Sequence

from envbuild.errors import EnvironmentFault, UsageError
from envbuild.formats.lockfiles.exportedlock import ExportedLock
from envbuild.lockfile import Artifact, ArtifactKind, Lock
from envbuild.matchspec.channel import channel, without_logins
from envbuild.normalize.accelerators import torch_index_url
from envbuild.ports import Reporter
from envbuild.workspace.adapters import Adapters
from envbuild.workspace.fileplaces import channel_places, conda_urls, wheel_urls

__all__ = ["CondaExport"]


class CondaExport:
    """Says of a lock's packages what the lock does not: where they are here, and what their own metadata says.

    That stands in the packages, so they are fetched and made layers where they were not, as a build does it.
    """

    def __init__(self, adapters: Adapters, channels: Sequence[str], report: Reporter) -> None:
        """`channels`: the definition's, in its order; nothing where there is a lock alone."""
        self._adapters, self._asked, self._report = adapters, channels, report

    def text(self, form: str, locks: Sequence[tuple[Lock, int]]) -> str:
        """`conda-lock`, `pixi` or `explicit` (the first lock alone); each lock with its layout.

        UsageError where a lock has no conda packages; EnvironmentFault where a package has no address.
        """
        found = [self._exported(lock, layout) for lock, layout in locks]
        if form == "explicit":
            from envbuild.formats.lockfiles.condaexplicit import conda_explicit

            return conda_explicit(found[0])
        names = self._channels(found)
        if form == "pixi":
            from envbuild.formats.lockfiles.pixilock import pixi_lock

            return pixi_lock(found, self._places(names, found))
        from envbuild.formats.lockfiles.condalockyml import conda_lock_yml

        return conda_lock_yml(found, names)

    def _exported(self, lock: Lock, layout: int) -> ExportedLock:
        if not lock.has_conda:
            what = f"the lock for {lock.platform} has no conda packages, and this format is for locks that have"
            raise UsageError(what, at="--format", hint="--format pylock or requirements has its PyPI packages")
        conda, wheels = lock.of_kind(ArtifactKind.CONDA), lock.of_kind(ArtifactKind.WHEEL)
        urls = conda_urls(self._adapters, conda) | self._of_wheels(lock, wheels)
        segments = self._adapters.assembler.segments(lock, (*conda, *wheels), layout, self._report)
        return ExportedLock(
            lock=lock,
            urls=urls,
            facts={sha256: segment.table.facts for sha256, segment in segments.items()},
            indexes={name: self._index(name) for name in sorted({a.source for a in wheels if not a.url})},
        )

    def _channels(self, locks: Sequence[ExportedLock]) -> list[str]:
        """The definition's in its order, then others that packages are from."""
        used = {a.source.rpartition("/")[0] for lock in locks for a in lock.conda}
        return list(dict.fromkeys((*(channel(text).name for text in self._asked), *sorted(used))))

    def _places(self, names: Sequence[str], locks: Sequence[ExportedLock]) -> list[str]:
        """The URLs of channels, in their order. Of mirrors only what packages are from."""
        used = {lock.urls[a.sha256].rsplit("/", 2)[0]: None for lock in locks for a in lock.conda}
        found: dict[str, None] = {}
        for name in names:
            places = channel_places(self._adapters, name)
            # A channel that gave nothing still has its place in the order.
            found |= dict.fromkeys([url for url in places if url in used] or places[:1])
        return list(found | used)

    def _of_wheels(self, lock: Lock, wheels: Sequence[Artifact]) -> dict[str, str]:
        urls = wheel_urls(self._adapters, lock) | {a.sha256: without_logins(a.url)[0] for a in wheels if a.url}
        for wheel in wheels:
            if wheel.sha256 not in urls:
                what = f"{wheel.file} is not at its index {wheel.source} now, and this format names each file's address"
                raise EnvironmentFault(what, hint=f"lock a version that is there: envbuild lock SPEC -P {wheel.name}")
        return urls

    def _index(self, name: str) -> str:
        return without_logins(self._adapters.index_urls.get(name) or torch_index_url(name) or "")[0]
