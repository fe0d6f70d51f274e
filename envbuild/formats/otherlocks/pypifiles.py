"""A file of PyPI's or of another place, as a lock of files names it: a pin, or a direct reference."""

import posixpath
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from envbuild.formats.otherlocks.lockpins import LockedPackage
from envbuild.formats.urls import address
from envbuild.indexurl import PYPI_FILES, PYPI_URLS

__all__ = ["locked_file"]


def locked_file(
    at: str, name: str, version: str, url: str, hashes: Mapping[str, str], indexes: Sequence[str] = ()
) -> LockedPackage:
    """The package whose file stands at `url`: of PyPI, of the one of `indexes` that is on its host, or by its URL alone."""
    host = _host(url)
    index = next((one for one in indexes if host and _host(one) == host), "")
    is_known = bool(index) or host in map(_host, (PYPI_FILES, *PYPI_URLS))
    scheme = urlsplit(url).scheme.lower()
    source = "" if scheme in ("http", "https") else "git" if scheme.startswith("git") else "path"
    return LockedPackage(
        at=at,
        name=name,
        version=version,
        where=0,
        hashes=tuple(f"{kind}:{value}" for kind, value in hashes.items() if value),
        index=index,
        url="" if is_known or source else url,
        source=source,
        has_wheel=posixpath.basename(urlsplit(url).path).endswith(".whl"),
    )


def _host(url: str) -> str:
    try:
        return address(url).host
    except ValueError:
        return ""
