"""A lock's packages as a complete list: exact pins with hashes, each with the one marker of where it is installed.

What every lock of another tool becomes, so that locks of one set of packages are one definition.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from packaging.utils import InvalidName, canonicalize_name
from packaging.version import Version

from envbuild.definition import Definition, Requirement
from envbuild.errors import Fault
from envbuild.formats.otherlocks.lockedfiles import LockedFile, wrong_file
from envbuild.formats.otherlocks.lockindexes import LockIndexes
from envbuild.formats.pip.reqindexes import Logins
from envbuild.formats.pip.specline import BadSpec, checked_hashes, read_spec
from envbuild.markersets import MarkerSets

__all__ = ["LockPins", "LockedPackage"]

_KINDS = {
    "git": "a VCS repository",
    "vcs": "a VCS repository",
    "hg": "a VCS repository",
    "svn": "a VCS repository",
    "bzr": "a VCS repository",
    "directory": "a folder",
    "editable": "a folder",
    "path": "a file of this machine",
    "file": "a file of this machine",
}
_WHEEL = "publish a wheel of it to an index, or name a wheel by its https URL"


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedPackage:
    """One package of a lock: where it is installed (a set of `MarkerSets`), and which files it may be."""

    at: str
    """file:line."""
    name: str
    version: str = ""
    where: int
    hashes: tuple[str, ...] = ()
    """As the lock has them: `sha256:<hex>`."""
    files: tuple[LockedFile, ...] = ()
    """Its files, as far as the lock names them."""
    index: str = ""
    """The URL of its index; nothing for the default one."""
    url: str = ""
    """A direct reference, in the place of an index."""
    source: str = ""
    """The kind of a source that nothing is installed from: `git`, `directory`, `path`."""
    has_wheel: bool = True
    """Whether a wheel is among its files, as far as the lock tells."""


class LockPins:
    """Collects a lock's packages, and what is wrong with them."""

    def __init__(self, sets: MarkerSets, target: int, indexes: LockIndexes, logins: Logins, again: str) -> None:
        """`target`: the environments that images are made for: what is wrong elsewhere is left alone."""
        self._sets, self._target, self._indexes, self._logins, self._again = sets, target, indexes, logins, again
        self._found: dict[tuple[str, str, str, str, frozenset[str]], LockedPackage] = {}
        self.faults: list[Fault] = []
        self.notices: list[str] = []
        self._places: list[str] = []

    def add(self, package: LockedPackage) -> None:
        """Take a package in. One that is installed nowhere is left out."""
        try:
            name = canonicalize_name(package.name, validate=True)
        except InvalidName:
            what = f"{package.name!r} is no name of a package" if package.name else "a package without a name"
            self.faults.append(Fault(package.at, what, f"was the lock edited by hand? Make it anew: {self._again}"))
            return
        if not package.where:
            return
        if package.source or not package.has_wheel:
            if package.where & self._target:
                self.faults.append(_unserved(package))
            return
        if package.where & self._target:
            self.faults += _misnamed(package, self._again)
        index = self._indexes.cleaned(package.index, package.at)
        # Files that are right in one environment are not right in another: only what is wholly the same is one.
        key = (name, package.version, package.url, index, frozenset(text.lower() for text in package.hashes))
        before = self._found.get(key)
        where = package.where | (before.where if before else 0)
        self._found[key] = replace(before or package, name=name, index=index, where=where)

    def definition(self, asked: Definition) -> Definition:
        """The definition that lists the packages; look at `faults` afterwards."""
        self.faults += self._indexes.faults
        packages = sorted(self._found.values(), key=lambda p: (p.name, p.version))
        self.faults += _clashes(packages, self._target)
        requirements = []
        for package in packages:
            requirement = self._requirement(package)
            if requirement is not None:
                requirements.append(requirement)
                self._places.append(package.at)
        self.faults += _unhashed(requirements, self._places, self._again)
        if requirements and not any(requirement.hashes for requirement in requirements):
            self.notices.append("the lock has no sha256 of any package: what an index has under its name is taken")
        by_index: dict[str, list[str]] = {}
        for name, index in dict.fromkeys((package.name, package.index) for package in packages if not package.url):
            by_index.setdefault(index, []).append(name)
        indexes = self._indexes.indexes(by_index)
        return replace(asked, pypi=tuple(requirements), constraints=(), indexes=indexes, no_deps=True)

    def line_of(self, field_path: str, otherwise: str) -> str:
        """file:line of `pypi[0]`; `otherwise` for anything else."""
        number = field_path.removeprefix("pypi[").partition("]")[0]
        known = field_path.startswith("pypi[") and number.isdigit() and int(number) < len(self._places)
        return self._places[int(number)] if known else otherwise

    def _requirement(self, package: LockedPackage) -> Requirement | None:
        marker = self._sets.text(package.where)
        try:
            if not package.url:
                text = f"{package.name}=={_version(package)}" + (f" ; {marker}" if marker else "")
                return Requirement(text, _hashes(package))
            text = f"{package.name} @ {package.url}" + (f" ; {marker}" if marker else "")
            spec = read_spec(text, _hashes(package))
        except BadSpec as bad:
            if package.where & self._target:
                self.faults.append(bad.fault(package.at))
            return None
        if not self._logins.add(spec.host, spec.login):
            hint = "keep one; netrc or a keyring serve better"
            self.faults.append(Fault(package.at, f"two different logins for {spec.host}", hint))
        return spec.requirement


def _version(package: LockedPackage) -> str:
    try:
        return str(Version(package.version))
    except ValueError:
        raise BadSpec(f"{package.name}: {package.version!r} is no version (PEP 440)", _WHEEL) from None


def _hashes(package: LockedPackage) -> tuple[str, ...]:
    """The sha256 among the hashes. BadSpec where there are others alone: none of them would be checked."""
    good = [text for text in package.hashes if text.startswith("sha256:")]
    if package.hashes and not good:
        kinds = " and ".join(sorted({text.partition(":")[0] for text in package.hashes}))
        raise BadSpec(f"{package.name}: its hashes are {kinds} alone", "lock it from an index that gives sha256")
    return tuple(sorted(set(checked_hashes(good))))


def _unserved(package: LockedPackage) -> Fault:
    which = f"{package.name} {package.version}".strip()
    if package.source:
        kind = _KINDS.get(package.source, f"a source of kind {package.source!r}")
        return Fault(package.at, f"{which} is from {kind}: only wheels are installed", _WHEEL)
    hint = f"ask for a version that has one, or {_WHEEL}"
    return Fault(package.at, f"{which} has no wheel, and source distributions are not built yet", hint)


def _misnamed(package: LockedPackage, again: str) -> list[Fault]:
    """Where an entry's files are of another package, or a wheel of it could not be checked while others are."""
    hint = f"was the lock edited by hand? Make it anew: {again}"
    is_checked = any(text.startswith("sha256:") for text in package.hashes)
    faults = []
    for file in package.files:
        if what := wrong_file(package.name, package.version, file.name):
            faults.append(Fault(package.at, what, hint))
        elif is_checked and file.is_wheel and not any(text.startswith("sha256:") for text in file.hashes):
            faults.append(Fault(package.at, f"{file.name}: no sha256 in the lock, where other files have one", hint))
    return faults


def _clashes(packages: Sequence[LockedPackage], target: int) -> list[Fault]:
    """Where two of one package would be installed at once."""
    faults = []
    known: dict[str, list[LockedPackage]] = {}
    for package in packages:
        for other in known.setdefault(package.name, []):
            if package.where & other.where & target:
                more = ", with other hashes" if _which(other) == _which(package) else ""
                what = (
                    f"{package.name} is in the lock twice for one image: "
                    f"{_which(other)} ({other.at}) and {_which(package)}{more}"
                )
                faults.append(Fault(package.at, what, "choose fewer extras and groups, or lock it again"))
        known[package.name].append(package)
    return faults


def _which(package: LockedPackage) -> str:
    if package.url:
        return "from a URL"
    return f"{package.version}{f' from {package.index}' if package.index else ''}"


def _unhashed(requirements: Iterable[Requirement], places: Sequence[str], again: str) -> list[Fault]:
    """Hashes for some and not for others: those others could be anything."""
    rows = list(zip(requirements, places, strict=True))
    if not any(requirement.hashes for requirement, _ in rows):
        return []
    hint = f"its index may give none: take it from one that does, then: {again}"
    what = "no sha256 in the lock, where other packages have one"
    return [Fault(at, f"{r.text.split(';')[0].strip()}: {what}", hint) for r, at in rows if not r.hashes]
