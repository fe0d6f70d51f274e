"""`PythonSection`: the Python of an environment, and who looks after its packages."""

import os
from typing import Any

from envbuild.azuremlform.credentials import without_credentials
from envbuild.azuremlform.kinds import BOOLEAN, JSON, OPTIONAL_TEXT, PLAIN, TEXT, TEXTS, Kind
from envbuild.azuremlform.refusals import WrongType
from envbuild.azuremlform.section import Attribute, Section
from envbuild.conda_dependencies import CondaDependencies

__all__ = ["OWN_KEY", "PythonSection"]

OWN_KEY = "envbuild"
"""What AzureML's form has no key for: {"constraints": [lines]}."""


class _CondaKind(Kind[CondaDependencies]):
    """A CondaDependencies; in JSON as the service has it, inline."""

    def __init__(self) -> None:
        fits = "a CondaDependencies", lambda value: isinstance(value, CondaDependencies)
        super().__init__(*fits, lambda value: value)

    def loaded(self, at: str, value: JSON) -> CondaDependencies:
        return CondaDependencies._of_json(value, at)  # noqa: SLF001  its other half

    def dumped(self, value: CondaDependencies) -> JSON:
        return value._document.as_one()[0].without_logins().as_dict()  # noqa: SLF001  its other half


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

    def to_json(self) -> JSON:
        """AzureML's keys. Included requirements stand among the others, included constraints in a key of our own."""
        _, constraints = self.conda_dependencies._document.as_one()  # noqa: SLF001  its other half
        own = {OWN_KEY: {"constraints": [without_credentials(line) for line in constraints]}} if constraints else {}
        return {**super().to_json(), **own}

    @classmethod
    def from_json(cls, value: JSON, at: str) -> "PythonSection":
        """What `to_json`, or AzureML, wrote."""
        own = value.get(OWN_KEY) if isinstance(value, dict) else None
        made = super().from_json({k: v for k, v in value.items() if k != OWN_KEY} if own is not None else value, at)
        if own is None:
            return made
        if not isinstance(own, dict) or own.keys() - {"constraints"}:
            raise WrongType("expected a table with `constraints`", at=f"{at}.{OWN_KEY}")
        lines = TEXTS.checked(f"{at}.{OWN_KEY}.constraints", own.get("constraints", []))
        document = made.conda_dependencies._document.constrained(lines)  # noqa: SLF001  its other half
        made.conda_dependencies = CondaDependencies._of_document(document)  # noqa: SLF001
        return made
