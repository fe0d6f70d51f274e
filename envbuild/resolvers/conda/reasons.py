"""Why a request cannot be met, in words that can be read, and what to do next."""

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from envbuild.errors import ResolveFailed
from envbuild.matchspec.spec import MatchSpec
from envbuild.resolvers.conda.closure import Universe
from envbuild.resolvers.conda.request import CondaRequest

__all__ = ["absent", "unsolvable"]

_LONGEST = 24
"""Lines of a solver's explanation that are told."""
_MISSING = re.compile(
    r"(__[a-z0-9_]+)[^,\n]*, for which no candidates were found|No candidates were found for (__[a-z0-9_]+)"
)
_NOT_FOUND = re.compile(r"([A-Za-z0-9_][A-Za-z0-9_.-]*)(?: [^,\n]*)?, for which no candidates were found")


def absent(specs: Sequence[MatchSpec], universe: Universe[Any], request: CondaRequest) -> ResolveFailed | None:
    """The failure of a request that names a package which no channel has, or not where it is asked for."""
    there = {
        str(record["name"]).lower() for records in universe.records for record in records.values() if "name" in record
    }
    for spec in specs:
        if spec.name not in there:
            return _absent(spec, universe, request)
    return None


def _absent(spec: MatchSpec, universe: Universe[Any], request: CondaRequest) -> ResolveFailed:
    known = universe.names()
    channels = ", ".join(dict.fromkeys(folder.channel for folder in universe.folders))
    having = [f"{f.channel}/{f.subdir}" for f in universe.folders if spec.name in f.names]
    at = "conda"
    if having:
        what = f"no file of {spec.name} is the one that is asked for: {spec}"
        return ResolveFailed(what, at=at, hint=f"{', '.join(having)} has it; is its channel, hash or file name right?")
    near = get_close_matches(spec.name, known, 3, 0.7)
    hint = f"did you mean {' or '.join(near)}?" if near else "is the name right, and the channel among `channels`?"
    what = f"there is no package {spec.name} for {request.subdir} in {channels}"
    return ResolveFailed(what, at=at, hint=hint)


def unsolvable(
    explanation: str,
    channels: Mapping[str, str],
    request: CondaRequest,
    passed_over: Mapping[str, tuple[str, ...]],
) -> ResolveFailed:
    """The failure that a solver explains. `channels`: what stands for a channel in its words, and its name."""
    text = explanation.strip().removeprefix("Cannot solve the request because of: ").strip()
    for place, name in channels.items():
        text = text.replace(place, name)
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    if len(lines) > _LONGEST:
        lines = [*lines[:_LONGEST], f"and {len(lines) - _LONGEST} lines more"]
    what = "these conda packages do not go together:\n  " + "\n  ".join(lines)
    return ResolveFailed(what, at=f"conda, {request.subdir}", hint=_hint(text, request, passed_over))


def _hint(text: str, request: CondaRequest, passed_over: Mapping[str, tuple[str, ...]]) -> str:
    if found := _MISSING.search(text):
        return _of_virtual(found[1] or found[2], request)
    for found in _NOT_FOUND.finditer(text):
        if later := passed_over.get(found[1]):
            return _of_priority(found[1], later)
    for name, later in passed_over.items():
        if re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", text):
            return _of_priority(name, later)
    return "loosen one of the versions that are asked for, or leave one of the packages out"


def _of_virtual(name: str, request: CondaRequest) -> str:
    has = {package.name: package.version for package in request.virtual_packages}
    if name in has:
        return f"the image has {name} {has[name]}" + (
            ": a newer base has a newer one" if name == "__glibc" else ": virtual-packages can say another"
        )
    example = {"__cuda": "12.4"}.get(name, "VERSION")
    return f'say what the machines have that it will run on: virtual-packages = {{ {name} = "{example}" }}'


def _of_priority(name: str, later: Sequence[str]) -> str:
    return (
        f"{', '.join(later)} has other versions of {name}, and comes later in `channels`: "
        f'name it ("{later[0]}::{name}"), put it first, or say channel-priority = "disabled"'
    )
