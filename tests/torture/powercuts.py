"""Power cuts: writers work on ext4 in a file; in the middle all are stopped, the file is copied (only what reached the
"disk" is in it), the copy is mounted and compared with what they had said was done.

python -m torture.powercuts CUTS OPTIONS [--seed N] [--mutant NAME]     OPTIONS of mount: data=writeback

Needs root, loop devices and mkfs.ext4. It moves itself into a mount namespace of its own: whatever happens to it, nothing
stays mounted.
"""

import filecmp
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import nullcontext, suppress
from pathlib import Path

from torture.acts import Acts, Failed
from torture.asked import alone_in_its_mounts, run, words
from torture.forking import forked
from torture.mutants import MUTANTS
from torture.smallenv import SmallEnv, environ, small_env
from torture.soundness import acknowledged_lost, wrong

__all__ = ["cuts"]

_SIZE = 64 << 20
_ACTS = 450
"""Of one writer, so that the disk never fills."""
_CUTS_A_DISK = 12
_WRITERS = 2
_FULL = 0.8
_TRIES = 200
_MEMORY = Path("/dev/shm")
"""Where the disk's file stands, if it is there: a sync is fast then, and more is done between two cuts."""


class Writer:
    """A process that puts, claims, records and builds without end, and writes what is done into a file elsewhere."""

    def __init__(self, home: Path, env: SmallEnv, said: Path, seed: int, mutant: str) -> None:
        self.said = said
        said.touch()
        self.pid = forked(lambda: self._work(home, env, seed, mutant))

    def _work(self, home: Path, env: SmallEnv, seed: int, mutant: str) -> None:
        os.environ.update(environ(home, os.environ, env.wheels))
        chance = random.Random(seed)
        if mutant:
            MUTANTS[mutant]()
        with self.said.open("ab", buffering=0) as out:
            acts = Acts(home, env, seed, lambda word: out.write(f"{word}\n".encode()))
            with suppress(Failed) if mutant else nullcontext():
                acts.build()
            for _ in range(_ACTS):
                getattr(acts, chance.choice(("put", "claim", "claim", "record")))()
            signal.pause()

    def stop(self) -> list[str]:
        """Nothing moves any more when this returns; what was said to be done."""
        os.kill(self.pid, signal.SIGSTOP)
        while _state(self.pid) not in "TZ":
            time.sleep(0.0005)
        assert _state(self.pid) == "T", "a writer ended by itself"
        return self.said.read_text().split("\n")[:-1]

    def go_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def end(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def _mount(*words: object) -> None:
    subprocess.run(["mount", *map(str, words)], check=True, capture_output=True)


class Disk:
    """An ext4 file system in a file, mounted."""

    def __init__(self, folder: Path, options: str) -> None:
        self.image, self.live, self.after = folder / "disk.img", folder / "live", folder / "after"
        self._copy = folder / "copy.img"
        for place in (self.live, self.after):
            place.mkdir()
        with self.image.open("wb") as stream:
            stream.truncate(_SIZE)
        subprocess.run(["mkfs.ext4", "-q", "-F", str(self.image)], check=True, capture_output=True)
        _mount("-o", f"loop,{options}", self.image, self.live)
        self._options = options

    def cut(self, said: list[str]) -> tuple[list[str], list[str]]:
        """What a machine would find that lost its power now: faults, and what was said and is not there."""
        self._freeze()
        _mount("-o", "loop", self._copy, self.after)
        try:
            home = self.after / "home"
            return wrong(home), acknowledged_lost(home, said)
        except OSError as error:
            return [f"cannot be read: {error}"], []
        finally:
            subprocess.run(["umount", str(self.after)], check=True, capture_output=True)

    def _freeze(self) -> None:
        """Copy the disk as it was at one moment: the kernel may go on writing while we read, and then it is read again."""
        for _ in range(_TRIES):
            shutil.copyfile(self.image, self._copy)
            filecmp.clear_cache()
            if filecmp.cmp(self.image, self._copy, shallow=False):
                return
        raise AssertionError("the kernel does not stop writing to the disk")

    @property
    def is_full(self) -> bool:
        found = os.statvfs(self.live)
        return found.f_bavail < found.f_blocks * (1 - _FULL)

    def close(self) -> None:
        subprocess.run(["umount", "-l", str(self.live)], check=True, capture_output=True)


def cuts(count: int, options: str, mutant: str, seed: int, *, enough: int = 0) -> tuple[dict[str, object], list[str]]:
    """`count` cuts; it ends sooner where `enough` cuts have shown that something was lost or damaged."""
    chance = random.Random(seed)
    done = bad = acknowledged = disks = 0
    corrupt: list[str] = []
    lost: list[str] = []
    while done < count and not (enough and bad >= enough):
        with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as folder:
            disk, writers = Disk(Path(folder), options), []
            disks += 1
            try:
                env = small_env(Path(folder), chance.randrange(100))
                home = disk.live / "home"
                for number in range(_WRITERS):
                    said = Path(folder) / f"said{number}"
                    writers.append(Writer(home, env, said, chance.randrange(1 << 40), mutant))
                for _ in range(_CUTS_A_DISK):
                    # Delayed allocation shows after a commit of the journal: the longer pauses are for it.
                    time.sleep(chance.choice((chance.uniform(0.005, 0.1), chance.uniform(0.05, 0.3))))
                    if mutant and "commit=1" in options:
                        time.sleep(1.2)
                    said_now = [word for writer in writers for word in writer.stop()]
                    damaged, gone = disk.cut(said_now)
                    done, acknowledged = done + 1, acknowledged + len(said_now)
                    corrupt, lost = corrupt + damaged, lost + gone
                    bad += bool(damaged or gone)
                    if done >= count or disk.is_full or (enough and bad >= enough):
                        break
                    for writer in writers:
                        writer.go_on()
            finally:
                for writer in writers:
                    writer.end()
                disk.close()
    counted: dict[str, object] = {"cuts": done, "disks": disks, "options": options, "acknowledged": acknowledged}
    return {**counted, "corrupt": len(corrupt), "lost": len(lost), "cuts that show it": bad}, [*corrupt, *lost]


def main() -> None:
    """Count, and print what was counted."""
    asked = words(__doc__ or "", "cuts", "options")
    alone_in_its_mounts()
    run(lambda: cuts(asked.cuts, asked.options, asked.mutant, asked.seed, enough=1 if asked.mutant else 0))


if __name__ == "__main__":
    main()
