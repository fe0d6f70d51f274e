"""Parsers of what users hand in, each loaded when a file of its kind is met."""

from collections.abc import Callable
from pathlib import Path

from envbuild.definition import Definition
from envbuild.formats.sourcefile import Reading
from envbuild.lockfile import LockDocument
from envbuild.oci import Image
from envbuild.pipeline.specs import Parsed
from envbuild.ports import Files, OpensBlobs

__all__ = ["dump_lock", "outside_image", "read_definition", "read_lock", "says_what_it_needs"]


def read_definition(path: str, load: Callable[[str], bytes]) -> Parsed:
    """A definition's file, normalized and checked: InvalidDefinition has all its faults."""
    from envbuild.formats.reading import definition_name, read
    from envbuild.machine import PUBLIC_INDEX
    from envbuild.normalize import normalize, served

    def finish(definition: Definition) -> Definition:
        normalized = normalize(definition)
        served(normalized)
        return normalized

    folder = str(Path.cwd())
    reader = _reader_of(path)
    if reader is None:
        reading = read(path, load, folder=folder, pypi_urls=(PUBLIC_INDEX,), finish=finish)
    else:
        reading = reader(path, load, definition_name(path, folder), (PUBLIC_INDEX,), finish)
    return Parsed(reading.definition, reading.logins, reading.notices, reading.files)


def _reader_of(path: str) -> "Callable[..., Reading] | None":
    """The reader of a kind of file that is told by its name; each is loaded for such a file alone."""
    if path.endswith((".yml", ".yaml")):
        from envbuild.formats.environmentyml import read_environment_yml

        return read_environment_yml
    if path.endswith(".py"):
        from envbuild.formats.scriptheader import read_script

        return read_script
    if path.endswith("pyproject.toml"):
        from envbuild.formats.pyprojecttoml import read_pyproject

        return read_pyproject
    return None


def says_what_it_needs(path: str, files: Files) -> bool:
    """Whether a file is a script with a header of its own (PEP 723)."""
    from envbuild.formats.scriptheader import has_header

    return path.endswith(".py") and files.is_file(path) and has_header(files.load(path))


def read_lock(data: bytes, at: str) -> LockDocument:
    """A lock document's bytes; `at` is where they stand."""
    from envbuild.formats.lockdocument import parse

    return parse(data, at)


def dump_lock(document: LockDocument) -> bytes:
    """A lock document as it is written."""
    from envbuild.formats.lockdocument import dump

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
