"""An act with one system call that fails, or at which the process dies: at every mutating call on the store, in turn.

python -m torture.syscalls kill|fail SHARE [--seed N] [--mutant NAME]     one case of SHARE (1: all of them)
"""

import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from torture.acts import Acts, words_of
from torture.asked import run, words
from torture.forking import ended, forked
from torture.smallenv import environ, small_env
from torture.soundness import leftovers, wrong

__all__ = ["Case", "Scene", "cases", "run_case", "tried"]

CALLS = ("write", "pwrite64", "openat", "rename", "fsync", "unlink", "mkdir", "ftruncate", "fchmod", "flock", "utimensat",
         "rmdir", "unlinkat", "link", "chmod", "fcntl")  # fmt: skip
_NAMES = {"rename": "rename,renameat,renameat2", "mkdir": "mkdir,mkdirat", "chmod": "chmod,fchmodat"}
ERRORS = {
    "write": "ENOSPC EIO EDQUOT EINTR ENOMEM",
    "pwrite64": "ENOSPC EIO EDQUOT",
    "openat": "ENOSPC EIO EDQUOT EMFILE ENFILE ENOMEM EACCES EROFS EINTR",
    "rename": "ENOSPC EIO EDQUOT EACCES EROFS EXDEV",
    "fsync": "ENOSPC EIO EDQUOT EINTR",
    "unlink": "EIO EACCES EROFS EBUSY",
    "unlinkat": "EIO EACCES EROFS",
    "rmdir": "EIO EACCES",
    "mkdir": "ENOSPC EIO EDQUOT EACCES EROFS EMLINK",
    "ftruncate": "EIO ENOSPC EINTR",
    "fchmod": "EIO EPERM EROFS",
    "chmod": "EIO EPERM EROFS",
    "flock": "ENOLCK ENOSYS EINTR EBADF EIO EOPNOTSUPP",
    "utimensat": "EACCES EROFS EIO",
}
_ACTS = ("put", "claim", "record", "build", "prune")
_LINE = re.compile(r"^(?:\d+ +)?(\w+)\((.*)")
_CASE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Case:
    """An act, the call (`write`), the how manyeth of its thread (1: the first), and what happens to it."""

    act: str
    call: str
    when: int
    what: str

    @property
    def injection(self) -> str:
        """As strace spells it."""
        return f"inject={_NAMES.get(self.call, self.call)}:{self.what}:when={self.when}"

    def __str__(self) -> str:
        return f"{self.act}: {self.call} {self.when} {self.what}"


class Scene:
    """A store as each act finds it: empty for a build, with an image in it for all else."""

    def __init__(self, folder: Path, mutant: str = "") -> None:
        self.folder, self.env, self._mutant = folder, small_env(folder), mutant
        self._ready = folder / "ready"
        os.environ.update(environ(self._ready, os.environ, self.env.wheels))
        self._must(self._ready, "everything", prune=False)
        self.home = folder / "home"

    def fresh(self, act: str) -> Path:
        """The store, made anew."""
        shutil.rmtree(self.home, ignore_errors=True)
        if act != "build":
            shutil.copytree(self._ready, self.home)
        return self.home

    def run(self, act: str, *strace: str) -> subprocess.CompletedProcess[str]:
        """An act as a process of its own under strace."""
        python = [
            sys.executable,
            "-B",
            "-m",
            "torture.acts",
            str(self.home),
            str(self.env.wheels),
            act,
            "7",
            self._mutant,
        ]
        env = {**environ(self.home, os.environ, self.env.wheels), "PYTHONPATH": os.pathsep.join(sys.path)}
        return subprocess.run(
            ["strace", "-f", "-qq", *strace, *python], env=env, cwd=self.folder, text=True,
            capture_output=True, check=False, timeout=_CASE_SECONDS,
        )  # fmt: skip

    def calls(self, act: str) -> list[tuple[str, int]]:
        """Every mutating call on the store that the act makes, with its number in its thread."""
        self.fresh(act)
        log = self.folder / "log"
        names = ",".join(_NAMES.get(name, name) for name in CALLS)
        done = self.run(act, "-y", "-s", "0", "-o", str(log), "-e", f"trace={names}", "-e", "signal=none")
        assert done.returncode == 0, done.stderr
        found: dict[tuple[str, int], None] = {}
        elsewhere: set[tuple[str, int]] = set()
        counts: Counter[tuple[str, str]] = Counter()
        for line in log.read_text(errors="replace").splitlines():
            match = _LINE.match(line)
            if match is None:
                continue
            thread, name = line.split()[0], _plain(match[1])
            counts[thread, name] += 1
            if str(self.home) in match[2] and (name != "openat" or "O_CREAT" in match[2]):
                found[name, counts[thread, name]] = None
            else:
                elsewhere.add((name, counts[thread, name]))
        # What is counted is each thread's own calls: a number that means another file in another thread is left out.
        return [call for call in found if call not in elsewhere]

    def after(self, act: str) -> list[str]:
        """What is wrong now: in the files, for whoever reads them, or for the next command."""
        found = [f"{fault}" for fault in wrong(self.home)]
        found += list(_claims_without_blobs(self.home))
        self_wrong = self._calm(self.home, "everything")
        self_wrong += self._calm(self.home, "prune")
        return found + self_wrong + [f"left after prune: {path}" for path in leftovers(self.home)]

    def _calm(self, home: Path, act: str, *, prune: bool = True) -> list[str]:
        def work() -> int:
            acts = Acts(home, self.env, 8)
            if not prune:
                acts.prune = lambda: None  # type: ignore[method-assign]
            code, told = words_of(getattr(acts, act))
            if code:
                os.write(2, f"the next {act}: {told}\n".encode())
            return code

        os.environ.update(environ(home, os.environ, self.env.wheels))
        code = ended(forked(work))
        return [f"the next {act} ended with {code}"] if code else []

    def _must(self, home: Path, act: str, *, prune: bool) -> None:
        assert not self._calm(home, act, prune=prune)


def _plain(name: str) -> str:
    return next((short for short, names in _NAMES.items() if name in names.split(",")), name)


def _claims_without_blobs(home: Path) -> Iterator[str]:
    for path in sorted((home / "cache/claims.v1/torture").rglob("*.json")):
        if "material" in path.name or ".new" in path.parts:
            continue
        found = re.search(rb'"blob":"sha256:([0-9a-f]{64})"', path.read_bytes())
        digest = found[1].decode() if found else ""
        if digest and not (home / "cache/blobs.v1" / digest[:2] / digest).is_file():
            yield f"the claim {path.stem[:12]} names a blob that is not there"


def cases(scene: Scene, how: str) -> Iterator[Case]:
    """All of them: `kill` at each call, or `fail` each call by each error that it can have; `kill-put` of one act."""
    kills, _, one = how.partition("-")
    for act in (one,) if one else _ACTS:
        for call, when in scene.calls(act):
            for what in ["signal=KILL"] if kills == "kill" else [f"error={e}" for e in ERRORS.get(call, "").split()]:
                yield Case(act, call, when, what)


def run_case(scene: Scene, case: Case) -> tuple[int, list[str]]:
    """How the act ended, and what was wrong with that or afterwards."""
    scene.fresh(case.act)
    try:
        done = scene.run(case.act, "-o", "/dev/null", "-e", f"trace={_NAMES.get(case.call, case.call)}",
                         "-e", case.injection, "-e", "signal=none")  # fmt: skip
    except subprocess.TimeoutExpired:
        return -1, [f"{case}: hung for {_CASE_SECONDS} s"]
    found = []
    killed = done.returncode in (-9, 137)
    if "Traceback" in done.stderr or "a bug of" in done.stderr or "Exception ignored" in done.stderr:
        found.append(f"{case}: {done.stderr.strip()[-400:]}")
    elif (case.what == "signal=KILL" and not killed and done.returncode) or (
        case.what != "signal=KILL" and done.returncode not in (0, 5, 6, 7)
    ):
        found.append(f"{case}: exit {done.returncode}: {done.stderr.strip()[-300:]}")
    return (-9 if killed else done.returncode), found + [f"{case}: {fault}" for fault in scene.after(case.act)]


def tried(how: str, share: int, seed: int, mutant: str = "") -> tuple[dict[str, object], list[str]]:
    """One of `share` cases, drawn by the seed; all of them for 1."""
    with tempfile.TemporaryDirectory() as folder:
        scene = Scene(Path(folder), mutant)
        every = list(cases(scene, how))
        chosen = every if share <= 1 else random.Random(seed).sample(every, max(1, len(every) // share))
        ends: Counter[str] = Counter()
        faults: list[str] = []
        for case in chosen:
            code, found = run_case(scene, case)
            ends["killed" if code == -9 else f"exit {code}"] += 1
            faults += found
    acts = Counter(f"{case.act}: {case.call}" for case in chosen)
    return {"cases": len(chosen), "of": len(every), "ends": dict(ends), "by call": dict(sorted(acts.items()))}, faults


def main() -> None:
    """Count, and print what was counted."""
    asked = words(__doc__ or "", "how", "share")
    run(lambda: tried(asked.how, asked.share, asked.seed, asked.mutant))


if __name__ == "__main__":
    main()
