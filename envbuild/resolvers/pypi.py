"""`PypiResolver`: pins become artifacts: exactly one file a package, chosen by the target's tags, known by its sha256."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote, urlsplit

from packaging.requirements import Requirement as Parsed
from packaging.utils import canonicalize_name
from packaging.version import Version

from envbuild.definition import Definition
from envbuild.errors import IntegrityError, ResolveFailed
from envbuild.lockfile import Artifact, ArtifactKind
from envbuild.ports import Reporter
from envbuild.resolvers.pins import TORCH_PACKAGES, Indexes, Pin, Pinner, PinRequest, indexes_of, torch_index
from envbuild.wheelfiles import IndexFile, Target, best_file, release_of

__all__ = ["PypiResolver", "chosen_file"]

_AT_ONCE = 16
Review = Callable[[PinRequest, Sequence[Pin], Reporter], None]


class PypiResolver:
    """Both resolvers go this way, so that the same pins give the same lock."""

    def __init__(self, pinner: Pinner, indexes: Indexes, review: Review) -> None:
        """`review` looks at the pins and refuses what is silently old (resolvers.wheelsonly)."""
        self._pinner, self._indexes, self._review = pinner, indexes, review

    def resolve(
        self, definition: Definition, target: Target, prefer: Mapping[str, str], report: Reporter
    ) -> tuple[Artifact, ...]:
        """The wheels of a normalized definition, sorted by name. ResolveFailed where one cannot be had for the target."""
        request = PinRequest(
            requirements=definition.pypi,
            constraints=definition.constraints,
            indexes=indexes_of(definition),
            accelerator=definition.accelerator,
            target=target,
            prefer=prefer,
        )
        pins = self._pinner.pins(request)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            artifacts = list(pool.map(lambda pin: self._artifact(pin, request, report), pins))
        self._review(request, pins, report)
        _check_hashes(request, artifacts)
        return tuple(sorted(artifacts))

    def _artifact(self, pin: Pin, request: PinRequest, report: Reporter) -> Artifact:
        if pin.url:
            return self._direct(pin, request, report)
        index, file = chosen_file(pin, request, self._indexes)
        sha256, size = file.sha256, file.size
        if not sha256 or size is None:
            measured, size = self._indexes.measure(file.url)
            if not sha256:
                report.notice(
                    f"{index} gives no sha256 for {file.file}: it was fetched once, and is {measured[:12]}..."
                )
            elif sha256 != measured:
                raise _not_as_promised(file.file, sha256, measured)
            sha256 = measured
        return Artifact(
            kind=ArtifactKind.WHEEL,
            name=pin.name,
            version=pin.version,
            file=file.file,
            size=size,
            sha256=sha256,
            source=index,
        )

    def _direct(self, pin: Pin, request: PinRequest, report: Reporter) -> Artifact:
        file = unquote(urlsplit(pin.url).path.rpartition("/")[2])
        version = release_of(file, pin.name)
        if version is None or best_file([IndexFile(file=file, url=pin.url)], request.target) is None:
            raise ResolveFailed(
                f"{file} is no wheel for Python {request.target.python} on {request.target.platform}",
                hint="source distributions are not built; name a wheel of this platform",
            )
        sha256, size = self._indexes.measure(pin.url)
        report.notice(f"{file} was fetched once to know its sha256, {sha256[:12]}...")
        return Artifact(
            kind=ArtifactKind.WHEEL,
            name=pin.name,
            version=str(version),
            file=file,
            size=size,
            sha256=sha256,
            source="url",
            url=pin.url.partition("#")[0],
        )


def chosen_file(pin: Pin, request: PinRequest, indexes: Indexes) -> tuple[str, IndexFile]:
    """The index that serves a pin, and the file that fits the target. ResolveFailed where no wheel of it does."""
    for index in _serving(pin.name, request):
        project = indexes.project(index, pin.name)
        if project is None:
            continue
        release = [f for f in project.files if release_of(f.file, pin.name) == Version(pin.version)]
        found = best_file(release, request.target)
        if found is not None:
            return index, found
        raise ResolveFailed(
            f"{pin.name} {pin.version} has no wheel for Python {request.target.python} on {request.target.platform} "
            f"with glibc {request.target.glibc}",
            at=index,
            hint="it has: " + (", ".join(f.file for f in release[:8]) or "no files of this version"),
        )
    raise ResolveFailed(f"no index has {pin.name}", hint=", ".join(i.name for i in request.indexes))


def _serving(name: str, request: PinRequest) -> list[str]:
    """The indexes in the order in which the resolver asked them for this package: the first that has it serves it."""
    pinned = [i.name for i in request.indexes if name in i.packages]
    if pinned:
        return pinned[:1]
    torch = [torch_index(request.accelerator)] if request.accelerator and name in TORCH_PACKAGES else []
    return torch or [i.name for i in request.indexes if not i.explicit]


def _check_hashes(request: PinRequest, artifacts: Sequence[Artifact]) -> None:
    """Where the definition says which files it allows, only those are taken."""
    allowed: dict[str, tuple[str, ...]] = {
        canonicalize_name(Parsed(r.text).name): r.hashes for r in request.requirements if r.hashes
    }
    if not allowed:
        return
    for artifact in artifacts:
        hashes = allowed.get(artifact.name)
        if hashes is None:
            raise ResolveFailed(
                f"{artifact.name} {artifact.version} is needed too, and has no hash",
                hint="where one requirement has hashes, all that it needs must be listed with theirs",
            )
        if f"sha256:{artifact.sha256}" not in hashes:
            raise _not_as_promised(artifact.file, ", ".join(hashes), artifact.sha256)


def _not_as_promised(file: str, expected: str, found: str) -> IntegrityError:
    return IntegrityError(
        f"its sha256 is {found}, not {expected}",
        at=file,
        hint="the file was changed, or the hash is of another file of this release",
    )
