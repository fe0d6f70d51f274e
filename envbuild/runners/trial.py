"""Whether containers start here, by trying: `true` of this machine, in a root file system that is this machine's, read-only.

No image is needed, and nothing stays behind.
"""

import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from envbuild import process
from envbuild.errors import EnvbuildError
from envbuild.runners.engine import Engine

__all__ = ["try_namespaces", "try_podman", "try_runtime"]

_FOLDERS = ("/bin", "/lib", "/lib64", "/usr", "/nix")
"""Where a program and its libraries are."""
_LONGEST = 200


def try_runtime(program: str, environ: Mapping[str, str], timeout: float) -> str:
    """Why this OCI runtime (runc, crun) starts no container; empty where it does. Rootless where we are not root."""
    with _folder() as folder:
        (folder / "rootfs").mkdir()
        (folder / "config.json").write_text(json.dumps(_bundle()), encoding="utf-8")
        # State of its own: no other container is seen or disturbed.
        argv = [program, "--root", str(folder / "state"), "run", "--bundle", str(folder), _name()]
        return _failure(argv, environ, timeout)


def try_podman(engine: Engine, timeout: float) -> str:
    """Why Podman starts no container; empty where it does."""
    with _folder() as folder:
        mounts = [word for place in _present() for word in ("--volume", f"{place}:{place}:ro")]
        options = ["run", "--rm", "--network=none", "--security-opt=label=disable", f"--name={_name()}", *mounts]
        return _failure([engine.program, *options, "--rootfs", str(folder), _true()], engine.environ, timeout)


def try_namespaces(environ: Mapping[str, str], timeout: float) -> str:
    """Why no user namespace can be made here (user_namespaces(7)); empty where one can."""
    program = process.which("unshare")
    if program is None:
        return "the program unshare is not here"
    return _failure([program, "--user", "--map-root-user", _true()], environ, timeout)


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="envbuild-trial-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _name() -> str:
    return f"envbuild-trial-{secrets.token_hex(8)}"


def _true() -> str:
    return process.which("true") or "/bin/true"


def _present() -> list[str]:
    return [folder for folder in _FOLDERS if Path(folder).is_dir()]


def _failure(argv: Sequence[str], environ: Mapping[str, str], timeout: float) -> str:
    try:
        done = process.run(argv, env=environ, timeout=timeout)
    except EnvbuildError as error:
        return error.what
    if done.code == 0:
        return ""
    return _short(done.last_line) or f"exit code {done.code}"


def _short(said: str) -> str:
    """What a runtime's last line says, out of the form of its log."""
    if 'msg="' in said:
        said = said.partition('msg="')[2].removesuffix('"').replace('\\"', '"')
    return "".join(filter(str.isprintable, said)).removeprefix("Error: ")[:_LONGEST]


def _bundle() -> dict[str, Any]:
    """The config.json (OCI runtime specification 1.0.2) of a process that ends at once."""
    kinds = ["pid", "mount", "ipc", "uts"]
    linux: dict[str, Any] = {}
    uid, gid = os.geteuid(), os.getegid()
    if uid != 0:
        kinds.append("user")
        linux = {
            "uidMappings": [{"containerID": 0, "hostID": uid, "size": 1}],
            "gidMappings": [{"containerID": 0, "hostID": gid, "size": 1}],
        }
    binds = [{"destination": f, "type": "bind", "source": f, "options": ["rbind", "ro"]} for f in _present()]
    return {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": False,
            "user": {"uid": 0, "gid": 0},
            "args": [_true()],
            "cwd": "/",
            "env": ["PATH=/bin"],
        },
        "root": {"path": "rootfs", "readonly": True},
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}, *binds],
        "linux": {"namespaces": [{"type": kind} for kind in kinds], **linux},
    }
