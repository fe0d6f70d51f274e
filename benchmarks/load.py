"""How fast an image gets into an engine: pulled from the loopback registry, beside streamed as an archive.

    DOCKER_HOST=... python benchmarks/load.py [--spec FILE] [--runs N] [--podman]

Cases: cold (no layer is there), one package changed (a layer in the middle), settings changed (all layers are there). Each run
has an image of its own, whose layers the engine never saw: the same contents, other digests. The two ways take turns, whole
runs at a time. Prints medians, ratios and the machine. With --podman, `podman pull` and `podman load`.
"""

import argparse
import gzip
import hashlib
import io
import json
import os
import platform
import secrets
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from envbuild.builders.archive import write_archive
from envbuild.digest import Digest
from envbuild.oci import CONFIG_TYPE, Descriptor, Image, Layer, parse_image
from envbuild.runners.engine import Engine, EngineKind, open_engine
from envbuild.runners.enginepull import Pulled, pull
from envbuild.runners.loopback import Loopback
from envbuild.store.blobs import Blobs

ROOT = Path(__file__).resolve().parents[1]
CASES = ("cold", "one package changed", "settings changed")


def built(spec: str, folder: Path) -> Image:
    """The image of a spec, its layers in a store of its own."""
    env = {**os.environ, "ENVBUILD_HOME": os.environ.get("ENVBUILD_HOME", str(folder / "home"))}
    layout = folder / "layout"
    subprocess.run([sys.executable, "-m", "envbuild", "build", spec, "--to", f"oci:{layout}"], env=env, check=True)

    def blob(digest: str) -> bytes:
        return (layout / "blobs" / "sha256" / digest.removeprefix("sha256:")).read_bytes()

    index = json.loads((layout / "index.json").read_bytes())
    manifest = blob(index["manifests"][0]["digest"])
    return parse_image(manifest, blob(json.loads(manifest)["config"]["digest"]))


def copied(layer: Layer, layout: Path, blobs: Blobs, word: str) -> Layer:
    """A layer with one more file: all its digests are new, its content is as large as before."""
    extra = io.BytesIO()
    with tarfile.open(fileobj=extra, mode="w") as archive:
        member = tarfile.TarInfo(f"opt/{word}")
        archive.addfile(member)
    head = extra.getvalue()[:512]
    original = layout / "blobs" / "sha256" / layer.descriptor.digest.hex
    plain, size = hashlib.sha256(head), 0
    with gzip.open(original) as stream:
        while chunk := stream.read(1 << 20):
            plain.update(chunk)
    with blobs.create() as out, original.open("rb") as stream:
        size += out.write(gzip.compress(head, mtime=0))
        while chunk := stream.read(1 << 20):
            size += out.write(chunk)
        digest = out.commit()
    return Layer(replace(layer.descriptor, digest=digest, size=size), Digest(plain.hexdigest()), layer.summary)


def with_layers(image: Image, layers: tuple[Layer, ...], word: str) -> Image:
    """The image with other layers, and its settings with one more label."""
    config = json.loads(image.config)
    config["rootfs"]["diff_ids"] = [str(layer.diff_id) for layer in layers]
    config["config"]["Labels"] = {**config["config"].get("Labels", {}), "benchmark": word}
    raw = json.dumps(config).encode()
    manifest = json.loads(image.manifest)
    manifest["config"] = Descriptor(CONFIG_TYPE, Digest.of(raw), len(raw)).to_json()
    manifest["layers"] = [layer.descriptor.to_json() for layer in layers]
    return Image(json.dumps(manifest).encode(), raw, layers)


def by_pull(engine: Engine, image: Image, blobs: Blobs, names: list[str]) -> None:
    with Loopback(image, blobs) as registry:
        if engine.kind is EngineKind.PODMAN:
            source = f"{registry.repository}@{image.digest}"
            for words in (("pull", "--quiet", "--tls-verify=false", source), ("tag", source, *names), ("rmi", source)):
                done = engine.run(*words)
                assert done.code == 0, done.stderr
            return
        assert engine.socket is not None
        assert pull(engine.socket, image, names, registry, lambda _: None) is Pulled.DONE


def by_archive(engine: Engine, image: Image, blobs: Blobs, names: list[str]) -> None:
    engine.load(image, names, lambda pipe, told: write_archive(image, blobs, pipe, told))


def timed(way: Callable[..., None], engine: Engine, image: Image, blobs: Blobs, word: str) -> tuple[float, list[str]]:
    names = [f"envbuild/benchmark-{word}:1", f"envbuild/benchmark-{word}:latest"]
    start = time.perf_counter()
    way(engine, image, blobs, names)
    return time.perf_counter() - start, names


def one_run(way: Callable[..., None], engine: Engine, image: Image, folder: Path, blobs: Blobs) -> dict[str, float]:
    """One image from cold to changed; nothing of it stays in the engine."""
    word = secrets.token_hex(4)
    layers = tuple(copied(layer, folder / "layout", blobs, word) for layer in image.layers)
    middle = len(layers) // 2
    changed = list(layers)
    changed[middle] = copied(image.layers[middle], folder / "layout", blobs, f"{word}-2")
    found, names = {}, []
    for case, chosen in zip(CASES, (layers, tuple(changed), layers), strict=True):
        tag = f"{word}-{case.split()[0]}"
        seconds, more = timed(way, engine, with_layers(image, chosen, tag), blobs, tag)
        found[case] = seconds
        names += more
    engine.run("rmi", "--force", *names)
    for layer in (*layers, changed[middle]):
        blobs.delete(layer.descriptor.digest)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spec", default=str(ROOT / "examples" / "classify" / "requirements.txt"))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--podman", action="store_true")
    options = parser.parse_args()
    engine = open_engine(EngineKind.PODMAN if options.podman else EngineKind.DOCKER, os.environ)
    ways = {"pull": by_pull, "archive": by_archive}
    times: dict[str, dict[str, list[float]]] = {case: {way: [] for way in ways} for case in CASES}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        blobs = Blobs(folder / "blobs")
        image = built(options.spec, folder)
        for _ in range(options.runs):
            for way, bring in ways.items():
                for case, seconds in one_run(bring, engine, image, folder, blobs).items():
                    times[case][way].append(seconds)
    store = dict(engine.info().get("DriverStatus") or []).get("driver-type", engine.info().get("Driver", "podman"))
    print(f"{os.cpu_count()} cores, {platform.system()} {platform.release()}, {engine.kind.value} ({store}),")
    print(
        f"{len(image.layers)} layers, {image.size / 1e6:.0f} MB, {options.runs} runs each, in turns; medians in seconds"
    )
    for case, both in times.items():
        pulled, streamed = (statistics.median(both[way]) for way in ways)
        print(f"{case:<20} pull {pulled:6.2f}  archive {streamed:6.2f}  archive is {streamed / pulled:.1f} x as long")


if __name__ == "__main__":
    main()
