"""No silent old release: where a package landed low only because newer releases lack a wheel, that is said, or refused."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime

from packaging.requirements import Requirement as Parsed
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from envbuild.definition import Requirement
from envbuild.errors import ResolveFailed
from envbuild.ports import Reporter
from envbuild.resolvers.chain import chain
from envbuild.resolvers.pins import NoSolution, Pinner, PinRequest, names_of
from envbuild.resolvers.pypi import Chosen
from envbuild.wheelfiles import IndexFile, Target, best_file, runs_on

__all__ = ["WheelsOnly"]

_YEARS = 2
_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class _Behind:
    """A package that was pinned below a release which the target could take."""

    chosen: Chosen
    newest: Version
    has_wheel: bool
    """Whether that newer release has a wheel for the target itself: then what it needs may lack one."""

    @property
    def name(self) -> str:
        return self.chosen.pin.name

    @property
    def far(self) -> bool:
        """More than one major version, or two years."""
        pinned = Version(self.chosen.pin.version)
        if pinned.epoch == self.newest.epoch and self.newest.major - pinned.major > 1:
            return True
        then, now = _date(self.chosen.releases.get(pinned, ())), _date(self.chosen.releases[self.newest])
        return then is not None and now is not None and (now - then).days > _YEARS * 365


@dataclass(frozen=True, slots=True)
class _Finding:
    behind: _Behind
    lacking: tuple[str, ...]
    """The packages that lack a wheel."""
    why: tuple[str, ...] = ()
    """The way to what lacks it, where that is another package."""


class WheelsOnly:
    """Looks at what was chosen, on pages that are known already; resolves again only what looks old."""

    def __init__(self, pinner: Pinner) -> None:
        """`pinner` answers why a newer release cannot be had; uv, since it explains."""
        self._pinner = pinner

    def __call__(self, request: PinRequest, chosen: Sequence[Chosen], report: Reporter) -> None:
        """Notices for what is a little behind; ResolveFailed, with the chain, for what is far behind.

        Never for a version that the user pinned exactly or that a lock of before had, and only where those who need the
        package allow the newer release.
        """
        exact, direct = _exact(request), names_of(request.requirements)
        behind = [
            found
            for one in chosen
            if one.pin.name not in exact and request.prefer.get(one.pin.name) != one.pin.version
            for found in _behind(one, _asked(request, one.pin.name), request.target)
            # What others need is below its newest for many good reasons: asked about only where it is conspicuous.
            if found.name in direct or found.far or not found.has_wheel
        ]
        # What is there already holds back what its extras need, as any package does.
        versions = {one.name: one.version for one in request.provided}
        versions |= {one.pin.name: one.pin.version for one in chosen}
        for group in ([b for b in behind if b.name in direct], [b for b in behind if b.name not in direct]):
            with ThreadPoolExecutor(_AT_ONCE) as pool:
                found = list(pool.map(lambda one: self._finding(one, request, versions), group))
            findings = [finding for finding in found if finding is not None]
            if far := [finding for finding in findings if finding.behind.far]:
                raise _refused(far, request.target)
            for finding in findings:
                report.notice(_notice(finding, request.target))

    def _finding(self, behind: _Behind, request: PinRequest, versions: dict[str, str]) -> _Finding | None:
        """What lacks a wheel, or None where something else holds the package back."""
        why: tuple[str, ...] = ()
        lacking: tuple[str, ...] = (behind.name,)
        if behind.has_wheel:
            alone = self._without(behind, request, (_wanted(behind.name, request),))
            if alone is None or not alone.wheelless:
                return None
            lacking = alone.wheelless[:1]
            why = chain(alone.what, behind.name, lacking[0]) or tuple(dict.fromkeys(alone.what.splitlines()))
        for dependent in behind.chosen.pin.via:
            if dependent in versions and not self._admits(dependent, behind, request, versions):
                return None
        return _Finding(behind, lacking, why)

    def _admits(self, dependent: str, behind: _Behind, request: PinRequest, versions: dict[str, str]) -> bool:
        """Whether a package that needs this one would take the newer release, if that could be had."""
        extras = _extras(request, dependent)
        failure = self._without(behind, request, (f"{dependent}{extras}=={versions[dependent]}",))
        return failure is None or bool(failure.wheelless)

    def _without(self, behind: _Behind, request: PinRequest, requirements: tuple[str, ...]) -> NoSolution | None:
        """Why these requirements cannot have the newer release; None where they can."""
        asked = replace(
            request,
            requirements=tuple(map(Requirement, requirements)),
            constraints=(*request.constraints, f"{behind.name}=={behind.newest}"),
            prefer={},
        )
        try:
            self._pinner.pins(asked)
        except NoSolution as failure:
            return failure
        return None


def _behind(chosen: Chosen, asked: SpecifierSet, target: Target) -> Iterator[_Behind]:
    """The newest release above the pinned one that is allowed and fits the target's Python, if there is one."""
    pinned = Version(chosen.pin.version)
    newer = [
        version
        for version, files in chosen.releases.items()
        if version > pinned
        and (pinned.is_prerelease or not version.is_prerelease)
        and asked.contains(version, prereleases=True)
        and any(not f.yanked and runs_on(f.requires_python, target.python) for f in files)
    ]
    if newer:
        newest = max(newer)
        usable = [file for file in chosen.releases[newest] if not file.yanked]
        yield _Behind(chosen, newest, best_file(usable, target) is not None)


def _asked(request: PinRequest, name: str) -> SpecifierSet:
    """What the definition itself allows of a package."""
    found = SpecifierSet()
    for text in [*(r.text for r in request.requirements), *request.constraints]:
        parsed = Parsed(text)
        if canonicalize_name(parsed.name) == name:
            found &= parsed.specifier
    return found


def _exact(request: PinRequest) -> frozenset[str]:
    """The packages whose version the definition itself names."""
    texts = [*(r.text for r in request.requirements), *request.constraints]
    return frozenset(
        canonicalize_name(parsed.name)
        for parsed in map(Parsed, texts)
        if any(s.operator in ("==", "===") and not s.version.endswith(".*") for s in parsed.specifier)
    )


def _wanted(name: str, request: PinRequest) -> str:
    return f"{name}{_extras(request, name)}"


def _extras(request: PinRequest, name: str) -> str:
    named = [Parsed(r.text) for r in request.requirements if names_of([r]) == {name}]
    extras = sorted({extra for parsed in named for extra in parsed.extras})
    return f"[{','.join(extras)}]" if extras else ""


def _date(files: Sequence[IndexFile]) -> datetime | None:
    """When a release came: its first file's time (PEP 700)."""
    first = min((file.uploaded for file in files if file.uploaded), default="")
    try:
        return datetime.fromisoformat(first).replace(tzinfo=None) if first else None
    except ValueError:
        return None


def _named(chosen: Chosen, version: Version) -> str:
    date = _date(chosen.releases.get(version, ()))
    return f"{version} ({date.year})" if date else str(version)


def _notice(finding: _Finding, target: Target) -> str:
    behind = finding.behind
    reason = f"{' and '.join(finding.lacking)} has no wheel for Python {target.python} on {target.platform}"
    return f"{behind.name} is {behind.chosen.pin.version}, not {behind.newest}: {reason}"


def _refused(findings: Sequence[_Finding], target: Target) -> ResolveFailed:
    lines: list[str] = []
    for finding in findings:
        behind = finding.behind
        old = _named(behind.chosen, Version(behind.chosen.pin.version))
        new = _named(behind.chosen, behind.newest)
        lines.append(
            f"{behind.name} would be {old}, where {new} is allowed: {' and '.join(finding.lacking)} lacks a wheel"
        )
        lines += [f"  {line}" for line in finding.why]
    first = findings[0].behind
    hint = (
        f"accept the old release: {first.name}=={first.chosen.pin.version}\n"
        f"  or leave out what needs {findings[0].lacking[0]}, or ask for another python than {target.python}; "
        "source distributions are not built"
    )
    return ResolveFailed("\n".join(lines), at="only wheels are used", hint=hint)
