"""A list of files that is complete (another tool's lock): taken as it is, nothing is solved and no index is read."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from envbuild.errors import IntegrityError
from envbuild.matchspec.spec import MatchSpec, match_spec
from envbuild.ports import Reporter
from envbuild.resolvers.conda.listing import Channels
from envbuild.resolvers.conda.request import CondaRecord

__all__ = ["listed", "names_files"]

_AT_ONCE = 8
_FORMS = (".conda", ".tar.bz2")


def names_files(specs: Iterable[str]) -> bool:
    """Whether each spec names one file of a channel by its hash, so that there is nothing to solve."""
    return all(map(_names_file, map(match_spec, specs)))


def _names_file(spec: MatchSpec) -> bool:
    fields = dict(spec.fields)
    hashed = "sha256" in fields or "md5" in fields
    return bool(hashed and _parts(fields.get("fn", "")) and spec.channel.name and spec.channel.subdir)


def listed(specs: Iterable[str], subdir: str, channels: Channels[Any], report: Reporter) -> tuple[CondaRecord, ...]:
    """The files that specs name (`names_files`), of those for this platform's folder or noarch.

    Where only an md5 is known, the file is read, its md5 checked, its sha256 taken, and that is said. ResolveFailed: one is
    not there; IntegrityError: it has another md5.
    """
    # Two files of one package exclude each other, which `normalize` has told.
    records = [_record(spec) for spec in map(match_spec, specs) if spec.channel.subdir in (subdir, "noarch")]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = tuple(pool.map(lambda record: _known(record, channels), records))
    if taken := [after.file for before, after in zip(records, found, strict=True) if not before.sha256]:
        more = f" and {len(taken) - 4} more" if len(taken) > 4 else ""
        report.notice(f"only by md5 the list knows {', '.join(taken[:4])}{more}: fetched, md5 checked, sha256 locked")
    return found


def _record(spec: MatchSpec) -> CondaRecord:
    fields = dict(spec.fields)
    parts = _parts(fields["fn"])
    return CondaRecord(
        name=spec.name,
        version=parts[1],
        build=parts[2],
        file=fields["fn"],
        channel=spec.channel.name,
        subdir=spec.channel.subdir,
        sha256=fields.get("sha256", ""),
        md5=fields.get("md5", ""),
    )


def _parts(file: str) -> list[str]:
    """Name, version and build in a file's name; nothing where it is no package's."""
    form = next((form for form in _FORMS if file.endswith(form)), "")
    parts = file.removesuffix(form).rsplit("-", 2)
    return parts if form and len(parts) == 3 and all(parts) else []


def _known(record: CondaRecord, channels: Channels[Any]) -> CondaRecord:
    """The record with its size, and its sha256 where only the md5 was known."""
    place = (record.channel, record.subdir, record.file)
    if record.sha256:
        return replace(record, size=channels.size(*place))
    measured = channels.measure(*place)
    if measured.md5 != record.md5:
        raise IntegrityError(
            f"not the file that the list names: md5 {measured.md5}, and not {record.md5}",
            at=f"{record.channel}/{record.subdir}/{record.file}",
            hint="somebody replaced the file: make the list anew with the tool that wrote it",
        )
    return replace(record, sha256=measured.sha256, size=measured.size)
