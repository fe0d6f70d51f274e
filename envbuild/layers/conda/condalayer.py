"""A conda package becomes a layer: linked alone into the one prefix, as rattler would, and compressed once.

It differs from what `rattler.install` leaves in a folder only here: modes are 0644 and 0755, as everywhere in an image
(rattler keeps the package's own, and gives entry points 0775); times are constant; the record in conda-meta is normalized
(`condarecord`); a link that has to leave the prefix is refused (rattler warns); a listed empty directory is made, as conda
makes it (rattler 0.28 fails); bytecode that the package has gets the time of an image's files (`bytecode`), so that Python
believes it, and none is made.
"""

from collections.abc import Callable
from typing import BinaryIO

from envbuild.digest import CHUNK, Digest
from envbuild.layers.conda.linking import LinkedFile, LinkedPackage, link_package
from envbuild.layers.conda.place import CondaPlace
from envbuild.layers.encoder import Packer, packed
from envbuild.layers.tarheader import BLOCK, header
from envbuild.layers.writer import LayerWriter, ancestors
from envbuild.members import Member, MemberKind, Segment

__all__ = ["layer_of_conda"]


def layer_of_conda(
    stream: BinaryIO, sink: Callable[[bytes], object], *, layer_id: Digest, file: str, place: CondaPlace
) -> Segment:
    """Write the layer of the package in `stream`, whose name is `file`, to `sink`.

    IntegrityError where the package is damaged, hostile or not what it says; BuildFailed where it needs a Python that is not
    there, a link script, or a shorter prefix; MissingExtra without zstandard.
    """
    folder = place.prefix.lstrip("/")
    with link_package(stream, file=file, place=place) as linked:
        members = [Member(path=f"{folder}/{f.path}", kind=f.kind, mode=f.mode) for f in linked.files]
        writer = LayerWriter(sink, ancestors(members))
        for member, linked_file in zip(members, linked.files, strict=True):
            if linked_file.kind is MemberKind.DIRECTORY:
                writer.directory(member)
            elif linked_file.kind is MemberKind.LINK:
                writer.link(member.path, linked_file.target)
            else:
                _write(writer, member.path, linked_file, linked)
        return writer.finish(layer_id, linked.facts)


def _write(writer: LayerWriter, path: str, file: LinkedFile, linked: LinkedPackage) -> None:
    offset = writer.offset
    head, padding = header(path, MemberKind.FILE, file.mode, file.size), bytes(-file.size % BLOCK)
    if file.size <= CHUNK:
        plain = b"".join((head, *linked.pieces(file), padding))
        writer.write(plain, packed(plain))
    else:
        packer = Packer()
        writer.write(head, packer.feed(head))
        for piece in linked.pieces(file):
            writer.write(piece, packer.feed(piece))
        writer.write(padding, packer.feed(padding) + packer.end())
    writer.entry(path, MemberKind.FILE, file.mode, size=file.size, sha256=file.sha256, target="", offset=offset)
