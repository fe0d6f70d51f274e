"""A Debian package becomes a layer: its files as they lie on a system with a merged /usr, without its maintainer scripts.

Two files of dpkg's database come with it, as scanners read them where there is no dpkg: `var/lib/dpkg/status.d/<package>`
(the control stanza) and `<package>.md5sums`. The facts of its table say what the top layer needs: shared libraries for
the linker's cache, and alternatives. Memory does not grow with the package: its archive is unpacked to a temporary file.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import BinaryIO

from envbuild.digest import CHUNK, Digest
from envbuild.errors import EnvbuildError
from envbuild.layers.debarchive import DebArchive, open_deb
from envbuild.layers.debtree import Placed, merged, placed
from envbuild.layers.elf import shared_object
from envbuild.layers.encoder import packed
from envbuild.layers.maintscripts import alternatives_of, check_scripts
from envbuild.layers.packedfile import write_packed
from envbuild.layers.tarheader import BLOCK, header
from envbuild.layers.tarwalk import tar_entries
from envbuild.layers.writer import LayerWriter, ancestors
from envbuild.members import Member, MemberKind, Segment

__all__ = ["layer_of_deb"]

_STATUS = "var/lib/dpkg/status.d"
_LIBRARIES = ("lib*.so*", "ld-*.so*")


@dataclass(frozen=True, slots=True)
class _Item:
    """One entry to write: a path from the archive, or content of ours."""

    place: Placed
    content: bytes | None = None


def layer_of_deb(stream: BinaryIO, sink: Callable[[bytes], object], *, layer_id: Digest) -> Segment:
    """Write the layer of the package in `stream` to `sink`.

    BuildFailed where the package does not work without a maintainer script, named with what the script does;
    IntegrityError where the archive is damaged or hostile.
    """
    with open_deb(stream) as package:
        try:
            check_scripts(package.package, {name: package.script(name) for name in ("preinst", "postinst")})
            return _layer(package, sink, layer_id)
        except EnvbuildError as fault:
            fault.at = fault.at or f"{package.package} {package.fields['Version']}"
            raise


def _layer(package: DebArchive, sink: Callable[[bytes], object], layer_id: Digest) -> Segment:
    tree = placed(tar_entries(package.data, package.length))
    items = sorted([*map(_Item, tree), *_database(package, tree)], key=lambda item: item.place.path)
    directories = [_directory(i.place) for i in items if i.place.kind is MemberKind.DIRECTORY]
    paths = [Member(path=i.place.path, kind=i.place.kind, mode=0) for i in items]
    writer = LayerWriter(sink, ancestors([*directories, *(m for m in paths if m.kind is not MemberKind.DIRECTORY)]))
    for item in items:
        _write(writer, item, package.data)
    return writer.finish(layer_id, _facts(package, tree))


def _directory(place: Placed) -> Member:
    return Member(path=place.path, kind=MemberKind.DIRECTORY, mode=place.mode)


def _database(package: DebArchive, tree: list[Placed]) -> list[_Item]:
    """What dpkg would note of the package; of the checksums, those of files that are in the image."""
    items = [_own(f"{_STATUS}/{package.package}", package.control["control"].rstrip(b"\n") + b"\n")]
    if sums := package.control.get("md5sums"):
        there = {item.path.encode() for item in tree}
        kept = [line for line in sums.splitlines() if _summed(line) in there]
        items.append(_own(f"{_STATUS}/{package.package}.md5sums", b"".join(line + b"\n" for line in kept)))
    return items


def _summed(line: bytes) -> bytes:
    """The image's path of a line `<md5>  <path>`."""
    return merged(line.partition(b"  ")[2].decode("utf-8", "replace")).encode()


def _own(path: str, content: bytes) -> _Item:
    return _Item(Placed(path, MemberKind.FILE, 0o644, len(content)), content)


def _write(writer: LayerWriter, item: _Item, data: BinaryIO) -> None:
    place = item.place
    if place.kind is MemberKind.DIRECTORY:
        writer.directory(_directory(place))
    elif place.kind is MemberKind.LINK:
        writer.link(place.path, place.target)
    elif item.content is not None:
        _write_whole(writer, place, item.content)
    else:
        data.seek(place.offset)
        if place.size <= CHUNK:
            _write_whole(writer, place, data.read(place.size))
        else:
            write_packed(writer, place.path, place.mode, place.size, data)


def _write_whole(writer: LayerWriter, place: Placed, content: bytes) -> None:
    offset = writer.offset
    plain = header(place.path, MemberKind.FILE, place.mode, place.size) + content + bytes(-place.size % BLOCK)
    writer.write(plain, packed(plain))
    sha256 = hashlib.sha256(content).hexdigest()
    writer.entry(place.path, MemberKind.FILE, place.mode, size=place.size, sha256=sha256, target="", offset=offset)


def _facts(package: DebArchive, tree: list[Placed]) -> Mapping[str, str]:
    facts = {name.lower(): package.fields[name] for name in ("Package", "Version", "Architecture")}
    if libraries := _sonames(package, tree):
        facts["sonames"] = "\n".join(libraries)
    if alternatives := alternatives_of(package.script("postinst")):
        facts["alternatives"] = "\n".join(alternatives)
    return facts


def _sonames(package: DebArchive, tree: list[Placed]) -> list[str]:
    """`<soname> <path>` of each shared library for the package's architecture, as ldconfig would see them."""
    lines = []
    for place in tree:
        name = place.path.rpartition("/")[2]
        if place.kind is not MemberKind.FILE or not any(fnmatchcase(name, pattern) for pattern in _LIBRARIES):
            continue
        library = shared_object(package.data, place.offset)
        if library and library.architecture == package.fields["Architecture"]:
            lines.append(f"{library.soname or name} {place.path}")
    return lines
