"""What locks of conda packages have in common: their packages by platform become one definition that is complete.

A conda package is a spec that names one file: `conda-forge/linux-64::numpy==1.26.4=py311_0[fn='...',sha256='...']`. A spec
for a platform's folder is for that platform alone; one in `noarch` is for all of a definition's platforms, and there is no
way to say otherwise. So a lock of several platforms is one definition where they agree on their noarch packages and on
Python; a platform that differs in these is left out, and said. What remains is linux-64 before linux-aarch64. Platforms that
no image is made for are passed over. A package without a hash is refused: its bytes could be others tomorrow. One with an md5
alone (`md5='...'` in the place of sha256) is taken, and said: its sha256 is not known before its file was fetched.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from envbuild.definition import Definition
from envbuild.errors import Fault
from envbuild.formats.conda.condaspecs import python_minor
from envbuild.formats.finishing import finished
from envbuild.formats.otherlocks.lockindexes import LockIndexes
from envbuild.formats.otherlocks.lockpins import LockedPackage, LockPins
from envbuild.formats.pip.reqindexes import Logins
from envbuild.formats.pip.requirementlist import in_order
from envbuild.formats.sourcefile import Reading, ReadRequest
from envbuild.markersets import MarkerSets
from envbuild.matchspec.channel import subdir_of, without_logins
from envbuild.matchspec.ranges import ranges
from envbuild.matchspec.spec import MatchSpec, match_spec
from envbuild.platforms import Platform

__all__ = ["CondaLock", "platform_of"]

_SERVED = {subdir_of(platform): platform for platform in (Platform("linux", "amd64"), Platform("linux", "arm64"))}


def platform_of(subdir: str) -> Platform | None:
    """The platform that conda calls `linux-64`; None for one that no image is made for."""
    return _SERVED.get(subdir)


@dataclass(frozen=True, slots=True)
class _Conda:
    at: str
    spec: MatchSpec


class CondaLock:
    """Collects a lock's channels and packages by conda's name of the platform, and what is wrong with them."""

    def __init__(self, path: str, asked: ReadRequest, again: str) -> None:
        """`again`: the command that makes the lock anew."""
        self._path, self._asked, self._again = path, asked, again
        self._logins = Logins()
        self._channels: list[tuple[str, str]] = []
        self._conda: dict[str, list[_Conda]] = {}
        self._known: dict[tuple[str, str], _Conda] = {}
        self._pypi: dict[str, list[LockedPackage]] = {}
        self._others: dict[str, None] = {}
        self.faults: list[Fault] = []
        self.notices: list[str] = []

    def platform(self, subdir: str) -> bool:
        """Note a platform that the lock has packages for. Whether images are made for it."""
        if platform_of(subdir) is None:
            self._others[subdir] = None
            return False
        self._conda.setdefault(subdir, [])
        self._pypi.setdefault(subdir, [])
        return True

    def channel(self, text: str, at: str) -> None:
        """Note a channel, in the lock's order."""
        self._channels.append((self.plain(text, at), at))

    def conda(self, subdir: str, url: str, hashes: Mapping[str, str], at: str, says: Mapping[str, str] = {}) -> None:
        """Take in the package at a URL. `says`: name, version and build as the lock has them, which must be the file's."""
        clean = self.plain(url, at).partition("#")[0]
        kind = next((kind for kind in ("sha256", "md5") if hashes.get(kind)), "")
        try:
            spec = match_spec(clean)
            if kind:
                fields = match_spec(f"{spec.name}[{kind}='{hashes[kind]}']").fields
                spec = replace(spec, fields=tuple(sorted({*spec.fields, *fields})))
        except ValueError as error:
            hint = f"was the lock edited by hand? Make it anew: {self._again}"
            self.faults.append(Fault(at, f"{clean}: {error}", hint))
            return
        if not spec.channel.subdir:
            what = f"{spec.name}: only the URL of a package's file in a channel is taken"
            self.faults.append(Fault(at, what, f"publish it in a channel, then: {self._again}"))
        elif not kind:
            what = f"{spec.name} has no hash in the lock: its sha256 is needed"
            self.faults.append(Fault(at, what, f"make the lock anew: {self._again}"))
        elif spec.channel.subdir not in ("noarch", subdir):
            what = f"{spec.name} is for {spec.channel.subdir}, in a list for {subdir}"
            self.faults.append(Fault(at, what, f"make the lock anew: {self._again}"))
        elif differs := _differs(spec, says):
            self.faults.append(Fault(at, f"{spec.name}: {differs}", f"make the lock anew: {self._again}"))
        elif (before := self._known.setdefault((subdir, spec.name), _Conda(at, spec))).spec != spec:
            what = f"{spec.name} is in the lock twice for one image: {_which(before.spec)} ({before.at}) and {_which(spec)}"
            self.faults.append(Fault(at, what, f"choose fewer groups, or make the lock anew: {self._again}"))
        else:
            self._conda[subdir].append(_Conda(at, spec))

    def pypi(self, subdir: str, package: LockedPackage) -> None:
        """Take in a package of an index; where it is installed is added here."""
        if not package.source and not package.hashes:
            what = f"{package.name} has no hash in the lock: its sha256 is needed"
            self.faults.append(Fault(package.at, what, f"make the lock anew: {self._again}"))
        self._pypi[subdir].append(package)

    def plain(self, text: str, at: str) -> str:
        """A URL without its login, which is kept apart."""
        clean, logins = without_logins(text)
        for host, login in logins:
            if not self._logins.add(host, login):
                hint = "keep one; netrc or a keyring serve better"
                self.faults.append(Fault(at, f"two different logins for {host}", hint))
        return clean

    def reading(self, files: Sequence[str] = (), absent: Sequence[str] = ()) -> Reading:
        """What the lock says. InvalidDefinition has all faults."""
        self._tell_of_others()
        kept = self._agreeing()
        if not kept:
            if not self.faults:
                others = (
                    f"the lock is for {', '.join(self._others)} alone" if self._others else "the lock has no platform"
                )
                self.faults.append(Fault(self._path, others, f"lock it for {' or '.join(_SERVED)}"))
            raise in_order(self.faults)
        packages = {str(one.spec): one.at for subdir in kept for one in self._conda[subdir]}
        pins, definition = self._whole(kept, packages)
        if self.faults:
            raise in_order(self.faults)
        self._tell_of_md5(kept)
        if not packages and not definition.pypi:
            self.notices.append("the lock has no package that is installed here")
        lines = {f"conda[{n}]": at for n, at in enumerate(packages.values())}
        lines |= {f"channels[{n}]": at for n, (_, at) in enumerate(self._channels)}
        meant = finished(definition, self._asked.finish, (), lambda at: lines.get(at) or pins.line_of(at, self._path))
        return Reading(meant, self._logins.pairs(), tuple(self.notices), (self._path, *files), tuple(absent))

    def versions(self) -> Mapping[str, str]:
        """The version of each conda package of the first platform, by name."""
        first = next(iter(self._ordered()), "")
        return {one.spec.name: _version(one.spec) for one in self._conda.get(first, ())}

    def _whole(self, kept: Sequence[str], packages: Mapping[str, str]) -> tuple[LockPins, Definition]:
        platforms = tuple(_SERVED[subdir] for subdir in kept)
        python = self._python(kept[0])
        definition = Definition(
            name=self._asked.name,
            python=python,
            conda=tuple(packages),
            channels=tuple(channel for channel, _ in self._channels),
            platforms=platforms,
            no_deps=True,
        )
        sets = MarkerSets(python or "3.0", ())
        indexes = LockIndexes(self._logins)
        pins = LockPins(sets, sets.on(platforms), indexes, self._logins, self._again)
        for subdir in kept:
            where = sets.on((_SERVED[subdir],)) if len(kept) > 1 else sets.all
            if self._pypi[subdir] and not python:
                what = "packages of an index, and no Python among conda's"
                self.faults.append(Fault(self._pypi[subdir][0].at, what, "add python to what is locked"))
            for package in self._pypi[subdir]:
                pins.add(replace(package, where=where))
        definition = pins.definition(definition)
        self.faults += pins.faults
        self.notices += pins.notices
        return pins, definition

    def _ordered(self) -> list[str]:
        return [subdir for subdir in _SERVED if subdir in self._conda]

    def _agreeing(self) -> list[str]:
        """The first platform, and those whose noarch packages and Python are the same."""
        kept: list[str] = []
        for subdir in self._ordered():
            if differs := self._against(kept[0], subdir) if kept else "":
                self.notices.append(f"{subdir} is left out: {differs}; a lock of that platform alone is a definition")
            else:
                kept.append(subdir)
        return kept

    def _against(self, first: str, other: str) -> str:
        """What keeps two platforms from being one definition; nothing where they can be."""
        if self._python(first) != self._python(other):
            return (
                f"its Python is {self._python(other) or 'none'}, and that of {first} is {self._python(first) or 'none'}"
            )
        shared, its = ({str(one.spec): one.spec for one in self._conda[s] if _is_noarch(one)} for s in (first, other))
        different = sorted(
            {spec.name for text, spec in {**shared, **its}.items() if text not in shared or text not in its}
        )
        if not different:
            return ""
        more = f" and {len(different) - 1} more" if len(different) > 1 else ""
        return f"packages for all platforms (noarch) are not those of {first}: {different[0]}{more}"

    def _python(self, subdir: str) -> str:
        specs = (str(one.spec) for one in self._conda[subdir] if one.spec.name == "python")
        return next((minor for spec in specs if (minor := python_minor(spec))), "")

    def _tell_of_others(self) -> None:
        if self._others and self._conda:
            self.notices.append(
                f"no image is made for {', '.join(self._others)}: what the lock has for it is passed over"
            )

    def _tell_of_md5(self, kept: Sequence[str]) -> None:
        specs = {str(one.spec): one.spec for subdir in kept for one in self._conda[subdir]}
        names = [spec.name for spec in specs.values() if "md5" in dict(spec.fields)]
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            self.notices.append(
                f"{names[0]}{more}: an md5 alone in the lock, which proves little; "
                f"each is fetched, and its sha256 taken then ({self._again} has it in the lock)"
            )


def _is_noarch(one: _Conda) -> bool:
    return one.spec.channel.subdir == "noarch"


def _which(spec: MatchSpec) -> str:
    kind, value = next((pair for pair in spec.fields if pair[0] in ("sha256", "md5")), ("sha256", ""))
    return f"{_version(spec)} {spec.build}, {kind} {value[:12]}"


def _version(spec: MatchSpec) -> str:
    return spec.versions[0][0].removeprefix("==")


def _differs(spec: MatchSpec, says: Mapping[str, str]) -> str:
    """What a lock's entry says that its file is not."""
    name, version, build = (says.get(key, "") for key in ("name", "version", "build"))
    try:
        same = not version or ranges(f"=={version}") == spec.versions
    except ValueError:
        same = False
    if (name and name.lower() != spec.name) or not same or (build and build != spec.build):
        said = " ".join(word for word in (name, version, build) if word)
        return f"the lock says {said}, and its file is another"
    return ""
