"""Many processes at once on one store: one image that all want, images of their own, and a collector among builds.

python -m torture.together same|different|pruned PROCESSES ROUNDS [--mutant NAME]     prints JSON
"""

import json
import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torture.acts import Acts, Failed
from torture.asked import run, words
from torture.forking import ended, forked
from torture.mutants import MUTANTS
from torture.smallenv import SmallEnv, environ, small_env
from torture.soundness import leftovers, wrong

from envbuild.builders.assemble import Assembler
from envbuild.digest import Digest
from envbuild.store.blobs import Blobs
from envbuild.store.leases import Lease
from envbuild.store.places import Places

__all__ = ["different", "pruned", "same"]

Seen = Counter[str]


def _counted(log: Path) -> None:
    """From here on this process writes a line for each image that it builds."""
    build = Assembler.build

    def counting(self: Any, *arguments: Any) -> Any:
        with log.open("ab", buffering=0) as stream:
            stream.write(b"built\n")
        return build(self, *arguments)

    Assembler.build = counting  # type: ignore[method-assign]


def _all(jobs: list[Callable[[], object]], mutant: str) -> list[int]:
    """Every job in a process of its own, let go at the same moment; their exit codes."""
    ready, go = os.pipe()

    def waiting(job: Callable[[], object]) -> Callable[[], object]:
        def work() -> object:
            os.close(go)
            os.read(ready, 1)
            if mutant:
                MUTANTS[mutant]()
            return job()

        return work

    children = [forked(waiting(job)) for job in jobs]
    os.close(go)
    os.close(ready)
    return [ended(child, patience=120) for child in children]


def _digest_into(home: Path, env: SmallEnv, out: Path, log: Path) -> Callable[[], object]:
    def work() -> None:
        _counted(log)
        told = Acts(home, env).command(*env.build, "--json")
        out.write_text(json.loads(told)["digest"])

    return work


def same(processes: int, rounds: int, mutant: str) -> tuple[Seen, list[str]]:
    """All want one image: it is built once, and all have the same."""
    seen, faults = Counter[str](), []
    for number in range(rounds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            env, home, log = small_env(folder, number % 5), folder / "home", folder / "built"
            os.environ.update(environ(home, os.environ, env.wheels))
            outs = [folder / f"out{i}" for i in range(processes)]
            codes = _all([_digest_into(home, env, out, log) for out in outs], mutant)
            builds = log.read_text().count("built")
            digests = {out.read_text() for out in outs if out.exists()}
            seen += Counter({"rounds": 1, "processes": processes, "builds": builds})
            if any(codes) or builds != 1 or len(digests) != 1:
                faults.append(f"round {number}: exit codes {Counter(codes)}, {builds} builds, {len(digests)} digests")
            faults += wrong(home)
    return seen, faults


def different(processes: int, rounds: int, mutant: str) -> tuple[Seen, list[str]]:
    """Each wants another image: all are built, side by side."""
    seen, faults = Counter[str](), []
    for number in range(rounds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            home, log = folder / "home", folder / "built"
            envs = [small_env(folder, i, 500) for i in range(processes)]
            os.environ.update(environ(home, os.environ, envs[0].wheels))
            outs = [folder / f"out{i}" for i in range(processes)]
            codes = _all([_digest_into(home, env, out, log) for env, out in zip(envs, outs, strict=True)], mutant)
            builds, digests = log.read_text().count("built"), {out.read_text() for out in outs if out.exists()}
            seen += Counter({"rounds": 1, "processes": processes, "builds": builds})
            if any(codes) or builds != processes or len(digests) != processes:
                faults.append(f"round {number}: exit codes {Counter(codes)}, {builds} builds, {len(digests)} digests")
            faults += wrong(home)
    return seen, faults


def _build_and_use(home: Path, env: SmallEnv, seed: int, turns: int) -> Callable[[], object]:
    """Build, then read all of the image while it is held: nothing of it may go."""

    def work() -> None:
        chance = random.Random(seed)
        for _ in range(turns):
            acts = Acts(home, env, seed)
            blob = acts.put()
            key = acts.claim_of(blob)
            time.sleep(chance.uniform(0, 0.01))
            assert acts.claims.get("torture", key) is not None, "a claim that is held went"
            acts.blobs.open(blob).close()
            lease = Lease(Places.read(os.environ).locks)
            blobs = Blobs(Places.read(os.environ).blobs, lease=lease)
            image = json.loads(acts.command(*env.build, "--json"))["digest"]
            manifest = Digest.parse(image)
            if blobs.has(manifest):
                with blobs.open(manifest) as stream:
                    parts = json.loads(stream.read())
                held = [Digest.parse(part["digest"]) for part in parts["layers"]]
                here = [digest for digest in held if blobs.has(digest)]
                time.sleep(chance.uniform(0, 0.02))
                for digest in here:
                    blobs.open(digest).close()
            lease.close()
            acts.lease.close()

    return work


def _prune_always(home: Path, env: SmallEnv, until: Path, log: Path) -> Callable[[], object]:
    def work() -> None:
        while not until.exists():
            try:
                Acts(home, env).prune()
            except Failed as failed:
                if failed.code != 7:
                    raise
            with log.open("ab", buffering=0) as stream:
                stream.write(b"pruned\n")

    return work


def pruned(processes: int, rounds: int, mutant: str) -> tuple[Seen, list[str]]:
    """Builds beside a collector that takes everything that is not used, all the time."""
    seen, faults = Counter[str](), []
    for number in range(rounds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            env, home, stop, log = small_env(folder, number), folder / "home", folder / "stop", folder / "log"
            os.environ.update(environ(home, os.environ, env.wheels))
            (home / "cache").mkdir(parents=True, mode=0o700)
            log.touch()
            collector = forked(_prune_always(home, env, stop, log))
            try:
                codes = _all([_build_and_use(home, env, number * 1000 + i, 5) for i in range(processes)], mutant)
            finally:
                stop.touch()
                codes.append(ended(collector, patience=60))
            seen += Counter({"rounds": 1, "processes": processes, "builds": 5 * processes})
            seen["prunes"] += log.read_text().count("pruned")
            if any(codes):
                faults.append(f"round {number}: exit codes {Counter(codes)}")
            faults += wrong(home)
            faults += [f"last prune ended with {code}" for code in [ended(forked(Acts(home, env).prune))] if code]
            faults += [f"left after prune: {path}" for path in leftovers(home)]
    return seen, faults


def main() -> None:
    """Count, and print what was counted."""
    asked = words(__doc__ or "", "what", "processes", "rounds")
    kind = {"same": same, "different": different, "pruned": pruned}[asked.what]
    run(lambda: kind(asked.processes, asked.rounds, asked.mutant))


if __name__ == "__main__":
    main()
