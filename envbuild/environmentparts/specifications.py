"""Files, and environments that exist, as CondaDependencies. Files are checked as they are read, with file and line."""

import os
from pathlib import Path

from envbuild.azuremlform.besides import files_beside, warn_of_neighbours
from envbuild.azuremlform.condadocument import read_conda_document
from envbuild.conda_dependencies import CondaDependencies
from envbuild.definition import Definition
from envbuild.formats.conda.environmentyml import read_environment_yml
from envbuild.formats.pip.logicallines import logical_lines
from envbuild.formats.pip.requirements import read_requirements
from envbuild.formats.sourcefile import ReadRequest, load_text
from envbuild.normalize import normalize
from envbuild.normalize.accelerators import torch_index_url
from envbuild.sources.definitionfiles import DefinitionFiles
from envbuild.sources.files import ProjectFiles

__all__ = ["conda_specification", "packages_of", "pip_requirements"]

_ASKED = ReadRequest(finish=normalize)


def conda_specification(path: str | os.PathLike[str]) -> CondaDependencies:
    """A conda environment file. InvalidDefinition has all faults; UsageError: it cannot be read."""
    load = DefinitionFiles(os.fspath(path), ProjectFiles().load).load
    document = read_conda_document(os.fspath(path), load)
    read_environment_yml(os.fspath(path), load, _ASKED)
    warn_of_neighbours(os.fspath(path), load)
    return CondaDependencies._of_document(document)  # noqa: SLF001  its other half


def pip_requirements(path: str | os.PathLike[str], pip_version: str | None) -> CondaDependencies:
    """A requirements file as the pip section of an environment with Python and pip alone.

    InvalidDefinition has all faults; UsageError: it cannot be read.
    """
    load = DefinitionFiles(os.fspath(path), ProjectFiles().load).load
    read_requirements(os.fspath(path), load, _ASKED)
    warn_of_neighbours(os.fspath(path), load)
    text = load_text(os.fspath(path), load)
    made = CondaDependencies()
    made.add_conda_package(f"pip={pip_version}" if pip_version else "pip")
    lines = [" ".join(filter(None, (line.requirement, line.options))) for line in logical_lines(text)]
    made.set_pip_requirements(lines)
    made._document.beside = files_beside(Path(path).as_posix(), lines, load)  # noqa: SLF001  its other half
    return made


def packages_of(definition: Definition) -> CondaDependencies:
    """The packages of a definition; an accelerator as the index that has its builds."""
    made = CondaDependencies()
    document = made._document  # noqa: SLF001  its other half
    document.conda = list(definition.conda) or [f"python={definition.python}", "pip"]
    document.channels = list(definition.channels) or document.channels
    if definition.accelerator:
        made.set_pip_option(f"--extra-index-url {torch_index_url(f'pytorch-{definition.accelerator}')}")
    for requirement in definition.pypi:
        made.add_pip_package(" ".join([requirement.text, *(f"--hash={one}" for one in requirement.hashes)]))
    return made
