"""Why a request cannot be met, in words that can be read, and what to do next."""

import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from envbuild.errors import ResolveFailed
from envbuild.matchspec.ranges import holds
from envbuild.matchspec.spec import MatchSpec, match_spec
from envbuild.resolvers.conda.closure import Universe
from envbuild.resolvers.conda.request import CondaRequest

__all__ = ["absent", "unsolvable"]

_AT = "conda"
_IN_TOML = "in an envbuild.toml: `envbuild show SPEC --toml` makes one"
_LONGEST = 24
"""Lines of a solver's explanation that are told."""
_WIDEST = 400
"""Characters of such a line: of a package with many versions the solver names them all."""
_SHOWN = 5
_NAME = r"([A-Za-z0-9_][A-Za-z0-9_.-]*)"
_MISSING = re.compile(rf"{_NAME}(?: [^,\n]*)?, for which no candidates were found|No candidates were found for {_NAME}")
_NOTHING = re.compile(r"No candidates were found for ([^\n]*)\.")


def absent(
    specs: Sequence[MatchSpec],
    universe: Universe[Any],
    request: CondaRequest,
    elsewhere: Callable[[str], Sequence[str]],
) -> ResolveFailed | None:
    """The failure of a request that names a package which no channel has, or not where it is asked for.

    `elsewhere`: by package, the folders of other platforms that have it.
    """
    there = {record["name"] for records in universe.records for record in records.values()}
    missing = next((spec for spec in specs if spec.name not in there), None)
    if missing is None:
        return None
    name, channels = missing.name, ", ".join(dict.fromkeys(folder.channel for folder in universe.folders))
    if having := [f"{f.channel}/{f.subdir}" for f in universe.folders if name in f.names]:
        what = f"no file of {name} is the one that is asked for: {missing}"
        return ResolveFailed(what, at=_AT, hint=f"{', '.join(having)} has it; is its channel, hash or file name right?")
    what = f"there is no package {name} for {request.subdir} in {channels}"
    if others := elsewhere(name):
        return ResolveFailed(what, at=_AT, hint=f"{', '.join(others)} has it: is the platform the right one?")
    near = get_close_matches(name, universe.names(), 3, 0.7)
    hint = f"did you mean {' or '.join(near)}?" if near else "is the name right, and its channel among `channels`?"
    return ResolveFailed(what, at=_AT, hint=hint)


def unsolvable(
    explanation: str, channels: Mapping[str, str], request: CondaRequest, universe: Universe[Any]
) -> ResolveFailed:
    """The failure that a solver explains. `channels`: what stands for a channel in its words, and its name."""
    text = explanation.strip().removeprefix("Cannot solve the request because of: ").strip()
    at = f"{_AT}, {request.subdir}"
    if "has been cancelled" in text:
        return ResolveFailed("the solver found no answer in time", at=at, hint="name versions of more of the packages")
    for place, name in channels.items():
        text = text.replace(place, name)
    lines = [_cut(line.rstrip()) for line in text.splitlines() if line.strip()]
    hint = _hint("\n".join(lines), request, universe)
    if found := _NOTHING.fullmatch(text):
        return ResolveFailed(f"no channel has {found[1]} for {request.subdir}", at=at, hint=hint)
    if len(lines) > _LONGEST:
        lines = [*lines[:_LONGEST], f"and {len(lines) - _LONGEST} lines more"]
    return ResolveFailed("these conda packages do not go together:\n  " + "\n  ".join(lines), at=at, hint=hint)


def _cut(line: str) -> str:
    return line if len(line) <= _WIDEST else f"{line[: _WIDEST - 3]}..."


def _hint(text: str, request: CondaRequest, universe: Universe[Any]) -> str:
    missing = [found[1] or found[2] for found in _MISSING.finditer(text)]
    if virtual := next((name for name in missing if name.startswith("__")), ""):
        return _of_virtual(virtual, request)
    passed_over = universe.passed_over
    for name in missing:
        if later := passed_over.get(name):
            return _of_priority(name, later)
        if builds := _builds(name, request, universe):
            return builds
        if versions := universe.versions(name):
            return "; ".join(f"{channel} has {name} {_few(all_)}" for channel, all_ in versions.items())
    for name, later in passed_over.items():
        if re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", text):
            return _of_priority(name, later)
    return "loosen one of the versions that are asked for, or leave one of the packages out"


def _builds(name: str, request: CondaRequest, universe: Universe[Any]) -> str:
    """What builds there are of the version that is asked for in another one; nothing where no build is."""
    asked = next((spec for spec in map(match_spec, request.specs) if spec.name == name and spec.build), None)
    if asked is None or len(asked.versions) > 1:
        return ""
    clauses = asked.versions[0] if asked.versions else ()
    there = [r for records in universe.records for r in records.values() if r["name"] == name]
    builds = sorted({str(r["build"]) for r in there if all(holds(clause, str(r["version"])) for clause in clauses)})
    return f"of that version there are the builds {_few(builds)}: name one, or leave the build out" if builds else ""


def _of_virtual(name: str, request: CondaRequest) -> str:
    has = {package.name: package.version for package in request.virtual_packages}
    if name in has:
        newer = 'a newer base has a newer one, as [base] debian = "trixie"'
        more = newer if name == "__glibc" else "virtual-packages can say another"
        return f"the image has {name} {has[name]}: {more} ({_IN_TOML})"
    example = {"__cuda": "12.4"}.get(name, "VERSION")
    what = f'virtual-packages = {{ {name} = "{example}" }}'
    return f"say what the machines have that it will run on: {what} ({_IN_TOML})"


def _of_priority(name: str, later: Sequence[str]) -> str:
    return (
        f"{', '.join(later)} has other versions of {name}, and comes later in `channels`: "
        f'name it ("{later[0]}::{name}"), put it first, or say channel-priority = "disabled"'
    )


def _few(versions: Sequence[str]) -> str:
    more = f" and {len(versions) - _SHOWN} more" if len(versions) > _SHOWN else ""
    return ", ".join(versions[:_SHOWN]) + more
