"""Lines of a pip section, edited: one line a package, whatever the spelling of its name; one default index, any others."""

import re

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from envbuild.formats.pip.reqoptions import LONG_NAMES

__all__ = ["merged_requirements", "option_of", "package_name", "with_option", "with_package"]

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_ONE_ONLY = frozenset({"--index-url"})


def package_name(line: str) -> str:
    """The package's normalized name (PEP 503); nothing for an option or a bare URL."""
    text = line.strip()
    found = _NAME.match(text)
    if found is None or re.match(r"[a-z][a-z0-9+.-]*://|file:", text, re.IGNORECASE):
        return ""
    return canonicalize_name(found[0])


def option_of(line: str) -> tuple[str, str]:
    """An option's long name and its value: `--extra-index-url`, `https://...`."""
    words = re.split(r"[ =]", line.strip(), maxsplit=1)
    return LONG_NAMES.get(words[0], words[0]), words[1].strip() if len(words) > 1 else ""


def with_package(lines: list[str], package: str) -> list[str]:
    """The lines with this package instead of any other line for it, at the end."""
    name = package_name(package)
    return [line for line in lines if not name or line.startswith("-") or package_name(line) != name] + [package]


def with_option(lines: list[str], option: str) -> list[str]:
    """The lines with this option: in place of one that there can be one of, else behind the other options."""
    name, _ = option_of(option)
    options = [line for line in lines if line.startswith("-") and line != option]
    if name in _ONE_ONLY:
        options = [line for line in options if option_of(line)[0] != name]
    return [*options, option, *(line for line in lines if not line.startswith("-"))]


def merged_requirements(requirements: list[str]) -> list[str]:
    """One line a package and marker, with all that is asked of it; what is no requirement stays a line of its own."""
    found: dict[tuple[str, str, str], Requirement] = {}
    others: list[str] = []
    for text in requirements:
        try:
            parsed = Requirement(text)
        except InvalidRequirement:
            if text not in others:
                others.append(text)
            continue
        first = found.setdefault((canonicalize_name(parsed.name), str(parsed.marker or ""), parsed.url or ""), parsed)
        first.extras |= parsed.extras
        first.specifier &= parsed.specifier or SpecifierSet()
    return [*map(str, found.values()), *others]
