"""Builds on file systems that are too small, of many sizes, by the command line; the same with too few inodes.

python -m torture.fulldisks SIZES [--seed N]     prints JSON. Needs root; it mounts in a mount namespace of its own.
"""

import os
import random
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from torture.acts import Acts, words_of
from torture.asked import alone_in_its_mounts, run, words
from torture.forking import ended, forked
from torture.smallenv import SmallEnv, environ, small_env
from torture.soundness import leftovers, wrong

__all__ = ["full_disks"]

_LARGEST = 700 << 10
_MOST_INODES = 110
_NOISE = 60_000


def _said(home: Path, env: SmallEnv, act: Callable[[Acts], object]) -> tuple[int, str]:
    """How an act ends in a process of its own, and what it tells."""
    os.environ.update(environ(home, os.environ, env.wheels))
    told = env.wheels.parent / "told"

    def work() -> int:
        code, said = words_of(lambda: act(Acts(home, env)))
        told.write_text(said)
        return code

    code = ended(forked(work))
    return code, told.read_text()


def _one(folder: Path, options: str, seen: Counter[str], faults: list[str]) -> None:
    env, other = small_env(folder, 0, _NOISE), small_env(folder, 1, 100)
    store = folder / "disk"
    store.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"{options},mode=700", "none", str(store)], check=True)
    try:
        home = store / "home"
        small, _ = _said(home, other, Acts.build)
        code, told = _said(home, env, Acts.build)
        seen[f"build ended with {code}"] += 1
        said = ("is full" in told and " are free" in told) or "No space left on device" in told
        if code not in (0, 5) or (code == 5 and not said):
            faults.append(f"{options}: exit {code}: {told}")
        faults += [f"{options}: {fault}" for fault in wrong(home)]
        # Every byte, or every inode, is taken now, whatever the build had left.
        _fill(store, inodes="size=20m" in options)
        if small == 0:
            seen["reads on a full disk"] += 1
            reading, told = _said(home, other, lambda acts: acts.command("ls", "-q", str(other.lock)))
            if reading:
                faults.append(f"{options}: reading: exit {reading}: {told}")
        pruned, told = _said(home, env, Acts.prune)
        seen["prunes with nothing free"] += 1
        if pruned and small == 0:
            faults.append(f"{options}: prune: exit {pruned}: {told}")
        kept = [p for p in (home / "cache/blobs.v1").rglob("*") if p.is_file()]
        if not pruned and kept:
            faults.append(f"{options}: prune left {len(kept)} blobs")
        faults += [f"{options}: left after prune: {path}" for path in ([] if pruned else leftovers(home))]
        _unfill(store)
        subprocess.run(["mount", "-o", "remount,size=20m,nr_inodes=5000", str(store)], check=True)
        again, told = _said(home, env, Acts.build)
        if again:
            faults.append(f"{options}: with room again: exit {again}: {told}")
        faults += [f"{options}: at the end: {fault}" for fault in wrong(home)]
    finally:
        subprocess.run(["umount", "-l", str(store)], check=True)


def _fill(store: Path, *, inodes: bool) -> None:
    """All bytes: one file that grows until it cannot; all inodes: empty files."""
    with suppress(OSError):
        if inodes:
            for number in range(1_000_000):
                (store / f"filling{number}").touch()
        with (store / "filling").open("wb", buffering=0) as stream:
            while stream.write(bytes(4096)):
                pass


def _unfill(store: Path) -> None:
    for path in store.glob("filling*"):
        path.unlink()


def full_disks(count: int, seed: int) -> tuple[Counter[str], list[str]]:
    """As many sizes, spread evenly, each a little off; every third is short of inodes instead."""
    chance = random.Random(seed)
    seen = Counter({"sizes": count})
    faults: list[str] = []
    for number in range(count):
        share = (number + chance.random()) / count
        pages = max(2, int(share * _LARGEST) // 4096)
        few = f"size=20m,nr_inodes={3 + int(share * _MOST_INODES)}"
        options = few if number % 3 == 0 else f"size={pages * 4}k,nr_inodes=5000"
        with tempfile.TemporaryDirectory() as folder:
            _one(Path(folder), options, seen, faults)
    return seen, faults


def main() -> None:
    """Count, and print what was counted."""
    asked = words(__doc__ or "", "sizes")
    alone_in_its_mounts()
    run(lambda: full_disks(asked.sizes, asked.seed))


if __name__ == "__main__":
    main()
