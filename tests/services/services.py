"""The real components that the tests use: `python tests/services/services.py up | down | status | run -- COMMAND`.

`up` installs what is missing (Debian, as root), starts the engines and writes state.json; it can be said again, and then only
starts what does not run. `down` stops what `up` started, and nothing else. `run` is both, around a command: services that ran
before stay. The state is in the folder that ENVBUILD_TEST_SERVICES names, else in the system's folder for temporary files.
"""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import debian_packages
import engines
import foreign_python
import podman_settings
from processes import Process

VARIABLE = "ENVBUILD_TEST_SERVICES"
NEEDED_BY_ENGINES = {"docker", "runc", "iptables"}


def folder() -> Path:
    """Where the state is."""
    named = os.environ.get(VARIABLE)
    place = Path(named) if named else Path(tempfile.gettempdir()) / f"envbuild-services-{os.getuid()}"
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return place.resolve()


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    with (place.parent / f"{place.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def read(place: Path) -> dict[str, Any]:
    """What is known to have been started; empty at first."""
    try:
        state: dict[str, Any] = json.loads((place / "state.json").read_bytes())
    except FileNotFoundError:
        return {"engines": {}, "podman": {}, "aarch64": {}, "missing": {}}
    return state


def _write(place: Path, state: dict[str, Any]) -> None:
    temporary = place / "state.json.new"
    temporary.write_text(json.dumps(state, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    temporary.replace(place / "state.json")


def runs(engine: dict[str, Any]) -> bool:
    """Whether an engine of the state file is there."""
    return Process(**engine["process"]).alive and engines.answers(Path(engine["socket"]))


def up(place: Path) -> list[str]:
    """Install and start; the names of the engines that this call started."""
    debian_packages.install(place)
    state = read(place)
    state["missing"] = {c.name: ", ".join(c.missing) for c in debian_packages.COMPONENTS if c.missing}
    started = []
    for engine in engines.ENGINES:
        known = state["engines"].get(engine.name)
        if known and runs(known):
            continue
        if known:
            engines.stop(known, place / engine.name)
            del state["engines"][engine.name]
        try:
            _may_start(state["missing"])
            state["engines"][engine.name] = engines.start(engine, place / engine.name)
            started.append(engine.name)
        except RuntimeError as fault:
            state["missing"][f"engine {engine.name}"] = str(fault)
        _write(place, state)
    try:
        state["aarch64"] = foreign_python.make(place / "aarch64")
    except RuntimeError as fault:
        state["missing"]["aarch64 python"] = str(fault)
    if "podman" not in state["missing"]:
        state["podman"] = podman_settings.write(place / "podman")
    _write(place, state)
    return started


def _may_start(missing: dict[str, str]) -> None:
    if lacking := sorted(NEEDED_BY_ENGINES & missing.keys()):
        raise RuntimeError(f"not installed: {', '.join(lacking)}")
    if os.geteuid():
        raise RuntimeError("starting an engine needs root")


def down(place: Path) -> None:
    """Stop what `up` started, and take away its data."""
    state = read(place)
    for name, engine in state["engines"].items():
        engines.stop(engine, place / name)
    if state["podman"] and shutil.which("podman"):
        everything = ["podman", "rm", "--all", "--force"]
        subprocess.run(everything, env={**os.environ, **state["podman"]}, check=False, capture_output=True)
    engines.remove_tree(place / "podman")
    shutil.rmtree(place, ignore_errors=True)


def status(place: Path) -> str:
    """One line for each component, for people."""
    state = read(place)
    lines = [f"{name}: DOCKER_HOST=unix://{e['socket']}" for name, e in state["engines"].items() if runs(e)]
    lines += ["podman: " + " ".join(f"{k}={v}" for k, v in sorted(state["podman"].items()))] if state["podman"] else []
    lines += [f"missing: {name} ({what})" for name, what in sorted(state["missing"].items())]
    return "\n".join(lines)


def run(place: Path, command: Sequence[str]) -> int:
    """Bring everything up, run a command, stop what was started for it; the command's exit code."""
    # Ctrl-C reaches the command too; this program stays to clean up.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    started: list[str] = []
    try:
        with _alone(place):
            started = up(place)
        sys.stderr.write(status(place) + "\n")
        return subprocess.run(command, env={**os.environ, VARIABLE: str(place)}, check=False).returncode
    except KeyboardInterrupt:
        return 130
    finally:
        if started:
            with _alone(place):
                down(place)


def main(words: Sequence[str]) -> int:
    """The program."""
    place = folder()
    match words:
        case ["up"]:
            with _alone(place):
                up(place)
            sys.stdout.write(status(place) + "\n")
        case ["down"]:
            with _alone(place):
                down(place)
        case ["status"]:
            sys.stdout.write(status(place) + "\n")
        case ["run", "--", *command] if command:
            return run(place, command)
        case _:
            sys.stderr.write(str(__doc__))
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
