"""conda's specs in one spelling: one for each package, where those that are given for it can be one; sorted.

The same package twice means both: what is asked of it holds together (`numpy>=1` and `numpy<2` are `numpy[version='<2,>=1']`).
A spec for one platform's folder is for that platform alone, and stands by itself; one for `noarch` or for none is for all.
Specs whose builds, channels or other fields differ, and do not exclude each other, stay beside each other.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TypeAlias

from envbuild.matchspec.channel import Channel, subdir_of
from envbuild.matchspec.ranges import both, together
from envbuild.matchspec.spec import MatchSpec, match_spec
from envbuild.normalize.fields import Fields
from envbuild.platforms import Platform

__all__ = ["conda_specs", "with_python"]

_Numbered: TypeAlias = tuple[int, MatchSpec]
_MOST = 32
"""Different specs of one package: each is compared with each other."""
_EXAMPLE = "as conda writes it: `numpy=1.26`, `channel::name>=2,<3`, `name=1.0=build`"


def with_python(specs: Sequence[str], python: str) -> tuple[str, ...]:
    """A definition's specs, with its Python among them: an environment that has conda packages has its Python from conda.

    A spec of python goes before the definition's own word, which may be the default.
    """
    if not specs or not python or any(_name(text) == "python" for text in specs):
        return tuple(specs)
    return (*specs, f"python={python}")


def _name(text: str) -> str:
    try:
        return match_spec(text).name
    except ValueError:
        return ""


def conda_specs(check: Fields, specs: Iterable[str], platforms: Iterable[Platform]) -> tuple[str, ...]:
    """The specs in their one spelling; `check` gets a fault for each that is none, or that excludes another."""
    folders = {"", "noarch", *map(subdir_of, platforms)}
    groups: dict[str, dict[MatchSpec, int]] = {}
    for number, text in enumerate(specs):
        try:
            spec = match_spec(text)
            if spec.channel.subdir not in folders:
                raise ValueError(f"{spec.name} is for {spec.channel.subdir}, which is no platform of this definition")
        except ValueError as error:
            check.fault(f"conda[{number}]", str(error), _EXAMPLE)
        else:
            groups.setdefault(spec.name, {}).setdefault(spec, number)
    found: set[str] = set()
    for name, numbers in groups.items():
        group = [(number, spec) for spec, number in numbers.items()]
        if len(group) > _MOST:
            what = f"{name} is asked for in {len(group)} ways: at most {_MOST} are compared with each other"
            check.fault(f"conda[{group[_MOST][0]}]", what, "write fewer of them")
            continue
        try:
            if not _exclude(check, group):
                found |= _joined(check, group)
        except ValueError as error:
            check.fault(f"conda[{group[-1][0]}]", f"{group[0][1].name}: {error}", "write fewer of them")
    return tuple(sorted(found))


def _exclude(check: Fields, group: Sequence[_Numbered]) -> bool:
    """Whether two of a package's specs exclude each other; `check` is told."""
    excluded = False
    for place, (number, later) in enumerate(group):
        earlier = next((one for _, one in group[:place] if _contradict(one, later)), None)
        if earlier is not None:
            excluded = True
            check.fault(f"conda[{number}]", f"{earlier} and {later} cannot both hold", "keep one of the two")
    return excluded


def _contradict(one: MatchSpec, other: MatchSpec) -> bool:
    if _apart(one.channel.subdir, other.channel.subdir):
        return False
    names, fields = {one.channel.name, other.channel.name} - {""}, dict(one.fields)
    return (
        len(names) > 1
        or _builds_differ(one.build, other.build)
        or any(fields.get(key, value) != value for key, value in other.fields if key in ("fn", "md5", "sha256"))
        or not together(both(one.versions, other.versions))
    )


def _apart(one: str, other: str) -> bool:
    """Whether two folders are of two platforms, so that a package of one is not asked for on the other."""
    return one != other and not {one, other} & {"", "noarch"}


def _builds_differ(one: str, other: str) -> bool:
    if not one or not other or "^" in one + other or ("*" in one and "*" in other):
        return False
    # In conda only the asterisk stands for others; to fnmatch brackets and ? do, and no build has them.
    return not (fnmatchcase(one, other) or fnmatchcase(other, one))


def _joined(check: Fields, group: Sequence[_Numbered]) -> set[str]:
    """One spec for each folder, or several where builds, channels or fields differ."""
    found: set[str] = set()
    for subdir in {spec.channel.subdir for _, spec in group}:
        specs = [(number, spec) for number, spec in group if spec.channel.subdir == subdir]
        for part in [specs] if _is_one(spec for _, spec in specs) else _alike(specs):
            found.add(str(_and(check, part)))
    return found


def _is_one(specs: Iterable[MatchSpec]) -> bool:
    seen: dict[str, set[str]] = {}
    for spec in specs:
        for key, value in (*spec.fields, ("build", spec.build), ("channel", spec.channel.name)):
            if value:
                seen.setdefault(key, set()).add(value)
    return all(len(values) == 1 for values in seen.values())


def _alike(specs: Iterable[_Numbered]) -> Iterable[list[_Numbered]]:
    parts: dict[MatchSpec, list[_Numbered]] = {}
    for number, spec in specs:
        parts.setdefault(replace(spec, versions=()), []).append((number, spec))
    return parts.values()


def _and(check: Fields, specs: Sequence[_Numbered]) -> MatchSpec:
    whole = specs[0][1]
    for _, spec in specs[1:]:
        name = whole.channel.name or spec.channel.name
        whole = replace(
            whole,
            versions=both(whole.versions, spec.versions),
            build=whole.build or spec.build,
            channel=Channel(name, spec.channel.subdir),
            fields=tuple(sorted({*whole.fields, *spec.fields})),
        )
    if not together(whole.versions):
        check.fault(f"conda[{specs[-1][0]}]", f"{whole} excludes itself", "change one of its lines")
    return whole
