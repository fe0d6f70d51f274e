"""`PypiResolver`: pins become artifacts: exactly one file a package, chosen by the target's tags, known by its sha256."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from packaging.requirements import Requirement as Parsed
from packaging.utils import canonicalize_name
from packaging.version import Version

from envbuild.definition import Definition
from envbuild.errors import EnvbuildError, EnvironmentFault, IntegrityError, ProxyFault, ResolveFailed
from envbuild.http.waiting import SLOW
from envbuild.httpsettings import public_url
from envbuild.lockfile import Artifact, ArtifactKind
from envbuild.markersets import marker_environment
from envbuild.normalize.accelerators import indexes_of
from envbuild.overdue import overdue
from envbuild.ports import Reporter
from envbuild.resolvers.explain import explained
from envbuild.resolvers.pins import Indexes, NoSolution, Pin, Pinner, PinRequest, Provided, names_of, serving
from envbuild.resolvers.provided import check_asked, comparable
from envbuild.resolvers.served import served_notices
from envbuild.wheelfiles import IndexFile, Target, best_file, release_of, releases

__all__ = ["Chosen", "PypiResolver", "Review"]

_AT_ONCE = 16
_SHOWN = 4
"""Hashes of a package that a message names: a lock has those of all its files."""
Releases = Mapping[Version, tuple[IndexFile, ...]]


@dataclass(frozen=True, slots=True)
class Chosen:
    """A pin with the index that serves it, all its releases there, and the one file that the target gets."""

    pin: Pin
    index: str
    releases: Releases
    file: IndexFile
    host: str = ""
    """What answered, where the index sent us on to another host."""


Review = Callable[[PinRequest, Sequence[Chosen], Reporter], None]


class PypiResolver:
    """Both resolvers go this way, so that the same pins give the same lock."""

    def __init__(self, pinner: Pinner, indexes: Indexes, review: Review, *, elsewhere: Sequence[str] = ()) -> None:
        """`review` looks at what was chosen and refuses what is silently old (resolvers.wheelsonly).

        `elsewhere`: indexes from which nothing is resolved, and which are named where only they have a package.
        """
        self._pinner, self._indexes, self._review, self._elsewhere = pinner, indexes, review, tuple(elsewhere)

    def resolve(
        self,
        definition: Definition,
        target: Target,
        prefer: Mapping[str, str],
        report: Reporter,
        provided: Sequence[Provided] = (),
    ) -> tuple[Artifact, ...]:
        """The wheels of a normalized definition, sorted by name, without those that are `provided`.

        `prefer`: versions to keep where they fit, by name. ResolveFailed where nothing fits, a wheel is missing, or a
        package would be silently old; IntegrityError where a file has none of the hashes it should have.
        """
        applies = _Applies(target)
        there, beside = comparable(provided)
        request = PinRequest(
            requirements=tuple(r for r in definition.pypi if applies(r.text)),
            constraints=tuple(filter(applies, definition.constraints)),
            indexes=indexes_of(definition),
            target=target,
            prefer={name: version for name, version in prefer.items() if name not in {one.name for one in there}},
            provided=there,
            complete=definition.no_deps,
        )
        _check_agreement(request)
        check_asked(request)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            early = self._ask_early(request, pool)
            try:
                with overdue(SLOW, lambda: report.notice(self._still(request))):
                    pins = self._pinner.pins(request)
            except NoSolution as failure:
                for one in early:
                    one.cancel()
                raise explained(failure, request, self._indexes, self._elsewhere) from failure
            except EnvironmentFault:
                _blame_the_proxy(early)
                raise
            direct = list(pool.map(lambda pin: self._direct(pin, request, report), [p for p in pins if p.url]))
            chosen = list(pool.map(lambda pin: self._chosen(pin, request), [p for p in pins if not p.url]))
            self._check_indexes(request, chosen)
            _tell_withdrawn(chosen, report)
            self._review(request, chosen, report)
            listed = list(pool.map(lambda one: self._artifact(one, report), chosen))
        _check_hashes(request, [*direct, *listed])
        _tell_served(request, chosen, report)
        _tell_twice(beside, [*direct, *listed], report)
        return tuple(sorted([*direct, *listed]))

    def _still(self, request: PinRequest) -> str:
        asked = ", ".join(index.name for index in request.indexes)
        return f"still resolving with {self._pinner.name}, which asks {asked or 'no index'}"

    def _ask_early(self, request: PinRequest, pool: ThreadPoolExecutor) -> list[Future[EnvbuildError | None]]:
        """While the pins are made, read the pages that will be needed for sure. What fails here is told when it is needed."""
        names = sorted((names_of(request.requirements) | request.prefer.keys()) - {p.name for p in request.provided})

        def ask(name: str) -> EnvbuildError | None:
            try:
                self._listed(name, request)
            except EnvbuildError as error:
                return error
            return None

        return [pool.submit(ask, name) for name in names]

    def _listed(self, name: str, request: PinRequest) -> tuple[str, Releases, str] | None:
        """The index that serves a package, its releases there, and the host that answered in the index's place.

        The indexes after it are not asked: that would tell them the names of packages that are nobody else's business.
        """
        for index in serving(name, request.indexes):
            project = self._indexes.project(index, name)
            if project is not None:
                return index, releases(project.files, name), project.host
        return None

    def _check_indexes(self, request: PinRequest, chosen: Sequence[Chosen]) -> None:
        """No package comes from a later index because an earlier one's address is wrong."""
        unused = {index.name for index in request.indexes} - {one.index for one in chosen}
        for name in sorted(unused) if chosen else ():
            self._indexes.check(name)

    def _chosen(self, pin: Pin, request: PinRequest) -> Chosen:
        listed = self._listed(pin.name, request)
        if listed is None:
            asked = ", ".join(serving(pin.name, request.indexes))
            if request.complete:
                raise ResolveFailed(f"no index has {pin.name}", at=asked, hint="name the index that it is from")
            raise ResolveFailed(f"no index has {pin.name} any more", at=asked, hint="try again: an index changed")
        index, found, host = listed
        release = _allowed(found.get(Version(pin.version), ()), pin, request)
        file = best_file(release, request.target)
        if file is None:
            target = request.target
            raise ResolveFailed(
                f"{pin.name} {pin.version} has no wheel for Python {target.python} on {target.platform} with glibc "
                f"{target.glibc}",
                at=index,
                hint="it has: " + (", ".join(f.file for f in release[:8]) or "no file of this version"),
            )
        return Chosen(pin, index, found, file, host)

    def _artifact(self, chosen: Chosen, report: Reporter) -> Artifact:
        file, pin = chosen.file, chosen.pin
        sha256, size = file.sha256, file.size
        if not sha256 or size is None:
            measured, size = self._indexes.measure(file.url)
            if not sha256:
                report.notice(f"{chosen.index} gives no sha256 for {file.file}: fetched once, it is {measured}")
            elif sha256 != measured:
                raise _not_as_promised(file.file, [sha256], measured)
            sha256 = measured
        return Artifact(
            kind=ArtifactKind.WHEEL,
            name=pin.name,
            # As the file has it: a list may write 1 for 1.0, and both are one lock.
            version=str(release_of(file.file, pin.name) or Version(pin.version)),
            file=file.file,
            size=size,
            sha256=sha256,
            source=chosen.index,
        )

    def _direct(self, pin: Pin, request: PinRequest, report: Reporter) -> Artifact:
        file = unquote(urlsplit(pin.url).path.rpartition("/")[2])
        version = release_of(file, pin.name)
        if version is None or best_file([IndexFile(file=file, url=pin.url)], request.target) is None:
            target = request.target
            raise ResolveFailed(
                f"{file} is no wheel of {pin.name} for Python {target.python} on {target.platform}",
                at=public_url(pin.url),
                hint="source distributions are not built; name a wheel of this platform",
            )
        sha256, size = self._indexes.measure(pin.url)
        if not any(r.hashes for r in request.requirements if names_of([r]) == {pin.name}):
            report.notice(f"{file} was fetched once to know its sha256: {sha256}")
        return Artifact(
            kind=ArtifactKind.WHEEL,
            name=pin.name,
            version=str(version),
            file=file,
            size=size,
            sha256=sha256,
            source="url",
            url=pin.url,
        )


def _blame_the_proxy(asked: Sequence[Future[EnvbuildError | None]]) -> None:
    """Raise what the proxy refused us too: a resolver's own words for that do not name the proxy."""
    for one in asked:
        if not one.cancel() and isinstance(fault := one.result(), ProxyFault):
            raise fault


class _Applies:
    """Whether a requirement's marker holds for the target (PEP 508); uv and pip-tools leave the others out too."""

    def __init__(self, target: Target) -> None:
        self._environment = marker_environment(target.platform.machine, target.python)

    def __call__(self, requirement: str) -> bool:
        marker = Parsed(requirement).marker
        return marker is None or marker.evaluate(self._environment)


def _hashes(request: PinRequest) -> dict[str, set[str]]:
    """The sha256 (hex) that the definition allows, by package: of several that apply, what all of them allow."""
    found: dict[str, set[str]] = {}
    for requirement in request.requirements:
        if requirement.hashes:
            hashes = {text.removeprefix("sha256:") for text in requirement.hashes}
            name = canonicalize_name(Parsed(requirement.text).name)
            found[name] = found[name] & hashes if name in found else hashes
    return found


def _check_agreement(request: PinRequest) -> None:
    """Before anything is asked: no file has two sha256."""
    for name, hashes in _hashes(request).items():
        if not hashes:
            raise ResolveFailed(
                f"{name} is asked for more than once for {request.target.platform}, with hashes that no file has all of",
                at=name,
                hint="keep one of its entries, or give them markers that exclude each other",
            )


def _allowed(release: Sequence[IndexFile], pin: Pin, request: PinRequest) -> list[IndexFile]:
    """The files of a release that the definition allows; all of them where it allows none of those that fit."""
    hashes = _hashes(request).get(pin.name, set())
    allowed = [file for file in release if not file.sha256 or file.sha256 in hashes]
    return allowed if best_file(allowed, request.target) is not None else list(release)


def _check_hashes(request: PinRequest, artifacts: Sequence[Artifact]) -> None:
    """Where the definition says which files it allows, only those are taken, as in pip's hash-checking mode."""
    allowed = _hashes(request)
    for artifact in artifacts if allowed else ():
        hashes = allowed.get(artifact.name)
        if hashes is None:
            raise ResolveFailed(
                f"{artifact.name} {artifact.version} is needed too, and has no hash",
                at=artifact.name,
                hint=f"others have hashes, so all must: {artifact.name}=={artifact.version} --hash=sha256:"
                f"{artifact.sha256}",
            )
        if artifact.sha256 not in hashes:
            raise _not_as_promised(artifact.file, sorted(hashes), artifact.sha256)


def _tell_withdrawn(chosen: Sequence[Chosen], report: Reporter) -> None:
    """Yanked files (PEP 592) serve only what names their version; whoever pinned it may not know."""
    for one in chosen:
        if one.file.yanked:
            report.notice(
                f"{one.pin.name} {one.pin.version} was withdrawn (yanked) from {one.index} and is used all the same"
            )


def _tell_served(request: PinRequest, chosen: Sequence[Chosen], report: Reporter) -> None:
    served = {one.pin.name: one.index for one in chosen}
    passed_on = {one.pin.name: (one.index, one.host) for one in chosen if one.host}
    for line in served_notices(served, [index.name for index in request.indexes], passed_on):
        report.notice(line)


def _tell_twice(beside: Sequence[Provided], artifacts: Sequence[Artifact], report: Reporter) -> None:
    """What conda has in a version that says nothing (PEP 440) cannot be held against what others need of it."""
    versions = {one.name: one.version for one in beside}
    for artifact in artifacts:
        if artifact.name in versions:
            report.notice(
                f"conda has {artifact.name} {versions[artifact.name]}, which cannot be compared with what is needed: "
                f"{artifact.name} {artifact.version} is installed too"
            )


def _not_as_promised(file: str, expected: Sequence[str], found: str) -> IntegrityError:
    more = f" or one of {len(expected) - _SHOWN} more" if len(expected) > _SHOWN else ""
    return IntegrityError(
        f"its sha256 is {found}, expected {' or '.join(expected[:_SHOWN])}{more}",
        at=file,
        hint="the file was changed, or the hash is of another file of this release",
    )
