"""`CondaResolver`: a definition's conda packages become artifacts: by a solver, or as another tool's lock lists them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from envbuild.definition import Definition
from envbuild.errors import ResolveFailed
from envbuild.lockfile import Artifact, ArtifactKind
from envbuild.matchspec.channel import subdir_of
from envbuild.platforms import Platform
from envbuild.ports import Reporter
from envbuild.resolvers.conda.closure import is_file_stem
from envbuild.resolvers.conda.listed import listed, names_files
from envbuild.resolvers.conda.listing import Channels
from envbuild.resolvers.conda.request import CondaRecord, CondaRequest, CondaSolver
from envbuild.resolvers.conda.virtualpackages import virtual_packages

__all__ = ["CondaResolver"]

_SHA256 = re.compile(r"[0-9a-f]{64}")


class CondaResolver:
    """Resolves what a definition asks of conda's channels."""

    def __init__(self, solver: CondaSolver, channels: Channels[Any], notices: Sequence[str] = ()) -> None:
        """`notices`: what a user should know whenever channels are asked."""
        self._solver, self._channels, self._notices = solver, channels, notices

    def resolve(
        self, definition: Definition, platform: Platform, glibc: str, prefer: Mapping[str, str], report: Reporter
    ) -> tuple[Artifact, ...]:
        """The packages, sorted by name; `prefer` has the files to keep where they fit, by package.

        ResolveFailed: a channel or package is not there, nothing fits, or a package has no sha256. EnvironmentFault: a
        channel cannot be asked. IntegrityError: a package or an index is not what its hash says.
        """
        for notice in self._notices:
            report.notice(notice)
        subdir = subdir_of(platform)
        if definition.no_deps and names_files(definition.conda):
            records = listed(definition.conda, subdir, self._channels, report)
        else:
            request = CondaRequest(
                specs=definition.conda,
                channels=definition.channels,
                subdir=subdir,
                strict=definition.channel_priority == "strict",
                virtual_packages=virtual_packages(definition, platform, glibc),
                prefer=prefer,
            )
            records = self._solver.solve(request, report)
        return tuple(sorted((self._artifact(record, subdir) for record in records), key=lambda artifact: artifact.name))

    def _artifact(self, record: CondaRecord, subdir: str) -> Artifact:
        place = f"{record.channel}/{record.subdir}"
        if not _is_sound(record, subdir):
            what = f"{place} has {record.file!r} as {record.name} {record.version} {record.build}, which it cannot be"
            raise ResolveFailed(what, at=record.name, hint="its owner has to index the channel anew")
        if not record.sha256:
            only = "an md5 alone" if record.md5 else "no hash"
            raise ResolveFailed(
                f"{record.file} has {only} in the index of {place}: its bytes could be others tomorrow",
                at=record.name,
                hint="the channel's owner indexes it anew with sha256, or choose another version or channel",
            )
        return Artifact(
            kind=ArtifactKind.CONDA,
            name=record.name,
            version=record.version,
            file=record.file,
            size=record.size or self._channels.size(record.channel, record.subdir, record.file),
            sha256=record.sha256,
            source=place,
        )


def _is_sound(record: CondaRecord, subdir: str) -> bool:
    """Whether a record is one of a package, whoever made it: a lock's word is a path, an address and a promise."""
    stem = f"{record.name}-{record.version}-{record.build}"
    return (
        record.file.lower() in (f"{stem}.conda".lower(), f"{stem}.tar.bz2".lower())
        and is_file_stem(stem)
        and record.subdir in (subdir, "noarch")
        and (not record.sha256 or _SHA256.fullmatch(record.sha256) is not None)
    )
