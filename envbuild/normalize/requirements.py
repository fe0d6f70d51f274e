"""Requirements in one spelling: names (PEP 503), extras (PEP 685), versions and specifiers (PEP 440), markers (PEP 508)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from packaging.specifiers import Specifier
from packaging.utils import canonicalize_name

from envbuild.definition import Requirement
from envbuild.indexurl import HostNotAscii, plain_host
from envbuild.normalize.requirementtext import requirement_parts

__all__ = ["Unacceptable", "merged"]

_HASH = re.compile(r"sha256:[0-9a-f]{64}")
_MOST = 500
"""Extras, and ranges of versions, that one package may be asked for with."""
_EXAMPLE = "write `name @ https://host/name-1.0-py3-none-any.whl`"


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
            wanted = _Wanted.of(requirement).checked()
            key = (wanted.name, wanted.marker)
            found[key] = found[key].and_also(wanted) if key in found else wanted
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
        url, hashes = _direct(parts.name, parts.url) if parts.url else ("", frozenset[str]())
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
        if max(len(self.extras) + len(other.extras), len(self.specifiers) + len(other.specifiers)) > _MOST:
            raise Unacceptable(f"{self.name} is asked for in more than {_MOST} ways", "write fewer of them")
        hashes = self.hashes & other.hashes if self.hashes and other.hashes else self.hashes | other.hashes
        if not hashes and (self.hashes or other.hashes):
            raise Unacceptable(f"{self.name} is asked for twice, and no hash is in both", "keep one of the two")
        if self.excludes(other):
            what = f"{self.short()} and {other.short()} cannot both hold"
            raise Unacceptable(what, "keep one of the two, or give each a marker")
        return replace(
            self,
            extras=self.extras | other.extras,
            specifiers=self.specifiers | other.specifiers,
            url=self.url or other.url,
            hashes=hashes,
        )

    def checked(self) -> "_Wanted":
        """Itself, where no pin in it is excluded by the rest of it."""
        pins = _pins(self.specifiers)
        if _outside(pins, pins) or _outside(pins, self.specifiers - pins):
            raise Unacceptable(f"{self.short()} excludes itself", "keep one of its versions")
        return self

    def excludes(self, other: "_Wanted") -> bool:
        """Whether an exact pin in one of the two is outside of the other's range."""
        ours, theirs = _pins(self.specifiers), _pins(other.specifiers)
        new = theirs - ours
        # Pins against pins first: of two, one is outside of the other at once.
        return (
            _outside(ours, new)
            or _outside(new, ours)
            or _outside(new, self.specifiers - ours)
            or _outside(ours, other.specifiers - theirs)
        )

    def short(self) -> str:
        """For people: the name and what is asked of it."""
        return f"{self.name}{f' @ {self.url}' if self.url else ','.join(sorted(self.specifiers))}"


def _pins(specifiers: frozenset[str]) -> frozenset[str]:
    return frozenset(text for text in specifiers if text.startswith("==") and not text.endswith(".*"))


def _outside(pins: frozenset[str], specifiers: frozenset[str]) -> bool:
    """Whether a range leaves one of the pinned versions out."""
    return any(
        not Specifier(text).contains(pin.lstrip("="), prereleases=True)
        for pin in pins
        for text in specifiers
        if text != pin
    )


def _direct(name: str, url: str) -> tuple[str, frozenset[str]]:
    """The URL without its fragment, and the hash that the fragment held."""
    try:
        parts = urlsplit(url)
        host = plain_host(parts.scheme, parts.netloc)
    except HostNotAscii as bad:
        raise Unacceptable(bad.what, bad.hint) from None
    except ValueError:
        raise Unacceptable("a direct reference is not a URL", _EXAMPLE) from None
    if "@" in parts.netloc:
        raise Unacceptable("a direct reference holds credentials", "leave them out; netrc or a keyring serve them")
    if parts.scheme not in ("http", "https", "file") or not (host or parts.scheme == "file"):
        raise Unacceptable(f"{name}: a direct reference is a file at an http, https or file URL", _EXAMPLE)
    if parts.query:
        hint = "give the plain URL; a login: envbuild login URL, or .netrc"
        raise Unacceptable(f"{name}: a URL with a query may carry a token, and would stand in the lock", hint)
    return urlunsplit((parts.scheme, host, parts.path, "", "")), _hashes(name, parts.fragment)


def _hashes(name: str, fragment: str) -> frozenset[str]:
    """What `#sha256=...` says. Nothing else says what the file is: `egg=` repeats the name, the rest is for sources."""
    hashes: set[str] = set()
    for key, _, value in (part.partition("=") for part in fragment.split("&") if part):
        text = f"sha256:{value.lower()}"
        if key == "sha256" and _HASH.fullmatch(text):
            hashes.add(text)
        elif key != "egg" or canonicalize_name(value.partition("[")[0]) != name:
            what = f"{name}: what stands behind the # is no sha256"
            raise Unacceptable(what, "write #sha256=<64 hex digits>, or leave it out")
    return frozenset(hashes)
