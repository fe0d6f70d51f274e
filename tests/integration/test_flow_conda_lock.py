"""Conda packages in a lock over time: the same bytes each time, nothing newer unasked, both platforms in one call."""

import json
from pathlib import Path

import pytest
from condachannel import package, serve, write_channel

LINES = 'conda = ["app"]\nplatforms = ["linux/amd64", "linux/arm64"]\nchannels = ["conda-forge"]'
PLATFORMS = {"linux/amd64": "linux-64", "linux/arm64": "linux-aarch64"}


def packages(name, version, depends=()):
    return [package(name, version, subdir=subdir, depends=depends) for subdir in PLATFORMS.values()]


@pytest.fixture
def folder(tmp_path) -> Path:
    """A channel for two platforms: app, which needs lib and data."""
    folder = tmp_path / "conda-forge"
    data = package("data", noarch="generic")
    write_channel(folder, [*packages("app", "1.0", ["lib", "data"]), *packages("lib", "1.0"), data])
    return folder


@pytest.fixture
def channel(folder):
    with serve(folder) as served:
        yield served


def versions(spec: Path) -> dict[str, dict[str, str]]:
    """By platform, each conda package's version and place."""
    document = json.loads(spec.with_name("envbuild.envbuild.lock").read_bytes())
    return {
        platform: {a["name"]: f"{a['version']} {a['source']}" for a in section["artifacts"] if a["kind"] == "conda"}
        for platform, section in document["sections"].items()
    }


def test_a_lock_stays_until_it_is_asked_to_change(warm, project, folder, channel):
    spec, env = project(LINES), {"ENVBUILD_CHANNEL_CONDA_FORGE": channel.url}
    lock = spec.with_name("envbuild.envbuild.lock")

    # Two platforms in one call, each with its own packages and what is for all.
    warm("lock", spec, env=env).ok()
    first = lock.read_bytes()
    assert versions(spec) == {
        platform: {
            "app": f"1.0 conda-forge/{subdir}",
            "lib": f"1.0 conda-forge/{subdir}",
            "data": "1.0 conda-forge/noarch",
        }
        for platform, subdir in PLATFORMS.items()
    }
    assert channel.url.encode() not in first

    # Solved anew it is the same, byte for byte.
    lock.unlink()
    warm("lock", spec, "--upgrade", env=env).ok()
    assert lock.read_bytes() == first

    # What is new in the channel changes nothing.
    write_channel(
        folder, [*packages("app", "1.1", ["lib", "data"]), *packages("lib", "1.1"), *packages("extra", "1.0", ["lib"])]
    )
    warm("lock", spec, env=env).ok()
    assert lock.read_bytes() == first

    # A package more keeps the others' versions.
    spec.write_text(spec.read_text().replace('["app"]', '["app", "extra"]'))
    warm("lock", spec, env=env).ok()
    kept = {"app": "1.0", "lib": "1.0", "data": "1.0", "extra": "1.0"}
    assert {name: place.split()[0] for name, place in versions(spec)["linux/arm64"].items()} == kept

    # One is upgraded, then all.
    warm("lock", spec, "-P", "lib", env=env).ok()
    assert {name: place.split()[0] for name, place in versions(spec)["linux/amd64"].items()} == kept | {"lib": "1.1"}
    warm("lock", spec, "--upgrade", env=env).ok()
    upgraded = kept | {"lib": "1.1", "app": "1.1"}
    assert {name: place.split()[0] for name, place in versions(spec)["linux/amd64"].items()} == upgraded


def test_a_lock_that_fits_asks_no_channel(warm, project, channel):
    spec, env = project(LINES), {"ENVBUILD_CHANNEL_CONDA_FORGE": channel.url}
    warm("lock", spec, env=env).ok()
    channel.requests.clear()
    warm("lock", spec, "--check", env=env).ok()
    warm("lock", spec, env=env).ok()
    assert not channel.requests
