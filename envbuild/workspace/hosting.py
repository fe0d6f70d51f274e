"""What a direct run asks of this machine, and of the plan: the loader's libraries, programs, whose file stands."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from envbuild import host
from envbuild.digest import Digest
from envbuild.lockfile import Lock
from envbuild.members import Segment
from envbuild.plan import find_conflicts
from envbuild.process import which

__all__ = ["has_library", "has_program", "left_out_of"]


def has_program(name: str) -> bool:
    """Whether PATH has a program."""
    return which(name) is not None


def has_library(environ: Mapping[str, str]) -> Callable[[str], bool]:
    """Whether this machine's loader finds a library by its name, as a program with these variables would."""
    folders = environ.get("LD_LIBRARY_PATH", "").split(":") if environ.get("LD_LIBRARY_PATH") else []
    return lambda name: host.has_library(name, folders)


def left_out_of(lock: Lock, segments: Mapping[str, Segment]) -> dict[Digest, Collection[str]]:
    """By layer id the paths that another package has in its stead, as the image decides it."""
    left_out: dict[Digest, set[str]] = defaultdict(set)
    tables = {sha256: segment.table for sha256, segment in segments.items()}
    for conflict in find_conflicts(replace(lock, base_artifacts=()), tables):
        for loser in conflict.losers:
            left_out[segments[loser.sha256].layer_id].add(conflict.path)
    return dict(left_out)
