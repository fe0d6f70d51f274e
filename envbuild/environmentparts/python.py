"""`PythonSection`: the Python of an environment, and who looks after its packages."""

import os
from typing import Any

from envbuild.azuremlform.kinds import BOOLEAN, JSON, OPTIONAL_TEXT, PLAIN, TEXT, Kind
from envbuild.azuremlform.section import Attribute, Section
from envbuild.conda_dependencies import CondaDependencies

__all__ = ["CONDA", "PythonSection"]


class _CondaKind(Kind[Any]):
    """A CondaDependencies, or None; in JSON as the service has it, inline."""

    def __init__(self) -> None:
        words = "a CondaDependencies or None"
        super().__init__(words, lambda v: v is None or isinstance(v, CondaDependencies), lambda value: value)

    def loaded(self, at: str, value: JSON) -> Any:
        return None if value is None else CondaDependencies._of_json(value, at)  # noqa: SLF001  its other half

    def dumped(self, value: Any) -> JSON:
        return None if value is None else value._document.without_logins().as_dict()  # noqa: SLF001  its other half


CONDA: Kind[CondaDependencies | None] = _CondaKind()


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
    conda_dependencies = Attribute(CONDA, CondaDependencies)
