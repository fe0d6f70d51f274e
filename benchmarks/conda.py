"""How fast conda packages become locks, layers and pushed images, beside the least that the work can cost and beside rattler.

    python benchmarks/conda.py [--rounds N] [--engine NAME]

The packages are those of the tests' own channel (python, numpy, pandas, scikit-learn and what they need, made from this
machine's interpreter and from wheels), served on loopback. All sides take turns, and the median counts.

  layers    every package made a layer, on two threads. The floor: the payload decompressed by zstandard, hashed twice by
            sha256 (once for the layer, once for the file), compressed once by zlib-ng at the encoder's level in whole
            blocks, and that hashed, each package as one piece of work. Goal: 60 % of the floor.
  lock      `envbuild lock` of examples/forecast as a process: with an empty store, and again without the lock. Beside it, a
            process that loads rattler and solves the same conda packages.
  change    one small package has another version, nothing is solved. Ours: `envbuild build --locked` into a registry that
            has the image of before. The peer: `rattler.install` into the prefix of before, and `docker buildx build --push`
            of a Dockerfile that copies the prefix. The peer's image has no base. Goal: 5 times faster.

The last needs docker, and docker-registry, which it starts on loopback. The engine is the one of DOCKER_HOST, else NAME of
those that `python tests/services/services.py up` starts; without one it is left out.
"""

import argparse
import asyncio
import hashlib
import io
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import rattler
import zstandard
from zlib_ng import zlib_ng

from envbuild.digest import Digest
from envbuild.layers.conda.condalayer import layer_of_conda
from envbuild.layers.conda.place import CondaPlace
from envbuild.layers.encoder import ENCODER

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "benchmarks" / "peers")]

from condachannel import changed_channel, serve  # noqa: E402  # beside the tests
from condachannel.cpython import MINOR  # noqa: E402
from condachannel.forge import forge, show_prefix_package  # noqa: E402
from registry import Registry  # noqa: E402
from sides import MARK, timed  # noqa: E402

THREADS = 2
ID = Digest("0" * 64)
PLACE = CondaPlace(prefix="/opt/env", python=MINOR, site_packages=f"lib/python{MINOR}/site-packages")
PIECE = 1 << 18
NAMES = ("numpy", "pandas", "scikit-learn")
SOLVE = """
import asyncio, os, sys, rattler
from rattler.package.build_string import BuildString
glibc = rattler.GenericVirtualPackage(rattler.PackageName("__glibc"), rattler.Version("2.36"), BuildString("0"))
specs = [rattler.MatchSpec(word) for word in sys.argv[2:]]
gateway = rattler.Gateway(cache_dir=None)
platforms = ["linux-64", "noarch"]
solved = rattler.solve([sys.argv[1]], specs=specs, platforms=platforms, gateway=gateway, virtual_packages=[glibc])
assert asyncio.run(solved)
# A thread of rattler's that still lives when Python ends can abort the process (seen with py-rattler 0.28).
os._exit(0)
"""
Seconds = dict[str, list[float]]


def ours(path: Path, out: Path) -> int:
    place = CondaPlace(prefix=PLACE.prefix) if path.parent.name != "noarch" else PLACE
    with path.open("rb") as stream, (out / path.name).open("wb") as sink:
        segment = layer_of_conda(stream, sink.write, layer_id=ID, file=path.name, place=place)
    return sum(member.size for member in segment.table.members)


def floor(path: Path, out: Path) -> int:
    with zipfile.ZipFile(path) as archive:
        payload = archive.read(f"pkg-{path.stem}.tar.zst")
    encoder = zlib_ng.compressobj(ENCODER[2], zlib_ng.DEFLATED, -15)
    hashes = [hashlib.sha256() for _ in range(3)]
    total = 0
    with (
        zstandard.ZstdDecompressor().stream_reader(io.BytesIO(payload)) as reader,
        (out / path.name).open("wb") as sink,
    ):
        while piece := reader.read(PIECE):
            total += len(piece)
            hashes[0].update(piece)
            hashes[1].update(piece)
            packed = encoder.compress(piece)
            hashes[2].update(packed)
            sink.write(packed)
        sink.write(encoder.flush())
    return total


def all_layers(work: Callable[[Path, Path], int], packages: Sequence[Path], out: Path) -> tuple[float, int]:
    start = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        total = sum(pool.map(lambda path: work(path, out), packages))
    return time.perf_counter() - start, total


def layers(channel: Path, out: Path, rounds: int) -> None:
    packages = sorted(channel.glob("*/*.conda"), key=lambda path: -path.stat().st_size)
    ways = {"floor": floor, "ours": ours}
    seconds: Seconds = {way: [] for way in ways}
    raw = 0
    for _ in range(rounds):
        for way, work in ways.items():
            took, total = all_layers(work, packages, out)
            seconds[way].append(took)
            raw = max(raw, total)
    packed = sum(path.stat().st_size for path in packages)
    print(f"layers: {len(packages)} packages, {packed / 1e6:.0f} MB, {raw / 1e6:.0f} MB unpacked, {THREADS} threads")
    middle = report(seconds, raw)
    print(f"  of the floor: {middle['floor'] / middle['ours']:.0%} (goal 60 %)")


def report(seconds: Seconds, raw: int = 0) -> dict[str, float]:
    middle = {way: statistics.median(rounds) for way, rounds in seconds.items()}
    for way, rounds in seconds.items():
        speed = f" {raw / middle[way] / 1e6:6.0f} MB/s" if raw else ""
        print(f"  {way:28} {middle[way]:8.3f} s, best {min(rounds):8.3f}{speed}")
    return middle


def lock(env: Mapping[str, str], channel: Path, folder: Path, rounds: int) -> None:
    text = (ROOT / "examples" / "forecast" / "environment.yml").read_text().replace("python=3.11", f"python={MINOR}")
    seconds: Seconds = {"empty store": [], "again, without the lock": [], "rattler's solving alone": []}
    conda = [line.strip(" -") for line in text.partition("dependencies:")[2].splitlines() if line.startswith("  - ")]
    for number in range(rounds):
        place = folder / f"lock-{number}"
        place.mkdir()
        (place / "environment.yml").write_text(text)
        command = [sys.executable, "-m", "envbuild", "lock", "--quiet", str(place / "environment.yml")]
        own = {**env, "ENVBUILD_HOME": str(place / "home")}
        seconds["empty store"].append(timed(command, own))
        (place / "environment.envbuild.lock").unlink()
        seconds["again, without the lock"].append(timed(command, own))
        words = [sys.executable, "-c", SOLVE, channel.as_uri(), *(word for word in conda if not word.endswith(":"))]
        seconds["rattler's solving alone"].append(timed(words, env))
        shutil.rmtree(place)
    print("lock: examples/forecast, from the channel, Debian's mirror and the package index")
    report(seconds)


class Ours:
    """envbuild over a store that has the image of before."""

    name = "envbuild"

    def __init__(self, env: Mapping[str, str], folder: Path, host: str) -> None:
        self._env = {**env, "ENVBUILD_HOME": str(folder / "home")}
        self._locking = {**env, "ENVBUILD_HOME": str(folder / "locking")}
        self._folder, self._host = folder, host

    def prepare(self, version: str) -> None:
        """The definition and its lock, made in another store, so that this one has nothing of it."""
        spec = self._spec(version)
        spec.parent.mkdir()
        lines = "".join(f"  - {name}\n" for name in (f"python={MINOR}", *NAMES, f"show-prefix={version}"))
        spec.write_text(f"name: changing\nchannels: [conda-forge]\ndependencies:\n{lines}")
        timed([sys.executable, "-m", "envbuild", "lock", "--quiet", str(spec)], self._locking)

    def push(self, version: str) -> float:
        options = ["--locked", "--quiet", "--to", f"{self._host}/ours:1"]
        return timed([sys.executable, "-m", "envbuild", "build", str(self._spec(version)), *options], self._env)

    def _spec(self, version: str) -> Path:
        return self._folder / version / "environment.yml"


class Peer:
    """`rattler.install` into a prefix, and a Dockerfile that copies it."""

    name = "rattler.install, COPY"

    def __init__(self, env: Mapping[str, str], folder: Path, host: str, url: str) -> None:
        self._env, self._host, self._url = env, host, url
        self._context, self._cache = folder / "context", folder / "packages"
        self._context.mkdir()
        (self._context / "Dockerfile").write_text(f"FROM scratch\nLABEL made-by={MARK}\nCOPY env /opt/env\n")
        self._records: dict[str, list[rattler.RepoDataRecord]] = {}

    def prepare(self, version: str) -> None:
        """Its solution."""
        specs = [rattler.MatchSpec(word) for word in (f"python={MINOR}", *NAMES, f"show-prefix={version}")]
        build = rattler.package.build_string.BuildString("0")
        glibc = rattler.GenericVirtualPackage(rattler.PackageName("__glibc"), rattler.Version("2.36"), build)
        solving = rattler.solve(
            [self._url],
            specs=specs,
            platforms=["linux-64", "noarch"],
            gateway=rattler.Gateway(cache_dir=None),
            virtual_packages=[glibc],
        )
        self._records[version] = asyncio.run(_awaited(solving))

    def push(self, version: str) -> float:
        os.sync()
        start = time.perf_counter()
        prefix = self._context / "env"
        installing = rattler.install(self._records[version], prefix, cache_dir=self._cache, show_progress=False)
        asyncio.run(_awaited(installing))
        installed = time.perf_counter() - start
        options = ["--push", "--provenance=false", "-t", f"{self._host}/peer:1"]
        return installed + timed(["docker", "buildx", "build", *options, str(self._context)], self._env)


async def _awaited(work):
    return await work


def change(env: Mapping[str, str], url: str, folder: Path, versions: Sequence[str]) -> None:
    registry = Registry(folder)
    registry.fresh()
    try:
        sides: list[Ours | Peer] = [Ours(env, folder, registry.host), Peer(env, folder, registry.host, url)]
        for side in sides:
            for version in versions:
                side.prepare(version)
            side.push(versions[0])
        seconds: Seconds = {side.name: [] for side in sides}
        for version in versions[1:]:
            for side in sides:
                seconds[side.name].append(side.push(version))
    finally:
        registry.stop()
        image = [f"{registry.host}/peer:1"]
        subprocess.run(["docker", "image", "rm", "-f", *image], env=env, capture_output=True, check=False)
    print("change: one package of the environment has another version, the image is pushed")
    middle = report(seconds)
    mine, peer = (middle[side.name] for side in sides)
    print(f"  times faster: {peer / mine:.1f} (goal 5)")


def engine(name: str) -> dict[str, str]:
    """The variables that reach an engine; none where there is none."""
    place = os.environ.get("ENVBUILD_TEST_SERVICES") or Path(tempfile.gettempdir()) / f"envbuild-services-{os.getuid()}"
    host = os.environ.get("DOCKER_HOST", "")
    if not host and (state := Path(place) / "state.json").is_file():
        host = f"unix://{json.loads(state.read_bytes())['engines'].get(name, {}).get('socket', '')}"
    env = {**os.environ, "DOCKER_HOST": host}
    reached = shutil.which("docker") and shutil.which("docker-registry") and host
    if not reached or subprocess.run(["docker", "version"], env=env, capture_output=True, check=False).returncode:
        return {}
    return {"DOCKER_HOST": host}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engine", default="docker")
    given = parser.parse_args()
    versions = [f"1.{number}" for number in range(given.rounds + 1)]
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}"
    )
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        layers(forge(), folder, given.rounds)
        channel = changed_channel(forge(), folder, map(show_prefix_package, versions[1:]))
        with serve(channel) as served:
            env = {**os.environ, "ENVBUILD_CHANNEL_CONDA_FORGE": served.url}
            lock(env, channel, folder, given.rounds)
            if reached := engine(given.engine):
                change({**env, **reached}, served.url, folder, versions)
            else:
                print("change: left out; it needs docker, an engine that answers, and docker-registry")


if __name__ == "__main__":
    main()
