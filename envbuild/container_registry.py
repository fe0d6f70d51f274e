"""`ContainerRegistry`: where a base image is, with AzureML's names (azureml.core.container_registry).

Its login is for this process alone: it is in no file, no id and no text that is shown.
"""

from envbuild.azuremlform.credentials import ADDRESS
from envbuild.azuremlform.kinds import JSON, OPTIONAL_TEXT
from envbuild.azuremlform.saying import warned
from envbuild.azuremlform.section import Attribute, Section, optional

__all__ = ["ContainerRegistry", "RegistryIdentity"]


class RegistryIdentity(Section):
    """A managed identity of Azure's that a registry knows; kept, and used by nothing here."""

    resource_id = Attribute(OPTIONAL_TEXT, lambda: None)
    client_id = Attribute(OPTIONAL_TEXT, lambda: None)


class ContainerRegistry(Section):
    """A registry's address (`registry.example:5000`), and a login for it."""

    address = Attribute(ADDRESS, lambda: None)
    username = Attribute(OPTIONAL_TEXT, lambda: None)
    password = Attribute(OPTIONAL_TEXT, lambda: None)
    registry_identity = Attribute(optional(RegistryIdentity), lambda: None)

    def __repr__(self) -> str:
        login = ", with a login" if self.username or self.password else ""
        return f"ContainerRegistry({self.address or ''}{login})"

    def to_json(self) -> JSON:
        """AzureML's keys; user name and password are None, whatever they are."""
        return {**super().to_json(), "username": None, "password": None}

    def _loaded(self, at: str) -> None:
        if self.password:
            hint = "keep it with `envbuild login`, and take it out of the file"
            warned(f"{at}.password: a password stands in the file; {hint}")
