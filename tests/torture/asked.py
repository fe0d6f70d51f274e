"""The words of these programs, and how they tell what they counted: one line of JSON."""

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping

__all__ = ["alone_in_its_mounts", "run", "words"]

_MOST = 20


def words(description: str, *positional: str) -> argparse.Namespace:
    """`positional` words (numbers where they can be), `--seed N`, `--mutant NAME`."""
    parser = argparse.ArgumentParser(description=description.partition("\n")[0])
    for name in positional:
        parser.add_argument(name, type=_number)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--mutant", default="")
    return parser.parse_args()


def _number(text: str) -> "int | str":
    return int(text) if text.isdigit() else text


def run(counted: Callable[[], tuple[Mapping[str, object], list[str]]]) -> None:
    """Do it, and print what was counted, the first faults, how many there are, and the seconds that it took."""
    began = time.monotonic()
    seen, faults = counted()
    seen = dict(sorted(seen.items())) if isinstance(seen, Counter) else dict(seen)
    told = {**seen, "wrong": faults[:_MOST], "wrong in all": len(faults), "seconds": round(time.monotonic() - began, 1)}
    sys.stdout.write(json.dumps(told) + "\n")


def alone_in_its_mounts() -> None:
    """Go on in a mount namespace of our own: whatever happens to this process, nothing stays mounted. Needs root."""
    if os.environ.get("TORTURE_MOUNTS") != "own":
        command = ["unshare", "--mount", "--propagation", "private", *sys.orig_argv]
        os.execvpe(command[0], command, {**os.environ, "TORTURE_MOUNTS": "own"})
