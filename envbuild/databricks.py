"""The libraries of a Databricks cluster, with AzureML's names (azureml.core.databricks): kept and saved, never installed."""

from envbuild.azuremlform.credentials import URL
from envbuild.azuremlform.kinds import OPTIONAL_TEXT, PLAIN, TEXTS
from envbuild.azuremlform.section import Attribute, Section, many

__all__ = ["DatabricksSection", "EggLibrary", "JarLibrary", "MavenLibrary", "PyPiLibrary", "RCranLibrary"]


class MavenLibrary(Section):
    """A Maven package: its coordinates, the repository, what of it is left out."""

    coordinates = Attribute(OPTIONAL_TEXT, lambda: None)
    repo = Attribute(URL, lambda: None)
    exclusions = Attribute(TEXTS, list)

    def __init__(
        self, coordinates: str | None = None, repo: str | None = None, exclusions: list[str] | None = None
    ) -> None:
        super().__init__()
        self.coordinates, self.repo, self.exclusions = coordinates, repo, exclusions or []


class _Package(Section):
    package = Attribute(OPTIONAL_TEXT, lambda: None)
    repo = Attribute(URL, lambda: None)

    def __init__(self, package: str | None = None, repo: str | None = None) -> None:
        super().__init__()
        self.package, self.repo = package, repo


class PyPiLibrary(_Package):
    """A package of PyPI, and its index."""


class RCranLibrary(_Package):
    """A package of CRAN, and its mirror."""


class _File(Section):
    library = Attribute(URL, lambda: None)

    def __init__(self, library: str | None = None) -> None:
        super().__init__()
        self.library = library


class JarLibrary(_File):
    """A jar by its URI."""


class EggLibrary(_File):
    """An egg by its URI."""


class DatabricksSection(Section):
    """The libraries that a cluster gets. A definition has none of them: `Environment.to_definition` refuses any."""

    maven_libraries = Attribute(many(MavenLibrary), list)
    pypi_libraries = Attribute(many(PyPiLibrary), list)
    rcran_libraries = Attribute(many(RCranLibrary), list)
    jar_libraries = Attribute(many(JarLibrary), list)
    egg_libraries = Attribute(many(EggLibrary), list)
    cluster = Attribute(PLAIN, lambda: None, saved=False)
