"""A definition's files as text: loaded through the caller, decoded by one rule, refused with the place that is wrong."""

import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from envbuild.definition import Definition
from envbuild.errors import Fault, InvalidDefinition, UsageError
from envbuild.formats.finishing import Finish, unfinished
from envbuild.formats.selection import NOTHING_MORE, Selection

__all__ = [
    "LARGEST",
    "LONGEST",
    "Loader",
    "ReadRequest",
    "Reading",
    "is_absent",
    "is_too_long",
    "load_bytes",
    "load_text",
    "text_of",
]

LARGEST = 1 << 20
"""Bytes that one file of a definition may have."""

LONGEST = 10_000
"""Characters of one word that a file says: a requirement, a value, a line of a text of several lines."""

Loader: TypeAlias = Callable[[str], bytes]
"""The content of a file. Raises OSError where there is none, and for whatever is not a regular file (a FIFO would hang)."""

_UTF16 = (b"\xff\xfe", b"\xfe\xff")
LEADS_OUT = ("a link that leads out of the definition's folder", "put the file itself into the folder")
"""What is wrong with such a link, and what to do; a loader raises EXDEV for it."""

_REASONS = {
    errno.ENOENT: ("no such file", "paths on the command line start from the current folder"),
    errno.ENOTDIR: ("no such file", "a part of the path is not a folder"),
    errno.EISDIR: ("this is a folder", "name the file in it"),
    errno.EACCES: ("permission denied", "make the file readable: chmod u+r"),
    errno.EPERM: ("permission denied", "make the file readable: chmod u+r"),
    errno.ELOOP: ("a loop of symbolic links", "point the link at a file"),
    errno.EXDEV: LEADS_OUT,
    errno.ENAMETOOLONG: ("the path is too long", "name a file"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRequest:
    """What a reader is asked, beside the file itself."""

    name: str = ""
    """The definition's, where the file gives none."""
    finish: Finish = unfinished
    """What makes of the definition as written the one that is meant."""
    selection: Selection = NOTHING_MORE
    """What was chosen of a project; formats that have nothing to choose from refuse a choice."""
    keep_azureml: bool = False
    """Whether azureml-defaults and its kin stay where AzureML's own forms name them."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file says, and what was found beside it."""

    definition: Definition
    """As written: not yet normalized."""
    logins: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Host (with its port, where the URL has one) and `user:password`, taken out of URLs. Never shown, never stored."""
    notices: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    """Every file that was read, the first one first."""
    absent: tuple[str, ...] = ()
    """Files that were looked for beside it and are not there: what is said changes when they come."""


def load_bytes(path: str, load: Loader) -> bytes:
    """The bytes of a file that the user named. UsageError says why it cannot be read."""
    try:
        return load(path)
    except OSError as error:
        reason, hint = _reason(error)
        raise UsageError(reason, at=path, hint=hint) from error


def load_text(path: str, load: Loader, at: str = "", chain: Sequence[str] = (), *, largest: int = LARGEST) -> str:
    """The text of a file; `at` (file:line) and `chain` say who includes it.

    UsageError where the user's own path cannot be read; InvalidDefinition where an included one cannot, or where the
    content is no text.
    """
    if not at:
        return text_of(load_bytes(path, load), path, largest)
    try:
        data = load(path)
    except OSError as error:
        reason, hint = _reason(error)
        via = f" (included by {' -> '.join(chain)})" if len(chain) > 1 else ""
        hint = "an included file is looked for beside the one that names it" if error.errno == errno.ENOENT else hint
        raise InvalidDefinition([Fault(at, f"{path}: {reason}{via}", hint)]) from error
    return text_of(data, path, largest)


def is_absent(error: OSError) -> bool:
    """Whether a file could not be loaded because it is not there: any other reason is a fault."""
    return error.errno in (errno.ENOENT, errno.ENOTDIR)


def is_too_long(text: str) -> bool:
    """Whether a text has a line of more characters than `LONGEST`: nothing that people mean has, and reading may take long."""
    return len(text) > LONGEST and any(len(line) > LONGEST for line in text.split("\n"))


def _reason(error: OSError) -> tuple[str, str]:
    """Why a file cannot be read, and what to do."""
    strange = (error.strerror or str(error)).lower()
    return _REASONS.get(error.errno or 0, (strange, "name a regular, readable file"))


def text_of(data: bytes, path: str, largest: int = LARGEST) -> str:
    """UTF-8 text; a byte order mark and CRLF are accepted and left out. InvalidDefinition names the byte that is wrong."""
    if len(data) > largest:
        what = f"the file has {len(data)} bytes; at most {largest} ({largest >> 20} MiB) are read"
        raise InvalidDefinition([Fault(path, what, "is this the right file?")])
    if data.startswith(_UTF16):
        hint = f"save it as UTF-8: iconv -f UTF-16 -t UTF-8 {path}"
        raise InvalidDefinition([Fault(path, "the file is UTF-16, not UTF-8", hint)])
    if (nul := data.find(b"\0")) >= 0:
        what = f"a NUL byte at offset {nul}: this is not a text file"
        raise InvalidDefinition([Fault(path, what, "save it as UTF-8 text")])
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        what = f"not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}"
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidDefinition([Fault(f"{path}:{line}", what, "save it as UTF-8 text")]) from error
    return text.removeprefix("\ufeff").replace("\r\n", "\n")
