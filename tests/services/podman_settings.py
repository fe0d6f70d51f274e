"""Settings that let Podman run containers on machines with few rights, with a storage of the tests' own."""

from pathlib import Path

# crun refuses a hybrid cgroup layout; runc takes it. Rlimits above the machine's own cannot be set.
CONTAINERS = """\
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"""


def write(folder: Path) -> dict[str, str]:
    """Write them; the environment that makes Podman use them."""
    folder.mkdir(parents=True, exist_ok=True)
    containers, storage = folder / "containers.conf", folder / "storage.conf"
    containers.write_text(CONTAINERS, encoding="utf-8")
    storage.write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{folder / "graph"}"\nrunroot = "{folder / "run"}"\n',
        encoding="utf-8",
    )
    return {"CONTAINERS_CONF": str(containers), "CONTAINERS_STORAGE_CONF": str(storage)}
