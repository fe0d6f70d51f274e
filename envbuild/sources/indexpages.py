"""What an index says of a package, as JSON (PEP 691, 700) or HTML (PEP 503, 592, 658), and what a folder of files says."""

import json
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from envbuild.wheelfiles import IndexFile, release_of

__all__ = ["folder_files", "html_files", "json_files"]

_FILES = (".whl", ".tar.gz", ".zip", ".tar.bz2", ".tgz", ".egg", ".exe", ".msi", ".rpm", ".deb", ".dmg", ".tar.xz")


def json_files(body: bytes, base: str) -> tuple[IndexFile, ...]:
    """The files of a JSON page; `base` is the page's address. ValueError where it is no such page."""
    try:
        page = json.loads(body)
        version = str(page.get("meta", {}).get("api-version", "1.0"))
        if version.partition(".")[0] != "1":
            raise ValueError(f"version {version} of the index's answers is not known")
        files = [_entry(entry, base) for entry in page["files"]]
    except (AttributeError, KeyError, TypeError, RecursionError) as error:
        raise ValueError("no page of PEP 691") from error
    return tuple(file for file in files if _is_plain(file.file))


def _entry(entry: Any, base: str) -> IndexFile:
    hashes, size = entry.get("hashes") or {}, entry.get("size")
    return IndexFile(
        file=str(entry["filename"]),
        url=urldefrag(urljoin(base, entry["url"])).url,
        size=size if isinstance(size, int) else None,
        sha256=str(hashes.get("sha256") or "").lower(),
        requires_python=str(entry.get("requires-python") or ""),
        yanked=entry.get("yanked", False) is not False,
        uploaded=str(entry.get("upload-time") or ""),
        metadata=bool(entry.get("core-metadata") or entry.get("dist-info-metadata")),
    )


class _Page(HTMLParser):
    """Collects the links of a page, and whether it has a form."""

    def __init__(self, base: str) -> None:
        super().__init__()
        self.links: list[dict[str, str | None]] = []
        self.base, self.form = base, False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A link, the page's base, or a form: what login pages have."""
        attributes = dict(attrs)
        href = attributes.get("href")
        if tag == "a" and href:
            self.links.append(attributes)
        elif tag == "base" and href:
            self.base = urljoin(self.base, href)
        self.form = self.form or tag == "form"


def html_files(text: str, base: str) -> tuple[IndexFile, ...]:
    """The files that an HTML page links to; `base` is its address. ValueError where it is a page of another kind."""
    page = _Page(base)
    try:
        page.feed(text)
    except AssertionError as error:  # what the parser has for a declaration that it does not know
        raise ValueError(str(error)) from error
    files = [_link(attributes, page.base) for attributes in page.links]
    found = tuple(file for file in files if file.file.endswith(_FILES) and _is_plain(file.file))
    # A page without any file is an empty listing only where it links to nothing but folders.
    others = [file for file in files if file.file and file not in found]
    if not found and (page.form or others):
        raise ValueError("no page of links to files")
    return found


def _link(attributes: Mapping[str, str | None], base: str) -> IndexFile:
    url, fragment = urldefrag(urljoin(base, attributes["href"] or ""))
    algorithm, _, value = fragment.partition("=")
    return IndexFile(
        file=unquote(urlsplit(url).path.rpartition("/")[2]),
        url=url,
        sha256=value.lower() if algorithm == "sha256" else "",
        requires_python=attributes.get("data-requires-python") or "",
        yanked="data-yanked" in attributes,
        metadata="data-core-metadata" in attributes or "data-dist-info-metadata" in attributes,
    )


def folder_files(base: Path, name: str) -> tuple[IndexFile, ...] | None:
    """A package's files in a folder: from a page for each package, a folder for each, or one folder of files.

    None where it has none. ValueError as html_files; OSError where the folder cannot be read.
    """
    page = base / name / "index.html"
    if page.is_file():
        return html_files(page.read_text("utf-8"), page.as_uri())
    inside = [child for child in base.iterdir() if child.is_dir() and _folder_of(child, name)]
    paths = sorted(path for folder in [base, *inside] for path in folder.iterdir() if path.is_file())
    own = [path for path in paths if path.name.endswith(_FILES) and release_of(path.name, name) is not None]
    return tuple(IndexFile(file=p.name, url=p.absolute().as_uri(), size=p.stat().st_size) for p in own) or None


def _folder_of(folder: Path, name: str) -> bool:
    return folder.name.lower().replace("_", "-").replace(".", "-") == name


def _is_plain(file: str) -> bool:
    """Whether it is a file's name and no path: names go into locks and messages."""
    return bool(file) and not any(c in file for c in "/\\\0\n\r") and not file.startswith(".")
