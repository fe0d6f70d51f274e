"""`Assembler`: a lock becomes an image without a daemon: packages to layers, layers to a manifest."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import BinaryIO

from envbuild.builders.activation import activated
from envbuild.builders.layercache import LayerCache, LayerCount, SegmentReader
from envbuild.builders.layerids import PREFIX, artifact_material, bin_material, made_material
from envbuild.builders.toplayer import contents, write_top
from envbuild.digest import Digest
from envbuild.errors import EnvbuildError
from envbuild.layers.conda.condalayer import layer_of_conda
from envbuild.layers.conda.condaprefix import layer_of_conda_prefix
from envbuild.layers.conda.place import CondaPlace
from envbuild.layers.conda.zstd import is_there
from envbuild.layers.deb import layer_of_deb
from envbuild.layers.join import append, directories_of, pieces_of
from envbuild.layers.pythonarchive import layer_of_python
from envbuild.layers.skeleton import layer_of_skeleton
from envbuild.layers.systemfiles import system_files
from envbuild.layers.venv import layer_of_venv
from envbuild.layers.wheel import layer_of_wheel
from envbuild.layers.writer import LayerWriter
from envbuild.lockfile import Artifact, ArtifactKind, Interpreter, Lock
from envbuild.members import Segment
from envbuild.oci import LAYER_GZIP_TYPE, Descriptor, Image, ImageConfig, Layer, image_of
from envbuild.plan import Group, GroupKind, Plan, arrange
from envbuild.ports import ArtifactSource, BlobStore, Claims, Reporter

__all__ = ["Assembler"]


_DROPPED = frozenset({ArtifactKind.WHEEL, ArtifactKind.CONDA, ArtifactKind.PYTHON})
"""Packages that need not be kept once they are layers: their index, channel or mirror has them."""


def _keep(_packages: Sequence[Digest]) -> None:
    """Everything stays."""


class Assembler:
    """Implements `ports.Builder`. Layers come from the cache, else from artifacts."""

    def __init__(
        self,
        blobs: BlobStore,
        claims: Claims,
        source: Callable[[], ArtifactSource],
        drop: Callable[[Sequence[Digest]], None] = _keep,
    ) -> None:
        """`source` opens what brings artifacts that are not in the store; `drop` is told which packages are layers now, and need not be kept."""
        self._blobs, self._source, self._drop = blobs, source, drop
        self.cache = LayerCache(blobs, claims)
        self.count = LayerCount()
        """Of the last image that was built."""

    def build(self, lock: Lock, config: ImageConfig, layout: int, report: Reporter) -> Image:
        """The image of a lock; all its blobs are in the store when this returns."""
        segments = self.segments(lock, lock.everything, layout, report)
        tables = {sha256: segment.table for sha256, segment in segments.items()}
        plan = arrange(lock, tables)
        for conflict in plan.conflicts:
            losers = ", ".join(a.name for a in conflict.losers)
            report.notice(
                f"/{conflict.path} is in {conflict.winner.name} and {losers}: {conflict.winner.name}'s is used"
            )
        with SegmentReader(self._blobs) as read:
            layers = [self._layer(group, plan, lock, segments, layout, read) for group in plan.groups]
        self.count = self.cache.count(layers)
        config = activated(config, lock, tables, report)
        image = image_of(config, tuple(_described(s, group) for s, group in zip(layers, plan.groups, strict=True)))
        for content in (image.config, image.manifest):
            with self._blobs.create() as writer:
                writer.write(content)
                writer.commit()
        return image

    def segments(
        self, lock: Lock, artifacts: Sequence[Artifact], layout: int, report: Reporter, *, drop: bool = True
    ) -> dict[str, Segment]:
        """The segment of each of these artifacts, by sha256: found, else fetched and made, the largest first.

        `drop`: packages that are layers now need not be kept.
        """
        python = lock.interpreter
        found = {a.sha256: self.cache.find(artifact_material(a, python, layout)) for a in artifacts}
        missing = sorted((a for a in artifacts if found[a.sha256] is None), key=lambda a: (-a.size, a.name))
        if missing:
            if any(a.file.endswith(".conda") for a in missing):
                is_there()
            if not all(self._blobs.has(a.digest) for a in missing):
                self._source().fetch(missing, self._blobs, report)
            report.begin("layers", sum(a.size for a in missing))
            with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
                jobs = [pool.submit(self._convert, a, python, layout, report) for a in missing]
                try:
                    found.update({a.sha256: job.result() for a, job in zip(missing, jobs, strict=True)})
                finally:
                    pool.shutdown(wait=True, cancel_futures=True)
            report.end("layers")
            if drop:
                self._drop([a.digest for a in missing if a.kind in _DROPPED and not a.is_own])
        return {sha256: segment for sha256, segment in found.items() if segment is not None}

    def _convert(self, artifact: Artifact, python: Interpreter | None, layout: int, report: Reporter) -> Segment:
        def write(sink: Callable[[bytes], object], layer_id: Digest) -> Segment:
            with self._blobs.open(artifact.digest) as stream:
                return _layer_of(artifact, python, stream, sink, layer_id)

        try:
            segment = self.cache.make(artifact_material(artifact, python, layout), write)
        except EnvbuildError as error:
            error.at = error.at or artifact.file
            raise
        report.advance("layers", artifact.size)
        return segment

    def _layer(
        self, group: Group, plan: Plan, lock: Lock, segments: dict[str, Segment], layout: int, read: SegmentReader
    ) -> Segment:
        if len(group.artifacts) == 1:
            return segments[group.artifacts[0].sha256]
        if group.artifacts:
            segment = self._bin(group, lock, segments, layout, read)
        elif group.kind is GroupKind.SKELETON:
            segment = self._skeleton(lock, layout)
        elif group.kind is GroupKind.VENV:
            segment = self._venv(lock, layout)
        elif group.kind is GroupKind.CONDA:
            segment = self._conda(lock, layout)
        else:
            segment = self._top(plan, lock, segments, layout, read)
        return segment

    def _skeleton(self, lock: Lock, layout: int) -> Segment:
        material = made_material(f"skeleton/{lock.platform.architecture}", layout)
        return self.cache.find_or_make(material, lambda sink, i: layer_of_skeleton(lock.platform, sink, layer_id=i))

    def _venv(self, lock: Lock, layout: int) -> Segment:
        interpreter = lock.interpreter or Interpreter("", "")
        # The base's own Python is at a place that its version tells; a standalone build is elsewhere.
        kind = "venv/standalone" if lock.of_kind(ArtifactKind.PYTHON) else "venv"
        material = made_material(kind, layout, python=interpreter.version, prefix=PREFIX)
        return self.cache.find_or_make(material, lambda sink, i: layer_of_venv(interpreter, sink, layer_id=i))

    def _conda(self, lock: Lock, layout: int) -> Segment:
        python = lock.interpreter
        material = made_material("conda", layout, python=f"{python.minor}{python.abi}" if python else "", prefix=PREFIX)
        return self.cache.find_or_make(material, lambda sink, i: layer_of_conda_prefix(python, sink, layer_id=i))

    def _bin(self, group: Group, lock: Lock, segments: dict[str, Segment], layout: int, read: SegmentReader) -> Segment:
        pieces = pieces_of([segments[a.sha256] for a in group.artifacts])

        def write(sink: Callable[[bytes], object], layer_id: Digest) -> Segment:
            writer = LayerWriter(sink, directories_of(pieces))
            for piece in pieces:
                append(writer, piece, read)
            return writer.finish(layer_id, {})

        material = bin_material(group.artifacts, lock.interpreter, layout)
        return self.cache.find_or_make(material, write)

    def _top(self, plan: Plan, lock: Lock, segments: dict[str, Segment], layout: int, read: SegmentReader) -> Segment:
        debs = [*lock.base_artifacts, *lock.of_kind(ArtifactKind.DEB)]
        # What stands in the layer beside the packages' own facts: who won where, and the modes that are set again.
        decided = [f"{c.path}\0{c.winner.sha256}" for c in plan.conflicts]
        decided += [f"{d.path}\0{d.mode:o}" for d in plan.directories]
        sources = [a.sha256 for a in debs] + decided
        material = made_material(f"top/{lock.platform.architecture}", layout, artifacts=sources)

        def write(sink: Callable[[bytes], object], layer_id: Digest) -> Segment:
            beneath = [self._skeleton(lock, layout), *(segments[a.sha256] for a in debs)]
            files = system_files([s.table for s in beneath], contents(beneath, read), lock.platform)
            return write_top(files, plan, segments, read, sink, layer_id)

        return self.cache.find_or_make(material, write)


def _layer_of(
    artifact: Artifact,
    python: Interpreter | None,
    stream: BinaryIO,
    sink: Callable[[bytes], object],
    layer_id: Digest,
) -> Segment:
    match artifact.kind:
        case ArtifactKind.WHEEL:
            return layer_of_wheel(stream, sink, layer_id=layer_id, python=python.minor if python else "")
        case ArtifactKind.CONDA:
            place = CondaPlace.of(PREFIX, python if artifact.is_noarch else None)
            return layer_of_conda(stream, sink, layer_id=layer_id, file=artifact.file, place=place)
        case ArtifactKind.PYTHON:
            return layer_of_python(stream, sink, layer_id=layer_id, version=artifact.version)
        case _:
            return layer_of_deb(stream, sink, layer_id=layer_id)


def _described(segment: Segment, group: Group) -> Layer:
    return Layer(Descriptor(LAYER_GZIP_TYPE, segment.blob, segment.size), segment.diff_id, group.summary)
