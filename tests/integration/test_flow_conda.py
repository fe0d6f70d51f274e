"""A conda environment's way: an environment.yml with a pip section, solved from a channel, locked, built, and running."""

import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from condachannel import Served, changed_channel, serve
from imagechecks import Store

ROOT = Path(__file__).resolve().parents[2]
MINOR = f"{sys.version_info[0]}.{sys.version_info[1]}"
SETTING = "ENVBUILD_CHANNEL_CONDA_FORGE"
WITHOUT_EXTRA = """
import sys
sys.modules.update(dict.fromkeys(("rattler", "zstandard", "msgpack")))
from envbuild.cli.main import main
main()
"""


@dataclass(frozen=True, slots=True)
class Conda:
    """An environment.yml in a folder of its own, and what its build said as JSON."""

    spec: Path
    said: dict[str, Any]

    @property
    def artifacts(self) -> list[dict[str, Any]]:
        """What its lock holds beyond the base."""
        document = json.loads(self.spec.with_name("environment.envbuild.lock").read_bytes())
        return document["sections"]["linux/amd64"]["artifacts"]

    def names(self, kind: str) -> set[str]:
        """The artifacts of a kind, by name."""
        return {artifact["name"] for artifact in self.artifacts if artifact["kind"] == kind}


def at(served: Served | str) -> dict[str, str]:
    """Where conda-forge is, for a command."""
    return {SETTING: served if isinstance(served, str) else served.url}


@pytest.fixture(scope="session")
def forecast(warm, channel, tmp_path_factory) -> Conda:
    """examples/forecast with this session's Python, locked and built into the warm store."""
    folder = tmp_path_factory.mktemp("project") / "forecast"
    shutil.copytree(ROOT / "examples" / "forecast", folder)
    spec = folder / "environment.yml"
    spec.write_text(spec.read_text().replace("python=3.11", f"python={MINOR}"))
    warm("lock", spec, env=at(channel)).ok()
    return Conda(spec, warm("build", spec, "--to", "store", "--json", "--locked", env=at(channel)).ok().json)


@pytest.fixture(scope="session")
def small(warm, channel, tmp_path_factory) -> Conda:
    """An environment of Python, a noarch package, and a program that prints its prefix."""
    spec = tmp_path_factory.mktemp("project") / "environment.yml"
    spec.write_text("name: small\nchannels: [conda-forge]\ndependencies: [python, six, show-prefix]\n")
    return Conda(spec, warm("build", spec, "--to", "store", "--json", env=at(channel)).ok().json)


@pytest.fixture(params=["directly", "docker_engine", "podman"])
def way(request, channel) -> tuple[tuple[str, ...], dict[str, str]]:
    """Options and variables of each way to run. A direct run fetches packages whose files were not kept."""
    if request.param == "directly":
        return ("--no-container",), at(channel)
    return ("--container",), dict(request.getfixturevalue(request.param).env)


@pytest.fixture(scope="session")
def unpacked(warm, forecast, umoci, tmp_path_factory) -> Path:
    """The example's root file system, as umoci unpacks it."""
    place = tmp_path_factory.mktemp("unpacked")
    reference = warm("build", forecast.spec, "--to", f"oci:{place / 'layout'}").ok().line
    umoci("unpack", "--rootless", "--image", reference.removeprefix("oci:"), place / "bundle")
    return place / "bundle" / "rootfs"


def layers(warm, said) -> list[str]:
    """An image's layers, by digest."""
    with Store(Path(warm.env["ENVBUILD_HOME"])).open(said["digest"]) as manifest:
        return [layer["digest"] for layer in json.load(manifest)["layers"]]


def test_the_example_runs(warm, forecast, way):
    """The main thing: conda's numpy, pandas and scikit-learn, and statsmodels from the index on top, in one Python."""
    options, env = way
    done = warm("run", "-q", *options, "--env", forecast.spec, forecast.spec.with_name("forecast.py"), env=env).ok()
    lines = done.stdout.decode().splitlines()
    assert [line.partition(":")[0] for line in lines[:2]] == ["regression", "smoothing"]
    assert all(float(line.split()[3]) < 10 for line in lines[:2])
    assert lines[2].endswith("/bin/python")
    assert (lines[2] == "with /opt/env/bin/python") is ("--container" in options)


def test_nothing_is_installed_twice(forecast):
    """What conda brought is not brought again by the index, under whatever name: two copies of numpy break each other."""
    conda, wheels = forecast.names("conda"), forecast.names("wheel")
    assert {"python", "numpy", "pandas", "scikit-learn", "scipy", "python-dateutil", "openssl", "pip"} <= conda
    assert {"statsmodels", "patsy"} <= wheels
    assert not wheels & (conda | {"tzdata", "pytz", "setuptools"})


def test_conda_pins_hold_for_the_pip_section(warm, forecast, channel, tmp_path):
    """A wheel that needs another numpy than conda's is told at once, not found by an import error in the image."""
    spec = tmp_path / "environment.yml"
    spec.write_text(forecast.spec.read_text().replace("- statsmodels==0.14.4", "- numpy>=2"))
    words = warm.failed(3, "lock", spec, env=at(channel))
    assert "numpy" in words
    assert "1.26.4" in words


def test_the_second_build_needs_no_channel(warm, forecast):
    """A lock and a store are enough; the channel may be gone."""
    again = warm("build", forecast.spec, "--to", "store", "--json", env=at("http://127.0.0.1:9/conda-forge")).ok().json
    assert (again["hit"], again["digest"]) == (True, forecast.said["digest"])


def test_the_lock_names_the_channel_and_no_place(forecast, channel):
    """A lock is for everyone: where this machine finds conda-forge stays out of it."""
    text = forecast.spec.with_name("environment.envbuild.lock").read_text()
    assert {a["source"] for a in forecast.artifacts if a["kind"] == "conda"} == {
        "conda-forge/linux-64",
        "conda-forge/noarch",
    }
    assert "127.0.0.1" not in text
    assert channel.url not in text


def test_the_prefix_is_one_that_conda_tools_know(forecast, unpacked):
    """`conda list`, and installing more into the environment, read conda-meta: each record, each file, each hash."""
    rattler = pytest.importorskip("rattler")
    prefix = unpacked / "opt" / "env"
    records = [rattler.PrefixRecord.from_path(path) for path in sorted((prefix / "conda-meta").glob("*.json"))]
    assert {record.name.normalized for record in records} == forecast.names("conda")
    wrong = [
        f"{record.name.normalized}: {entry.relative_path}"
        for record in records
        for entry in record.paths_data.paths
        if not _as_recorded(prefix / entry.relative_path, entry)
    ]
    assert wrong == []
    assert (prefix / "conda-meta" / "history").is_file()


def _as_recorded(path: Path, entry: Any) -> bool:
    expected = entry.sha256_in_prefix or entry.sha256
    if path.is_symlink() or expected is None:
        return path.is_symlink() or path.is_file()
    return path.is_file() and hashlib.sha256(path.read_bytes()).digest() == bytes(expected)


def test_bytecode_of_packages_is_valid_or_absent(unpacked):
    """Stale bytecode is compiled anew at each start of a container: seconds, each time."""
    stale = [
        path
        for path in (unpacked / "opt" / "env").rglob("*.pyc")
        if (head := path.read_bytes()[:16])[4:8] == bytes(4)
        and int.from_bytes(head[8:12], "little")
        != int((path.parent.parent / f"{path.name.split('.')[0]}.py").stat().st_mtime)
    ]
    assert stale == []


def test_prefixes_are_those_of_the_place_where_it_runs(warm, small, way):
    """Paths that packages hold, in text and in programs, lead into the environment, not to where they were built."""
    options, env = way
    command = 'show-prefix; pydoc3 -h; python -c "import sys, six; print(sys.prefix)"'.replace(
        "pydoc3", f"pydoc{MINOR}"
    )
    done = warm("run", "-q", *options, "--env", small.spec, "--", "sh", "-c", command, env=env).ok()
    lines = done.stdout.decode().splitlines()
    assert lines[0] == lines[-1]
    assert (lines[0] == "/opt/env") is ("--container" in options)
    assert any("pydoc - the Python documentation tool" in line for line in lines)


def test_readers_of_images_take_it(warm, forecast, skopeo, tmp_path):
    """Registries' tools see what was built."""
    reference = warm("build", forecast.spec, "--to", f"oci:{tmp_path / 'layout'}").ok().line
    seen = json.loads(skopeo("inspect", reference).stdout)
    assert seen["Digest"] == forecast.said["digest"]
    assert seen["Layers"] == layers(warm, forecast.said)


def test_another_machine_with_a_mirror_that_asks_for_a_login_makes_the_same_image(cold, warm, small, channel_folder):
    """The same lock and the same digest from an empty store, from elsewhere; and the login stays out of all that is kept."""
    spec = cold.folder / "environment.yml"
    shutil.copy(small.spec, spec)
    with serve(channel_folder, login=("ada", "sesame-canary")) as mirror:
        cold("lock", spec, env=at(mirror.login_url)).ok()
        said = cold("build", spec, "--to", "store", "--json", "--locked", env=at(mirror.login_url)).ok().json
    assert (said["ids"], said["digest"]) == (small.said["ids"], small.said["digest"])
    kept = [path for path in Path(cold.env["ENVBUILD_HOME"]).rglob("*") if path.is_file()]
    assert kept
    assert [path for path in [*kept, *cold.folder.iterdir()] if b"sesame-canary" in path.read_bytes()] == []


def test_one_package_changed_is_one_layer(warm, small, channel_folder, tmp_path):
    """A new version of one package is one small layer to push; all others are the ones that are there."""
    from condachannel.forge import show_prefix_package

    spec = tmp_path / "environment.yml"
    spec.write_text(small.spec.read_text().replace("show-prefix]", "show-prefix=1.1]"))
    with serve(changed_channel(channel_folder, tmp_path, [show_prefix_package("1.1")])) as changed:
        said = warm("build", spec, "--to", "store", "--json", env=at(changed)).ok().json
    before, after = set(layers(warm, small.said)), set(layers(warm, said))
    assert len(after - before) == 1
    assert len(before - after) == 1


def test_without_the_extra_it_says_what_to_install(warm, small, channel, tmp_path):
    """The core has no conda; who asks for it is told the one line that helps."""
    spec = tmp_path / "environment.yml"
    spec.write_text(small.spec.read_text().replace("six", "packaging"))
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_EXTRA, "lock", str(spec)],
        env={**warm.env, **at(channel)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 5, done.stderr
    assert "pip install 'envbuild[conda]'" in done.stderr
    assert "Traceback" not in done.stderr
