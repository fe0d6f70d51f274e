"""Parsers of what users hand in, each loaded when a file of its kind is met."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from posixpath import basename, dirname
from typing import TYPE_CHECKING

from envbuild.definition import Definition, DockerfileBase
from envbuild.errors import InvalidDefinition
from envbuild.formats.finishing import Finish
from envbuild.formats.selection import NOTHING_MORE, Selection
from envbuild.formats.sourcefile import Reading
from envbuild.lockfile import LockDocument
from envbuild.oci import Image
from envbuild.pipeline.specs import Parsed, Readers
from envbuild.ports import Files, OpensBlobs
from envbuild.sources.definitionfiles import DefinitionFiles

if TYPE_CHECKING:
    from envbuild.workspace.contents import Completed, Contents

__all__ = [
    "complete",
    "dump_lock",
    "outside_image",
    "read_definition",
    "read_lock",
    "readers",
    "says_what_it_needs",
]


def read_definition(
    path: str,
    load: Callable[[str], bytes],
    selection: Selection = NOTHING_MORE,
    contents: "Callable[[], Contents] | None" = None,
) -> Parsed:
    """A definition's file with the content of the files it names, normalized: InvalidDefinition has all its faults.

    `contents` gives the reader of those files, where it is needed.
    """
    from envbuild.normalize import normalize, unserved

    files = DefinitionFiles(path, load)
    completed: list[Completed] = []

    def finish(definition: Definition) -> Definition:
        if not _names_files(definition):
            return normalize(definition)
        completed[:] = [_completed(_alone(definition, path), path, contents() if contents else None, files.load)]
        return completed[0].definition

    reading = _read(path, files.load, selection, finish)
    files.refuse_strays()
    return Parsed(
        reading.definition,
        reading.logins,
        reading.notices,
        (*reading.files, *(file for one in completed for file in one.files if file not in reading.files)),
        served=not unserved(reading.definition),
        trees=tuple(tree for one in completed for tree in one.trees),
        seen=files.seen,
    )


def complete(definition: Definition, load: Callable[[str], bytes]) -> Definition:
    """A definition that stands in no file, normalized; files it names are looked for from the current folder.

    InvalidDefinition has all its faults.
    """
    from envbuild.normalize import normalize

    if not _names_files(definition):
        return normalize(definition)
    return _completed(definition, "", None, load).definition


def _alone(definition: Definition, path: str) -> Definition:
    """A Dockerfile that is the definition itself, without a context where it takes nothing from one."""
    from envbuild.workspace.contextneeds import takes_from_context

    base = definition.base
    if not isinstance(base, DockerfileBase) or base.path != basename(path) or takes_from_context(base.dockerfile):
        return definition
    return replace(definition, base=replace(base, context=None))


def _names_files(definition: Definition) -> bool:
    """Whether files that it names are part of it."""
    return isinstance(definition.base, DockerfileBase) or bool(definition.copy) or definition.project is not None


def _completed(
    definition: Definition, path: str, contents: "Contents | None", load: Callable[[str], bytes]
) -> "Completed":
    """Completed from the folder of the file at `path`, which reads its files by `load`."""
    from envbuild.workspace.contents import Contents, meant

    return meant(definition, dirname(path), contents or Contents(load), own=basename(path), load=load)


def readers(
    load: Callable[[str], bytes],
    selection: Selection,
    given: Definition | None,
    contents: "Callable[[], Contents]",
    definition: Callable[[str], Parsed],
) -> Readers:
    """The parsers over `load`; `given` is the definition that stands in no file, if it is one."""
    return Readers(
        definition=definition,
        lock=read_lock,
        refuse=lambda path: _refuse_unserved(path, load, selection, given),
        tree=lambda path, tree: contents().digest(tree, dirname(path), own=basename(path)),
    )


def _refuse_unserved(path: str, load: Callable[[str], bytes], selection: Selection, given: Definition | None) -> None:
    """InvalidDefinition where a definition asks for what has no builder: with the lines that do, where it is no value."""
    from envbuild.normalize import normalize, unserved

    def refuse(definition: Definition) -> Definition:
        normal = normalize(definition)
        if faults := unserved(normal):
            raise InvalidDefinition(faults)
        return normal

    if given is not None:
        refuse(given)
        return
    _read(path, DefinitionFiles(path, load).load, selection, refuse)


def _read(path: str, load: Callable[[str], bytes], selection: Selection, finish: Finish) -> Reading:
    from envbuild.formats.reading import read

    folder = str(Path.cwd())
    return read(path, load, folder=folder, finish=finish, selection=selection)


def says_what_it_needs(path: str, files: Files) -> bool:
    """Whether a file is a script with a header of its own (PEP 723)."""
    from envbuild.formats.project.scriptheader import has_header

    return path.endswith(".py") and files.is_file(path) and has_header(files.load(path))


def read_lock(data: bytes, at: str) -> LockDocument:
    """A lock document's bytes; `at` is where they stand."""
    from envbuild.formats.lockfiles.lockdocument import parse

    return parse(data, at)


def dump_lock(document: LockDocument) -> bytes:
    """A lock document as it is written."""
    from envbuild.formats.lockfiles.lockdocument import dump

    return dump(document)


def outside_image(text: str) -> tuple[Image, OpensBlobs] | None:
    """An image outside the store: `oci:DIR[:NAME]`, `archive:FILE`, or the path of an archive."""
    from envbuild.sources.imagefiles import ArchiveFile, LayoutFolder, opened_image

    if text.startswith("oci:"):
        folder, _, name = text.removeprefix("oci:").partition(":")
        layout = LayoutFolder(Path(folder))
        return opened_image(layout, name), layout
    if text.startswith("archive:") or (text.endswith(".tar") and Path(text).is_file()):
        archive = ArchiveFile(Path(text.removeprefix("archive:")))
        return opened_image(archive), archive
    return None
