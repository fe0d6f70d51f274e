"""A wheel becomes a layer: installed as the wheel specification says, its files' compressed bodies moved as they stand.

Source: PyPA specifications "binary distribution format", "recording installed projects", "entry points"; where they leave
room, what the `installer` library does. Bytecode is never part of a layer, nor is REQUESTED, which depends on who asks.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import BinaryIO, NamedTuple

from envbuild.digest import Digest
from envbuild.errors import BuildFailed, IntegrityError
from envbuild.layers.splice import Splice, splice
from envbuild.layers.wheelfault import bad_wheel
from envbuild.layers.wheelmetadata import Distribution, check_format, dist_info_of, distribution_of
from envbuild.layers.wheelplaces import OWN_FILES, Place, Site, is_dropped, place
from envbuild.layers.wheelrecord import RecordRow, encode_sha256, parse_record, write_record
from envbuild.layers.wheelscripts import launchers, placeholder, with_interpreter
from envbuild.layers.writer import LayerWriter, ancestors, parents
from envbuild.layers.ziparchive import WHOLE, ZipArchive, ZipEntry
from envbuild.layers.zipdirectory import refusal
from envbuild.members import Member, MemberKind, Segment

__all__ = ["layer_of_wheel"]

_INSTALLER = b"envbuild\n"
_LARGEST_TEXT = 64 << 20
_SIGNATURES = ("RECORD.jws", "RECORD.p7s")


class _Generated(NamedTuple):
    """A file that installing makes."""

    path: str
    mode: int
    content: bytes
    source: str


def layer_of_wheel(
    stream: BinaryIO, sink: Callable[[bytes], object], *, layer_id: Digest, python: str, prefix: str = "/opt/env"
) -> Segment:
    """Write the layer of a wheel to `sink`, in one pass and in little memory whatever the wheel's size.

    `python` is X.Y of the environment at `prefix`. Facts of the table: `name`, `version`, `requires` (normalized names, a
    line each), `tags`, and `top`, the entries of site-packages that the wheel has, a line each.

    IntegrityError where the archive is damaged or hostile, or its RECORD does not hold; BuildFailed for a format that is
    not served. Nothing that went to `sink` may be used then.
    """
    archive = ZipArchive(stream)
    files = {entry.name: entry for entry in archive.entries if not entry.is_directory}
    distribution, record = _described(archive, files)
    site = Site(prefix, python)
    places, dropped = _places(files, distribution, record, site)
    generated, spliced = _contents(archive, files, places, record, site, distribution)
    spliced.sort()
    writer = LayerWriter(sink, _directories([*generated, *(file.path for file in spliced)]))
    pending = sorted(generated.values(), reverse=True)
    for file in spliced:
        while pending and pending[-1].path < file.path:
            _write(writer, pending.pop())
        splice(archive, file, writer)
    while pending:
        _write(writer, pending.pop())
    for entry in archive.entries:
        if entry.is_directory:
            archive.check(entry)
    for entry in dropped:
        _verify(archive, entry, record.get(entry.name))
    return writer.finish(layer_id, _facts(distribution, site, [*generated, *(file.path for file in spliced)]))


def _described(archive: ZipArchive, files: Mapping[str, ZipEntry]) -> tuple[Distribution, dict[str, RecordRow]]:
    """What the wheel says about itself, once every file of it is listed in its RECORD."""
    dist_info = dist_info_of(files)
    tags = check_format(_text(archive, files, f"{dist_info}/WHEEL"))
    distribution = distribution_of(dist_info, _text(archive, files, f"{dist_info}/METADATA"), tags)
    record = parse_record(_text(archive, files, f"{dist_info}/RECORD"))
    unlisted = {f"{dist_info}/{name}" for name in ("RECORD", *_SIGNATURES)}
    missing = [name for name in files if name not in unlisted and not record.get(name, _NO_ROW).algorithm]
    if missing:
        shown = ", ".join(map(repr, missing[:3]))
        raise bad_wheel(f"RECORD gives no hash for {len(missing)} files of the wheel: {shown}")
    for name, row in record.items():
        if row.size is not None and name in files and name not in unlisted and row.size != files[name].size:
            raise refusal(name, f"is of {files[name].size} bytes, and RECORD lists {row.size}")
    return distribution, record


_NO_ROW = RecordRow("", b"", None)


def _text(archive: ZipArchive, files: Mapping[str, ZipEntry], name: str) -> bytes:
    if name not in files:
        raise bad_wheel(f"the wheel has no {name}")
    return _content(archive, files[name])


def _content(archive: ZipArchive, entry: ZipEntry) -> bytes:
    if entry.size > _LARGEST_TEXT:
        raise BuildFailed(f"{entry.name!r} has {entry.size} bytes; {_LARGEST_TEXT} are served for such a file")
    if entry.size > WHOLE or entry.packed > WHOLE:
        return b"".join(plain for _, plain in archive.pieces(entry))
    return archive.whole(entry)[0]


def _places(
    files: Mapping[str, ZipEntry], distribution: Distribution, record: Mapping[str, RecordRow], site: Site
) -> tuple[dict[str, Place], list[ZipEntry]]:
    """Each path in the image with its file, and the files that stay out (but are checked)."""
    places: dict[str, Place] = {}
    dropped: list[ZipEntry] = []
    for name in sorted(files):
        entry = files[name]
        if is_dropped(name, files, distribution.dist_info):
            dropped.append(entry)
            continue
        wanted = place(entry, distribution, site)
        there = places.setdefault(wanted.path, wanted)
        if there is not wanted:
            if record[name][:2] != record[there.entry.name][:2] or there.mode != wanted.mode:
                raise _both(wanted.path, there.entry.name, name)
            dropped.append(entry)
    return places, dropped


def _both(path: str, one: str, other: str) -> IntegrityError:
    return bad_wheel(f"{one!r} and {other!r} of the wheel would both be /{path}")


def _contents(
    archive: ZipArchive,
    files: Mapping[str, ZipEntry],
    places: Mapping[str, Place],
    record: Mapping[str, RecordRow],
    site: Site,
    distribution: Distribution,
) -> tuple[dict[str, _Generated], list[Splice]]:
    """The files that installing makes, RECORD among them, and those that move as they stand."""
    generated: dict[str, _Generated] = {}
    spliced: list[Splice] = []
    for path, item in places.items():
        if item.script and _asks_for_interpreter(archive, item.entry):
            content = with_interpreter(_verified(archive, item.entry, record[item.entry.name]), site.interpreter)
            generated[path] = _Generated(path, item.mode, content, item.entry.name)
        else:
            spliced.append(Splice(path, item.entry, item.mode, _sha256(archive, item.entry, record[item.entry.name])))
    folder = f"{site.packages}/{distribution.dist_info}"
    made = [_Generated(f"{folder}/INSTALLER", 0o644, _INSTALLER, "INSTALLER")]
    entry_points = f"{distribution.dist_info}/entry_points.txt"
    if entry_points in files:
        programs = launchers(_content(archive, files[entry_points]), site.interpreter)
        made += [_Generated(f"{site.scripts}/{n}", 0o755, code, f"entry point {n}") for n, code in programs.items()]
    for file in made:
        if file.path in places:
            raise _both(file.path, file.source, places[file.path].entry.name)
        generated[file.path] = file
    rows = [(site.row(f.path), encode_sha256(f.sha256), str(f.entry.size)) for f in spliced]
    for made_file in generated.values():
        hashed = encode_sha256(hashlib.sha256(made_file.content).digest())
        rows.append((site.row(made_file.path), hashed, str(len(made_file.content))))
    path = f"{folder}/RECORD"
    for own in OWN_FILES:
        if (brought := places.get(f"{folder}/{own}")) is not None:
            raise _both(brought.path, "installing itself", brought.entry.name)
    rows.append((site.row(path), "", ""))
    generated[path] = _Generated(path, 0o644, write_record(rows), "RECORD")
    return generated, spliced


def _asks_for_interpreter(archive: ZipArchive, entry: ZipEntry) -> bool:
    for _, plain in archive.pieces(entry):
        if plain:
            return plain.startswith(placeholder)
    return False


def _verified(archive: ZipArchive, entry: ZipEntry, row: RecordRow) -> bytes:
    content = _content(archive, entry)
    if hashlib.new(row.algorithm, content).digest() != row.digest:
        raise refusal(entry.name, f"is not the file that RECORD lists: its {row.algorithm} differs")
    return content


def _sha256(archive: ZipArchive, entry: ZipEntry, row: RecordRow) -> bytes:
    """The sha256 that RECORD gives, or what it is where RECORD gives a longer hash that holds."""
    return row.digest if row.algorithm == "sha256" else _verify(archive, entry, row)


def _verify(archive: ZipArchive, entry: ZipEntry, row: RecordRow | None) -> bytes:
    """Check a file against RECORD (signatures of RECORD have no row). Its sha256."""
    algorithm = (row and row.algorithm) or "sha256"
    listed, sha256 = hashlib.new(algorithm), hashlib.sha256()
    for _, plain in archive.pieces(entry):
        listed.update(plain)
        sha256.update(plain)
    if row and row.algorithm and listed.digest() != row.digest:
        raise refusal(entry.name, f"is not the file that RECORD lists: its {algorithm} differs")
    return sha256.digest()


def _directories(paths: Iterable[str]) -> list[Member]:
    """The preamble. IntegrityError where a file of the wheel lies in another file."""
    files = set(paths)
    for path in sorted(parents(files) & files):
        raise bad_wheel(f"/{path} would be a file and a directory of the wheel")
    return ancestors(Member(path=path, kind=MemberKind.FILE, mode=0) for path in files)


def _write(writer: LayerWriter, file: _Generated) -> None:
    writer.file(file.path, file.mode, file.content)


def _facts(distribution: Distribution, site: Site, paths: Iterable[str]) -> dict[str, str]:
    inside = f"{site.packages}/"
    top = {path[len(inside) :].partition("/")[0] for path in paths if path.startswith(inside)}
    return {
        "name": distribution.name,
        "version": distribution.version,
        "requires": "\n".join(distribution.requires),
        "tags": "\n".join(distribution.tags),
        "top": "\n".join(sorted(top)),
    }
