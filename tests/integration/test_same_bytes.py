"""The same lock is the same manifest digest: on another machine, CPU and clock, in another folder, under other settings.

Where this fails, two people with one lock have two images, and no layer that one of them pushed serves the other.
"""

import json
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from imagechecks import Checker, Store

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = Path(__file__).with_name("golden_digests.py")
GOLDEN = json.loads((ROOT / "tests" / "golden" / "image.json").read_bytes())

# Strict ASCII: neither Python's UTF-8 mode nor its change of the C locale helps with names.
ASCII = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
UTF8 = {"LC_ALL": "C.UTF-8", "LANG": "C.UTF-8"}
MACHINES = {
    "this machine": ({}, 0o022, "plain"),
    "private files": ({**UTF8, "PYTHONHASHSEED": "0", "TZ": "UTC"}, 0o077, "plain"),
    "files for the group": ({**UTF8, "PYTHONHASHSEED": "1", "TZ": "Asia/Kathmandu"}, 0o002, "a b"),
    "files for all": ({**ASCII, "PYTHONHASHSEED": "4294967295", "TZ": "America/St_Johns"}, 0, "größe 大 x"),
    "optimized, dated": ({**UTF8, "PYTHONOPTIMIZE": "2", "SOURCE_DATE_EPOCH": "1234567890"}, 0o022, "-dash"),
}
OTHER_CLOCK_AND_CORES = """
import os, runpy, sys, time
os.cpu_count = lambda: int(sys.argv[2])
time.time = lambda: 4102444800.5
time.time_ns = lambda: 4102444800500000000
runpy.run_path(sys.argv[1], run_name="__main__")
"""


def digests(tmp_path, command, *, env=None, umask=-1, folder="plain"):
    """What the script prints when it runs in a folder of this name, which is where temporary files go too."""
    place = tmp_path / folder
    place.mkdir()
    settings = {**os.environ, "TMPDIR": str(place), **(env or {})}
    done = subprocess.run(command, env=settings, cwd=place, umask=umask, capture_output=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return json.loads(done.stdout)


def test_the_image_has_the_layers_of_the_golden_packages():
    """The wheel and the Debian package in the golden image are those whose layers have golden vectors of their own."""
    wheel, deb = (json.loads((ROOT / f"tests/golden/{kind}_layer.json").read_bytes()) for kind in ("wheel", "deb"))
    assert GOLDEN["wheel layer"] == {"blob": f"sha256:{wheel['blob']}", "diff": f"sha256:{wheel['diff_id']}"}
    assert GOLDEN["deb layer"] == {"blob": deb["blob"], "diff": deb["diff_id"]}


def test_the_golden_image_is_consistent(tmp_path):
    """An image that is the same everywhere may still be one that no engine takes."""
    found = runpy.run_path(str(SCRIPT))["golden_digests"](tmp_path)
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "blobs.v1").symlink_to(tmp_path / "blobs")
    store = Store(tmp_path)
    with store.open(found["manifest"]) as stream:
        size = len(stream.read())
    entry = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": found["manifest"], "size": size}
    assert Checker().image(entry, store) == []


@pytest.mark.parametrize("machine", MACHINES)
def test_settings_of_the_machine_do_not_matter(tmp_path, machine):
    """Hash seed, umask, time zone, locale, folder: a colleague's account is never the same as mine."""
    env, umask, folder = MACHINES[machine]
    assert digests(tmp_path, [sys.executable, SCRIPT], env=env, umask=umask, folder=folder) == GOLDEN


@pytest.mark.parametrize("cores", [1, 16])
def test_clock_and_number_of_cores_do_not_matter(tmp_path, cores):
    """An image that is built again in a year, on a larger machine, is the image of today."""
    assert digests(tmp_path, [sys.executable, "-c", OTHER_CLOCK_AND_CORES, SCRIPT, str(cores)]) == GOLDEN


@pytest.mark.parametrize("model", ["Nehalem", "qemu64", "max"])
def test_model_of_the_cpu_does_not_matter(tmp_path, qemu, model):
    """Compressors choose their code by what a CPU can do: an old laptop and a new server get one digest."""
    assert digests(tmp_path, [*qemu.x86_64.command, "-cpu", model, sys.executable, SCRIPT]) == GOLDEN


def test_architecture_of_the_builder_does_not_matter(tmp_path, aarch64_python):
    """An image for amd64 that is built on an ARM laptop is the one that CI builds."""
    assert aarch64_python("-c", "import platform; print(platform.machine())").stdout.split() == ["aarch64"]
    assert digests(tmp_path, [*aarch64_python.command, SCRIPT], env=aarch64_python.env) == GOLDEN


def envbuild(home, folder, *arguments, env=None, umask=0o022, prefix=()):
    """What envbuild says as JSON, run in this folder."""
    command = [*prefix, sys.executable, "-m", "envbuild", *map(str, arguments), "--json"]
    settings = {**home.env, **(env or {})}
    done = subprocess.run(command, env=settings, cwd=folder, umask=umask, capture_output=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return json.loads(done.stdout)


@pytest.fixture
def places(home, tmp_path, sound):
    """Two project folders with empty stores beside them; the packages that end up there are not kept."""
    made = [(tmp_path / name, tmp_path / f"store of {name}") for name in ("mine", "très loin 遠い")]
    for project, _ in made:
        project.mkdir()
    yield made
    for _, store in made:
        sound(store)
    for store in (home.store, *(store for _, store in made)):
        shutil.rmtree(store, ignore_errors=True)


def test_one_lock_file_on_two_machines_is_one_image(home, places, qemu):
    """The main job, with real packages: who has the lock file has the image, whatever the machine."""
    (mine, my_store), (far, far_store) = places
    shutil.copy(ROOT / "examples" / "classify" / "requirements.txt", mine)
    envbuild(home, mine, "lock", "requirements.txt")
    (lock,) = mine.glob("*.lock")
    shutil.copy(lock, far)

    env = {**UTF8, "ENVBUILD_HOME": str(my_store), "PYTHONHASHSEED": "0", "TZ": "UTC"}
    here = envbuild(home, mine, "build", "requirements.txt", "--locked", "--to", "store", env=env, umask=0o077)

    home_there, temporary = far / "home", far / "tmp"
    shutil.copytree(home.path, home_there)
    temporary.mkdir()
    env = {"HOME": home_there, "TMPDIR": temporary, "ENVBUILD_HOME": far_store}
    env = {**ASCII, **{k: str(v) for k, v in env.items()}, "PYTHONHASHSEED": "4242", "TZ": "Asia/Kathmandu"}
    old_cpu = (*qemu.x86_64.command, "-cpu", "Nehalem")
    there = envbuild(home, far.parent, "build", far / lock.name, "--to", "store", env=env, umask=0o002, prefix=old_cpu)

    assert [said["layers"]["reused"] for said in (here, there)] == [0, 0], "a store was not empty"
    assert there["digest"] == here["digest"]
    assert there["layers"] == here["layers"]
    assert [there["ids"][i] for i in ("lock", "image")] == [here["ids"][i] for i in ("lock", "image")]
