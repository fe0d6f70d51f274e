"""The conda file that an AzureML environment names: below its own folder, so that the environment stays one folder."""

import posixpath
from dataclasses import replace

from envbuild.errors import Fault, InvalidDefinition
from envbuild.formats.beside import apt_not_read
from envbuild.formats.conda.environmentyml import read_environment_yml
from envbuild.formats.nodes.yamlnodes import Scalar
from envbuild.formats.sourcefile import Loader, Reading, ReadRequest

__all__ = ["read_conda_file"]


def read_conda_file(key: str, named: Scalar, path: str, load: Loader, asked: ReadRequest) -> Reading:
    """What the file says that the document at `path` names at a key.

    InvalidDefinition has all faults: it lies elsewhere, it is not there, and what is wrong in it.
    """
    inner = posixpath.normpath(named.text)
    at = f"{path}:{named.line}"
    if named.text.startswith(("/", "~")) or inner == ".." or inner.startswith("../") or "://" in named.text:
        hint = "put the file beside this one, or below"
        raise InvalidDefinition([Fault(at, f"{key}: {named.text} lies outside this file's folder", hint)])
    place = posixpath.join(posixpath.dirname(path), inner)
    try:
        load(place)
    except OSError as error:
        what = f"{key}: {place}: {(error.strerror or str(error)).lower()}"
        raise InvalidDefinition([Fault(at, what, "it is looked for beside this file")]) from None
    reading = read_environment_yml(place, load, asked)
    notices, files, absent = apt_not_read(place, load)
    return replace(
        reading,
        notices=(*reading.notices, *notices),
        files=(path, *reading.files, *files),
        absent=(*reading.absent, *absent),
    )
