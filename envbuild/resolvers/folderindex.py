"""A folder of packages as an index that resolvers understand (PEP 503): pages with links to the files where they lie."""

import html
from collections import defaultdict
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename

from envbuild.errors import EnvironmentFault

__all__ = ["served_folder"]


def served_folder(url: str, into: Path) -> str:
    """The URL itself; for a folder of this machine without pages, that of pages written to `into`.

    EnvironmentFault where there is no such folder: that must not look like an index without the package.
    """
    if not url.startswith("file:"):
        return url
    folder = Path(url2pathname(urlsplit(url).path))
    if not folder.is_dir():
        raise EnvironmentFault("there is no such folder", at=str(folder), hint="is it mounted, and the path right?")
    if any(folder.glob("*/index.html")):
        return url
    files: dict[str, list[Path]] = defaultdict(list)
    for path in sorted([*folder.iterdir(), *folder.glob("*/*")]):
        name = _project_of(path.name)
        if name and path.is_file():
            files[name].append(path)
    into.mkdir()
    for name, paths in files.items():
        links = [f'<a href="{html.escape(path.as_uri())}">{html.escape(path.name)}</a>' for path in paths]
        (into / name).mkdir()
        (into / name / "index.html").write_text("<!DOCTYPE html>\n" + "\n".join(links), encoding="utf-8")
    return into.as_uri()


def _project_of(file: str) -> str:
    try:
        if file.endswith(".whl"):
            return parse_wheel_filename(file)[0]
        return parse_sdist_filename(file)[0] if file.endswith((".tar.gz", ".zip")) else ""
    except (InvalidWheelFilename, InvalidSdistFilename):
        return ""
