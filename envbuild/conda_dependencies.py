"""`CondaDependencies`: a conda environment file that is made and edited in code (azureml.core.conda_dependencies).

Where its only conda packages are python and pip, what it means is packages from an index, and conda has no part in it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from envbuild.azuremlform.besides import warn_of_neighbours
from envbuild.azuremlform.condadocument import CONSTRAINTS, FILE_NAME, CondaDocument, read_conda_document
from envbuild.azuremlform.credentials import without_credentials
from envbuild.azuremlform.kinds import plain
from envbuild.azuremlform.piplines import merged_requirements, option_of, package_name, with_option, with_package
from envbuild.azuremlform.refusals import Gone, Refused, WrongType
from envbuild.azuremlform.saying import warned
from envbuild.definition import DEFAULT_PYTHON
from envbuild.errors import Fault, InvalidDefinition, UsageError
from envbuild.formats.conda.condaspecs import python_of, spec_name
from envbuild.formats.nodes.yamltext import yaml_text
from envbuild.formats.urls import redacted
from envbuild.sources.definitionfiles import DefinitionFiles
from envbuild.sources.files import ProjectFiles

__all__ = ["PYTHON_DEFAULT_VERSION", "CondaDependencies"]

PYTHON_DEFAULT_VERSION = DEFAULT_PYTHON
"""The Python of the default base."""

_DOCUMENT_NAME = "project_environment"
_CHANNEL = "conda-forge"
_VERSION = re.compile(r"={1,2}\s*(\d+(?:\.\d+)*[a-z0-9]*)(?:\.\*|\*)?(?:[ =]\S+)?")
_GONE_SDK = "there is no SDK to be found anywhere: envbuild is an ordinary package"


class CondaDependencies:
    """Conda packages, channels, and the lines of the pip section. New: Python alone, from conda-forge."""

    def __init__(self, conda_dependencies_file_path: str | Path | None = None) -> None:
        """Of a conda environment file, or new. InvalidDefinition has what is wrong with the file; UsageError: no file."""
        if conda_dependencies_file_path is None:
            self._document = CondaDocument(_DOCUMENT_NAME, [_CHANNEL], [f"python={PYTHON_DEFAULT_VERSION}"])
        else:
            path = str(conda_dependencies_file_path)
            load = DefinitionFiles(path, ProjectFiles().load).load
            self._document = read_conda_document(path, load)
            warn_of_neighbours(path, load)

    @staticmethod
    def create(
        pip_indexurl: str | None = None,
        pip_packages: Sequence[str] | None = None,
        conda_packages: Sequence[str] | None = None,
        python_version: str = PYTHON_DEFAULT_VERSION,
        pin_sdk_version: bool = True,  # noqa: ARG004  as AzureML has it
    ) -> "CondaDependencies":
        """New, with these packages and nothing else. `pin_sdk_version` pins nothing: no SDK is among them."""
        made = CondaDependencies()
        made.set_python_version(python_version)
        for conda_package in _texts("conda_packages", conda_packages):
            made.add_conda_package(conda_package)
        if pip_indexurl is not None:
            made.set_pip_index_url(pip_indexurl)
        for pip_package in _texts("pip_packages", pip_packages):
            made.add_pip_package(pip_package)
        return made

    @property
    def conda_channels(self) -> list[str]:
        """The channels, the first asked first; a copy."""
        return list(self._document.channels)

    @property
    def conda_packages(self) -> list[str]:
        """The conda packages, python among them; a copy."""
        return list(self._document.conda)

    @property
    def pip_packages(self) -> list[str]:
        """The requirements of the pip section, without its options; a copy."""
        return [line for line in self._document.pip or () if not line.startswith("-")]

    @property
    def pip_options(self) -> list[str]:
        """The options of the pip section, `-r` and `-c` among them; a copy."""
        return [line for line in self._document.pip or () if line.startswith("-")]

    def add_channel(self, channel: str) -> None:
        """Ask this channel, too, behind those that are there."""
        if _text("channel", channel) not in self._document.channels:
            self._document.channels.append(channel)

    def remove_channel(self, channel: str) -> None:
        """Ask this channel no more; nothing happens where it is not asked."""
        self._document.channels = [known for known in self._document.channels if known != _text("channel", channel)]

    def add_conda_package(self, conda_package: str) -> None:
        """Add a package, in place of any spec that there is of it."""
        spec, name = _text("conda_package", conda_package), spec_name(conda_package)
        old = self._document.conda
        place = next((n for n, known in enumerate(old) if name and spec_name(known) == name), len(old))
        rest = [known for known in old if known != spec and (not name or spec_name(known) != name)]
        self._document.conda = [*rest[:place], spec, *rest[place:]]

    def remove_conda_package(self, conda_package: str) -> None:
        """Remove a package, whichever version of it is asked. Refused for python: nothing runs without."""
        name = spec_name(_text("conda_package", conda_package))
        if name == "python":
            raise Refused("python cannot be removed", at="conda_packages", hint='set_python_version("3.11")')
        self._document.conda = [
            known for known in self._document.conda if known != conda_package and (not name or spec_name(known) != name)
        ]

    def add_pip_package(self, pip_package: str) -> None:
        """Add a requirement, in place of any line that there is for the package. An option is set as one."""
        line = _text("pip_package", pip_package)
        add = with_option if line.startswith("-") else with_package
        self._document.pip = add(self._document.pip or [], line)

    def remove_pip_package(self, pip_package: str) -> None:
        """Remove a package, whichever version of it is asked; nothing happens where it is not there."""
        name = package_name(_text("pip_package", pip_package))
        if self._document.pip is not None:
            self._document.pip = [
                line
                for line in self._document.pip
                if line != pip_package and (line.startswith("-") or not name or package_name(line) != name)
            ]

    def set_pip_option(self, pip_option: str) -> None:
        """Set an option of pip. There is one --index-url, and as many --extra-index-url as are set."""
        option = _text("pip_option", pip_option)
        if not option.startswith("-"):
            raise Refused("an option begins with a dash", at="pip_option", hint="such as `--extra-index-url URL`")
        self._document.pip = with_option(self._document.pip or [], option)

    def remove_pip_option(self, pip_option: str) -> None:
        """Remove an option; without its value, all of that name."""
        name, value = option_of(_text("pip_option", pip_option))
        if self._document.pip is not None:
            self._document.pip = [
                line
                for line in self._document.pip
                if not line.startswith("-") or option_of(line) != (name, value or option_of(line)[1])
            ]

    def set_pip_index_url(self, index_url: str) -> None:
        """The index that stands in for PyPI."""
        url = _text("index_url", index_url)
        self.set_pip_option(url if url.startswith("-") else f"--index-url {url}")

    def set_pip_requirements(self, pip_requirements: Sequence[str]) -> None:
        """These lines are the whole pip section; blank ones and comments are left out."""
        lines = [line.strip() for line in _texts("pip_requirements", pip_requirements)]
        self._document.pip = [line for line in lines if line and not line.startswith("#")]

    def set_python_version(self, version: str) -> None:
        """The Python, in place of any that is there, however it is written."""
        if not isinstance(version, str):
            hint = 'in quotes: "3.10" (without, it is the number 3.1)'
            raise WrongType(f"expected a text, got {plain(version)}", at="version", hint=hint)
        self.add_conda_package(f"python={version.strip()}")

    def get_python_version(self) -> str | None:
        """The Python's version as it is asked; None where that leaves it open, or no Python is named."""
        spec = next((spec for spec in self._document.conda if spec_name(spec) == "python"), "")
        asked = re.sub(r"^.*?::", "", spec).strip().lower().removeprefix("python").strip()
        one = _VERSION.fullmatch(asked)
        return one[1] if one else python_of(spec)[0] or None

    def add_tensorflow_pip_package(self, core_type: str = "cpu", version: str | None = None) -> None:
        """TensorFlow from PyPI; for `gpu` with CUDA's own packages."""
        extra = "[and-cuda]" if _core(core_type) == "gpu" else ""
        self.add_pip_package(f"tensorflow{extra}{f'=={version}' if version else ''}")

    def add_tensorflow_conda_package(self, core_type: str = "cpu", version: str | None = None) -> None:
        """TensorFlow from conda's channels."""
        name = "tensorflow-gpu" if _core(core_type) == "gpu" else "tensorflow"
        self.add_conda_package(f"{name}={version}" if version else name)

    def add_cntk_package(self, core_type: str = "cpu") -> None:
        """Raises Gone: CNTK has had no release since 2019."""
        raise Gone("CNTK has had no release since 2019", hint='name its wheel: add_pip_package("cntk @ https://...")')

    @staticmethod
    def sdk_origin_url() -> str:
        """Raises Gone: there is no SDK's own index."""
        raise Gone(_GONE_SDK, hint="set_pip_index_url(URL) names an index of yours")

    @staticmethod
    def merge_requirements(requirements: Iterable[str]) -> list[str]:
        """One line a package, with all that the lines for it ask."""
        return merged_requirements(list(_texts("requirements", list(requirements))))

    @staticmethod
    def get_default_number_of_packages() -> int:
        """How many packages are added unasked: none."""
        return 0

    def as_dict(self) -> dict[str, Any]:
        """What YAML would say; a copy."""
        return self._document.as_dict()

    def serialize_to_string(self) -> str:
        """The conda environment file's text, as it was given: a login or token in a URL stands in it."""
        return self._document.text()

    def save(self, path: str | Path | None = None) -> str:
        """Write the conda environment file, with the files that it includes, and give its path.

        Logins, tokens and queries of URLs stay out, with a warning. A folder gets a conda_dependencies.yml.
        """
        target = Path(path or FILE_NAME)
        if target.is_dir():
            target /= FILE_NAME
        beside = {target.parent / name: data for name, data in self._document.beside.items()}
        for file, data in ({target: self.serialize_to_string().encode()} | beside).items():
            clean = without_credentials(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
            if clean != data:
                warned(f"{file}: the login in an index's URL is not written; keep it with `envbuild login URL`")
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise UsageError(
                    f"cannot be made: {error.strerror}", at=str(file.parent), hint="name a folder"
                ) from error
            ProjectFiles().write(str(file), clean)
        return str(target)

    def save_to_file(self, base_directory: str | Path, conda_file_path: str | Path | None = None) -> str:
        """`save` in this folder (deprecated there)."""
        return self.save(Path(base_directory) / (conda_file_path or FILE_NAME))

    @classmethod
    def _of_document(cls, document: CondaDocument) -> "CondaDependencies":
        made = cls()
        made._document = document
        return made

    def _save_as_one(self, path: Path) -> None:
        """Save it in one document, with one file of constraints beside it where it has some, and none of before."""
        document, constraints = self._document.as_one()
        (path.parent / CONSTRAINTS).unlink(missing_ok=True)
        CondaDependencies._of_document(document.constrained(constraints)).save(path)

    @classmethod
    def _of_json(cls, value: Mapping[str, Any], at: str) -> "CondaDependencies":
        """Of what stands inline in JSON, as the service writes it."""
        if not isinstance(value, Mapping):
            raise WrongType(f"expected a table, got {plain(value)}", at=at)
        try:
            return cls._of_document(read_conda_document(FILE_NAME, lambda _: yaml_text(value).encode()))
        except InvalidDefinition as invalid:
            # Its lines are nobody's: the text was made here.
            raise InvalidDefinition([Fault(at, fault.what, fault.hint) for fault in invalid.faults]) from None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CondaDependencies) and self._document == other._document

    __hash__ = None  # type: ignore[assignment]  # it can change

    def __repr__(self) -> str:
        return f"CondaDependencies({redacted(str(self.as_dict()))})"


def _text(at: str, value: object) -> str:
    if not isinstance(value, str):
        raise WrongType(f"expected a text, got {plain(value)}", at=at)
    if not value.strip() or "\n" in value:
        raise Refused("expected one line of text", at=at, hint="one package or option at a time")
    return value.strip()


def _texts(at: str, values: object) -> list[str]:
    if values is None:
        return []
    if isinstance(values, str) or not isinstance(values, list | tuple):
        raise WrongType(f"expected a list of texts, got {plain(values)}", at=at, hint='such as ["numpy", "scipy"]')
    for number, value in enumerate(values):
        if not isinstance(value, str):
            raise WrongType(f"expected a text, got {plain(value)}", at=f"{at}[{number}]")
    return list(values)


def _core(core_type: str) -> str:
    if core_type not in ("cpu", "gpu"):
        raise Refused(f"{core_type!r} is neither cpu nor gpu", at="core_type", hint="one of cpu, gpu")
    return core_type
