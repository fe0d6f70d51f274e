"""A command in a container: the folder live, the caller's uid, stdin, terminal and signals passed on, and nothing left behind."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from envbuild import process
from envbuild.errors import EngineFault
from envbuild.filelock import locked
from envbuild.filemodes import new_folder
from envbuild.host import User, is_terminal
from envbuild.http.stepnetwork import NO_NETWORK, StepNetwork
from envbuild.oci import Image
from envbuild.ports import OpensBlobs
from envbuild.runners.accounts import HOME, accounts_of, with_caller
from envbuild.runners.command import Command, CommandKind, Outcome
from envbuild.runners.engine import Engine, EngineKind
from envbuild.runners.mounts import Mount, mounts_for

__all__ = ["Place", "bytecode_of", "run_in_container", "scratch_of"]

_PYTHON = "/opt/env/bin/python"
_BYTECODE = "/var/cache/envbuild/bytecode"
_NOT_STARTED = (125, 126, 127)
_INITS = ("catatonit", "docker-init", "tini", "dumb-init")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a run stands on this machine: the caller and their folder (absolute, without links).

    `state` is a folder of ours, for bytecode and for what lasts as long as the run. `network` is what the program is told
    of the network, but for what the image's own `variables` say. `entry`: words before the command's own, of a program of the
    image that starts it.
    """

    caller: User
    folder: Path
    state: Path
    network: StepNetwork = NO_NETWORK
    variables: Mapping[str, str] = field(default_factory=dict)
    entry: tuple[str, ...] = ()


def run_in_container(
    engine: Engine, reference: str, image: Image, blobs: OpensBlobs, command: Command, place: Place
) -> Outcome:
    """Run a command in the image that the engine has under `reference`, attached to our terminal.

    EnvironmentFault where the engine cannot start it, so that its failures never look like the program's.
    """
    mounts = [*mounts_for(place.folder, command), *_authorities(place.network)]
    secrets = place.network.proxy_variables(place.variables)
    words = (*place.entry, *command.argv(_PYTHON))
    with scratch_of(place.state) as scratch:
        identity, account_files = _identity(engine, image, blobs, place.caller, scratch)
        bytecode = bytecode_of(place.state, image)
        cid = scratch / "cid"
        options = [
            *("run", "--rm", "--pull=never", f"--cidfile={cid}", "--security-opt=label=disable"),
            *_streams(),
            *_init(engine),
            *identity,
            *_mount_options([*mounts, *account_files, Mount(str(bytecode), _BYTECODE, writable=True)]),
            f"--workdir={place.folder}",
            "--env=PYTHONUNBUFFERED=1",
            f"--env=PYTHONPYCACHEPREFIX={_BYTECODE}",
            *_network_options(engine, place, secrets),
            f"--entrypoint={words[0]}",
        ]
        client = replace(engine, environ={**engine.environ, **secrets})
        return _outcome(client, engine.argv(*options, reference, *words[1:]), cid, command)


def _network_options(engine: Engine, place: Place, secrets: Mapping[str, str]) -> list[str]:
    """Proxies by name alone: the client takes their values, which may have logins in them, from its environment."""
    trust = place.network.trust_variables(place.variables, place.network.place)
    # Podman hands on the variables of its own environment otherwise, a proxy on this machine's loopback too.
    own = ["--http-proxy=false"] if engine.kind is EngineKind.PODMAN else []
    return [*own, *(f"--env={name}" for name in secrets), *(f"--env={name}={value}" for name, value in trust.items())]


def _authorities(network: StepNetwork) -> list[Mount]:
    return [Mount(str(network.ca_bundle), network.place)] if network.ca_bundle else []


def _outcome(engine: Engine, argv: Sequence[str], cid: Path, command: Command) -> Outcome:
    ended = False
    try:
        code = process.attached(argv, env=engine.environ)
        # A client whose output was closed ends on its own, and says so only by its code.
        ended = code == 0
    finally:
        if not ended:
            _remove(engine, cid)
    if code not in _NOT_STARTED or _started(engine, cid):
        return Outcome(code)
    if code == _NOT_STARTED[0] or command.kind is not CommandKind.RAW:
        raise EngineFault(
            f"{engine.kind.value} could not start the container; it said why above",
            hint="run --no-container does without an engine",
        )
    return Outcome(code, started=False)


def _remove(engine: Engine, cid: Path) -> None:
    """No container outlives its client, whatever ended that."""
    if container := _id(cid):
        engine.run("rm", "--force", "--volumes", container)


def _started(engine: Engine, cid: Path) -> bool:
    """Whether the program in the container ever began: the engine's own record says so, since the container is gone."""
    container = _id(cid)
    if not container:
        return False
    filters = ("--filter", f"container={container}", "--filter", "event=create", "--filter", "event=start")
    upto = "--stream=false" if engine.kind is EngineKind.PODMAN else f"--until={_engine_time(engine)}"
    answer = engine.run("events", "--since=0", upto, *filters, "--format={{.Status}}")
    seen = answer.stdout.decode(errors="replace").split()
    # Only a record that has the container and no start of it is proof; else a code is taken for the program's own.
    return answer.code != 0 or "start" in seen or "create" not in seen


def _engine_time(engine: Engine) -> str:
    """The engine's own clock: it may run on another machine."""
    return engine.run("info", "--format={{.SystemTime}}").stdout.decode(errors="replace").strip()


def _id(cid: Path) -> str:
    try:
        return cid.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def _streams() -> list[str]:
    """Stdin where there is one, a terminal where all three are one: it would mix stderr into stdout otherwise."""
    try:
        os.fstat(0)
    except OSError:
        return []
    if all(is_terminal(descriptor) for descriptor in (0, 1, 2)):
        return ["--interactive", "--tty", *(["--env=TERM"] if "TERM" in os.environ else [])]
    return ["--interactive"]


def _init(engine: Engine) -> list[str]:
    """A first process that passes signals on and collects orphans: Python itself, as process 1, would ignore SIGTERM."""
    if engine.kind is EngineKind.DOCKER:
        return ["--init"]
    found = next((path for name in _INITS if (path := process.which(name))), None)
    return ["--init", f"--init-path={found}"] if found else []


def _identity(
    engine: Engine, image: Image, blobs: OpensBlobs, caller: User, scratch: Path
) -> tuple[list[str], list[Mount]]:
    """Options that make the container's user the caller, and the files in which it has a name."""
    security = engine.info().get("SecurityOptions") or ()
    if caller.uid == 0 or any("name=rootless" in option for option in security):
        # Root of a rootless engine is the caller.
        return ["--user=0:0"], []
    options = [f"--user={caller.uid}:{caller.gid}", f"--env=HOME={HOME}"]
    if any("name=userns" in option for option in security):
        options.append("--userns=host")
    elif engine.kind is EngineKind.PODMAN and os.geteuid() != 0:
        options.append("--userns=keep-id")
    accounts = with_caller(accounts_of(image, blobs), caller)
    mounts = []
    for name, text in (("passwd", accounts.passwd), ("group", accounts.group)):
        file = scratch / name
        file.write_text(text, encoding="utf-8", errors="surrogateescape")
        file.chmod(0o644)
        mounts.append(Mount(str(file), f"/etc/{name}"))
    return options, mounts


def _mount_options(mounts: Sequence[Mount]) -> list[str]:
    return [word for mount in mounts for word in ("--mount", mount.option())]


def bytecode_of(state: Path, image: Image) -> Path:
    """The image's bytecode cache. Whoever the container's user is may write it; only the store's owners get as far as its folder."""
    folder = state / "bytecode.v1" / image.config_digest.hex
    new_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    if folder.stat().st_mode & 0o777 != 0o777:
        folder.chmod(0o777)
    # The time of the last use, by which `cache prune` goes.
    with suppress(OSError):
        os.utime(folder)
    return folder


@contextmanager
def scratch_of(state: Path) -> Iterator[Path]:
    """A folder for what lasts as long as one run."""
    folder = state / "runs.v1"
    new_folder(folder)
    scratch = Path(tempfile.mkdtemp(dir=folder))
    try:
        # Held, so that `cache prune` knows the folders of runs that are over.
        with locked(scratch / "lock", what="this run"):
            yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
