"""`PythonSection`: the Python of an environment, and who looks after its packages."""

import os
from typing import Any

from envbuild.azuremlform.kinds import BOOLEAN, JSON, OPTIONAL_TEXT, PLAIN, TEXT, Kind
from envbuild.azuremlform.section import Attribute, Section
from envbuild.conda_dependencies import CondaDependencies

__all__ = ["PythonSection"]


class _CondaKind(Kind[CondaDependencies]):
    """A CondaDependencies; in JSON as the service has it, inline."""

    def __init__(self) -> None:
        fits = "a CondaDependencies", lambda value: isinstance(value, CondaDependencies)
        super().__init__(*fits, lambda value: value)

    def loaded(self, at: str, value: JSON) -> CondaDependencies:
        return CondaDependencies._of_json(value, at)  # noqa: SLF001  its other half

    def dumped(self, value: CondaDependencies) -> JSON:
        return value._document.without_logins().as_dict()  # noqa: SLF001  its other half


def _new_for_none(_: Any, value: object) -> object:
    return CondaDependencies() if value is None else value


def _path(_: Any, value: object) -> object:
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _read(python: "PythonSection") -> None:
    if python.conda_dependencies_file is not None:
        python.conda_dependencies = CondaDependencies(python.conda_dependencies_file)


class PythonSection(Section):
    """Packages from conda and indexes; or, where the user manages them, the Python that the image has."""

    user_managed_dependencies = Attribute(BOOLEAN, lambda: False)
    interpreter_path = Attribute(TEXT, lambda: "python")
    conda_dependencies_file = Attribute(OPTIONAL_TEXT, lambda: None, reads=_path, then=_read)
    _base_conda_environment = Attribute(PLAIN, lambda: None)
    conda_dependencies = Attribute(_CondaKind(), CondaDependencies, reads=_new_for_none)
