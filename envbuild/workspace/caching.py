"""`Cache`: the store of a workspace as a whole: what it holds, whether it is sound, what of it may go."""

import os
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from envbuild import host
from envbuild.digest import Digest
from envbuild.errors import EnvironmentFault
from envbuild.lockfile import Artifact, Lock
from envbuild.pipeline.repairing import Outcome, Repaired, Repairing, Sources
from envbuild.ports import Reporter
from envbuild.store.check import Check, Checked
from envbuild.store.collect import Rules
from envbuild.store.inventory import Inventory
from envbuild.store.leftovers import ASIDE
from envbuild.store.memo import Memo
from envbuild.store.places import Places
from envbuild.store.sweep import Sweep, Swept
from envbuild.store.turns import one_writer
from envbuild.store.usage import Usage, usage_of
from envbuild.workspace.adapters import Adapters
from envbuild.workspace.reading import read_lock

__all__ = ["Cache", "Info", "Verdict"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Info:
    """Where a store is, how much room its disk has, what it holds."""

    places: Places
    free: int
    """Bytes that may still be written there."""
    on_disk: int
    """Bytes that the folder takes of the disk, as `du` counts them."""
    records: int
    """Bytes of the user's records, which stand in a folder of their own."""
    usage: Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a look at the whole store found, and what became of it where it was to be repaired."""

    checked: Checked
    repaired: tuple[Repaired, ...] | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong now, and nothing was lost."""
        if self.repaired is None:
            return not self.checked.faults
        return all(r.outcome is Outcome.REPAIRED for r in self.repaired)


class Cache:
    """Opened for one command."""

    def __init__(self, adapters: Adapters) -> None:
        self._adapters, self._places = adapters, adapters.places

    def info(self) -> Info:
        """Reads only."""
        inventory = Inventory(self._places)
        snapshot = inventory.take()
        described: dict[str, tuple[str, str, str]] = {}
        for claim in snapshot.of_kind("locked"):
            _, material = inventory.read_claim(claim.name)
            if material is not None:
                for kind, name, version, _, _, sha256 in [*material["base"]["artifacts"], *material["artifacts"]]:
                    described[sha256] = (kind, name, version)
        return Info(
            places=self._places,
            free=host.free_bytes(self._places.cache),
            on_disk=_blocks(self._places.cache),
            records=sum(p.stat().st_size for p in self._places.records.rglob("*") if p.is_file()),
            usage=usage_of(snapshot, described),
        )

    def verify(self, report: Reporter, *, repair: bool) -> Verdict:
        """Every byte and every claim. `repair`: what is damaged goes, and what can be had again comes back."""
        check = Check(self._places, read_lock)
        checked = check.run(report)
        self._forget([f.subject.partition("/")[2] for f in checked.faults if f.kind == "blob"])
        if not repair or not checked.faults:
            return Verdict(checked=checked, repaired=() if repair else None)
        adapters = self._adapters
        sources = Sources(
            segments=self._segments,
            fetch=self._fetch,
            remove_folder=self._remove_folder,
            alone=lambda: one_writer(self._places, report.notice, doing="repair"),
            keep_packages=self._keep_packages,
        )
        repairing = Repairing(
            check, adapters.blobs, adapters.claims, adapters.specs, adapters.building, sources=sources
        )
        return Verdict(checked=checked, repaired=repairing.repair(checked, report))

    def prune(self, rules: Rules, report: Reporter, *, dry_run: bool) -> Swept:
        """Take away what the rules let go; `dry_run`: only tell. Works on a full disk and without the memo."""
        sweep = Sweep(self._places, report.notice)
        rules = replace(rules, keep_packages=self._keep_packages)
        now = time.time()
        return sweep.look(rules, now) if dry_run else sweep.run(rules, now)

    @property
    def _keep_packages(self) -> bool:
        return not self._adapters.settings.switch("drop-packages")

    def _segments(self, lock: Lock, artifacts: Sequence[Artifact], layout: int, report: Reporter) -> None:
        with one_writer(self._places, report.notice, doing="repair"):
            self._adapters.assembler.segments(lock, artifacts, layout, report)

    def _fetch(self, artifact: Artifact, report: Reporter) -> None:
        with one_writer(self._places, report.notice, doing="repair"):
            self._adapters.source.fetch([artifact], self._adapters.blobs, report)

    def _forget(self, blobs: Sequence[str]) -> None:
        """That these were checked before is not believed any more."""
        if blobs and self._places.memo.is_dir():
            memo = Memo(self._places.memo)
            for blob in blobs:
                memo.forget(f"checked/{blob}")
            memo.close()

    def _remove_folder(self, name: str) -> None:
        path = Inventory(self._places).folder_path(name)
        moved = path.with_name(f"{ASIDE}{Digest.of(os.urandom(8)).short}")
        try:
            path.rename(moved)
        except FileNotFoundError:
            return
        except OSError as error:
            raise EnvironmentFault(f"cannot be removed: {error.strerror}", at=str(path)) from error
        shutil.rmtree(moved, ignore_errors=True)


def _blocks(root: Path) -> int:
    """Of all files and folders, each once."""
    seen: set[tuple[int, int]] = set()
    total = 0
    for folder, _, names in os.walk(root):
        for name in (".", *names):
            with suppress(OSError):
                found = Path(folder, name).lstat()
                if (found.st_dev, found.st_ino) not in seen:
                    seen.add((found.st_dev, found.st_ino))
                    total += found.st_blocks * 512
    return total
