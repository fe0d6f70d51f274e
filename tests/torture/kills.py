"""Processes killed at random moments of real work, one after the other on one store; what they leave must be usable at once.

python -m torture.kills COUNT [--seed N] [--mutant NAME]     prints what was counted as JSON
"""

import os
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

from torture.acts import Acts, words_of
from torture.asked import run, words
from torture.forking import ended, forked, killed_after
from torture.mutants import MUTANTS
from torture.smallenv import environ, small_env
from torture.soundness import Checker, leftovers

__all__ = ["kills"]

_A_STORE_LASTS = 100
_CALM_EVERY = 20


def kills(count: int, seed: int, mutant: str = "") -> tuple[dict[str, int], list[str]]:
    """`count` kills, and the faults that were found afterwards; twenty are enough."""
    chance = random.Random(seed)
    seen: dict[str, int] = {"killed": 0, "ended first": 0, "calm runs": 0, "prunes": 0, "reads": 0}
    wrong: list[str] = []
    while seen["killed"] < count and len(wrong) < 20:
        with tempfile.TemporaryDirectory() as folder:
            _one_store(Path(folder), chance, seen, wrong, count, mutant)
    return seen, wrong


def _one_store(
    folder: Path, chance: random.Random, seen: dict[str, int], wrong: list[str], count: int, mutant: str
) -> None:
    home, env = folder / "home", small_env(folder, chance.randrange(3))
    os.environ.update(environ(home, os.environ, env.wheels))
    checker = Checker(home)

    def work(name: str, number: int, *, mutated: bool) -> Callable[[], object]:
        def act() -> int:
            if mutated and mutant:
                MUTANTS[mutant]()
            acts = Acts(home, env, number)
            code, told = words_of(getattr(acts, name))
            if code:
                os.write(2, f"{name}: {told}\n".encode())
            return code

        return act

    def calm(name: str) -> None:
        if code := ended(forked(work(name, chance.randrange(1 << 40), mutated=False))):
            wrong.append(f"after {seen['killed']} kills, {name} ended with {code}")

    for turn in range(_A_STORE_LASTS):
        name = chance.choice(("put", "claim", "record", "build", "build", "prune", "everything", "everything"))
        # Most work takes up to 30 ms; a few are killed later.
        pause = chance.expovariate(1 / 0.008)
        if killed_after(forked(work(name, chance.randrange(1 << 40), mutated=True)), pause):
            seen["killed"] += 1
        else:
            seen["ended first"] += 1
        found = checker.wrong()
        wrong += [f"{name} killed after {pause * 1000:.2f} ms: {fault}" for fault in found]
        if turn % _CALM_EVERY == 0:
            calm("everything")
            seen["calm runs"] += 1
            calm("prune")
            seen["prunes"] += 1
            wrong += [f"left after prune: {path}" for path in leftovers(home)]
        if seen["killed"] >= count or len(wrong) >= 20:
            break
    calm("verify")
    seen["reads"] += 1


def main() -> None:
    """Count, and print what was counted."""
    asked = words(__doc__ or "", "count")
    run(lambda: kills(asked.count, asked.seed, asked.mutant))


if __name__ == "__main__":
    main()
