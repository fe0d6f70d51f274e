"""A Dockerfile as a definition: its text, byte for byte, and the folder it stands in as its build context.

The text is never changed (no byte order mark taken away, no line end made another): in a here-document every byte is
content. Docker documentation, "Dockerfile reference".
"""

import posixpath
import re

from envbuild.definition import DEFAULT_IMAGE, Context, Definition, DockerfileBase
from envbuild.errors import Fault, InvalidDefinition
from envbuild.formats.finishing import finished
from envbuild.formats.sourcefile import Loader, Reading, ReadRequest, load_bytes, text_of

__all__ = ["dockerfile_text", "read_dockerfile"]

_FROM_DEFAULT = re.compile(
    rf"\s*FROM\s+(?:--\S+\s+)*(?:(?:index\.)?docker\.io/)?{re.escape(DEFAULT_IMAGE)}(?:[:@]\S*)?(?:\s|$)", re.IGNORECASE
)


def read_dockerfile(path: str, load: Loader, asked: ReadRequest) -> Reading:
    """The definition that a Dockerfile alone is: nothing but its image, built as `docker build` builds its folder.

    InvalidDefinition has all faults; UsageError: the file cannot be read.
    """
    text = dockerfile_text(load_bytes(path, load), path)
    base = DockerfileBase(dockerfile=text, context=Context("."), path=posixpath.basename(path))
    definition = finished(Definition(name=asked.name, base=base, python=""), asked.finish, [], lambda _: path)
    return Reading(definition, files=(path,))


def dockerfile_text(data: bytes, path: str) -> str:
    """A Dockerfile's text, byte for byte. InvalidDefinition where it is no UTF-8 text, too long, or says nothing."""
    lines = text_of(data, path).split("\n")
    said = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not said:
        what = "no instruction: only comments" if any(map(str.strip, lines)) else "no instruction: the file is empty"
        raise InvalidDefinition([Fault(f"{path}:1", what, "a Dockerfile starts with FROM")])
    if number := next((number for number, line in enumerate(lines, 1) if _FROM_DEFAULT.match(line)), 0):
        what = f"FROM {DEFAULT_IMAGE}: it stands for the default base, and is no image"
        hint = "name an image; the default base is had by naming no base at all"
        raise InvalidDefinition([Fault(f"{path}:{number}", what, hint)])
    return data.decode()
