"""How fast wheels become layers, against the least that the work can cost.

    python benchmarks/splice.py [--wheels DIR] [--large] [--rounds N]

The floor: every compressed body of the same wheels inflated by ISA-L, and its content hashed twice with sha256 (once for
the layer, once for the file), each wheel as one piece of work for one of two threads, the largest first. It is measured
twice: `per file` calls the library for each file, as any program must whose files are hashed one by one; `in C` inflates
and hashes all bodies of a wheel as one stream, so that next to nothing of it runs in Python. The ratio is floor over
ours; the goal is 60 % of either. All are taken in turn, and the median round counts.

Without --wheels, numpy, pandas and scikit-learn are downloaded for CPython 3.11 on x86-64; with --large, the folder
should hold torch with CUDA and transformers with all they need (`pip download torch transformers -d DIR`).
"""

import argparse
import hashlib
import io
import resource
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from isal import isal_zlib

from envbuild.digest import Digest
from envbuild.layers.wheel import layer_of_wheel
from envbuild.layers.ziparchive import PIECE, ZipArchive

THREADS = 2
ID = Digest("0" * 64)
GZIP_HEADER = b"\x1f\x8b\x08" + bytes(7)


def downloaded(folder: Path) -> None:
    wheels = ["numpy", "pandas", "scikit-learn"]
    platforms = [f"--platform={p}" for p in ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux2014_x86_64")]
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "-q",
        "--no-deps",
        "--only-binary=:all:",
        "--python-version=3.11",
    ]
    subprocess.run([*command, *platforms, "-d", str(folder), *wheels], check=True)


def ours(path: Path, out: Path) -> int:
    with path.open("rb") as stream, (out / path.name).open("wb") as sink:
        segment = layer_of_wheel(stream, sink.write, layer_id=ID, python="3.11")
    return sum(member.size for member in segment.table.members)


def floor_per_file(path: Path, _: Path) -> int:
    total, layer = 0, hashlib.sha256()
    with path.open("rb") as stream:
        archive = ZipArchive(stream)
        for entry in archive.entries:
            stream.seek(entry.start + 26)
            stream.seek(sum(struct.unpack("<HH", stream.read(4))), io.SEEK_CUR)
            inflater, content = isal_zlib.decompressobj(-15), hashlib.sha256()
            left = entry.packed
            while left:
                plain = rest = stream.read(min(left, PIECE))
                left -= len(rest)
                while rest:
                    if entry.method == 8:
                        plain = inflater.decompress(rest, PIECE)
                    rest = inflater.unconsumed_tail
                    layer.update(plain)
                    content.update(plain)
                    total += len(plain)
    return total


class Bodies(io.RawIOBase):
    """All compressed bodies of a wheel as one stream of gzip members, with nothing between them."""

    def __init__(self, path: Path) -> None:
        self._stream = path.open("rb")
        self._archive = ZipArchive(self._stream)
        self._waiting = iter([e for e in self._archive.entries if e.method == 8])
        self._at, self._left, self._trailer, self._ready = 0, 0, b"", b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        data = self._take(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _take(self, size: int) -> bytes:
        out, room = [self._ready], size - len(self._ready)
        self._ready = b""
        while room > 0:
            if self._left == 0 and not self._next(out):
                break
            self._stream.seek(self._at)
            data = self._stream.read(min(self._left, room))
            self._at, self._left, room = self._at + len(data), self._left - len(data), room - len(data)
            out.append(data)
            if self._left == 0:
                out.append(self._trailer)
        joined = b"".join(out)
        self._ready = joined[size:]
        return joined[:size]

    def _next(self, out: list[bytes]) -> bool:
        entry = next(self._waiting, None)
        if entry is None:
            return False
        self._stream.seek(entry.start + 26)
        self._at = entry.start + 30 + sum(struct.unpack("<HH", self._stream.read(4)))
        self._left = entry.packed
        self._trailer = struct.pack("<LL", entry.crc32, entry.size & 0xFFFFFFFF)
        out.append(GZIP_HEADER)
        return True


def floor_in_c(path: Path, _: Path) -> int:
    reader = isal_zlib._GzipReader(Bodies(path), PIECE)  # noqa: SLF001  # no public name reads members without Python
    buffer = memoryview(bytearray(PIECE))
    layer, content, total = hashlib.sha256(), hashlib.sha256(), 0
    while count := reader.readinto(buffer):
        layer.update(buffer[:count])
        content.update(buffer[:count])
        total += count
    return total


def timed(work: Callable[[Path, Path], int], wheels: Sequence[Path], out: Path) -> tuple[float, int]:
    start = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        total = sum(pool.map(lambda path: work(path, out), wheels))
    return time.perf_counter() - start, total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheels", type=Path)
    parser.add_argument("--large", action="store_true", help="one round instead of five")
    parser.add_argument("--rounds", type=int)
    given = parser.parse_args()
    if given.large and not given.wheels:
        parser.error("--large needs --wheels DIR, with what `pip download torch transformers -d DIR` brings")
    rounds = given.rounds or (1 if given.large else 5)
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.wheels or Path(temporary) / "wheels"
        if not given.wheels:
            downloaded(folder)
        wheels = sorted(folder.glob("*.whl"), key=lambda path: -path.stat().st_size)
        packed = sum(path.stat().st_size for path in wheels)
        ways = {"floor, per file": floor_per_file, "floor, in C": floor_in_c, "ours": ours}
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        raw = 0
        # Ours runs once before, alone, so that the peak of memory is its own.
        timed(ours, wheels, Path(temporary))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        for _ in range(rounds):
            for way, work in ways.items():
                took, total = timed(work, wheels, Path(temporary))
                seconds[way].append(took)
                raw = max(raw, total)
    report(seconds, raw, peak, len(wheels), packed)


def report(seconds: dict[str, list[float]], raw: int, peak: float, wheels: int, packed: int) -> None:
    print(f"{wheels} wheels, {packed / 1e6:.0f} MB, {raw / 1e6:.0f} MB unpacked, {THREADS} threads")
    mine = statistics.median(seconds["ours"])
    print(f"{'':16} {'seconds':>8} {'best':>8} {'MB/s':>6} {'of floor':>9}")
    for way, rounds in seconds.items():
        middle = statistics.median(rounds)
        print(f"{way:16} {middle:8.3f} {min(rounds):8.3f} {raw / middle / 1e6:6.0f} {middle / mine:9.0%}")
    print(f"peak memory of ours: {peak:.0f} MB")


if __name__ == "__main__":
    main()
