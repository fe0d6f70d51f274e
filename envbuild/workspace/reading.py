"""Parsers of what users hand in, each loaded when a file of its kind is met."""

from collections.abc import Callable
from pathlib import Path

from envbuild.definition import Definition
from envbuild.lockfile import LockDocument
from envbuild.oci import Image
from envbuild.pipeline.specs import Parsed
from envbuild.ports import OpensBlobs

__all__ = ["dump_lock", "outside_image", "read_definition", "read_lock"]


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
    if path.endswith((".yml", ".yaml")):
        # Loaded for such a file alone: YAML's parser takes a fifth of a hit's time.
        from envbuild.formats.environmentyml import read_environment_yml

        name = definition_name(path, folder)
        reading = read_environment_yml(path, load, name, (PUBLIC_INDEX,), finish)
    else:
        reading = read(path, load, folder=folder, pypi_urls=(PUBLIC_INDEX,), finish=finish)
    return Parsed(reading.definition, reading.logins, reading.notices, reading.files)


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
