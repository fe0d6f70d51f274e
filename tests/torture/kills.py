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
_ENOUGH = 20
_WORK = ("put", "claim", "record", "build", "build", "prune", "everything", "everything")


def kills(count: int, seed: int, mutant: str = "") -> tuple[dict[str, int], list[str]]:
    """`count` kills, and the faults that were found afterwards; twenty are enough."""
    chance = random.Random(seed)
    seen: dict[str, int] = {"killed": 0, "ended first": 0, "calm runs": 0}
    wrong: list[str] = []
    while seen["killed"] < count and len(wrong) < _ENOUGH:
        with tempfile.TemporaryDirectory() as folder:
            _one_store(Path(folder), chance, seen, wrong, count, mutant)
    return seen, wrong


class _Store:
    """One store, and the processes that work on it."""

    def __init__(self, folder: Path, chance: random.Random, mutant: str) -> None:
        self._home, self._env = folder / "home", small_env(folder, chance.randrange(3))
        self._chance, self._mutant = chance, mutant
        self.checker = Checker(self._home)
        os.environ.update(environ(self._home, os.environ, self._env.wheels))

    def killed(self, name: str, pause: float) -> bool:
        """Whether a process that does this was killed before it was done."""
        return killed_after(forked(self._work(name, self._mutant)), pause)

    def calm(self, name: str) -> list[str]:
        """What a process that nobody kills finds wrong."""
        code = ended(forked(self._work(name, "")))
        return [f"then {name} ended with {code}"] if code else []

    def after(self) -> list[str]:
        """A whole run and a prune: nothing of the dead is left."""
        found = self.calm("everything") + self.calm("prune")
        return found + [f"left after prune: {path}" for path in leftovers(self._home)]

    def _work(self, name: str, mutant: str) -> Callable[[], object]:
        number = self._chance.randrange(1 << 40)

        def act() -> int:
            if mutant:
                MUTANTS[mutant]()
            code, told = words_of(getattr(Acts(self._home, self._env, number), name))
            if code:
                os.write(2, f"{name}: {told}\n".encode())
            return code

        return act


def _one_store(
    folder: Path, chance: random.Random, seen: dict[str, int], wrong: list[str], count: int, mutant: str
) -> None:
    store = _Store(folder, chance, mutant)
    for turn in range(_A_STORE_LASTS):
        name = chance.choice(_WORK)
        # Most work takes up to 30 ms; a few are killed later.
        pause = chance.expovariate(1 / 0.008)
        seen["killed" if store.killed(name, pause) else "ended first"] += 1
        wrong += [f"{name} killed after {pause * 1000:.2f} ms: {fault}" for fault in store.checker.wrong()]
        if turn % _CALM_EVERY == 0:
            wrong += [f"after {seen['killed']} kills: {fault}" for fault in store.after()]
            seen["calm runs"] += 1
        if seen["killed"] >= count or len(wrong) >= _ENOUGH:
            break
    wrong += store.calm("verify")


def main() -> None:
    """Count, and print what was counted."""
    asked = words(__doc__ or "", "count")
    run(lambda: kills(asked.count, asked.seed, asked.mutant))


if __name__ == "__main__":
    main()
