"""`read`: a definition's file, of whichever format, becomes a `Reading`."""

import posixpath
import re
from collections.abc import Collection
from dataclasses import replace

from envbuild.formats.envtoml import read_envtoml
from envbuild.formats.requirements import read_requirements
from envbuild.formats.sourcefile import Loader, Reading, text_of

__all__ = ["Loader", "Reading", "definition_name", "read", "text_of"]

_COMMON_STEMS = ("requirements", "envbuild")
_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")


def read(path: str, load: Loader, *, folder: str = "", pypi_urls: Collection[str] = ()) -> Reading:
    """The definition in `path`: envbuild.toml's format for *.toml, pip's requirements format for everything else.

    `folder`: where relative paths start, for the name only. `pypi_urls`: URLs that mean the default index, so that
    `--index-url` with one of them is no other index. InvalidDefinition has all faults; UsageError: no readable file.
    """
    if path.endswith(".toml"):
        reading = read_envtoml(path, load)
        name = reading.definition.name or definition_name(path, folder)
        return replace(reading, definition=replace(reading.definition, name=name))
    return read_requirements(path, load, definition_name(path, folder), pypi_urls)


def definition_name(path: str, folder: str = "") -> str:
    """A name for a definition that gives none: the file's stem, or its folder where every project has such a file.

    `examples/classify/requirements.txt` is `classify`; `train.txt` is `train`.
    """
    whole = posixpath.normpath(posixpath.join(folder, path))
    stem = posixpath.basename(whole).rpartition(".")[0] or posixpath.basename(whole)
    parent = posixpath.basename(posixpath.dirname(whole))
    chosen = parent if stem in _COMMON_STEMS and parent not in ("", ".", "..") else stem
    return _NOT_IN_NAMES.sub("-", chosen.lower()).strip("-")[:128].strip("-") or "environment"
