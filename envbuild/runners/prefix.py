"""Environments as folders, to run without a container: a lock's wheels, unpacked beside a link to the host's own Python.

Made once for a lock: aside, under a lock, then renamed. The bytecode that runs write stays in it.
"""

import hashlib
import os
import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from envbuild import process
from envbuild.digest import Digest
from envbuild.errors import EnvironmentFault
from envbuild.filelock import locked
from envbuild.http.stepnetwork import NO_NETWORK, StepNetwork
from envbuild.layers.wheelrecord import encode_sha256, parse_record, write_record
from envbuild.layers.wheelscripts import with_interpreter
from envbuild.members import Member, MemberKind, Segment
from envbuild.ports import OpensBlobs, Reporter
from envbuild.runners.command import Command, Outcome
from envbuild.runners.interpreter import HostPython
from envbuild.runners.unpack import place_of, unpack

__all__ = ["find_prefix", "make_prefix", "run_in_prefix"]

_IMAGE_PREFIX = "opt/env"
_STAGE = "unpack"
_SHEBANG = b"#!/opt/env/bin/python"
_ELSEWHERE = (
    "PYTHONHOME", "PYTHONPATH", "PYTHONPLATLIBDIR", "PYTHONEXECUTABLE", "PYTHONUSERBASE", "PYTHONSTARTUP",
    "PYTHONPYCACHEPREFIX", "PYTHONCASEOK", "__PYVENV_LAUNCHER__",
)  # fmt: skip
"""What would bring modules of another Python into this one."""

_OURS = ("PATH", "HOME", "VIRTUAL_ENV")
"""What means the image's own folders in a definition."""

Files = list[tuple[Member, str]]
"""Members, and where each goes in the environment's folder."""


def find_prefix(folder: Path) -> Path | None:
    """The environment, if it was made and its interpreter is still there."""
    return folder if (folder / "bin" / "python").exists() else None


def make_prefix(
    segments: Sequence[Segment],
    blobs: OpensBlobs,
    python: HostPython,
    folder: Path,
    report: Reporter,
    left_out: Mapping[Digest, Collection[str]] | None = None,
) -> Path:
    """The environment of these wheels at `folder`, found or made.

    `left_out` has, by layer id, paths that another of the segments has in its stead; of equal files the first is taken.
    IntegrityError where a package would leave the folder; EnvironmentFault where the disk does not take it.
    """
    if find_prefix(folder):
        return folder
    with locked(folder.parent / f".{folder.name}.lock", what="the environment", waiting=report.notice):
        if find_prefix(folder):
            return folder
        if (folder / "pyvenv.cfg").exists():
            _link_interpreter(folder, python)
            return folder
        aside = folder.parent / f".{folder.name}.new"
        try:
            # What a run that was cut off left behind.
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir(mode=0o755)
            _fill(aside, segments, blobs, folder, report, left_out or {})
            _link_interpreter(aside, python)
            # A power cut behind the name must not leave empty files under it; one call is faster than one a file.
            os.sync()
            aside.replace(folder)
        except OSError as error:
            raise EnvironmentFault(
                f"cannot be written: {error.strerror or error}",
                at=str(folder),
                hint="ENVBUILD_HOME=FOLDER moves the store",
            ) from error
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    return folder


def run_in_prefix(
    prefix: Path,
    command: Command,
    environ: Mapping[str, str],
    variables: Iterable[tuple[str, str]] = (),
    network: StepNetwork = NO_NETWORK,
) -> Outcome:
    """Run a command with this environment's Python and programs, attached to our terminal, in the current folder.

    `variables` are the definition's own: they win over the caller's, and both over what `network` says.
    """
    own = {name: value for name, value in variables if name not in _OURS}
    kept = {name: value for name, value in environ.items() if name not in _ELSEWHERE}
    path = f"{prefix / 'bin'}{os.pathsep}{environ.get('PATH') or os.defpath}"
    env = {**kept, "PATH": path, "VIRTUAL_ENV": str(prefix), "PYTHONUNBUFFERED": "1", **own}
    env |= network.proxy_variables(env) | network.trust_variables(env, str(network.ca_bundle))
    words = command.argv(str(prefix / "bin" / "python"))
    program = words[0] if "/" in words[0] else shutil.which(words[0], path=env["PATH"])
    if program is None or not Path(program).exists():
        return Outcome(127, started=False, problem=f"{words[0]}: command not found")
    if not os.access(program, os.X_OK) or Path(program).is_dir():
        return Outcome(126, started=False, problem=f"{words[0]}: may not be run")
    try:
        return Outcome(process.attached((program, *words[1:]), env=env))
    except EnvironmentFault as fault:
        return Outcome(126, started=False, problem=fault.what)


def _fill(
    root: Path,
    segments: Sequence[Segment],
    blobs: OpensBlobs,
    final: Path,
    report: Reporter,
    left_out: Mapping[Digest, Collection[str]],
) -> None:
    shares = _shares(segments, left_out)
    folders = {str(PurePosixPath(place).parent) for files in shares for _, place in files}
    for place in sorted(folders | {"bin"}):
        (root / place).mkdir(mode=0o755, parents=True, exist_ok=True)

    def one(segment: Segment, files: Files) -> None:
        with blobs.open(segment.blob) as blob:
            unpack(segment, files, blob, root)
        _rewrite_scripts(root, files, final)
        report.advance(_STAGE, segment.size)

    report.begin(_STAGE, sum(segment.size for segment in segments))
    largest_first = sorted(zip(segments, shares, strict=True), key=lambda pair: -pair[0].size)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        jobs = [pool.submit(one, segment, files) for segment, files in largest_first]
        try:
            for job in jobs:
                job.result()
        finally:
            pool.shutdown(cancel_futures=True)
    report.end(_STAGE)


def _shares(segments: Sequence[Segment], left_out: Mapping[Digest, Collection[str]]) -> list[Files]:
    """What is taken of each segment, every place checked and taken once."""
    taken: set[str] = set()
    shares = []
    for segment in segments:
        omitted = left_out.get(segment.layer_id, ())
        files: Files = []
        for member in segment.table.members:
            place = place_of(member, _IMAGE_PREFIX)
            if member.kind is MemberKind.FILE and place not in taken and member.path not in omitted:
                taken.add(place)
                files.append((member, place))
        shares.append(files)
    return shares


def _rewrite_scripts(root: Path, files: Files, final: Path) -> None:
    """Programs that name the image's interpreter get this environment's, and RECORD says so."""
    changed: dict[str, bytes] = {}
    for member, place in files:
        if place.startswith("bin/") and member.size < (1 << 20):
            content = (root / place).read_bytes()
            if content.startswith(_SHEBANG):
                content = with_interpreter(content, str(final / "bin" / "python"))
                (root / place).write_bytes(content)
                changed[place] = content
    records = [place for _, place in files if place.endswith(".dist-info/RECORD")]
    if changed and records:
        _rewrite_record(root, records[0], changed)


def _rewrite_record(root: Path, record: str, changed: Mapping[str, bytes]) -> None:
    site = PurePosixPath(record).parent.parent
    rows = []
    for path, row in parse_record((root / record).read_bytes()).items():
        content = changed.get(os.path.normpath(site / path))
        if content is not None:
            rows.append((path, encode_sha256(hashlib.sha256(content).digest()), str(len(content))))
        else:
            hashed = encode_sha256(row.digest).replace("sha256", row.algorithm, 1) if row.digest else ""
            rows.append((path, hashed, "" if row.size is None else str(row.size)))
    (root / record).write_bytes(write_record(rows))


def _link_interpreter(root: Path, python: HostPython) -> None:
    """A virtual environment over the host's Python (PEP 405), without its packages."""
    settings = f"home = {python.path.parent}\ninclude-system-site-packages = false\nversion = {python.version}\n"
    (root / "pyvenv.cfg").write_text(settings, encoding="utf-8")
    for name, target in (
        ("python", str(python.path)),
        ("python3", "python"),
        (f"python{python.minor}", "python"),
    ):
        link = root / "bin" / name
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    # Where a distribution keeps compiled modules in lib64, Python looks there too (as the venv module does).
    if not os.path.lexists(root / "lib64"):
        (root / "lib").mkdir(exist_ok=True)
        (root / "lib64").symlink_to("lib")
