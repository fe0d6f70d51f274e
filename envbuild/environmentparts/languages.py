"""What an environment has beside Python in AzureML: Spark and R. Kept and saved; a definition has none of it."""

from envbuild.azuremlform.credentials import URL, URLS, without_credentials
from envbuild.azuremlform.kinds import BOOLEAN, OPTIONAL_TEXT, TEXTS, Kind
from envbuild.azuremlform.section import Attribute, Section, many, optional_many

__all__ = ["RCranPackage", "RGitHubPackage", "RSection", "SparkPackage", "SparkSection"]

_OPTIONAL_BOOLEAN: Kind[bool | None] = Kind(
    "True, False or None", lambda value: value is None or isinstance(value, bool), lambda value: value
)


class _OptionalTexts(Kind[list[str] | None]):
    """A list of texts, or None; what may be secret in URLs among them is not saved."""

    def __init__(self) -> None:
        super().__init__(
            "a list of texts or None",
            lambda value: value is None or TEXTS.fits(value),
            lambda value: value if value is None else list(value),
        )

    def dumped(self, value: list[str] | None) -> list[str] | None:
        return None if value is None else [without_credentials(text) for text in value]


_OPTIONAL_TEXTS = _OptionalTexts()


class SparkPackage(Section):
    """A Maven package by its coordinates."""

    group = Attribute(OPTIONAL_TEXT, lambda: None)
    artifact = Attribute(OPTIONAL_TEXT, lambda: None)
    version = Attribute(OPTIONAL_TEXT, lambda: None)

    def __init__(self, group: str | None = None, artifact: str | None = None, version: str | None = None) -> None:
        super().__init__()
        self.group, self.artifact, self.version = group, artifact, version


class SparkSection(Section):
    """The packages that PySpark fetches."""

    repositories = Attribute(URLS, list)
    packages = Attribute(many(SparkPackage), list)
    precache_packages = Attribute(BOOLEAN, lambda: True)


class RCranPackage(Section):
    """A package of CRAN."""

    name = Attribute(OPTIONAL_TEXT, lambda: None)
    version = Attribute(OPTIONAL_TEXT, lambda: None)
    repository = Attribute(URL, lambda: None)


class RGitHubPackage(Section):
    """A package of a repository."""

    repository = Attribute(URL, lambda: None)
    auth_token = Attribute(OPTIONAL_TEXT, lambda: None, saved=False)


class RSection(Section):
    """R and its packages (deprecated there)."""

    r_version = Attribute(OPTIONAL_TEXT, lambda: None)
    user_managed = Attribute(_OPTIONAL_BOOLEAN, lambda: False)
    rscript_path = Attribute(OPTIONAL_TEXT, lambda: None)
    snapshot_date = Attribute(OPTIONAL_TEXT, lambda: None)
    cran_packages = Attribute(optional_many(RCranPackage), lambda: None)
    github_packages = Attribute(optional_many(RGitHubPackage), lambda: None)
    custom_url_packages = Attribute(_OPTIONAL_TEXTS, lambda: None)
    bioconductor_packages = Attribute(_OPTIONAL_TEXTS, lambda: None)
