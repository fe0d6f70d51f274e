"""Tar entries' headers: ustar (POSIX.1-1988), preceded by a pax extended header (POSIX.1-2001) only where one is needed.

Owner, group and time are the same for every file, so a header is a function of path, kind, mode, size and target.
"""

from envbuild.members import MemberKind

__all__ = ["BLOCK", "END_OF_ARCHIVE", "MTIME", "header", "split"]

BLOCK = 512
MTIME = 315619200
"""1980-01-02: the first day that zip tools in every time zone accept."""
END_OF_ARCHIVE = bytes(2 * BLOCK)

_LARGEST = 8**11
_TYPES = {MemberKind.FILE: b"0", MemberKind.LINK: b"2", MemberKind.DIRECTORY: b"5"}


def header(path: str, kind: MemberKind, mode: int, size: int = 0, target: str = "") -> bytes:
    """The header blocks of an entry: 512 bytes, or more where pax records carry what ustar cannot."""
    name = path.encode("utf-8", "surrogateescape") + (b"/" if kind is MemberKind.DIRECTORY else b"")
    link = target.encode("utf-8", "surrogateescape")
    records: list[bytes] = []
    prefix, short = split(name)
    if short is None or not name.isascii():
        records.append(_record(b"path", name))
        prefix, short = b"", _ascii(name)[:100]
    if len(link) > 100 or not link.isascii():
        records.append(_record(b"linkpath", link))
        link = _ascii(link)[:100]
    if size >= _LARGEST:
        records.append(_record(b"size", b"%d" % size))
        size = 0
    main = _ustar(short, prefix, mode, size, _TYPES[kind], link)
    if not records:
        return main
    body = b"".join(records)
    pax = _ustar(b"pax/" + short[-90:].replace(b"/", b"_"), b"", 0o644, len(body), b"x", b"")
    return pax + body + bytes(-len(body) % BLOCK) + main


def split(name: bytes) -> tuple[bytes, bytes | None]:
    """Prefix and name as ustar divides a path, or no name where it cannot."""
    if len(name) <= 100:
        return b"", name
    if len(name) > 256:
        return b"", None
    cut = name.rfind(b"/", 0, 156)
    if cut <= 0 or not 0 < len(name) - cut - 1 <= 100:
        return b"", None
    return name[:cut], name[cut + 1 :]


def _ascii(text: bytes) -> bytes:
    return bytes(b if b < 128 else 0x5F for b in text)


def _record(keyword: bytes, value: bytes) -> bytes:
    """`<length> <keyword>=<value>` and a line feed, where the length counts its own digits."""
    rest = len(keyword) + len(value) + 3
    length = rest + len(str(rest))
    length = rest + len(str(length))
    return b"%d %s=%s\n" % (length, keyword, value)


def _ustar(name: bytes, prefix: bytes, mode: int, size: int, kind: bytes, link: bytes) -> bytes:
    start = b"%s%07o\x000000000\x000000000\x00%011o\x00%011o\x00" % (name.ljust(100, b"\0"), mode, size, MTIME)
    rest = b"%s%sustar\x0000" % (kind, link.ljust(100, b"\0"))
    tail = bytes(80) + prefix.ljust(155, b"\0") + bytes(12)
    checksum = sum(start) + 8 * 32 + sum(rest) + sum(tail)
    return b"%s%06o\0 %s%s" % (start, checksum, rest, tail)
