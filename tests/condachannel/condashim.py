"""A stand-in for the program `conda`, so that conda-lock's own code can be run where no conda can be installed.

It is none of conda's code. It answers the calls that conda-lock 4 makes of a conda to lock an environment, and no others:
`--version`, and `create --prefix PATH --dry-run --json --override-channels --channel URL ... SPEC ...`. The packages are
found by rattler, over the channels of the command line, with the virtual packages of CONDA_OVERRIDE_* (as conda declares
them by its variables), the platform of CONDA_SUBDIR and the priority of CONDA_CHANNEL_PRIORITY. So tests with it show how
conda-lock is asked and what is read of its lock, and not which packages conda's own solver would choose.

`install(folder)` puts an executable `conda` there; `ASKED` names the file beside it that keeps what it was asked.
"""

import asyncio
import json
import os
import shlex
import sys
from argparse import ArgumentParser
from pathlib import Path

ASKED = "conda-was-asked.jsonl"
_KEPT = ("CONDA_", "MAMBA_", "HOME", "SSL_", "REQUESTS_", "HTTP", "http", "NO_PROXY", "PIP_", "UV_", "XDG_", "TMPDIR")


def install(folder: Path, name: str = "conda") -> Path:
    """The executable, in a folder to be put on PATH."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / name
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(__file__)} "$0" "$@"\n')
    program.chmod(0o755)
    return program


def asked(folder: Path) -> list[dict]:
    """What the executable in this folder was asked: `argv`, and of its environment what concerns it."""
    path = folder / ASKED
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def main() -> int:
    """Answer one call."""
    program, *words = sys.argv[1:]
    environ = {name: value for name, value in os.environ.items() if name.startswith(_KEPT)}
    with Path(program).with_name(ASKED).open("a") as log:
        log.write(json.dumps({"argv": words, "environ": environ}) + "\n")
    if words == ["--version"]:
        sys.stdout.write("conda 24.9.2\n")
        return 0
    if words[:1] == ["create"]:
        return _create(words[1:])
    sys.stderr.write(f"the stand-in for conda does not know: {shlex.join(words)}\n")
    return 2


def _create(words: list[str]) -> int:
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--prefix", required=True)
    parser.add_argument("--channel", action="append", required=True)
    for flag in ("--dry-run", "--json", "--override-channels"):
        parser.add_argument(flag, action="store_true", required=True)
    parser.add_argument("specs", nargs="*")
    given = parser.parse_args(words)
    try:
        records = asyncio.run(_solved(given.channel, given.specs))
    except Exception as error:  # noqa: BLE001 (told as conda tells it)
        _tell({"success": False, "exception_name": _kind(error), "message": str(error)})
        return 1
    fetch = [_action(record) for record in records]
    link = [{key: action[key] for key in ("name", "version", "channel", "dist_name")} for action in fetch]
    _tell({"success": True, "dry_run": True, "prefix": given.prefix, "actions": {"FETCH": fetch, "LINK": link}})
    return 0


async def _solved(channels: list[str], specs: list[str]) -> list:
    from rattler import Channel, Gateway, MatchSpec, solve
    from rattler.channel import ChannelPriority

    strict = os.environ.get("CONDA_CHANNEL_PRIORITY") == "strict"
    with_builds = [MatchSpec(spec) for spec in specs]
    return await solve(
        [Channel(url) for url in channels],
        with_builds,
        gateway=Gateway(cache_dir=Path(os.environ["CONDA_PKGS_DIRS"], "cache")),
        platforms=[os.environ["CONDA_SUBDIR"], "noarch"],
        virtual_packages=_virtual_packages(),
        channel_priority=ChannelPriority.Strict if strict else ChannelPriority.Disabled,
    )


def _virtual_packages() -> list:
    from rattler import BuildString, GenericVirtualPackage, PackageName, Version

    found = []
    for variable, value in os.environ.items():
        name = variable.removeprefix("CONDA_OVERRIDE_").lower()
        if variable.startswith("CONDA_OVERRIDE_") and value:
            version, build = ("1", value) if name == "archspec" else (value, "0")
            found.append(GenericVirtualPackage(PackageName(f"__{name}"), Version(version), BuildString(build)))
    return found


def _action(record) -> dict:
    return {
        "name": record.name.normalized,
        "version": str(record.version),
        "build": str(record.build),
        "fn": record.file_name,
        "dist_name": record.file_name.removesuffix(".conda").removesuffix(".tar.bz2"),
        "channel": str(record.channel),
        "subdir": record.subdir,
        "url": record.url,
        "md5": record.md5.hex() if record.md5 else "",
        **({"sha256": record.sha256.hex()} if record.sha256 else {}),
        "depends": list(record.depends),
        "constrains": list(record.constrains),
        "timestamp": 0,
    }


def _kind(error: Exception) -> str:
    """conda's name for what went wrong."""
    from rattler.exceptions import GatewayError, SolverError

    if isinstance(error, SolverError):
        return "PackagesNotFoundError" if "No candidates" in str(error) else "UnsatisfiableError"
    return "CondaHTTPError" if isinstance(error, GatewayError) else type(error).__name__


def _tell(document: dict) -> None:
    sys.stdout.write(json.dumps(document) + "\n")


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    # A thread of rattler's that still ends while Python does can abort the process (seen with py-rattler 0.28).
    os._exit(code)
