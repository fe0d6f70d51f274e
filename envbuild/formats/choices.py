"""Which definitions have something to choose from: one refusal for all that have not, one place that adds the package."""

from dataclasses import replace
from pathlib import PurePath

from envbuild.definition import Definition, Project
from envbuild.errors import UsageError
from envbuild.formats.project.projecttables import with_python
from envbuild.formats.selection import Selection
from envbuild.formats.sourcefile import ReadRequest

__all__ = ["refuse_choice", "with_package"]

_HAVE_CHOICES = (
    "pyproject.toml",
    "uv.lock",
    "poetry.lock",
    "pylock.toml",
    "Pipfile.lock",
    "pixi.lock",
    "conda-lock.yml",
)
"""What the names of files end with whose readers know extras, groups or a package of their own."""
_OF_A_PROJECT = ("pyproject.toml", "uv.lock", "poetry.lock", "pylock.toml", "envbuild.toml")
"""Those that may stand beside a Python project."""
_OF_AZUREML = (".yml", ".yaml", ".json")


def refuse_choice(path: str, selection: Selection) -> None:
    """UsageError where a selection is asked of a file that has nothing to choose from."""
    if selection.project and not _is_one(path, _OF_A_PROJECT):
        hint = "it is for a pyproject.toml, its locks, and an envbuild.toml: name that file"
        raise UsageError("--project: this file is not a Python project's", at=path, hint=hint)
    if selection.azureml and PurePath(path).suffix not in _OF_AZUREML:
        hint = "it is for an environment.yml and AzureML's own files; elsewhere nothing of AzureML is left out"
        raise UsageError("--keep-azureml: nothing is left out of this file", at=path, hint=hint)
    if (selection.extras or selection.groups) and not _is_one(path, _HAVE_CHOICES):
        asked = selection.options.strip()
        hint = "extras and groups stand in a pyproject.toml, and in its locks: name that file"
        raise UsageError(f"{asked}: this file has no extras and no groups", at=path, hint=hint)


def with_package(asked: ReadRequest) -> ReadRequest:
    """The request that makes the folder's own package a part of the definition, where it was chosen."""
    if not asked.selection.project:
        return asked

    def finish(definition: Definition) -> Definition:
        return asked.finish(with_python(replace(definition, project=definition.project or Project("."))))

    return replace(asked, finish=finish)


def _is_one(path: str, ends: tuple[str, ...]) -> bool:
    name = PurePath(path).name
    if name.startswith("pylock.") and name.endswith(".toml"):
        name = "pylock.toml"
    return any(name == end or name.endswith(f".{end}") for end in ends)
