"""A file of PyPI's or of another place, as a lock of files names it: a pin, or a direct reference."""

from collections.abc import Mapping, Sequence
from itertools import takewhile
from urllib.parse import unquote, urlsplit

from envbuild.formats.otherlocks.lockedfiles import LockedFile, file_name
from envbuild.formats.otherlocks.lockpins import LockedPackage
from envbuild.formats.pip.specline import BadSpec
from envbuild.formats.urls import address
from envbuild.indexurl import PYPI_FILES, PYPI_URLS

__all__ = ["is_of_pypi", "locked_file"]


def locked_file(
    at: str, name: str, version: str, url: str, hashes: Mapping[str, str], indexes: Sequence[str] = ()
) -> LockedPackage:
    """The package whose file stands at `url`: of PyPI, of the one of `indexes` that it is below, or by its URL alone.

    BadSpec where it may be of several of them.
    """
    host, source = _host(url), _source(url)
    index = "" if source else _index_of(url, host, indexes)
    is_known = bool(index) or is_of_pypi(url)
    file = LockedFile(file_name(url), tuple(f"{kind}:{value}" for kind, value in hashes.items() if value))
    return LockedPackage(
        at=at,
        name=name,
        version=version,
        where=0,
        hashes=file.hashes,
        files=() if source else (file,),
        index=index,
        url="" if is_known or source else url,
        source=source,
        has_wheel=file.is_wheel,
    )


def is_of_pypi(url: str) -> bool:
    """Whether a file stands where PyPI has its own."""
    return _host(url) in map(_host, (PYPI_FILES, *PYPI_URLS))


def _index_of(url: str, host: str, indexes: Sequence[str]) -> str:
    """The index on the file's host: of several, the one whose path has most in common with the file's."""
    near = {index.rstrip("/"): _in_common(index, url) for index in indexes if host and _host(index) == host}
    best = [index for index, length in near.items() if length == max(near.values())]
    if len(best) > 1:
        what = f"{file_name(url)} may be of {' or of '.join(sorted(best))}: which one, its URL does not tell"
        raise BadSpec(what, "name the package's index where it is asked for, and lock it again")
    return best[0] if best else ""


def _in_common(index: str, url: str) -> int:
    """How many of the first parts of two paths are the same."""
    pairs = zip(_parts(index), _parts(url), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _parts(url: str) -> list[str]:
    return [unquote(part) for part in address(url).path.strip("/").split("/") if part]


def _source(url: str) -> str:
    """The kind of a source that no wheel is fetched from."""
    try:
        scheme = urlsplit(url).scheme.lower()
    except ValueError:
        return "path"
    if scheme in ("http", "https"):
        return ""
    return "vcs" if "+" in scheme or scheme == "git" else scheme if "://" in url else "path"


def _host(url: str) -> str:
    try:
        return address(url).host
    except ValueError:
        return ""
