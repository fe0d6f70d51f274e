"""The files that pip's lines include (`-r`, `-c`), read along, so that what was read once does not change any more.

And those that stand beside a definition and add to it, which objects do not read.
"""

import posixpath
from collections.abc import Iterable, Iterator
from contextlib import suppress

from envbuild.azuremlform.saying import warned
from envbuild.errors import InvalidDefinition
from envbuild.formats.beside import completed_request
from envbuild.formats.pip.logicallines import logical_lines, options_of
from envbuild.formats.pip.reqoptions import FLAGS, LONG_NAMES, SHORTS
from envbuild.formats.sourcefile import Loader, ReadRequest, text_of

__all__ = ["files_beside", "included", "warn_of_neighbours"]

_INCLUDES = frozenset({"--requirement", "--constraint"})
_MOST = 1000


def files_beside(path: str, lines: Iterable[str], load: Loader) -> dict[str, bytes]:
    """The content of all files that the lines of `path` include, by their path from its folder.

    What cannot be read, or lies outside that folder, is not among them: whoever reads the lines says what is wrong.
    """
    folder = posixpath.dirname(path)
    found: dict[str, bytes] = {}
    waiting = [(name, "") for name in included("\n".join(lines))]
    while waiting and len(found) < _MOST:
        target, of = waiting.pop(0)
        name = posixpath.normpath(posixpath.join(posixpath.dirname(of), target))
        if name in found or name.startswith(("../", "/")) or "://" in target:
            continue
        try:
            found[name] = load(posixpath.join(folder, name))
            waiting += [(inner, name) for inner in included(text_of(found[name], name))]
        except (OSError, InvalidDefinition):
            continue
    return found


def included(text: str) -> Iterator[str]:
    """The paths that the lines of a requirements file include."""
    for line in logical_lines(text):
        try:
            options = options_of(line.options, SHORTS, FLAGS)
        except ValueError:
            continue
        yield from (value for name, value in options if value and LONG_NAMES.get(name, name) in _INCLUDES)


def warn_of_neighbours(path: str, load: Loader) -> None:
    """Warn of an apt.txt or runtime.txt that counts where this file is a definition, and is not read here."""
    found: list[str] = []

    def told(name: str) -> bytes:
        data = load(name)
        found.append(name)
        return data

    # What is wrong in it is told where it is read.
    with suppress(InvalidDefinition):
        completed_request(path, told, ReadRequest())
    for name in found:
        warned(f"{name}: not read; an Environment has no Debian packages, and its Python is set_python_version's")
