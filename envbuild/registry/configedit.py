"""A change in a JSON file that other programs write too: everything else in it stays, and nobody reads half of it.

Docker's client locks nothing: it writes a new file and renames it. So do we, and begin anew where somebody was faster.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from envbuild.errors import EnvironmentFault
from envbuild.filelock import lock_descriptor

__all__ = ["edit"]

_TRIES = 20
_LONGEST_WAIT = 10.0
_NAP = 0.02
_USUAL_INDENT = "\t"
"""As Docker writes it."""


def edit(path: Path, parse: Callable[[bytes], dict[str, Any]], change: Callable[[dict[str, Any]], bool]) -> bool:
    """Change the object in a file, or in a new one; whether anything was written: `change` says it, and may be called again.

    The file is then readable by its owner alone; a link is followed. EnvironmentFault where it cannot be written.
    """
    target = Path(os.path.realpath(path))
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone(target.parent):
            for _ in range(_TRIES):
                before = _content(target)
                document = parse(before)
                if not change(document):
                    return False
                if _replaced(target, before, _text(document, before)):
                    return True
    except OSError as error:
        raise EnvironmentFault(
            f"cannot be written: {error.strerror or error}", at=str(path), hint="DOCKER_CONFIG names another folder"
        ) from error
    raise EnvironmentFault("another program changes it all the time", at=str(path), hint="try again")


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""


def _text(document: dict[str, Any], before: bytes) -> bytes:
    """With the indentation and the end that it had."""
    second = before.partition(b"\n")[2]
    indent = second[: len(second) - len(second.lstrip(b" \t"))].decode() or _USUAL_INDENT
    end = "\n" if before.endswith(b"\n") else ""
    try:
        return (json.dumps(document, indent=indent, ensure_ascii=False) + end).encode()
    except UnicodeEncodeError:
        return (json.dumps(document, indent=indent) + end).encode()


def _replaced(target: Path, before: bytes, after: bytes) -> bool:
    """Whether the file got its new content; False where it is not any more what it was."""
    aside = target.with_name(f".{target.name}.{os.urandom(8).hex()}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            _keep_owner(stream.fileno(), target)
            stream.write(after)
            stream.flush()
            os.fsync(stream.fileno())
        if _content(target) != before:
            return False
        aside.replace(target)
        return True
    finally:
        aside.unlink(missing_ok=True)


def _keep_owner(descriptor: int, target: Path) -> None:
    """What root writes into somebody's home stays that somebody's."""
    with suppress(OSError):
        found = target.stat()
        os.fchown(descriptor, found.st_uid, found.st_gid)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two of ours in turn, as far as the file system has locks; after some seconds without."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        end = time.monotonic() + _LONGEST_WAIT
        while not lock_descriptor(descriptor) and time.monotonic() < end:
            time.sleep(_NAP)
        yield
    finally:
        os.close(descriptor)
