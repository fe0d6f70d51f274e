"""Engines: which answer, of which kind, and whether containers start. Docker is used before Podman, unless a setting says otherwise."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from envbuild import process
from envbuild.errors import EnvbuildError
from envbuild.ports import OpensBlobs
from envbuild.runners.engine import Engine, EngineKind, open_engine
from envbuild.runners.reach import reaches_loopback
from envbuild.runners.trial import try_podman
from envbuild.workspace.doctor.diagnosis import Ability, Check, Verdict
from envbuild.workspace.doctor.together import Task, together

__all__ = ["CONTAINERS", "WITHOUT_ENGINE", "docker_kind", "engine_checks", "judged"]

CONTAINERS = "containers"
WITHOUT_ENGINE = "images can be built, pushed and run directly (run --no-container)"
_TIME = 5.0
_REACH = 3.0
_BOUND = 11.0
_USABLE = (Verdict.OK, Verdict.WARNING)


def engine_checks(environ: Mapping[str, str], blobs: OpensBlobs | None, wanted: str = "") -> list[Check]:
    """Of each kind of engine; `wanted` is the one that the setting names, if any."""
    tasks = [
        Task(name="docker", topic=CONTAINERS, ask=lambda: [_docker(environ, blobs)]),
        Task(name="podman", topic=CONTAINERS, ask=lambda: [_podman(environ)]),
    ]
    return judged(together(tasks, _BOUND), wanted)


def judged(checks: Sequence[Check], wanted: str = "") -> list[Check]:
    """One engine is enough: that another one is not here is no fault, and the best that is broken is the one to mend."""
    used = next((c.name for c in checks if c.verdict in _USABLE and c.name == (wanted or c.name)), "")
    if used:
        return [_not_needed(c, used) for c in checks]
    stopped = [c for c in checks if not wanted or c.name == wanted]
    told = [replace(c, stops=(Ability.CONTAINERS,)) if c in stopped else c for c in checks]
    # Once is enough: below the last one.
    return [*told[:-1], replace(told[-1], without=WITHOUT_ENGINE)]


def _not_needed(check: Check, used: str) -> Check:
    """What another engine makes up for."""
    if check.verdict is Verdict.MISSING:
        return replace(check, verdict=Verdict.NONE, found=f"{check.found}; {used} is used", remedy="", without="")
    if check.verdict is Verdict.FAILING:
        return replace(check, verdict=Verdict.WARNING, without=f"{used} is used")
    return check


def docker_kind(info: Mapping[str, Any]) -> str:
    """The version and kind of an engine, by what it says about itself (Docker Engine API, /info)."""
    driver = str(info.get("Driver") or "an unknown driver")
    status = dict(pair for pair in info.get("DriverStatus") or () if isinstance(pair, list) and len(pair) == 2)
    content_store = "containerd" in str(status.get("driver-type", ""))
    kind = f"containerd image store ({driver})" if content_store else f"{driver} graph driver"
    security = info.get("SecurityOptions") or ()
    rootless = ", rootless" if any("name=rootless" in str(option) for option in security) else ""
    return f"{info.get('ServerVersion') or 'unknown version'}, {kind}{rootless}"


def _docker(environ: Mapping[str, str], blobs: OpensBlobs | None) -> Check:
    try:
        engine = open_engine(EngineKind.DOCKER, environ, _TIME)
    except EnvbuildError as error:
        return _absent("docker", error, environ)
    info = engine.info() or _info_of(engine)
    where = _where(engine)
    found = f"{docker_kind(info)}, at {where}"
    if engine.socket is None or blobs is None:
        way = "; images are loaded as archives, since it is not on a socket here"
    elif reaches_loopback(engine.socket, blobs, _REACH):
        way = "; pulls from this machine's loopback, so that loading is fast"
    else:
        way = "; does not reach this machine's loopback, so images are loaded as archives"
    return Check(name="docker", topic=CONTAINERS, verdict=Verdict.OK, found=found + way)


def _podman(environ: Mapping[str, str]) -> Check:
    try:
        engine = open_engine(EngineKind.PODMAN, environ, _TIME)
    except EnvbuildError as error:
        return _absent("podman", error, environ)
    version = _version(engine.program, environ)
    why_not = try_podman(engine, _TIME)
    if not why_not:
        return Check(name="podman", topic=CONTAINERS, verdict=Verdict.OK, found=f"{version}; a container was started")
    remedy = "see its log: podman run --rm IMAGE true"
    if "rlimit" in why_not.lower():
        remedy = (
            'allow less in containers.conf, [containers]: default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]'
        )
    elif "cgroup" in why_not.lower():
        remedy = 'name the other runtime in containers.conf, [engine]: runtime = "runc" (or "crun")'
    found = f"{version}; starts no container: {why_not}"
    return Check(name="podman", topic=CONTAINERS, verdict=Verdict.FAILING, found=found, remedy=remedy)


def _absent(name: str, error: EnvbuildError, environ: Mapping[str, str]) -> Check:
    """What is not installed or not started is missing; what is there and refuses is failing."""
    what, place = error.what, f" ({error.at})" if error.at else ""
    if "not installed" in what:
        return Check(
            name=name, topic=CONTAINERS, verdict=Verdict.MISSING, found="not installed", remedy=f"install {name}"
        )
    if "may not be used" in what:
        return Check(
            name=name, topic=CONTAINERS, verdict=Verdict.FAILING, found=f"{what}{place}",
            remedy="join its group, then log in anew: sudo usermod -aG docker $USER",
        )  # fmt: skip
    if "no docker engine runs" in what:
        chosen = "; DOCKER_HOST names it" if environ.get("DOCKER_HOST") else ""
        return Check(
            name=name, topic=CONTAINERS, verdict=Verdict.MISSING, found=f"the client is here, and no engine runs{place}{chosen}",
            remedy="start it: sudo systemctl start docker; one elsewhere: docker context use NAME, or DOCKER_HOST",
        )  # fmt: skip
    return Check(
        name=name, topic=CONTAINERS, verdict=Verdict.FAILING, found=f"{what}{place}", remedy=f"try it: {name} info"
    )


def _where(engine: Engine) -> str:
    """The engine's address, and the context that named it."""
    host = engine.environ.get("DOCKER_HOST", "")
    if host:
        return f"{host} (DOCKER_HOST)"
    done = process.run(
        engine.argv("context", "inspect", "--format", "{{.Name}} {{.Endpoints.docker.Host}}"),
        env=engine.environ,
        timeout=_TIME,
    )
    name, _, address = done.stdout.decode(errors="replace").strip().partition(" ")
    if done.code == 0 and address:
        return f"{address} (context {name})"
    return f"unix://{engine.socket}" if engine.socket else "the client's context"


def _info_of(engine: Engine) -> Mapping[str, Any]:
    done = process.run(engine.argv("info", "--format", "{{json .}}"), env=engine.environ, timeout=_TIME)
    try:
        found = json.loads(done.stdout)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _version(program: str, environ: Mapping[str, str]) -> str:
    done = process.run((program, "--version"), env=environ, timeout=_TIME)
    found = re.search(r"\d+\.\d[\w.+~-]*", done.stdout.decode(errors="replace"))
    return found[0] if found else "unknown version"
