"""Where an installed distribution came from, other than an index: PEP 610's direct_url.json."""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from envbuild.definition import Requirement
from envbuild.formats.pip.specline import BadSpec, read_spec
from envbuild.httpsettings import public_url
from envbuild.sources.installed.leftbehind import Left

__all__ = ["EDITABLE_WHY", "Origin", "public_origin", "read_origin"]

EDITABLE_WHY = "its source is a folder of this machine: install it with `project`, or build a wheel and name its URL"
_LOCAL_WHY = "a file of this machine: publish it to an index, or name a wheel by its https URL"
_VCS_WHY = "source code is not built yet: build a wheel of it, and name that by its URL"
_UNKNOWN_WHY = "its direct_url.json cannot be understood, and it is from no index: install it again"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where it came from, and a requirement that gives the same; or why there is none."""

    url: str
    """Without login, query and fragment; that of a version control system as pip writes it: `git+URL@COMMIT`."""
    requirement: Requirement | None = None
    reason: Left = Left.URL
    why: str = ""


def read_origin(name: str, data: bytes) -> Origin:
    """What the direct_url.json of a distribution says."""
    try:
        said = json.loads(data.decode())
        url: str = said["url"]
        return _origin(name, said, url, public_origin(url))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Origin("", reason=Left.BROKEN, why=_UNKNOWN_WHY)


def public_origin(url: str) -> str:
    """A URL as it may be shown; `git@`, which is nobody's name, stays with ssh."""
    shown = public_url(url)
    parts = urlsplit(url)
    if parts.scheme.endswith("ssh") and parts.username == "git" and parts.password is None:
        return shown.replace("://", "://git@", 1)
    return shown


def _origin(name: str, said: dict[str, Any], url: str, shown: str) -> Origin:
    if "vcs_info" in said:
        info = said["vcs_info"]
        folder = f"#subdirectory={said['subdirectory']}" if said.get("subdirectory") else ""
        return Origin(f"{info['vcs']}+{shown}@{info['commit_id']}{folder}", reason=Left.VCS, why=_VCS_WHY)
    if "dir_info" in said:
        editable = said["dir_info"].get("editable") is True
        return Origin(shown, reason=Left.EDITABLE if editable else Left.LOCAL, why=EDITABLE_WHY)
    if urlsplit(url).scheme == "file":
        return Origin(shown, reason=Left.LOCAL, why=_LOCAL_WHY)
    return _file(name, url, shown, _hashes(said["archive_info"]))


def _file(name: str, url: str, shown: str, hashes: list[str]) -> Origin:
    """A file of the web: a wheel that any machine takes is as good as one from an index."""
    try:
        requirement = read_spec(f"{name} @ {url}", hashes).requirement
        _, _, _, tags = parse_wheel_filename(shown.rpartition("/")[2].replace("%2B", "+").replace("%2b", "+"))
    except BadSpec as bad:
        return Origin(shown, why=f"{bad.what}: {bad.hint}" if bad.hint else bad.what)
    except InvalidWheelFilename:
        return Origin(shown, why="its URL names no wheel")
    if any(tag.platform != "any" and "linux" not in tag.platform for tag in tags):
        return Origin(shown, why="a wheel for another system: name the one for Linux by its URL")
    return Origin(shown, requirement)


def _hashes(archive: dict[str, Any]) -> list[str]:
    """Its sha256, in the newer and the older form (PEP 610, archive_info)."""
    hashes = archive.get("hashes") or {}
    if isinstance(hashes.get("sha256"), str):
        return [f"sha256:{hashes['sha256']}"]
    old = str(archive.get("hash", ""))
    return [old.replace("=", ":", 1)] if old.startswith("sha256=") else []
