"""A suite's Release file: whose it is, until when it holds, and the sha256 of each index beneath it.

The format is that of Debian's repository documentation (DebianRepository/Format). Give it signed content only.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from envbuild.debian.control import parse_stanza
from envbuild.digest import Digest
from envbuild.errors import IntegrityError

__all__ = ["IndexEntry", "Release", "check", "claimed_origin", "parse"]

_ORIGIN = re.compile(rb"^Origin:[ \t]*(.*?)[ \t\r]*$", re.MULTILINE)
_ENTRY = re.compile(r"\s*([0-9a-f]{64})\s+(\d+)\s+(\S+)\s*")


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """One file of a suite: its path below the suite's folder, size in bytes, sha256."""

    path: str
    size: int
    digest: Digest

    @property
    def by_hash(self) -> str:
        """The path that names the content (Acquire-By-Hash): it outlives an update of the mirror."""
        folder = self.path.rpartition("/")[0]
        return f"{folder}/by-hash/SHA256/{self.digest.hex}".lstrip("/")


@dataclass(frozen=True, slots=True)
class Release:
    """What a suite says about itself."""

    origin: str
    suite: str
    codename: str
    valid_until: datetime | None
    """UTC. Suites that do not change any more have none."""
    by_hash: bool
    entries: Mapping[str, IndexEntry] = field(default_factory=dict)


def claimed_origin(data: bytes) -> str:
    """The Origin that an InRelease file claims, signed or not: enough to pass another distribution over, never to trust."""
    found = _ORIGIN.search(data)
    return found[1].decode("utf-8", "replace") if found else ""


def parse(content: bytes, *, at: str) -> Release:
    """The Release that signed content holds. IntegrityError where it is none."""
    try:
        fields = parse_stanza(content.decode("utf-8"))
        until = fields.get("valid-until")
        return Release(
            origin=fields.get("origin", ""),
            suite=fields.get("suite", ""),
            codename=fields.get("codename", ""),
            valid_until=_moment(until) if until is not None else None,
            by_hash=fields.get("acquire-by-hash") == "yes",
            entries=_entries(fields.get("sha256", "")),
        )
    except ValueError as fault:
        raise IntegrityError(
            f"not a Release file: {fault}", at=at, hint="Try again, or name another mirror."
        ) from fault


def check(release: Release, suite: str, now: datetime, *, at: str) -> None:
    """That this is Debian's `suite` and still holds at `now` (with a time zone). IntegrityError says what does not fit."""
    if release.origin != "Debian":
        raise IntegrityError(
            f"Origin is {release.origin!r}, not 'Debian'",
            at=at,
            hint="Name a Debian mirror in ENVBUILD_DEBIAN_MIRROR.",
        )
    if suite not in (release.codename, release.suite):
        raise IntegrityError(
            f"asked for {suite}, got {release.codename or release.suite or 'a suite without a name'}",
            at=at,
            hint="The mirror serves one suite under another's name; name another mirror in ENVBUILD_DEBIAN_MIRROR.",
        )
    if release.valid_until is not None and release.valid_until <= now:
        raise IntegrityError(
            f"valid until {release.valid_until:%Y-%m-%d %H:%M} UTC, and it is {now.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
            at=at,
            hint="The mirror has not been updated since, so it may hide security fixes; check this machine's clock, or "
            "name another mirror in ENVBUILD_DEBIAN_MIRROR and ENVBUILD_DEBIAN_MIRROR_SECURITY.",
        )


def _moment(text: str) -> datetime:
    moment = parsedate_to_datetime(text.replace(" UTC", " +0000"))
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _entries(text: str) -> dict[str, IndexEntry]:
    entries = {}
    for line in filter(str.strip, text.splitlines()):
        found = _ENTRY.fullmatch(line)
        if not found:
            raise ValueError(f"not a line of sha256, size and path: {line[:80]!r}")
        entries[found[3]] = IndexEntry(found[3], int(found[2]), Digest(found[1]))
    return entries
