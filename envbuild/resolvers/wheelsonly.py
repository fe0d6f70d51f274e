"""No silent old release: where a package landed low only because newer releases lack a wheel, that is said, or refused."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Parsed
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from envbuild.definition import Requirement
from envbuild.errors import ResolveFailed
from envbuild.ports import Reporter
from envbuild.resolvers.pins import Indexes, Pin, Pinner, PinRequest
from envbuild.resolvers.pypi import chosen_file
from envbuild.wheelfiles import IndexFile, best_file, release_of, runs_on

__all__ = ["WheelsOnly"]

_YEARS = 2
_LACKS = ("no usable wheels", "building from source is disabled", "no wheels")


@dataclass(frozen=True, slots=True)
class _Release:
    version: Version
    files: tuple[IndexFile, ...]

    @property
    def uploaded(self) -> str:
        return min((f.uploaded for f in self.files if f.uploaded), default="")


class WheelsOnly:
    """Looks at what was pinned. Asks for no page that choosing the files did not ask for, unless something looks old."""

    def __init__(self, pinner: Pinner, indexes: Indexes) -> None:
        self._pinner, self._indexes = pinner, indexes

    def __call__(self, request: PinRequest, pins: Sequence[Pin], report: Reporter) -> None:
        """Notices for what is a little behind; ResolveFailed, with the chain, for what is far behind."""
        exact = {name for name, spec in _asked(request).items() if any(s.operator in {"==", "==="} for s in spec)}
        behind = [(p, r) for p in pins if not p.url and p.name not in exact for r in self._newer(p, request)]
        if not behind:
            return
        limits = self._limits(request, pins)
        for pin, (pinned, newest) in behind:
            if not limits[pin.name].contains(newest.version, prereleases=True):
                continue
            far = _is_far(pinned, newest)
            if best_file(newest.files, request.target) is None:
                self._say(pin, newest, f"{pin.name} {newest.version} has no wheel", report, far=far)
            elif far:
                why = self._why_not(pin, newest, request)
                if why:
                    self._say(pin, newest, why, report, far=True)

    def _newer(self, pin: Pin, request: PinRequest) -> list[tuple[_Release, _Release]]:
        """The pinned release and the newest one above it that the target could take, if there is one."""
        index, _ = chosen_file(pin, request, self._indexes)
        project = self._indexes.project(index, pin.name)
        files: dict[Version, list[IndexFile]] = defaultdict(list)
        for file in project.files if project else ():
            version = release_of(file.file, pin.name)
            if version is not None and not file.yanked and runs_on(file.requires_python, request.target.python):
                files[version].append(file)
        pinned = Version(pin.version)
        newer = [v for v in files if v > pinned and (not v.is_prerelease or pinned.is_prerelease)]
        if not newer:
            return []
        newest = max(newer)
        if best_file(files[newest], request.target) is not None and not _is_far(
            _Release(pinned, tuple(files[pinned])), _Release(newest, tuple(files[newest]))
        ):
            return []
        return [(_Release(pinned, tuple(files[pinned])), _Release(newest, tuple(files[newest])))]

    def _limits(self, request: PinRequest, pins: Sequence[Pin]) -> Mapping[str, SpecifierSet]:
        """What the definition and all pinned packages allow of each other. Extras count too: better silent than wrong."""
        limits: dict[str, SpecifierSet] = defaultdict(SpecifierSet)
        for name, specifier in _asked(request).items():
            limits[name] &= specifier
        for pin in pins:
            if not pin.url:
                _, file = chosen_file(pin, request, self._indexes)
                for name, specifier in _needs(self._indexes.metadata(file) or b""):
                    limits[name] &= specifier
        return limits

    def _why_not(self, pin: Pin, newest: _Release, request: PinRequest) -> str:
        """Why the newest release alone cannot be had with wheels only; nothing where it can: then others hold it back."""
        extras = _extras(request, pin.name)
        alone = Requirement(f"{pin.name}{extras}=={newest.version}")
        try:
            self._pinner.pins(replace(request, requirements=(alone,), constraints=(), prefer={}))
        except ResolveFailed as failure:
            return failure.what if any(sign in failure.what for sign in _LACKS) else ""
        return ""

    def _say(self, pin: Pin, newest: _Release, why: str, report: Reporter, *, far: bool) -> None:
        if not far:
            report.notice(f"{pin.name} {pin.version} is used, not {newest.version}: {why}")
            return
        raise ResolveFailed(
            f"{pin.name} would be {pin.version}, far behind {newest.version}, since only wheels are used:\n{why}",
            hint=f"accept it: {pin.name}=={pin.version}; or leave it out, or ask for what has wheels",
        )


def _asked(request: PinRequest) -> dict[str, SpecifierSet]:
    found: dict[str, SpecifierSet] = defaultdict(SpecifierSet)
    for text in [*(r.text for r in request.requirements), *request.constraints]:
        parsed = Parsed(text)
        found[canonicalize_name(parsed.name)] &= parsed.specifier
    return found


def _extras(request: PinRequest, name: str) -> str:
    extras = sorted({e for r in request.requirements for e in _extras_of(r.text, name)})
    return f"[{','.join(extras)}]" if extras else ""


def _extras_of(text: str, name: str) -> set[str]:
    parsed = Parsed(text)
    return parsed.extras if canonicalize_name(parsed.name) == name else set()


def _needs(metadata: bytes) -> Iterable[tuple[str, SpecifierSet]]:
    for line in metadata.decode("utf-8", "replace").splitlines():
        if not line.strip():
            return
        field, _, value = line.partition(":")
        if field.lower() == "requires-dist":
            try:
                parsed = Parsed(value.strip())
            except InvalidRequirement:
                continue
            yield canonicalize_name(parsed.name), parsed.specifier


def _is_far(pinned: _Release, newest: _Release) -> bool:
    """More than one major version, or two years."""
    if newest.version.major - pinned.version.major > 1 and newest.version.epoch == pinned.version.epoch:
        return True
    if not pinned.uploaded or not newest.uploaded:
        return False
    span = datetime.fromisoformat(newest.uploaded) - datetime.fromisoformat(pinned.uploaded)
    return span.days > _YEARS * 365
