"""Where this machine's apt gets Debian from: its source lists, read as text (sources.list(5), both formats).

Only places are taken from them, never trust: what a place serves is checked against Debian's signature. So a list that
cannot be understood, or that is not about Debian, is passed over.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from envbuild.debian.control import parse_stanzas

__all__ = [
    "MIRROR_SETTING",
    "SECURITY_SETTING",
    "SNAPSHOT_SETTING",
    "AptSource",
    "DebianMirrors",
    "mirrors",
    "parse_apt_sources",
]

MIRROR_SETTING = "ENVBUILD_DEBIAN_MIRROR"
SECURITY_SETTING = "ENVBUILD_DEBIAN_MIRROR_SECURITY"
SNAPSHOT_SETTING = "ENVBUILD_DEBIAN_SNAPSHOT"

_LINE = re.compile(r"deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)((?:\s+[^\s#]+)*)\s*(?:#.*)?")
_DEBIAN_SUITE = re.compile(
    r"(?:buster|bullseye|bookworm|trixie|forky|sid|(?:old)*stable|testing|unstable)"
    r"(?:-updates|-security|-proposed-updates|/updates)?"
)
_SCHEMES = ("http://", "https://", "file:/")


@dataclass(frozen=True, slots=True)
class AptSource:
    """One place and suite of a source list, for binary packages."""

    uri: str
    suite: str
    components: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DebianMirrors:
    """URLs that may serve Debian, best first. Nothing is known about what they really serve."""

    archive: tuple[str, ...] = ()
    """For a suite and its updates."""
    security: tuple[str, ...] = ()
    """For its security suite."""
    snapshots: tuple[str, ...] = ()
    """Where a package is looked for that the mirrors have no more."""


def parse_apt_sources(name: str, text: str) -> tuple[AptSource, ...]:
    """The enabled `deb` sources of one file: deb822 where its name ends in `.sources`, else one a line."""
    read = _deb822 if name.endswith(".sources") else _one_line
    try:
        return tuple(read(text))
    except ValueError:
        return ()


def mirrors(environ: Mapping[str, str], files: Mapping[str, str]) -> DebianMirrors:
    """The candidates: the settings ENVBUILD_DEBIAN_MIRROR, _MIRROR_SECURITY, _SNAPSHOT (URLs divided by spaces), else apt's.

    `files`: path -> text of apt's source lists, and of the lists of mirrors that a `mirror+file:` source names.
    """
    found = [s for name in sorted(files) for s in parse_apt_sources(name, files[name])]
    debian = [s for s in found if _DEBIAN_SUITE.fullmatch(s.suite) and "main" in s.components]
    set_archive = _urls(environ.get(MIRROR_SETTING, ""))
    set_security = _urls(environ.get(SECURITY_SETTING, ""))
    of_apt = _places((s.uri for s in debian if not _is_security(s.suite)), files)
    of_apt_security = _places((s.uri for s in debian if _is_security(s.suite)), files)
    archive = set_archive or of_apt
    beside = tuple(f"{uri}-security" for uri in archive if uri.endswith("/debian"))
    security = set_security or (beside if set_archive else ()) + of_apt_security + beside
    return DebianMirrors(archive, tuple(dict.fromkeys(security)), _urls(environ.get(SNAPSHOT_SETTING, "")))


def _is_security(suite: str) -> bool:
    return suite.endswith(("-security", "/updates"))


def _urls(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(url.rstrip("/") for url in text.split()))


def _places(uris: Iterator[str], files: Mapping[str, str]) -> tuple[str, ...]:
    places: dict[str, None] = {}
    for uri in uris:
        listed = [uri]
        if uri.startswith("mirror+file:"):
            path = "/" + uri.removeprefix("mirror+file:").lstrip("/")
            # A line of a mirror list is a URI and, after a tab, options.
            listed = [line.split()[0] for line in files.get(path, "").splitlines() if line.strip()]
        for place in listed:
            if place.startswith(_SCHEMES):
                places[place.rstrip("/")] = None
    return tuple(places)


def _one_line(text: str) -> Iterator[AptSource]:
    for line in text.splitlines():
        if found := _LINE.fullmatch(line.strip()):
            yield AptSource(found[1], found[2], tuple(found[3].split()))


def _deb822(text: str) -> Iterator[AptSource]:
    for stanza in parse_stanzas(text):
        if "deb" not in stanza.get("types", "").split() or stanza.get("enabled", "yes").lower() in ("no", "false", "0"):
            continue
        for uri in stanza.get("uris", "").split():
            for suite in stanza.get("suites", "").split():
                yield AptSource(uri, suite, tuple(stanza.get("components", "").split()))
