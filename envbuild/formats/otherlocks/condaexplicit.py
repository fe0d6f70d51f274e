"""conda's explicit files (`@EXPLICIT`, one package's URL a line, its hash behind a #): a list that is complete.

conda, "Building identical conda environments", and conda/misc.py for the hashes; conda-lock's rendering of a lock in this
form, whose lines `# pip NAME @ URL --hash=sha256:...` stand for packages of an index. The platform is that of the packages'
folders; where all are noarch, what `# platform:` says, else linux-64. The channels are those of the URLs.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from envbuild.errors import Fault
from envbuild.formats.otherlocks.condalocked import CondaLock, platform_of
from envbuild.formats.otherlocks.lockedfiles import file_name, version_of
from envbuild.formats.otherlocks.lockopening import lock_text
from envbuild.formats.otherlocks.pypifiles import locked_file
from envbuild.formats.pip.requirementlist import in_order
from envbuild.formats.sourcefile import Loader, Reading, ReadRequest

__all__ = ["is_explicit", "read_explicit"]

_AGAIN = "conda list --explicit --sha256"
_MARK = re.compile(r"(?m)^@EXPLICIT\s*$")
_PLATFORM = re.compile(r"#\s*platform:\s*(\S+)")
_PIP = re.compile(
    r"#\s*pip\s+(?P<name>[A-Za-z0-9._-]+)\s*@\s*(?P<url>[^\s#]+)(?:#|\s+--hash=)sha256[:=](?P<sha256>[0-9a-fA-F]{64})"
)
_HASH = re.compile(r"#(?:(?P<md5>[0-9a-fA-F]{32})|(?:sha256:)?(?P<sha256>[0-9a-fA-F]{64}))$")
_PIP_MEANT = re.compile(r"#\s*pip\s+(?:[A-Za-z0-9._-]+\s*(?:@|==)|\S*://)")


@dataclass(slots=True)
class _Lines:
    """What the file's lines say, with their places."""

    conda: list[tuple[str, str]] = field(default_factory=list)
    pip: list[tuple[re.Match[str], str]] = field(default_factory=list)
    platform: str = ""


def is_explicit(text: str) -> bool:
    """Whether a text is such a file."""
    return _MARK.search(text) is not None


def read_explicit(path: str, load: Loader, asked: ReadRequest) -> Reading:
    """The definition that lists what an explicit file installs.

    InvalidDefinition has all faults; UsageError: the file cannot be read.
    """
    text = lock_text(path, load, _AGAIN)
    lock = CondaLock(path, asked, _AGAIN)
    if not is_explicit(text):
        raise in_order([Fault(path, "this is no explicit file: the line @EXPLICIT is missing", f"make it: {_AGAIN}")])
    lines = _read(text, path, lock.faults)
    subdir = _subdir(lines)
    if lock.platform(subdir):
        for url, at in lines.conda:
            found = _HASH.search(url)
            hashes = {key: value for key in ("md5", "sha256") if (value := found[key])} if found else {}
            lock.conda(subdir, url, hashes, at)
        for pip, at in lines.pip:
            url = lock.plain(pip["url"], at)
            version = version_of(file_name(url))
            lock.pypi(subdir, locked_file(at, pip["name"], version, url, {"sha256": pip["sha256"]}))
    for channel, at in _channels(lines.conda):
        lock.channel(channel, at)
    return lock.reading()


def _read(text: str, path: str, faults: list[Fault]) -> _Lines:
    lines = _Lines()
    for number, line in enumerate(map(str.strip, text.split("\n")), 1):
        at = f"{path}:{number}"
        if found := _PLATFORM.fullmatch(line):
            lines.platform = found[1]
        elif found := _PIP.fullmatch(line):
            lines.pip.append((found, at))
        elif _PIP_MEANT.match(line):
            what = "a package of pip's without a sha256, or not as NAME @ URL --hash=sha256:..."
            faults.append(Fault(at, what, "make the lock anew: conda-lock render"))
        elif line and not line.startswith("#") and line != "@EXPLICIT":
            lines.conda.append((line, at))
    return lines


def _subdir(lines: _Lines) -> str:
    """The platform of the file."""
    folders = [url.rsplit("/", 2)[-2] for url, _ in lines.conda if url.count("/") > 3]
    served = (folder for folder in (*folders, lines.platform) if folder and folder != "noarch")
    found = list(dict.fromkeys(served))
    return next((one for one in found if platform_of(one)), found[0] if found else "linux-64")


def _channels(packages: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The packages' channels, in the order in which they come first."""
    found: dict[str, str] = {}
    for url, at in packages:
        if url.count("/") > 3:
            found.setdefault(url.rsplit("/", 2)[0], at)
    return list(found.items())
