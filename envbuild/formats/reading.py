"""`read`: a definition's file, of whichever format, becomes a `Reading`."""

import posixpath
import re

from envbuild.errors import UsageError
from envbuild.formats.beside import completed_request
from envbuild.formats.choices import refuse_choice, with_package
from envbuild.formats.finishing import Finish, unfinished
from envbuild.formats.kinds import is_envbuild_lock, reader_of
from envbuild.formats.selection import NOTHING_MORE, Selection
from envbuild.formats.sourcefile import Loader, Reading, ReadRequest, text_of

__all__ = ["Loader", "Reading", "definition_name", "read", "text_of"]

_COMMON_STEMS = (
    "Dockerfile", "Containerfile", "requirements", "envbuild", "environment", "conda", "pyproject",
    "uv", "poetry", "Pipfile", "pylock",
)  # fmt: skip
_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")


def read(
    path: str,
    load: Loader,
    *,
    folder: str = "",
    finish: Finish = unfinished,
    selection: Selection = NOTHING_MORE,
) -> Reading:
    """The definition in `path`, whose name says which format it has (`kinds`).

    `folder`: where relative paths start, for the name only. `finish` (normalize, say) makes of what is written what is
    meant: its faults, whose places are field paths, get their lines, and are told together with the reader's own.
    InvalidDefinition has all faults; UsageError: no readable file.
    """
    if is_envbuild_lock(path):
        hint = "build, run, export and probe take a lock; here its definition is needed"
        raise UsageError("this is a lock already", at=path, hint=hint)
    name = definition_name(path, folder)
    refuse_choice(path, selection)
    asked = ReadRequest(name=name, finish=finish, selection=selection, keep_azureml=selection.azureml)
    request, beside = completed_request(path, load, with_package(asked))
    return beside.added(reader_of(path)(path, load, request))


def definition_name(path: str, folder: str = "") -> str:
    """A name for a definition that gives none: the file's stem, or its folder where every project has such a file.

    `examples/classify/requirements.txt` is `classify`; `train.txt` is `train`.
    """
    whole = posixpath.normpath(posixpath.join(folder, path))
    stem = posixpath.basename(whole).rpartition(".")[0] or posixpath.basename(whole)
    parent = posixpath.basename(posixpath.dirname(whole))
    chosen = parent if stem in _COMMON_STEMS and parent not in ("", ".", "..") else stem
    return _NOT_IN_NAMES.sub("-", chosen.lower()).strip("-")[:128].strip("-") or "environment"
