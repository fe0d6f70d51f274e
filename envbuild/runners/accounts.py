"""Who one is in a container: the image's users and groups (passwd(5), group(5)) and, beside them, the caller."""

import gzip
import tarfile
from dataclasses import dataclass

from envbuild.host import User
from envbuild.oci import Image
from envbuild.ports import OpensBlobs

__all__ = ["HOME", "Accounts", "accounts_of", "with_caller"]

HOME = "/home/envbuild"
"""The home of whoever runs a container: every image has it, writable for all."""

_FILES = ("etc/passwd", "etc/group")
_LARGEST_LAYER = 64 << 20


@dataclass(frozen=True, slots=True)
class Accounts:
    """The text of the two files."""

    passwd: str
    group: str


def accounts_of(image: Image, blobs: OpensBlobs) -> Accounts:
    """The accounts of an image: the files stand in its lowest layer, or are written anew in the top one."""
    found: dict[str, str] = {}
    for layer in (image.layers[-1], image.layers[0]) if image.layers else ():
        if layer.descriptor.size > _LARGEST_LAYER:
            continue
        with blobs.open(layer.descriptor.digest) as blob, gzip.GzipFile(fileobj=blob) as plain:
            archive = tarfile.open(fileobj=plain, mode="r|")  # noqa: SIM115 (closing it adds nothing to a stream)
            for member in archive:
                content = archive.extractfile(member) if member.name in _FILES and member.isreg() else None
                if content is not None and member.name not in found:
                    found[member.name] = content.read().decode(errors="surrogateescape")
    return Accounts(*(found.get(path, "") for path in _FILES))


def with_caller(accounts: Accounts, caller: User) -> Accounts:
    """The image's accounts and the caller's; whoever has the caller's uid or name in the image steps back."""
    name = _free_name(caller, accounts)
    users = _others(accounts.passwd, caller.uid)
    groups = _others(accounts.group, caller.gid) if caller.gid else _lines(accounts.group)
    return Accounts(
        _text([*users, f"{name}:x:{caller.uid}:{caller.gid}:{name}:{HOME}:/bin/bash"]),
        _text([*groups, f"{name}:x:{caller.gid}:"] if caller.gid else groups),
    )


def _free_name(caller: User, accounts: Accounts) -> str:
    """The caller's own name, unless it means somebody else in the image or cannot stand in the file."""
    taken = {line.partition(":")[0] for line in _others(accounts.passwd, caller.uid)}
    taken |= {line.partition(":")[0] for line in _others(accounts.group, caller.gid)}
    usable = caller.name and not set(caller.name) & set(":\n\r ") and caller.name not in taken
    return caller.name if usable else f"user{caller.uid}"


def _others(text: str, number: int) -> list[str]:
    """The lines but those of this uid or gid."""
    return [line for line in _lines(text) if line.split(":")[2:3] != [str(number)]]


def _lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line]


def _text(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"
