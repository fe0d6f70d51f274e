"""conda's package specs as a definition's files have them: checked, and asked what they say of Python."""

import re
from collections.abc import Sequence

from envbuild.matchspec.ranges import pin_of
from envbuild.matchspec.spec import MatchSpec, match_spec

__all__ = [
    "is_one_build",
    "is_only_python",
    "names_a_version",
    "python_minor",
    "python_of",
    "python_range",
    "python_release",
    "spec_name",
    "spec_text",
]

_BOUND = re.compile(r"(?:>=|<=|>|<|!=)[0-9]+(?:\.[0-9]+)*")
_RELEASE = re.compile(r"3\.[0-9]+\.[0-9]+((a|b|rc)[0-9]+)?")


def spec_text(text: str) -> str:
    """The spec with its white space made one. ValueError says what is wrong with it."""
    spec = " ".join(text.split())
    match_spec(spec)
    return spec


def spec_name(spec: str) -> str:
    """The package's name, in lower case as conda compares it; nothing where it is no spec."""
    found = _read(spec)
    return found.name if found else ""


def is_only_python(specs: Sequence[str]) -> bool:
    """Whether conda has to give nothing but python and pip."""
    return {spec_name(spec) for spec in specs} <= {"python", "pip"}


def names_a_version(spec: str) -> bool:
    """Whether a spec allows one version alone, with whatever builds it has: `==1.26`, or `=1.26`, which is 1.26.*."""
    found = _read(spec)
    return found is not None and (bool(pin_of(found.versions)) or found.is_exact)


def python_minor(spec: str) -> str:
    """The minor version (`3.11`) that a spec of Python pins, be it with a release or a build; nothing where it pins none."""
    found = _read(spec)
    if found is None:
        return ""
    between = _between(found)
    if between:
        return between
    parts = pin_of(found.versions).removeprefix("==").removesuffix(".*").split(".")
    return ".".join(parts[:2]) if len(parts) > 1 and parts[0] == "3" and parts[1].isdigit() else ""


def python_of(spec: str) -> tuple[str, tuple[str, str] | None]:
    """The Python that a spec of it names (`3.11`; nothing where it leaves it open), and what is wrong with it with a hint."""
    found = _read(spec)
    if found is None or (not found.versions and not found.build and not found.fields):
        return "", None
    minor = python_minor(spec)
    return (minor, None) if minor else ("", (f"{spec}: which Python is meant is not clear", "name one: `python=3.11`"))


def python_release(spec: str) -> str:
    """The release (`3.11.9`) that a spec of Python pins; nothing where it pins a minor version, or none."""
    found = _read(spec)
    pin = pin_of(found.versions).removeprefix("==").removesuffix(".*") if found else ""
    return pin if _RELEASE.fullmatch(pin) else ""


def python_range(spec: str) -> str:
    """A spec of Python as a range of PEP 440 (`>=3.8,<4`); nothing where it is none, or names more than versions."""
    found = _read(spec)
    if found is None or found.build or found.fields or len(found.versions) != 1:
        return ""
    clauses = found.versions[0]
    return ",".join(clauses) if all(map(_BOUND.fullmatch, clauses)) else ""


def is_one_build(spec: str) -> bool:
    """Whether a spec asks for more than a version: a build, or a file."""
    found = _read(spec)
    return found is not None and bool(found.build or found.fields)


def _read(spec: str) -> MatchSpec | None:
    try:
        return match_spec(spec)
    except ValueError:
        return None


def _between(spec: MatchSpec) -> str:
    """`3.11` of `>=3.11,<3.12`, however its end is written, and of `~=3.11.2`."""
    clauses = spec.versions[0] if len(spec.versions) == 1 else ()
    low = next((c.removeprefix(">=").split(".") for c in clauses if c.startswith(">=")), [])
    start = next((c.removesuffix(".*") for c in clauses if c.endswith(".*")), "")
    if len(clauses) != 2 or len(low) < 2 or low[0] != "3" or not low[1].isdigit():
        return ""
    ends = {f"<3.{int(low[1]) + 1}{more}" for more in ("", "a0", ".0a0", "dev0", ".dev0")}
    minor = f"3.{low[1]}"
    return minor if start == minor or (len(low) == 2 and set(clauses) & ends) else ""
