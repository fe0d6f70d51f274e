"""What is in a layer, and the layers on top of each other, as a runtime applies them (image-spec 1.1, layer.md)."""

import posixpath
from collections.abc import Iterator, Sequence
from itertools import pairwise

from .finding import Finding
from .tarstream import Entry

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"


def check_entries(entries: Sequence[Entry], parts: int, where: str) -> Iterator[Finding]:
    """One layer by itself. `parts`: how many sorted runs of files it may have, one a package."""
    yield from _order(entries, parts, where)
    before: dict[str, Entry] = {}
    for entry in entries:
        yield from _entry(entry, before, f"{where} {entry.path}")
        before[entry.path] = entry


def _order(entries: Sequence[Entry], parts: int, where: str) -> Iterator[Finding]:
    kinds = [entry.kind == "folder" for entry in entries]
    if kinds != sorted(kinds, reverse=True):
        yield Finding("tar-order", where, "a folder comes after a file")
    names = [entry.path.encode("utf-8", "surrogateescape") for entry in entries]
    folders = [name for name, folder in zip(names, kinds, strict=True) if folder]
    files = [name for name, folder in zip(names, kinds, strict=True) if not folder]
    if folders != sorted(folders):
        yield Finding("tar-order", where, "folders are not sorted")
    if (runs := 1 + sum(first > second for first, second in pairwise(files))) > parts:
        yield Finding("tar-order", where, f"files are in {runs} sorted runs, where {parts} packages make it")


def _entry(entry: Entry, before: dict[str, Entry], at: str) -> Iterator[Finding]:
    path, name = entry.path, posixpath.basename(entry.path)
    if path.startswith("/") or {"", ".", ".."} & set(path.split("/")):
        yield Finding("tar-outside", at, "is no path below the root")
    if path in before:
        yield Finding("tar-twice", at, "is there twice")
    parent = posixpath.dirname(path)
    if parent and (parent not in before or before[parent].kind != "folder"):
        yield Finding("tar-parent", at, "comes without its folder before it")
    if name.startswith(_WHITEOUT) and ((entry.kind, entry.size) != ("file", 0) or _odd(name)):
        yield Finding("tar-whiteout", at, "is no whiteout")
    sticky = entry.kind == "folder" and entry.mode & 0o1000
    if entry.mode & 0o6000 or (entry.mode & 0o002 and entry.kind != "link" and not sticky):
        yield Finding("tar-mode", at, f"{entry.mode:o}")
    if entry.kind == "hard link" and (entry.target not in before or before[entry.target].kind != "file"):
        yield Finding("tar-hardlink", at, f"to {entry.target}")
    if entry.kind == "link":
        joined = posixpath.normpath(posixpath.join("/", parent, entry.target))
        climbs = posixpath.normpath(posixpath.join(parent, entry.target)).startswith("..")
        if not entry.target or "\0" in joined or (not entry.target.startswith("/") and climbs):
            yield Finding("tar-symlink", at, f"to {entry.target!r}")


def _odd(name: str) -> bool:
    return name == _WHITEOUT or (name.startswith(_WHITEOUT * 2) and name != _OPAQUE)


def check_tree(layers: Sequence[tuple[str, Sequence[Entry]]]) -> Iterator[Finding]:
    """All layers, lowest first."""
    tree: dict[str, Entry] = {}
    for where, entries in layers:
        for entry in entries:
            if posixpath.basename(entry.path).startswith(_WHITEOUT):
                yield from _whiteout(entry, tree, f"{where} {entry.path}")
        for entry in entries:
            yield from _over(entry, tree, f"{where} {entry.path}")
        tree.update({e.path: e for e in entries if not posixpath.basename(e.path).startswith(_WHITEOUT)})


def _over(entry: Entry, tree: dict[str, Entry], at: str) -> Iterator[Finding]:
    below = tree.get(entry.path)
    same = {"hard link": "file"}
    if below and same.get(below.kind, below.kind) != same.get(entry.kind, entry.kind):
        yield Finding("tree-type", at, f"a {entry.kind}, and a {below.kind} in a lower layer")
    elif below and entry.kind == "folder" and below.mode != entry.mode:
        yield Finding("tree-mode", at, f"{entry.mode:o}, and {below.mode:o} in a lower layer")
    parts = entry.path.split("/")
    for parent in ("/".join(parts[:count]) for count in range(len(parts) - 1, 0, -1)):
        if parent in tree and tree[parent].kind == "link":
            yield Finding("tree-link", at, f"{parent} is a link to {tree[parent].target} in a lower layer")


def _whiteout(entry: Entry, tree: dict[str, Entry], at: str) -> Iterator[Finding]:
    folder, name = posixpath.split(entry.path)
    hidden = folder if name == _OPAQUE else posixpath.join(folder, name.removeprefix(_WHITEOUT))
    gone = [p for p in tree if p.startswith(f"{hidden}/") or (p == hidden and name != _OPAQUE)]
    if not gone:
        yield Finding("tree-whiteout", at, "hides nothing")
    for path in gone:
        del tree[path]
