"""A network that breaks again and again: large blobs come through, little is sent twice, and memory stays small."""

import json
import os
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from registries.cutting import Cutter
from registries.debian import LOGIN
from registries.faulty import FaultyRegistry

ROOT = Path(__file__).resolve().parents[2]
MIB = 1 << 20
MEMORY = 100 * MIB
OVERHEAD = 4096
"""Bytes of headers that one connection may carry."""


def _carry(host, size, chunk, folder, login=("", "")) -> dict[str, int]:
    folder.mkdir(exist_ok=True)
    arguments = [host, size, chunk, *login, folder]
    done = subprocess.run(
        [sys.executable, "-m", "registries.carrying", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def _survives(folder, *, size: int, chunk: int, cuts: int, life: float, seed: int) -> None:
    with ExitStack() as stack:
        registry = stack.enter_context(closing(FaultyRegistry(auth="token", login=LOGIN)))
        registry.token_life, registry.most = life, 100_000
        most = max(2 * size // cuts, 80_000)
        cutter = stack.enter_context(closing(Cutter(registry.host, cuts=cuts, least=70_000, most=most, seed=seed)))
        said = _carry(cutter.host, size, chunk, folder, LOGIN)
    assert said["pulled"] == said["told"] == size
    assert cutter.made >= cuts * 3 // 4, "too little was cut to say anything"
    sent_again = sum(s.size for s in registry.seen if "/uploads/" in s.path) - size
    assert sent_again <= cutter.made * chunk
    requests = len(registry.seen)
    assert cutter.down - size <= cutter.made * chunk + requests * OVERHEAD
    assert said["peak"] <= MEMORY, f"{said['peak'] >> 20} MiB"


@pytest.mark.parametrize("seed", [1, 2])
def test_twenty_cuts_of_a_push_and_a_pull(seed, tmp_path):
    _survives(tmp_path, size=8 * MIB, chunk=MIB, cuts=20, life=0.5, seed=seed)


@pytest.mark.long
def test_two_hundred_cuts_of_a_push_and_a_pull(tmp_path):
    _survives(tmp_path, size=256 * MIB, chunk=32 * MIB, cuts=200, life=2.0, seed=3)


def test_memory_stays_small_whatever_the_size(tmp_path):
    with closing(FaultyRegistry()) as registry:
        said = _carry(registry.host, 256 * MIB, 32 * MIB, tmp_path)
    assert said["peak"] <= MEMORY, f"{said['peak'] >> 20} MiB"


def test_a_real_registry_behind_a_network_that_breaks(registry_with_token, tmp_path):
    """docker-registry forgets a chunk that was cut: what it has is asked, and if need be all is sent anew."""
    registry_with_token.tokens.life = 2
    with closing(Cutter(registry_with_token.host, cuts=8, least=300_000, most=3 * MIB, seed=5)) as cutter:
        said = _carry(cutter.host, 8 * MIB, MIB, tmp_path / "more", LOGIN)
    assert said["pulled"] == 8 * MIB
    assert cutter.made >= 2
