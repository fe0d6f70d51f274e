"""file:// URLs, served as a web server would serve the folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit
from urllib.request import url2pathname

from envbuild.errors import EnvironmentFault

__all__ = ["as_url", "is_file_url", "opened"]


def as_url(text: str) -> str:
    """A URL as it is; a path of this machine as one."""
    return text if "://" in text or not text else Path(text).expanduser().absolute().as_uri()


def is_file_url(url: str) -> bool:
    """Whether the URL names a file of this machine."""
    return url[:5].lower() == "file:"


@contextmanager
def opened(url: str) -> Iterator[tuple[BinaryIO, str]]:
    """The file and its media type; for a folder its index.html. KeyError(url) where there is none."""
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost"):
        raise EnvironmentFault(f"a file URL of another host: {parts.netloc}", at="file", hint="write file:///PATH")
    path = Path(url2pathname(parts.path))
    try:
        path = path / "index.html" if path.is_dir() else path
        stream = path.open("rb")
    except (FileNotFoundError, NotADirectoryError):
        raise KeyError(url) from None
    except (OSError, ValueError) as error:
        raise EnvironmentFault(f"cannot be read: {error}", at=str(path)) from error
    with stream:
        kind = {".html": "text/html", ".json": "application/json"}.get(path.suffix, "application/octet-stream")
        yield stream, kind
