"""Where a conda package's files go below the prefix, as rattler places them: paths.json's rules, and noarch Python's.

`noarch: python`: what is below site-packages/ goes to the Python's own, what is below python-scripts/ to bin/, and for each
entry point of info/link.json a script is written to bin/, over a file of that name. What the archive holds and paths.json
does not list is not installed. A link with `no_link`, or with a placeholder, becomes a file: what it leads to.

Stricter than rattler: what paths.json says of a path must be so in the archive, and links stay below the prefix.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from envbuild.errors import BuildFailed
from envbuild.layers.conda.bytecode import source_path
from envbuild.layers.conda.condafault import bad_package
from envbuild.layers.conda.condainfo import Noarch, PackageInfo, PackagePath, PathType
from envbuild.layers.conda.entrypoints import entry_point_script
from envbuild.layers.conda.packagetree import PackageTree, check_parents, checked_path, is_writable
from envbuild.layers.conda.place import CondaPlace
from envbuild.layers.debtree import image_mode
from envbuild.layers.linktarget import stays_below
from envbuild.layers.tarwalk import TarEntry, TarKind
from envbuild.members import MemberKind

__all__ = ["PlacedPath", "placed_paths"]

_TAR_KINDS = {
    PathType.HARDLINK: TarKind.FILE,
    PathType.SOFTLINK: TarKind.LINK,
    PathType.DIRECTORY: TarKind.DIRECTORY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedPath:
    """One path below the prefix, and where its content comes from: an entry of the archive, or a script of ours."""

    path: str
    kind: MemberKind
    mode: int
    source: TarEntry | None = None
    target: str = ""
    listed: PackagePath | None = None
    """The package's own row for it; an entry point has none."""
    script: bytes = b""
    compiled_size: int | None = None
    """Of bytecode: how many bytes its source has, where that is in the package and stays as it is."""


def placed_paths(info: PackageInfo, tree: PackageTree, place: CondaPlace) -> tuple[PlacedPath, ...]:
    """Every path that the package brings, in the order in which rattler writes them: a later one is over an earlier one.

    IntegrityError where paths.json is wrong or a path leaves the prefix; BuildFailed where the package needs a Python.
    """
    if info.noarch is Noarch.PYTHON and not place.python:
        raise BuildFailed(
            f"{info.name} is a package for every Python (noarch), and the environment has none",
            hint="add python to the packages",
        )
    found = [item for listed in info.paths if (item := _placed(listed, info, tree, place)) is not None]
    _check_once(found)
    found += [
        PlacedPath(
            path=checked_path(f"bin/{point.command}"), kind=MemberKind.FILE, mode=0o755,
            script=entry_point_script(point, place.prefix, place.python),
        )
        for point in info.entry_points
    ]  # fmt: skip
    found = _with_sources(found)
    check_parents((item.path for item in found), {i.path for i in found if i.kind is MemberKind.DIRECTORY})
    return tuple(found)


def _with_sources(found: list[PlacedPath]) -> list[PlacedPath]:
    sizes = {i.path: i.source.size for i in found if i.source and not (i.listed and i.listed.placeholder)}
    return [
        replace(item, compiled_size=sizes.get(source_path(item.path) or "")) if item.path.endswith(".pyc") else item
        for item in found
    ]


def _placed(listed: PackagePath, info: PackageInfo, tree: PackageTree, place: CondaPlace) -> PlacedPath | None:
    entry = tree.entries.get(checked_path(listed.path))
    if entry is None or entry.kind is not _TAR_KINDS[listed.path_type]:
        is_there = "is not in the package" if entry is None else "is something else in the package"
        raise bad_package(f"paths.json lists {listed.path} as a {listed.path_type}, which {is_there}")
    path = checked_path(_target_path(listed.path, place)) if info.noarch is Noarch.PYTHON else listed.path
    if entry.kind is TarKind.DIRECTORY:
        if listed.placeholder:
            raise bad_package(f"paths.json has a placeholder for the directory {listed.path}")
        return PlacedPath(path=path, kind=MemberKind.DIRECTORY, mode=0o755, listed=listed)
    if entry.kind is TarKind.LINK and not (listed.placeholder or listed.no_link):
        _check_link(path, entry.target)
        return PlacedPath(path=path, kind=MemberKind.LINK, mode=0o777, target=entry.target, listed=listed)
    source = entry if entry.kind is TarKind.FILE else tree.file_behind(listed.path)
    if source is None and listed.placeholder is None:
        return None  # rattler's rule: a link to nothing cannot be copied, and is left out
    if source is None:
        raise bad_package(f"paths.json has a placeholder for {listed.path}, which leads to no file")
    # A patched link has the link's own mode, a copied one the file's.
    mode = 0o777 if entry.kind is TarKind.LINK and listed.placeholder else source.mode
    return PlacedPath(path=path, kind=MemberKind.FILE, mode=image_mode(mode), source=source, listed=listed)


def _target_path(path: str, place: CondaPlace) -> str:
    if path.startswith("site-packages/"):
        return f"{place.site_packages}/{path.removeprefix('site-packages/')}"
    if path.startswith("python-scripts/"):
        return f"bin/{path.removeprefix('python-scripts/')}"
    return path


def _check_link(path: str, target: str) -> None:
    if not stays_below(path, target):
        raise bad_package(f"{path} is a link that leaves the environment: {target!r}")
    if not is_writable(target):
        raise bad_package(f"{path} is a link to a name that cannot be written: {target!r}")


def _check_once(found: Iterable[PlacedPath]) -> None:
    seen: set[str] = set()
    for item in found:
        if item.path in seen:
            raise bad_package(f"the package would have {item.path} twice")
        seen.add(item.path)
