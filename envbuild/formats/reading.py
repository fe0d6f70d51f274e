"""`read`: a definition's file, of whichever format, becomes a `Reading`."""

import posixpath
import re
from collections.abc import Collection

from envbuild.errors import UsageError
from envbuild.formats.envtoml import read_envtoml
from envbuild.formats.finishing import Finish, unfinished
from envbuild.formats.requirements import read_requirements
from envbuild.formats.sourcefile import Loader, Reading, text_of

__all__ = ["Loader", "Reading", "definition_name", "read", "text_of"]

_COMMON_STEMS = ("requirements", "envbuild", "environment", "conda", "pyproject")
_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")


def read(
    path: str, load: Loader, *, folder: str = "", pypi_urls: Collection[str] = (), finish: Finish = unfinished
) -> Reading:
    """The definition in `path`: envbuild.toml's format for *.toml, pip's requirements format for everything else.

    `folder`: where relative paths start, for the name only. `pypi_urls`: URLs that mean the default index, so that
    `--index-url` with one of them is no other index. `finish` (normalize, say) makes of what is written what is meant:
    its faults, whose places are field paths, get their lines, and are told together with the reader's own.
    InvalidDefinition has all faults; UsageError: no readable file.
    """
    name = definition_name(path, folder)
    if path.endswith(".lock"):
        hint = "build, run, export and probe take a lock; here its definition is needed"
        raise UsageError("this is a lock already", at=path, hint=hint)
    if path.endswith(".toml"):
        return read_envtoml(path, load, name, finish)
    return read_requirements(path, load, name, pypi_urls, finish)


def definition_name(path: str, folder: str = "") -> str:
    """A name for a definition that gives none: the file's stem, or its folder where every project has such a file.

    `examples/classify/requirements.txt` is `classify`; `train.txt` is `train`.
    """
    whole = posixpath.normpath(posixpath.join(folder, path))
    stem = posixpath.basename(whole).rpartition(".")[0] or posixpath.basename(whole)
    parent = posixpath.basename(posixpath.dirname(whole))
    chosen = parent if stem in _COMMON_STEMS and parent not in ("", ".", "..") else stem
    return _NOT_IN_NAMES.sub("-", chosen.lower()).strip("-")[:128].strip("-") or "environment"
