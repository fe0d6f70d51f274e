"""Docker engines of the tests' own: each with its own socket, data, bridge and containerd namespace, beside any other engine.

Two kinds, since they read and build images differently: `docker` keeps images in the overlay2 graph driver, `containerd` in
containerd's image store.
"""

import http.client
import json
import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

from processes import Process, wait_until

SECONDS_TO_START = 60.0
MOST_BRIDGES = 16


@dataclass(frozen=True, slots=True)
class Engine:
    """How one kind of engine is set up."""

    name: str
    settings: dict[str, object]


# Only one engine may write packet filter rules: a second one would flush the first one's.
ENGINES = (
    Engine("docker", {"storage-driver": "overlay2"}),
    Engine("containerd", {"features": {"containerd-snapshotter": True}, "iptables": False}),
)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=5)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def answers(path: Path) -> bool:
    """Whether an engine answers on a socket."""
    connection = _UnixConnection(str(path))
    try:
        connection.request("GET", "/_ping")
        return connection.getresponse().status == http.client.OK
    except OSError:
        return False
    finally:
        connection.close()


def start(engine: Engine, folder: Path) -> dict[str, object]:
    """Start an engine in a folder and wait until it answers; what the state file keeps of it. RuntimeError with its last words."""
    folder.mkdir(parents=True, exist_ok=True)
    endpoint = folder / "docker.sock"
    forwarding = _forwarding()
    bridge = _bridge()
    settings = {
        "hosts": [f"unix://{endpoint}"],
        "data-root": str(folder / "data"),
        "exec-root": str(folder / "exec"),
        "pidfile": str(folder / "pid"),
        "bridge": bridge,
        # A containerd of the machine's may be used by an engine of its own.
        "containerd-namespace": f"{bridge}-{engine.name}",
        "containerd-plugins-namespace": f"{bridge}-{engine.name}-plugins",
        **engine.settings,
    }
    (folder / "daemon.json").write_text(json.dumps(settings, indent=1), encoding="utf-8")
    log = folder / "log"
    process = Process.start(["dockerd", "--config-file", str(folder / "daemon.json")], log)
    wait_until(lambda: answers(endpoint) or not process.alive, SECONDS_TO_START)
    state = {"socket": str(endpoint), "process": process.to_json(), "bridge": bridge, "forwarding": forwarding}
    if not (process.alive and answers(endpoint)):
        words = " | ".join(log.read_text(errors="replace").splitlines()[-3:])
        stop(state, folder)
        raise RuntimeError(f"dockerd ({engine.name}) did not start: {words}")
    return state


def stop(state: dict[str, object], folder: Path) -> None:
    """Stop an engine that `start` started, and take away its bridge, its packet filter rules, its mounts and its data."""
    record = state["process"]
    assert isinstance(record, dict)
    Process(**record).stop()
    bridge = str(state["bridge"])
    subprocess.run(["ip", "link", "delete", bridge], check=False, stderr=subprocess.DEVNULL)
    for table in ("filter", "nat"):
        for rule in _iptables("-t", table, "-S"):
            if rule.startswith("-A ") and bridge in rule.split():
                _iptables("-t", table, "-D", *rule.split()[1:])
    _iptables("-P", "FORWARD", str(state["forwarding"]))
    remove_tree(folder)


def remove_tree(folder: Path) -> None:
    """Take away a folder and what is still mounted in it."""
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    for place in sorted(mounts, reverse=True):
        if Path(place).is_relative_to(folder):
            subprocess.run(["umount", "-l", place], check=False)
    shutil.rmtree(folder, ignore_errors=True)


def _iptables(*words: str) -> list[str]:
    done = subprocess.run(["iptables", "-w", *words], check=False, capture_output=True, text=True)
    return done.stdout.splitlines()


def _forwarding() -> str:
    """What happens to forwarded packets now: an engine sets it to DROP and leaves it so."""
    return next((rule.split()[2] for rule in _iptables("-S", "FORWARD") if rule.startswith("-P")), "ACCEPT")


def _bridge() -> str:
    """Make a bridge with the first name that is free, and a network that goes with it."""
    for number in range(MOST_BRIDGES):
        name = f"envbuild{number}"
        if subprocess.run(["ip", "link", "add", name, "type", "bridge"], check=False, capture_output=True).returncode:
            continue
        network = f"192.168.{231 + number}.1/24"
        subprocess.run(["ip", "address", "add", network, "dev", name], check=True)
        subprocess.run(["ip", "link", "set", name, "up"], check=True)
        return name
    raise RuntimeError("no bridge can be made (ip link add NAME type bridge)")
