"""envbuild beside `docker buildx build` with uv and with pip: from a hashed list to an image in a registry.

    python benchmarks/peers [--large] [--rounds N] [--engine NAME]

One run measures all sides in turns and prints a table, with ratios and the machine. No side resolves anything and none uses
the network: packages are on disk (envbuild's in its store; the others' in a folder that is mounted into the build, and in
the cache mount of uv). The base is the same image, in the registry, the engine and the store before the clock starts.

  cold             nothing of the image is built, and the registry holds the base alone
  nothing changed  the same command again
  one package      the list with an older version of one small package

`--no-compile` (pip's) and uv's usual way put no bytecode into the image, as envbuild; `--compile-bytecode` and pip's usual
way do.

The engine is the one of DOCKER_HOST, else NAME of those that `python tests/services/services.py up` starts: `docker`
(overlay2) or `containerd`. The registry is docker-registry, which the benchmark starts on loopback.
With --large the list is torch with CUDA and transformers (3 GB), for which one round takes a quarter of an hour; PIP_FIND_LINKS
may name a folder that has the wheels.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from lists import ENVBUILD, Packages, envbuild, locked, wheels_of, with_other
from registry import Registry
from sides import Buildx, Envbuild, Side, clean, timed

LISTS = {False: (("numpy", "pandas", "scikit-learn"), "threadpoolctl"), True: (("torch", "transformers"), "packaging")}
CASES = ("cold", "nothing changed", "one package")
GOALS = {
    "cold": "6 times faster than with uv",
    "nothing changed": "under 0.12 s, and faster than buildx",
    "one package": "20 times faster than with uv",
}
Times = dict[tuple[str, str], list[float]]


def engine_host(name: str) -> str:
    if host := os.environ.get("DOCKER_HOST"):
        return host
    place = os.environ.get("ENVBUILD_TEST_SERVICES") or Path(tempfile.gettempdir()) / f"envbuild-services-{os.getuid()}"
    try:
        engines = json.loads((Path(place) / "state.json").read_bytes())["engines"]
        return f"unix://{engines[name]['socket']}"
    except (OSError, KeyError):
        return "unix:///var/run/docker.sock"


def prepared(folder: Path, large: bool, ours: Envbuild, env: Mapping[str, str], registry: Registry) -> list[Packages]:
    """The base in the registry, the engine and the store; both lists locked; all wheels on disk."""
    registry.fresh()
    base = folder / "base"
    base.mkdir()
    (base / "requirements.txt").write_text("pip\n")
    envbuild(env, "build", str(base / "requirements.txt"), "--quiet", "--to", f"{registry.host}/base:1")
    registry.keep()
    ours.keep()
    timed(["docker", "pull", "--quiet", f"{registry.host}/base:1"], env)
    wanted, changed = LISTS[large]
    first = locked("\n".join(wanted) + "\n", "first", folder, env)
    second = locked(with_other(first, changed), "second", folder, env)
    for name in ("wheels", "tools"):
        (folder / name).mkdir()
    for packages in (first, second):
        envbuild(env, "build", str(packages.spec), "--locked", "--quiet", "--to", "store")
        (lock,) = packages.spec.parent.glob("*.lock")
        wheels_of(lock, ours.blobs, folder / "wheels")
    shutil.copy2(Path(ENVBUILD).with_name("uv"), folder / "tools" / "uv")
    return [first, second]


def measured(sides: Sequence[Side], lists: Sequence[Packages], registry: Registry, rounds: int) -> Times:
    """Seconds by case and side."""
    times: Times = {}
    first, second = lists
    for number in range(rounds):
        turn = number % len(sides)
        for side in [*sides[turn:], *sides[:turn]]:
            registry.fresh()
            side.forget()
            repository = f"round-{number}"
            told = {"cold": [side.push(first, repository)]}
            told["nothing changed"] = [side.push(first, repository) for _ in range(3)]
            if not registry.has(repository, "1"):
                raise SystemExit(f"{side.name}: nothing is in the registry")
            told["one package"] = [side.push(second, repository)]
            for case, seconds in told.items():
                times.setdefault((case, side.name), []).extend(seconds)
                print(
                    f"  round {number + 1}, {side.name}, {case}: {', '.join(f'{s:.2f}' for s in seconds)} s", flush=True
                )
    return times


def table(times: Times, sides: Sequence[Side]) -> None:
    ours = sides[0].name
    print("\n| | " + " | ".join(side.name for side in sides) + " |")
    print("|---" * (len(sides) + 1) + "|")
    for case in CASES:
        medians = [statistics.median(times[case, side.name]) for side in sides]
        shown = [f"{seconds:.1f} s" if seconds >= 10 else f"{seconds:.2f} s" for seconds in medians]
        ratios = [f", {seconds / medians[0]:.1f} x" for seconds in medians]
        print(f"| {case} | " + " | ".join(a + b for a, b in zip(shown, ["", *ratios[1:]], strict=True)) + " |")
    best = {case: min(times[case, ours]) for case in CASES}
    print(f"\n{ours} at best: " + ", ".join(f"{case} {seconds:.3f} s" for case, seconds in best.items()))
    print("Goals: " + "; ".join(f"{case}: {goal}" for case, goal in GOALS.items()))


def machine(env: Mapping[str, str]) -> str:
    def said(*command: str) -> str:
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False).stdout.strip()

    models = [
        line.partition(": ")[2] for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line
    ]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    engine = said("docker", "version", "--format", "{{.Server.Version}}")
    driver = said("docker", "info", "--format", "{{.Driver}}")
    buildx = said("docker", "buildx", "version").split()[1]
    uv = said(str(Path(ENVBUILD).with_name("uv")), "--version")
    registry = said("docker-registry", "--version").split()[-1]
    return (
        f"{os.cpu_count()} cores ({models[0] if models else platform.machine()}), {memory:.0f} GiB, Linux {platform.release()}; "
        f"Docker {engine} ({driver}), buildx {buildx}, {uv}, registry {registry}, Python {platform.python_version()}; "
        f"load {os.getloadavg()[0]:.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--engine", default="docker")
    parser.add_argument("--only", default="", help="buildx's sides whose name has this word")
    given = parser.parse_args()
    rounds = given.rounds or (1 if given.large else 2)
    with tempfile.TemporaryDirectory(prefix="envbuild-peers-") as temporary:
        folder = Path(temporary)
        home = folder / "home"
        env = {
            **os.environ,
            "ENVBUILD_HOME": str(home),
            "ENVBUILD_DROP_PACKAGES": "off",
            "DOCKER_HOST": engine_host(given.engine),
        }
        registry = Registry(folder)
        try:
            ours = Envbuild(env, home, registry.host)
            first, second = prepared(folder, given.large, ours, env, registry)
            ways = [("uv", ""), ("uv", "--compile-bytecode"), ("pip", "--no-compile"), ("pip", "")]
            peers = [Buildx(installer, flags, folder, env, registry.host) for installer, flags in ways]
            peers = [peer for peer in peers if given.only in peer.name]
            sides: list[Side] = [ours, *peers]
            print(machine(env))
            print(", ".join(f"{name} {pin}" for name, pin in first.pins.items()))
            for installer in ("uv", "pip"):  # the cache mount, and what the engine keeps of the contexts
                for peer in [peer for peer in peers if peer.installer == installer][:1]:
                    peer.warm(first)
                    peer.warm(second)
            times = measured(sides, (first, second), registry, rounds)
            table(times, sides)
            print(f"load {os.getloadavg()[0]:.1f} at the end; medians of {rounds} rounds, in turns")
        finally:
            registry.stop()
            clean(env, registry.host)


if __name__ == "__main__":
    main()
