"""Where a Debian package's files go in an image: merged into /usr, without documentation, modes evened out, links checked.

What is left out is what Debian's own slim images leave out: manuals, info pages, documentation (but not the copyright
files, which licences ask for), lintian's and reportbug's files. No package may need them at run time (Debian Policy
12.3). Translations stay.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from envbuild.errors import BuildFailed, IntegrityError
from envbuild.layers.tarwalk import TarEntry, TarKind
from envbuild.members import MemberKind

__all__ = ["MERGED", "Placed", "image_mode", "merged", "placed"]

MERGED: Mapping[str, str] = {
    **{name: f"usr/{name}" for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32")},
    "var/lock": "run/lock",
    "var/run": "run",
}
"""Paths that are links in every image (the skeleton has them), and where they lead.

A package's own entry for one of them, folder or link, is dropped; what it has below goes where the link leads.
"""

_LEFT_OUT = frozenset(f"usr/share/{name}" for name in ("bug", "doc-base", "info", "linda", "lintian", "man"))
_DOC = ["usr", "share", "doc"]
_PLAIN = 0o755
_KINDS = {TarKind.FILE: MemberKind.FILE, TarKind.LINK: MemberKind.LINK, TarKind.DIRECTORY: MemberKind.DIRECTORY}


@dataclass(frozen=True, slots=True)
class Placed:
    """One path of the image, and where its content lies in the package's archive."""

    path: str
    kind: MemberKind
    mode: int
    size: int = 0
    target: str = ""
    offset: int = 0


def placed(entries: Iterable[TarEntry]) -> list[Placed]:
    """What the package brings into an image, sorted by path; directories only where they are empty or not 0755.

    Hard links become files. IntegrityError where the archive leaves its place: absolute names, `..`, paths through a
    link, hard links to what is not there. BuildFailed where two files would share a path.
    """
    found: dict[str, Placed] = {}
    files: dict[str, TarEntry] = {}
    for entry in entries:
        name = _checked(entry.name, is_directory=entry.kind is TarKind.DIRECTORY)
        whole = _followed(files, name, entry)
        if whole.kind is TarKind.FILE:
            files[name] = whole
        if name and not _is_place(name, whole):
            _add(found, _placed(merged(name), whole))
    _check_parents(found)
    return _kept(found)


def merged(path: str) -> str:
    """Where a path without a leading slash lies once `MERGED` is applied."""
    for old, new in MERGED.items():
        if path == old or path.startswith(f"{old}/"):
            return new + path[len(old) :]
    return path


def image_mode(mode: int) -> int:
    """A file's mode in an image: 0755 or 0644, but what others may not read stays so. Never setuid or setgid."""
    permissions = mode & 0o777
    if not permissions & 0o004:
        return permissions
    return _PLAIN if permissions & 0o111 else 0o644


def _checked(name: str, *, is_directory: bool) -> str:
    """The entry's name without `./` and a directory's slash; nothing for the root. IntegrityError for a hostile one."""
    clean = name.removeprefix("./") if name not in (".", "./") else ""
    if is_directory:
        clean = clean.removesuffix("/")
    parts = clean.split("/")
    if (clean and any(part in ("", ".", "..") for part in parts)) or (not clean and not is_directory):
        raise IntegrityError(f"the package has a file that leaves its place: {name!r}")
    if any(part.startswith(".wh.") for part in parts):
        raise IntegrityError(f"the package has a file whose name deletes others in an image: {name!r}")
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in clean):
        raise IntegrityError(f"the package has a file with a control character in its name: {name!r}")
    return clean


def _followed(files: Mapping[str, TarEntry], name: str, entry: TarEntry) -> TarEntry:
    """The entry, or the file that it is a hard link to."""
    if entry.kind is not TarKind.HARD_LINK:
        return entry
    file = files.get(_checked(entry.target, is_directory=False))
    if file is None:
        raise IntegrityError(f"{name} is a hard link to {entry.target!r}, which is no file of the package before it")
    return replace(file, name=entry.name)


def _is_place(name: str, entry: TarEntry) -> bool:
    """Whether the entry stands for a path that every image has; a file or link in place of a directory is refused."""
    if name in MERGED and entry.kind is not TarKind.FILE:
        return True
    if ("/" not in name or name in MERGED or name in MERGED.values()) and entry.kind is not TarKind.DIRECTORY:
        raise IntegrityError(f"the package puts a file or link where every image has a directory: {name}")
    return False


def _placed(path: str, entry: TarEntry) -> Placed:
    if entry.kind is TarKind.FILE:
        return Placed(path, MemberKind.FILE, image_mode(entry.mode), entry.size, offset=entry.offset)
    if entry.kind is TarKind.DIRECTORY:
        return Placed(path, MemberKind.DIRECTORY, entry.mode & 0o1777)
    if not entry.target:
        raise IntegrityError(f"{path} is a link to nowhere")
    return Placed(path, MemberKind.LINK, 0o777, target=entry.target)


def _add(found: dict[str, Placed], item: Placed) -> None:
    before = found.setdefault(item.path, item)
    if before == item or before.kind is item.kind is MemberKind.DIRECTORY:
        return
    raise BuildFailed(
        f"two of the package's files would be /{item.path}, since /bin, /sbin and /lib are links into /usr",
        hint="this package does not fit a merged /usr; a newer version of it does",
    )


def _check_parents(found: Mapping[str, Placed]) -> None:
    for path in found:
        parent = path
        while (cut := parent.rfind("/")) > 0:
            parent = parent[:cut]
            above = found.get(parent)
            if above and above.kind is not MemberKind.DIRECTORY:
                raise IntegrityError(f"the package has {path} below {parent}, which is a {above.kind} of its own")


def _kept(found: Mapping[str, Placed]) -> list[Placed]:
    parents = {path.rpartition("/")[0] for path in found}
    kept = [item for path, item in sorted(found.items()) if _is_kept(item, is_empty=path not in parents)]
    for item in kept:
        if not (item.path + item.target).isascii():
            _check_encoding(item)
    return kept


def _is_kept(item: Placed, *, is_empty: bool) -> bool:
    parts = item.path.split("/")
    if parts[:3] == _DOC:
        is_link_of_package = len(parts) == 4 and item.kind is MemberKind.LINK
        return is_link_of_package or (len(parts) == 5 and parts[4] == "copyright")
    if "/".join(parts[:3]) in _LEFT_OUT:
        return False
    return item.kind is not MemberKind.DIRECTORY or is_empty or item.mode != _PLAIN


def _check_encoding(item: Placed) -> None:
    try:
        (item.path + item.target).encode()
    except UnicodeEncodeError:
        shown = item.path.encode("utf-8", "surrogateescape")
        raise BuildFailed(f"the package has a file whose name is not UTF-8: {shown!r}") from None
