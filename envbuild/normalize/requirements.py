"""Requirements in one spelling: names (PEP 503), extras (PEP 685), versions and specifiers (PEP 440), markers (PEP 508)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from packaging.specifiers import SpecifierSet

from envbuild.definition import Requirement
from envbuild.normalize.requirementtext import requirement_parts

__all__ = ["Unacceptable", "merged"]

_HASH = re.compile(r"sha256:[0-9a-f]{64}")


class Unacceptable(Exception):
    """A requirement cannot be part of a normalized definition: what is wrong, and what to do."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.what, self.hint = what, hint


def merged(requirements: Iterable[Requirement]) -> tuple[tuple[Requirement, ...], list[tuple[int, Unacceptable]]]:
    """One requirement for each name and marker, sorted; and those, by number, that are none or exclude another."""
    found: dict[tuple[str, str], _Wanted] = {}
    faults: list[tuple[int, Unacceptable]] = []
    for number, requirement in enumerate(requirements):
        try:
            wanted = _Wanted.of(requirement)
            key = (wanted.name, wanted.marker)
            found[key] = found[key].and_also(wanted) if key in found else wanted.checked()
        except Unacceptable as bad:
            faults.append((number, bad))
    return tuple(sorted((w.requirement() for w in found.values()), key=lambda r: (r.text, r.hashes))), faults


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    name: str
    extras: frozenset[str]
    specifiers: frozenset[str]
    url: str
    marker: str
    hashes: frozenset[str]

    @classmethod
    def of(cls, requirement: Requirement) -> Self:
        """The parts of a requirement, each in its one spelling."""
        try:
            parts = requirement_parts(requirement.text)
        except ValueError as error:
            raise Unacceptable(f"not a requirement (PEP 508): {error}", "such as: numpy>=2") from None
        for text in requirement.hashes:
            if not _HASH.fullmatch(text):
                raise Unacceptable(f"{parts.name}: not a sha256: {text!r}", "write sha256:<64 hex digits>")
        url, hashes = _direct(parts.url) if parts.url else ("", frozenset[str]())
        return cls(
            name=parts.name,
            extras=parts.extras,
            specifiers=parts.specifiers,
            url=url,
            marker=parts.marker,
            hashes=frozenset(requirement.hashes) | hashes,
        )

    def requirement(self) -> Requirement:
        """In PEP 508's words."""
        extras = f"[{','.join(sorted(self.extras))}]" if self.extras else ""
        where = f" @ {self.url}" if self.url else ",".join(sorted(self.specifiers))
        # A URL may hold a semicolon, so the marker needs a space before it (PEP 508).
        marker = (" ; " if self.url else "; ") + self.marker if self.marker else ""
        return Requirement(f"{self.name}{extras}{where}{marker}", tuple(sorted(self.hashes)))

    def and_also(self, other: "_Wanted") -> "_Wanted":
        """Both at once: extras of both, the versions and the files that both allow."""
        urls = {self.url, other.url} - {""}
        if len(urls) > 1 or (urls and self.specifiers | other.specifiers):
            raise Unacceptable(f"{self.name} is asked for in two ways: {self.short()} and {other.short()}", "keep one")
        hashes = self.hashes & other.hashes if self.hashes and other.hashes else self.hashes | other.hashes
        if not hashes and (self.hashes or other.hashes):
            raise Unacceptable(f"{self.name} is asked for twice, and no hash is in both", "keep one of the two")
        both = replace(
            self,
            extras=self.extras | other.extras,
            specifiers=self.specifiers | other.specifiers,
            url=self.url or other.url,
            hashes=hashes,
        )
        if both.excludes():
            what = f"{self.short()} and {other.short()} cannot both hold"
            raise Unacceptable(what, "keep one of the two, or give each a marker")
        return both

    def checked(self) -> "_Wanted":
        """Itself, where no pin in it is excluded by the rest of it."""
        if self.excludes():
            raise Unacceptable(f"{self.short()} excludes itself", "keep one of its versions")
        return self

    def excludes(self) -> bool:
        """Whether an exact pin in it is outside its own range."""
        if len(self.specifiers) < 2:
            return False
        specifiers = SpecifierSet(",".join(self.specifiers))
        pins = [s.version for s in specifiers if s.operator in ("==", "===") and not s.version.endswith(".*")]
        return not all(specifiers.contains(version, prereleases=True) for version in pins)

    def short(self) -> str:
        """For people: the name and what is asked of it."""
        return f"{self.name}{f' @ {self.url}' if self.url else ','.join(sorted(self.specifiers))}"


def _direct(url: str) -> tuple[str, frozenset[str]]:
    """The URL without its fragment, and the hash that the fragment held."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise Unacceptable(
            "a direct reference is not a URL", "write `name @ https://host/name-1.0-py3-none-any.whl`"
        ) from None
    if "@" in parts.netloc:
        raise Unacceptable("a direct reference holds credentials", "leave them out; netrc or a keyring serve them")
    values = [part.partition("=")[2] for part in parts.fragment.split("&") if part.startswith("sha256=")]
    hashes = frozenset(f"sha256:{value.lower()}" for value in values)
    return urlunsplit((parts.scheme.lower(), parts.netloc.lower(), parts.path, parts.query, "")), hashes
