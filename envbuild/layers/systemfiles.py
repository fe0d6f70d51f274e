"""What Debian's maintainer scripts would have made on a fresh system, made for the top layer from the packages' tables.

The linker's cache, alternatives, the certificate bundle, /etc/shells, the time zone, and the defaults that packages carry
below /usr/share and copy to /etc. Nothing that a package brings itself is made again.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from envbuild.layers.alternatives import Alternative, links
from envbuild.layers.certificates import bundle, java_key_store
from envbuild.layers.imagetree import ImageTree
from envbuild.layers.ldsocache import LibraryName, ld_so_cache, library_directories
from envbuild.layers.reviewed import review
from envbuild.members import MemberTable
from envbuild.platforms import Platform

__all__ = ["SystemFile", "system_files"]

_CERTIFICATES = "usr/share/ca-certificates/"
_LIBRARIES = ("lib*.so*", "ld-*.so*")
_SHELLS = "usr/share/debianutils/shells"


@dataclass(frozen=True, slots=True)
class SystemFile:
    """A file of the top layer, or a link where `target` is set. The path has no leading slash."""

    path: str
    mode: int = 0o644
    content: bytes = b""
    target: str = ""


def system_files(
    tables: Sequence[MemberTable], read: Callable[[str], bytes], platform: Platform
) -> tuple[SystemFile, ...]:
    """The files, sorted by path. `tables` are those of the skeleton and of all Debian packages of the image.

    `read` gives the content of a file that one of the tables has, by its path.
    """
    tree = ImageTree(tables)
    packages = [table.facts for table in tables if "package" in table.facts]
    made: dict[str, SystemFile] = {}
    for file in _reviewed([facts["package"] for facts in packages], tree, read):
        made.setdefault(file.path, file)
    for path, target in links(_alternatives(packages), tree.exists).items():
        made.setdefault(path, SystemFile(path, target=target))
    for file in (*_shells(tree, read), *_certificates(tree, read)):
        made.setdefault(file.path, file)
    made = {path: file for path, file in made.items() if not tree.exists(f"/{path}")}
    tree.add_links((file.path, file.target) for file in made.values() if file.target)
    if "etc/ld.so.conf" in tree.members:
        names = _library_names(tables, tree, read, platform)
        made["etc/ld.so.cache"] = SystemFile("etc/ld.so.cache", content=ld_so_cache(names, platform))
    return tuple(made[path] for path in sorted(made))


def _reviewed(packages: Iterable[str], tree: ImageTree, read: Callable[[str], bytes]) -> Iterator[SystemFile]:
    for package in packages:
        entry = review(package)
        if entry is None:
            continue
        for source, target in entry.copies:
            if source in tree.members:
                yield SystemFile(target, content=read(source))
        for path, target in entry.links:
            if not target.startswith("/") or tree.exists(target):
                yield SystemFile(path, target=target)
        for path, text in entry.files:
            yield SystemFile(path, content=text.encode())


def _alternatives(packages: Iterable[Mapping[str, str]]) -> Iterator[Alternative]:
    for facts in packages:
        entry = review(facts["package"])
        lines = [*facts.get("alternatives", "").splitlines(), *(entry.alternatives if entry else ())]
        yield from map(Alternative.parse, lines)


def _shells(tree: ImageTree, read: Callable[[str], bytes]) -> Iterator[SystemFile]:
    """/etc/shells as update-shells(8) makes it: each shell below /bin and below /usr/bin."""
    if _SHELLS not in tree.members:
        return
    lines = read(_SHELLS).decode("utf-8", "replace").splitlines()
    for path in tree.below(f"{_SHELLS}.d/"):
        for shell in read(path).decode("utf-8", "replace").splitlines():
            plain = shell.removeprefix("/usr")
            lines += [plain, f"/usr{plain}"]
    yield SystemFile("etc/shells", content="".join(f"{line}\n" for line in dict.fromkeys(lines)).encode())


def _certificates(tree: ImageTree, read: Callable[[str], bytes]) -> Iterator[SystemFile]:
    """All authorities that ca-certificates brings, which is its default.

    The links by hash are not made: OpenSSL needs them for a folder of certificates, and its default is the one file.
    """
    contents = {path: read(path) for path in tree.below(_CERTIFICATES) if path.endswith(".crt")}
    if not contents:
        return
    listed = "".join(f"{path.removeprefix(_CERTIFICATES)}\n" for path in contents)
    yield SystemFile("etc/ca-certificates.conf", content=listed.encode())
    yield SystemFile("etc/ssl/certs/ca-certificates.crt", content=bundle(contents.values()))
    if tree.exists("/usr/share/ca-certificates-java"):
        named = {f"debian:{path.rpartition('/')[2].removesuffix('.crt')}.pem": pem for path, pem in contents.items()}
        yield SystemFile("etc/ssl/certs/java/cacerts", content=java_key_store(named))


def _library_names(
    tables: Iterable[MemberTable], tree: ImageTree, read: Callable[[str], bytes], platform: Platform
) -> Iterator[LibraryName]:
    """What ldconfig would put in the cache: a library's own name, and that of the link which compilers use."""
    lines = [line for table in tables for line in table.facts.get("sonames", "").splitlines()]
    sonames = {path: soname for soname, _, path in (line.partition(" ") for line in lines)}
    settings = {path: read(path) for path in ("etc/ld.so.conf", *tree.below("etc/ld.so.conf.d/"))}
    for directory in library_directories(settings, platform):
        place = tree.resolve(directory)
        found: dict[str, str] = {}
        for name in tree.names_in(place) if place else ():
            if not any(fnmatchcase(name, pattern) for pattern in _LIBRARIES):
                continue
            real = tree.resolve(f"/{place}/{name}")
            if real and (soname := sonames.get(real)):
                found.setdefault(_cached_name(name, soname), name)
        for soname, name in found.items():
            yield soname, f"{directory}/{soname if tree.exists(f'{directory}/{soname}') else name}"


def _cached_name(name: str, soname: str) -> str:
    """Under which name ldconfig lists a file or link: the library's own, or that of the link for compilers, `libz.so`."""
    return name if name.endswith(".so") and soname.startswith(name) else soname
