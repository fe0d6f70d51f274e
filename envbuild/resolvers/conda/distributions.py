"""The Python distributions that conda packages bring, by the facts of their layers: names as pip knows them, from no table."""

import json
import re
from collections.abc import Mapping, Sequence

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name, is_normalized_name
from packaging.version import InvalidVersion, Version

from envbuild.errors import IntegrityError
from envbuild.resolvers.pins import Provided

__all__ = ["provided_by"]

_LONGEST_NAME = 128
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.!+_-]{0,127}")


def provided_by(facts: Sequence[Mapping[str, str]]) -> tuple[Provided, ...]:
    """What packages with these facts provide together, sorted by name; of two versions of one name the newer one.

    The fact `distributions` is a JSON list of `[name, version, [Requires-Dist lines with an extra]]`; a package without it
    brings none. IntegrityError where it is something else: a layer's table that was changed.
    """
    found: dict[str, Provided] = {}
    for of_package in facts:
        for one in _read(of_package):
            before = found.get(one.name)
            if before is None or _rank(one) > _rank(before):
                found[one.name] = one
    return tuple(sorted(found.values()))


def _read(facts: Mapping[str, str]) -> list[Provided]:
    """What is no name of a distribution provides nothing: it would be a path, or a line of the resolver's."""
    try:
        rows = json.loads(facts.get("distributions") or "[]")
        return [
            Provided(canonicalize_name(name), str(version), tuple(filter(_is_requirement, extras)))
            for name, version, extras in rows
            if is_normalized_name(canonicalize_name(name))
            and len(name) <= _LONGEST_NAME
            and _VERSION.fullmatch(version)
        ]
    except (AttributeError, TypeError, ValueError) as error:
        what = f"what its layer says of Python distributions cannot be read: {error}"
        raise IntegrityError(what, at=facts.get("name", "a conda package"), hint="envbuild cache verify") from error


def _is_requirement(line: str) -> bool:
    try:
        return bool(Requirement(line).name)
    except InvalidRequirement:
        return False


def _rank(one: Provided) -> tuple[bool, Version, str]:
    try:
        return True, Version(one.version), one.version
    except InvalidVersion:
        return False, Version("0"), one.version
