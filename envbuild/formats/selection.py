"""`Selection`: what of a file was chosen beside what it asks for by itself: extras, dependency groups, its own package."""

import re
from dataclasses import dataclass, replace
from hashlib import sha256

from envbuild.errors import UsageError

__all__ = ["NOTHING_MORE", "Selection"]

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
_LONGEST = 80


@dataclass(frozen=True, slots=True)
class Selection:
    """Extras (PEP 621) and dependency groups (PEP 735) by name, and whether the project's own package is installed.

    `azureml`: azureml-defaults, azureml-core and azureml-sdk stay in a definition of AzureML's form.
    """

    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    project: bool = False
    azureml: bool = False

    def __bool__(self) -> bool:
        """Whether anything was chosen."""
        return bool(self.extras or self.groups or self.project or self.azureml)

    @property
    def normal(self) -> "Selection":
        """The same in one spelling (PEP 685, PEP 735): names normalized, each once, sorted. UsageError for what is no name."""
        return replace(self, extras=_normal("--extra", self.extras), groups=_normal("--group", self.groups))

    @property
    def in_lock_names(self) -> str:
        """What a lock file's name gets, so that each choice has a lock: `+extra-gpu+group-test`. The package is in none."""
        return _spelled("+", self._chosen)

    @property
    def in_image_names(self) -> str:
        """What an image's name gets, so that each choice has a name: `__extra-gpu__project`."""
        return _spelled("__", [*self._chosen, *(["project"] if self.project else [])])

    @property
    def options(self) -> str:
        """As the command line has it, with a blank before it: ` --extra gpu --project`."""
        words = [f" --extra {name}" for name in self.extras] + [f" --group {name}" for name in self.groups]
        words += [" --project"] if self.project else []
        return "".join(words) + (" --keep-azureml" if self.azureml else "")

    @property
    def _chosen(self) -> list[str]:
        names = [f"extra-{name}" for name in self.extras] + [f"group-{name}" for name in self.groups]
        return names + (["azureml"] if self.azureml else [])


NOTHING_MORE = Selection()
"""Only what the project depends on."""


def _normal(option: str, names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not _NAME.fullmatch(name):
            hint = f"give one name each time: {option} test {option} gpu"
            raise UsageError(f"{name!r} is no name of an extra or a group", at=option, hint=hint)
    return tuple(sorted({re.sub(r"[-_.]+", "-", name).lower() for name in names}))


def _spelled(joint: str, parts: list[str]) -> str:
    """A file's name and an image's have limits: a long choice is named by its digest."""
    whole = "".join(joint + part for part in parts)
    return whole if len(whole) <= _LONGEST else f"{joint}chosen-{sha256(' '.join(parts).encode()).hexdigest()[:12]}"
