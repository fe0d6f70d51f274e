"""Which of a folder's files is its definition: one table of ranks, and what is said of the files that were passed over.

A lock and what it was made from are one definition. Of two ranks the first is taken; two files of one rank are an error.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from fnmatch import fnmatchcase

from envbuild.errors import UsageError

__all__ = ["RANKS", "Rank", "Taken", "choose", "lock_beside", "refuse_unlocked"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rank:
    """Files of one rank, by name or pattern."""

    names: tuple[str, ...]
    made_from: tuple[str, ...] = ()
    """What it is a lock of: the first of these that is there belongs to it."""
    beside: tuple[str, ...] = ()
    """What is read with it, where it is there."""
    only_with: tuple[str, ...] = ()
    """One of these must be there: the name alone says too little."""

    def of(self, names: Collection[str]) -> tuple[str, ...]:
        """Those of a folder's files that have this rank."""
        if self.only_with and not any(name in names for name in self.only_with):
            return ()
        return tuple(sorted(name for name in names if any(fnmatchcase(name, form) for form in self.names)))

    def source(self, names: Collection[str]) -> str:
        """The file that the lock was made from; nothing where it is not there."""
        return next((name for name in self.made_from if name in names), "")


RANKS = (
    Rank(names=("envbuild.toml",)),
    Rank(names=("uv.lock",), made_from=("pyproject.toml",)),
    Rank(names=("pixi.lock",), made_from=("pixi.toml", "pyproject.toml")),
    Rank(names=("conda-lock.yml", "conda-lock.yaml"), made_from=("environment.yml", "environment.yaml")),
    Rank(names=("pylock.toml",), made_from=("pyproject.toml", "requirements.in")),
    Rank(names=("pylock.*.toml",), made_from=("pyproject.toml", "requirements.in")),
    Rank(names=("poetry.lock",), made_from=("pyproject.toml",)),
    Rank(names=("Pipfile.lock",), made_from=("Pipfile",)),
    Rank(names=("azureml_environment.json",), beside=("conda_dependencies.yml",)),
    Rank(names=("environment.yml", "environment.yaml"), beside=("apt.txt",)),
    Rank(names=("python_env.yaml",), beside=("requirements.txt",), only_with=("MLproject", "MLmodel")),
    Rank(names=("conda.yaml", "conda.yml")),
    Rank(names=("pyproject.toml",)),
    Rank(names=("requirements.txt",), made_from=("requirements.in",), beside=("apt.txt", "runtime.txt")),
    Rank(names=("Dockerfile", "Containerfile")),
)
"""The order. A pyproject.toml counts where it asks for something; a Dockerfile comes last: it is taken when alone."""

_UNLOCKED = {
    "pixi.toml": "make its lock, which is read: pixi lock",
    "Pipfile": "make its lock, which is read: pipenv lock",
    "requirements.in": "make its lock, which is read: uv pip compile requirements.in -o requirements.txt",
    "setup.py": "make a lock of what it needs, which is read: uv pip compile setup.py -o requirements.txt",
    "setup.cfg": "make a lock of what it needs, which is read: uv pip compile setup.cfg -o requirements.txt",
}
"""What is no definition by itself, and what makes one of it."""
_NOT_ALONE = ("pixi.toml", "Pipfile", "setup.py", "setup.cfg")
"""Files that are refused where they are named themselves; a requirements.in is read as any file of requirements."""
_UNASKING = (
    "pyproject.toml asks for no packages: give its [project] a list of dependencies, or name --extra or --group; "
    "what Poetry's and pixi's own tables ask for is read from their locks: poetry lock, pixi lock"
)
_NOTHING = "name a file, or write envbuild.toml or requirements.txt (environment.yml and pyproject.toml serve, too)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A folder's definition: the file that is read, and what else is there."""

    name: str
    together: tuple[str, ...] = ()
    """What it was made from, and what is read with it."""
    passed_over: tuple[str, ...] = ()
    second_locks: tuple[str, ...] = ()
    """Those of the others that are locks of the same source: one of the two is stale, perhaps."""
    source: str = ""

    @property
    def line(self) -> str:
        """What was taken and passed over; nothing where there was nothing to choose."""
        others = [
            f"{name} (a second lock of {self.source})" if name in self.second_locks else name
            for name in self.passed_over
        ]
        if not self.together and not others:
            return ""
        took = f"took {self.name}" + (f" with {' and '.join(self.together)}" if self.together else "")
        return took + (f"; passed over {', '.join(others)}" if others else "")


def choose(folder: str, names: Collection[str], asks: Callable[[], bool]) -> Taken:
    """The definition among a folder's files; `asks`: whether its pyproject.toml says what is needed.

    UsageError where there is none, or two of one rank.
    """
    asking = "pyproject.toml" in names and asks()
    for number, rank in enumerate(RANKS):
        found = [name for name in rank.of(names) if name != "pyproject.toml" or asking]
        if len(found) > 1:
            hint = f"name one of them: {_joined(folder, found[0])}"
            raise UsageError(f"{' and '.join(found)} are of one rank", at=folder, hint=hint)
        if found:
            return _taken(found[0], number, names, asking=asking)
    raise UsageError("no definition is in this folder", at=folder, hint=_advice(names))


def _taken(name: str, number: int, names: Collection[str], *, asking: bool) -> Taken:
    rank = RANKS[number]
    source = rank.source(names)
    together = tuple(other for other in (source, *rank.beside) if other and other in names)
    lower = [(other, below) for below in RANKS[number + 1 :] for other in below.of(names)]
    passed = [other for other, _ in lower if other != "pyproject.toml" or asking]
    passed += [other for other in ("pixi.toml", "Pipfile", "requirements.in") if other in names]
    left = tuple(other for other in dict.fromkeys(passed) if other not in together)
    locks = tuple(other for other, below in lower if source and source in below.made_from and other in left)
    return Taken(name=name, together=together, passed_over=left, second_locks=locks, source=source)


def lock_beside(name: str, names: Collection[str]) -> str:
    """The lock of a file that was named itself, which is then not used; nothing where there is none."""
    return next((found[0] for rank in RANKS if name in rank.made_from and (found := rank.of(names))), "")


def refuse_unlocked(path: str, name: str) -> None:
    """UsageError for a file that is no definition by itself, with what makes one of it."""
    if name in _NOT_ALONE:
        raise UsageError(f"a {name} is not read by itself", at=path, hint=_UNLOCKED[name])


def _advice(names: Collection[str]) -> str:
    """What to do in a folder that has no definition."""
    unlocked = next((name for name in _UNLOCKED if name in names), "")
    if unlocked:
        return f"{unlocked} is here: {_UNLOCKED[unlocked]}"
    return _UNASKING if "pyproject.toml" in names else _NOTHING


def _joined(folder: str, name: str) -> str:
    return name if folder in ("", ".") else f"{folder.rstrip('/')}/{name}"
