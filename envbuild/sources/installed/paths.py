"""Folders of this machine that an environment has on its path by a .pth file, and that no distribution tells of.

`site` (Python's documentation): a line of a .pth that is no import is a folder, from its own folder on where it is relative.
"""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from envbuild.sources.installed.dists import Distribution
from envbuild.sources.installed.leftbehind import Left, LeftBehind

__all__ = ["folders_on_path"]

_WHY = "a folder of this machine is on its path: what is imported from there must become a package, or be copied"


def folders_on_path(
    sites: Sequence[Path], distributions: Collection[Distribution], left: Collection[LeftBehind]
) -> Iterator[LeftBehind]:
    """Each such folder, but for those of editable installs, which are told of with their names."""
    known = [folder for one in left if (folder := _local(one.origin))]
    known += [folder for one in distributions if one.origin and (folder := _local(one.origin.url))]
    for site in sites:
        for file in sorted(site.glob("*.pth")):
            for folder in _folders(file):
                inside = [*known, site]
                if folder.is_dir() and not any(folder == other or other in folder.parents for other in inside):
                    yield LeftBehind(file.name, "", Left.EDITABLE, _WHY, folder.as_uri())


def _local(url: str) -> Path | None:
    return Path(url2pathname(urlsplit(url).path)) if url.startswith("file:") else None


def _folders(file: Path) -> Iterator[Path]:
    try:
        lines = file.read_bytes().decode("utf-8", "replace").splitlines() if file.is_file() else []
    except OSError:
        return
    for line in map(str.strip, lines):
        # An import is code; a NUL is in no path.
        if line and not line.startswith(("#", "import ", "import\t")) and "\0" not in line:
            yield Path(file.parent, line).absolute()
