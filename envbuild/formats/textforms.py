"""A text file as a definition: pip's requirements, or conda's explicit list of files, which is told by its `@EXPLICIT`."""

from envbuild.formats.otherlocks.condaexplicit import is_explicit, read_explicit
from envbuild.formats.pip.requirements import read_requirements
from envbuild.formats.sourcefile import Loader, Reading, ReadRequest

__all__ = ["read_text_form"]


def read_text_form(path: str, load: Loader, asked: ReadRequest) -> Reading:
    """What the file says. InvalidDefinition has all faults; UsageError: it cannot be read."""
    try:
        data = load(path)
    except OSError:
        # The reader below says why.
        data = b""
    read = read_explicit if is_explicit(data.decode("utf-8", "replace")) else read_requirements
    return read(path, load, asked)
