"""A file of any size into a layer, compressed once, in little memory."""

import hashlib
from typing import BinaryIO

from envbuild.digest import CHUNK
from envbuild.errors import IntegrityError
from envbuild.layers.encoder import Packer
from envbuild.layers.tarheader import BLOCK, header
from envbuild.layers.writer import LayerWriter
from envbuild.members import MemberKind

__all__ = ["write_packed"]


def write_packed(writer: LayerWriter, path: str, mode: int, size: int, data: BinaryIO) -> None:
    """Write the next `size` bytes of `data` as the file at `path`. IntegrityError where there are fewer."""
    offset = writer.offset
    packer, hasher, left = Packer(), hashlib.sha256(), size
    head = header(path, MemberKind.FILE, mode, size)
    writer.write(head, packer.feed(head))
    while left:
        chunk = data.read(min(left, CHUNK))
        if not chunk:
            raise IntegrityError("an archive's entry ends before its file does", at=path)
        left -= len(chunk)
        hasher.update(chunk)
        writer.write(chunk, packer.feed(chunk))
    padding = bytes(-size % BLOCK)
    writer.write(padding, packer.feed(padding) + packer.end())
    writer.entry(path, MemberKind.FILE, mode, size=size, sha256=hasher.hexdigest(), target="", offset=offset)
