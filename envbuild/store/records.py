"""`Records`: what is the user's and may not be dropped (registrations, labels, runs): append-only files of JSON lines."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, unquote

from envbuild.canonical import JSON, encode
from envbuild.filelock import locked
from envbuild.filemodes import file_mode
from envbuild.store.durable import make_folder, sync_folder, writing

__all__ = ["Records"]

_KIND = re.compile(r"[a-z][a-z0-9-]*")
_SUFFIX = ".jsonl"


class Records:
    """By kind (a word) and name (any text that makes a file name of at most 200 bytes)."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def append(self, kind: str, name: str, record: Mapping[str, JSON]) -> None:
        """One more record, durable when this returns. EnvironmentFault where the disk does not take it."""
        line = encode(record) + b"\n"
        path = self._path(kind, name)
        with locked(path.with_suffix(".lock"), timeout=60, what=f"the records of {name}"), writing(path, len(line)):
            make_folder(path.parent)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                mode = file_mode(path.parent)
                if mode & ~os.fstat(descriptor).st_mode:
                    os.fchmod(descriptor, mode)
                _append(descriptor, line)
            finally:
                os.close(descriptor)
            sync_folder(path.parent)

    def read(self, kind: str, name: str) -> Iterator[dict[str, JSON]]:
        """All records, oldest first. A line that a power cut tore is passed over."""
        try:
            data = self._path(kind, name).read_bytes()
        except FileNotFoundError:
            return
        for line in data.split(b"\n"):
            try:
                found = json.loads(line)
            except ValueError:
                continue
            if isinstance(found, dict):
                yield found

    def names(self, kind: str) -> list[str]:
        """The names that have records of this kind, sorted."""
        return sorted(unquote(path.name.removesuffix(_SUFFIX)) for path in self._folder(kind).glob(f"*{_SUFFIX}"))

    def _folder(self, kind: str) -> Path:
        if not _KIND.fullmatch(kind):
            raise ValueError(f"not a kind of record: {kind!r}")
        return self._root / kind

    def _path(self, kind: str, name: str) -> Path:
        spelled = quote(name, safe="").replace(".", "%2E")
        if not spelled or len(spelled) > 200:
            raise ValueError(f"not a name for a record: {name[:60]!r}")
        return self._folder(kind) / f"{spelled}{_SUFFIX}"


def _append(descriptor: int, line: bytes) -> None:
    """All of the line or, where the disk is full, none of it; on a line of its own after a torn one."""
    end = os.lseek(descriptor, 0, os.SEEK_END)
    if end and os.pread(descriptor, 1, end - 1) != b"\n":
        line = b"\n" + line
    try:
        done = 0
        while done < len(line):
            done += os.write(descriptor, line[done:])
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, end)
        raise
