"""`Command`: what is run in an environment, and the argument vector it becomes for an interpreter."""

from dataclasses import dataclass
from enum import StrEnum

from envbuild.errors import UsageError

__all__ = ["Command", "CommandKind", "Outcome", "STDIN"]

STDIN = "-"
"""The script that stands on stdin, as for python itself."""


class CommandKind(StrEnum):
    """How the first word is understood."""

    SCRIPT = "script"
    MODULE = "module"
    RAW = "raw"


@dataclass(frozen=True, slots=True)
class Command:
    """A script, a module (`-m`) or a program, and its arguments, which are passed on untouched."""

    kind: CommandKind
    target: str
    arguments: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.target:
            raise UsageError(f"the name of the {self.kind.value} is empty")
        if any("\0" in word for word in (self.target, *self.arguments)):
            raise UsageError("an argument has a zero byte in it, which no program can be given")

    def argv(self, python: str) -> tuple[str, ...]:
        """The words of the process, where `python` is the environment's interpreter."""
        if self.kind is CommandKind.MODULE:
            return (python, "-m", self.target, *self.arguments)
        if self.kind is CommandKind.RAW:
            return (self.target, *self.arguments)
        return (python, self._script, *self.arguments)

    @property
    def script(self) -> str | None:
        """The script's path as it was given, where there is one on disk."""
        return self.target if self.kind is CommandKind.SCRIPT and self.target != STDIN else None

    @property
    def _script(self) -> str:
        """Never taken for an option of the interpreter."""
        return f"./{self.target}" if self.target.startswith("-") and self.target != STDIN else self.target


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended: its exit code (128 + signal where one ended it), and whether the program itself ever started.

    Where it did not, the code is 126 (may not be run) or 127 (not found), and `problem` says why, unless an engine said
    it already.
    """

    code: int
    started: bool = True
    problem: str = ""
