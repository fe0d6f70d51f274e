"""The store and its disk: writable, room, locks that hold, the memo; and the folder of temporary files."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from envbuild.errors import EnvbuildError
from envbuild.host import filesystem_type, free_bytes
from envbuild.runners.container import scratch_of
from envbuild.store.durable import writing
from envbuild.store.filesystems import trusted
from envbuild.store.memo import Memo
from envbuild.store.places import Places
from envbuild.workspace.adapters import Adapters
from envbuild.workspace.doctor.diagnosis import Ability, Check, Verdict

__all__ = ["DISK", "room_check", "store_checks", "temp_check"]

DISK = "disk"
_EVERYTHING = tuple(Ability)
_LITTLE, _NOTHING = 5_000_000_000, 200_000_000
"""Bytes free: below the first a large environment may not fit, below the second none."""
_FEW_FILES = 20_000
_TEMP_LITTLE, _TEMP_NOTHING = 1_000_000_000, 50_000_000


def store_checks(adapters: Adapters) -> Iterator[Check]:
    """The store can be opened and written, and there is room."""
    try:
        places = adapters.places
        kind = filesystem_type(places.cache)
        _try_writing(adapters)
    except EnvbuildError as error:
        if "config.toml" in error.at:
            # Told as what it is, by the line of the settings.
            found = "not looked at: the settings say where it is, and cannot be read"
            yield Check(name="store", topic=DISK, verdict=Verdict.NONE, found=found)
            return
        yield Check(
            name="store", topic=DISK, verdict=Verdict.FAILING, found=f"{error.at}: {error.what}" if error.at else error.what,
            remedy=error.hint or "name another folder: ENVBUILD_HOME=FOLDER",
            stops=_EVERYTHING,
        )  # fmt: skip
        return
    yield _store(places, kind)
    yield room_check(free_bytes(places.cache), _free_files(places.cache))


def room_check(free: int, files: int) -> Check:
    """Whether there is room for what is built; `files` is how many more files fit, 0: nobody says."""
    found = f"{_gigabytes(free)} free where the store is"
    if files:
        found += f", room for {files:,} files"
    remedy = "envbuild cache prune, or ENVBUILD_HOME=FOLDER on a larger disk"
    if free < _NOTHING:
        return Check(
            name="disk", topic=DISK, verdict=Verdict.FAILING, found=found, remedy=remedy,
            stops=(Ability.LOCK, Ability.BUILD), without="images that are in the store are pushed and run",
        )  # fmt: skip
    if free < _LITTLE or 0 < files < _FEW_FILES:
        return Check(
            name="disk",
            topic=DISK,
            verdict=Verdict.WARNING,
            found=f"{found}: a large environment may not fit",
            remedy=remedy,
        )
    return Check(name="disk", topic=DISK, verdict=Verdict.OK, found=found)


def temp_check() -> Iterator[Check]:
    """The folder of temporary files."""
    try:
        folder = Path(tempfile.gettempdir())
    except OSError as error:
        yield Check(
            name="temporary files", topic=DISK, verdict=Verdict.FAILING, found=f"no folder can be written: {error.strerror}",
            remedy="TMPDIR=FOLDER", stops=(Ability.LOCK, Ability.BUILD),
        )  # fmt: skip
        return
    free = free_bytes(folder)
    found = f"{folder}, {_gigabytes(free)} free on {filesystem_type(folder) or 'an unknown file system'}"
    verdict = Verdict.OK if free >= _TEMP_LITTLE else Verdict.WARNING if free >= _TEMP_NOTHING else Verdict.FAILING
    stops = (Ability.LOCK, Ability.BUILD) if verdict is Verdict.FAILING else ()
    remedy = "" if verdict is Verdict.OK else "make room there, or TMPDIR=FOLDER"
    yield Check(name="temporary files", topic=DISK, verdict=verdict, found=found, remedy=remedy, stops=stops)


def _store(places: Places, kind: str) -> Check:
    found = f"{places.cache}, written, on {kind or 'an unknown file system'}"
    if places.shared:
        found += ", shared by a group"
    if not trusted(kind):
        return Check(
            name="store", topic=DISK, verdict=Verdict.WARNING, found=f"{found}, where locks may not hold between hosts",
            remedy="use it from one host at a time, or ENVBUILD_HOME=FOLDER on a local disk",
        )  # fmt: skip
    if _forbids_programs(places.cache):
        return Check(
            name="store", topic=DISK, verdict=Verdict.WARNING, found=f"{found}, from which no program may be started (noexec)",
            remedy="ENVBUILD_HOME=FOLDER on another disk", stops=(Ability.DIRECT,), without="all but run --no-container",
        )  # fmt: skip
    if not _remembers(places):
        return Check(
            name="store", topic=DISK, verdict=Verdict.WARNING, found=f"{found}; its memo is not written: hits are slower",
            remedy=f"who owns it? else remove it: rm -r {places.memo}",
        )  # fmt: skip
    return Check(
        name="store", topic=DISK, verdict=Verdict.OK, found=f"{found}; check its content: envbuild cache verify"
    )


def _try_writing(adapters: Adapters) -> None:
    """EnvironmentFault where nothing can be written or locked."""
    place = adapters.places.cache
    adapters.make_folder(place)
    with writing(place), scratch_of(place) as scratch:
        (scratch / "written").write_bytes(b"x")


def _remembers(places: Places) -> bool:
    memo, key = Memo(places.memo), f"doctor/{os.getpid()}"
    try:
        memo.put(key, b"x")
        found = memo.get(key) == b"x"
        memo.forget(key)
        return found
    finally:
        memo.close()


def _free_files(place: Path) -> int:
    """0 where the file system does not count them."""
    return os.statvfs(place).f_favail


def _forbids_programs(place: Path) -> bool:
    return bool(os.statvfs(place).f_flag & getattr(os, "ST_NOEXEC", 0))


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
