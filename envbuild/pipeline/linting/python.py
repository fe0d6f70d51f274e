"""What is likely to hurt in the Python that a definition asks for."""

import re
from collections.abc import Iterator, Sequence
from datetime import date

from envbuild.definition import Definition
from envbuild.formats.conda.condaspecs import python_minor, spec_name
from envbuild.formats.pythons import minor_of
from envbuild.pipeline.linting.codes import Finding, found

__all__ = ["conda_pythons", "end_of_life", "pythons"]

_END_OF_LIFE = {
    "2.7": date(2020, 1, 1),
    "3.5": date(2020, 9, 30),
    "3.6": date(2021, 12, 23),
    "3.7": date(2023, 6, 27),
    "3.8": date(2024, 10, 7),
    "3.9": date(2025, 10, 31),
    "3.10": date(2026, 10, 31),
    "3.11": date(2027, 10, 31),
    "3.12": date(2028, 10, 31),
    "3.13": date(2029, 10, 31),
}
"""Python Developer's Guide, "Status of Python versions"; the last day of the month where no day is named."""

_SPEC = re.compile(r"(?:[^\s:]++::)?python\s*+(?P<rest>[^\[]*+)(?P<brackets>\[.*)?", re.IGNORECASE)
_MINOR = re.compile(r"={0,2}\s*+(?P<minor>\d++\.\d++)[.\d*]*+(?:[= ]\S+)?")
_PART = re.compile(r"\s*(?:[<>=!~]=?=?\s*)?\d+(?:\.\d+)*(?:(?:a|b|rc)\d+)?(?:\.?\*)?(?:[= ][\w*.]+)?\s*", re.IGNORECASE)


def end_of_life(d: Definition, today: date) -> Iterator[Finding]:
    """EB108: no security fixes any more."""
    conda = [spec for spec in d.conda if spec_name(spec) == "python"]
    for spec in conda or [d.python]:
        minor = _minor(spec) if conda else minor_of(spec)
        over = _END_OF_LIFE.get(minor)
        if over is not None and over < today:
            yield found("EB108", "python", spec, f"Python {minor} has had no security fixes since {over.isoformat()}")


def pythons(d: Definition) -> Iterator[Finding]:
    """EB120 to EB122, of what conda installs."""
    if d.conda:
        yield from conda_pythons(d.conda)


def conda_pythons(specs: Sequence[str]) -> Iterator[Finding]:
    """EB120 to EB122: none among conda's packages, several, or one whose version is none."""
    given = [spec for spec in specs if spec_name(spec) == "python"]
    if not given:
        yield found("EB120", "conda", "", "no Python is named: which one it is, is left to others")
    for spec in given[1:]:
        yield found("EB121", "conda", spec, f"Python is named already: {given[0]}")
    for spec in given:
        rest = _rest(spec)
        if rest and not all(_PART.fullmatch(part) for part in re.split(r"[,|]", rest)):
            yield found("EB122", "conda", spec, "no version can be read in it")


def _minor(spec: str) -> str:
    """`3.11`; nothing where several are allowed. Also of a Python that no base has, such as 2.7."""
    exact = _MINOR.fullmatch(_rest(spec))
    return python_minor(spec) or (exact["minor"] if exact else "")


def _rest(spec: str) -> str:
    """What a spec says of Python's version, outside of brackets."""
    parts = _SPEC.fullmatch(spec)
    return parts["rest"].strip() if parts else ""
