"""`DefinitionFiles`: the files that one definition is made of, each read once, and none of them outside its folder.

What is parsed and what is remembered are then the same bytes, and a link never shows a file that its owner did not put
there. The definition's own file may be a link: whoever names it means what it leads to.
"""

import errno
import os
from collections.abc import Callable
from posixpath import dirname, normpath

from envbuild.digest import Digest
from envbuild.errors import Fault, InvalidDefinition
from envbuild.formats.sourcefile import LEADS_OUT, is_absent

__all__ = ["DefinitionFiles", "leads_out"]


def leads_out(path: str, folder: str) -> bool:
    """Whether a path, links in it followed, leaves a folder."""
    top, real = os.path.realpath(folder or "."), os.path.realpath(path)
    return os.path.commonpath([top, real]) != top


class DefinitionFiles:
    """Reads the files of the definition at `path` by `load`."""

    def __init__(self, path: str, load: Callable[[str], bytes]) -> None:
        self._path, self._folder, self._load = normpath(path), dirname(path), load
        self._known: dict[str, bytes | OSError] = {}
        self._strays: list[str] = []

    def load(self, name: str) -> bytes:
        """The bytes of one of them. OSError where there is none, or where it is a link that leads out of the folder."""
        if name not in self._known:
            try:
                self._known[name] = self._read(name)
            except OSError as error:
                self._known[name] = error
        known = self._known[name]
        if isinstance(known, OSError):
            raise known
        return known

    def digest(self, name: str) -> str:
        """The digest of a file's bytes; nothing where it is not there. OSError where it cannot be read."""
        try:
            return str(Digest.of(self.load(name)))
        except OSError as error:
            if not is_absent(error):
                raise
            return ""

    @property
    def seen(self) -> tuple[tuple[str, str], ...]:
        """Every path that was asked for, with its digest: nothing for what is not there. What cannot be read is left out."""
        kept = (name for name, known in self._known.items() if not isinstance(known, OSError) or is_absent(known))
        return tuple((name, self.digest(name)) for name in kept)

    def refuse_strays(self) -> None:
        """InvalidDefinition where a link led out of the folder, and whoever asked went on without the file."""
        if self._strays:
            raise InvalidDefinition([Fault(name, *LEADS_OUT) for name in self._strays])

    def _read(self, name: str) -> bytes:
        try:
            if normpath(name) != self._path and leads_out(name, self._folder):
                self._strays.append(name)
                raise OSError(errno.EXDEV, LEADS_OUT[0], name)
            return self._load(name)
        except ValueError as error:
            # A NUL, or half of a surrogate pair.
            raise OSError(errno.EINVAL, "no file can have such a name", name) from error
