"""Stores that are not as they should be: each command says so, uses what it can, and the next one works."""

import json
import os
import random
import shutil
import stat
import subprocess
import sys
import time

import pytest
from torture.smallenv import environ, small_env
from torture.soundness import leftovers, wrong

YEAR = 366 * 86400


@pytest.fixture
def env(tmp_path):
    """A small environment that needs no network."""
    return small_env(tmp_path / "small")


@pytest.fixture
def small(home, env, run_cli):
    """`small("build", ...)`: envbuild over this test's store, which finds the small environment's packages and no others."""

    def run(*words, **more):
        more = {"env": {}, **more}
        return run_cli(*words, **{**more, "env": {**environ(home.store, os.environ, env.wheels), **more["env"]}})

    return run


@pytest.fixture
def store(small, env, told, home):
    """A store with the image in it, and what the build printed."""
    result = small(*env.build)
    told(result, 0)
    return home.store


# Where it is.


def test_a_store_is_made_for_its_owner_alone(small, env, told, home):
    """Else others read what was built from private packages."""
    told(small(*env.build), 0)
    folders = [home.store / "cache", *(p for p in (home.store / "cache").rglob("*") if p.is_dir())]
    assert {stat.S_IMODE(p.stat().st_mode) for p in folders} == {0o700}


@pytest.mark.parametrize("name", ["with space", "tab\there", "Ümläut ☃", "quote'\"$(x)", "-dash", "new\nline"])
def test_any_name_of_a_home_works(name, small, env, told, tmp_path):
    place = tmp_path / name
    told(small(*env.build, env={"ENVBUILD_HOME": str(place)}), 0)
    told(small("cache", "verify", env={"ENVBUILD_HOME": str(place)}), 0)
    assert (place / "cache/blobs.v1").is_dir()


@pytest.mark.parametrize("folder", ["nowhere", "full"])
def test_a_temporary_folder_that_cannot_be_used_is_not_needed(folder, small, env, told, tmp_path):
    (tmp_path / "full").mkdir(mode=0o500)
    told(small(*env.build, env={"TMPDIR": str(tmp_path / folder)}), 0)


def test_without_any_home_the_place_is_said(small, env, told, tmp_path):
    """`env -i` and containers have no HOME."""
    result = small(*env.build, env={"ENVBUILD_HOME": "", "HOME": "", "TMPDIR": str(tmp_path)})
    told(result, 0)


# What fails.

FAILS = [
    ("write", "ENOSPC", "the disk is full", "free some space"),
    ("write", "EDQUOT", "the disk is full", "free some space"),
    ("fsync", "EIO", "Input/output error", "ENVBUILD_HOME=FOLDER"),
    ("rename", "EROFS", "Read-only file system", "ENVBUILD_HOME=FOLDER"),
    ("flock", "ENOLCK", "no locks", "local disk"),
    ("flock", "ENOSYS", "no locks", "local disk"),
]


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
@pytest.mark.parametrize(("call", "error", "what", "hint"), FAILS)
def test_a_call_that_always_fails_is_told_with_place_and_hint(call, error, what, hint, env, told, home, small):
    """On a store that is there: nothing of it changes."""
    (home.store / "cache").mkdir(parents=True, mode=0o700)
    tracing = ["strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={call}", "-e", f"inject={call}:error={error}"]
    command = [*tracing, sys.executable, "-m", "envbuild", *env.build]
    done = subprocess.run(
        command, env=environ(home.store, os.environ, env.wheels), cwd=home.path, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    if call == "write":
        # The words themselves cannot be written either.
        assert done.returncode != 0
    else:
        assert done.returncode == 5, done.stderr
        assert str(home.store) in done.stderr
        assert what in done.stderr
        assert hint in done.stderr
    assert wrong(home.store) == []
    told(small(*env.build), 0)
    assert leftovers(home.store) == []


def test_a_full_disk_says_how_much_is_needed_and_how_much_is_free(small, env, told, home):
    if os.geteuid() != 0:
        pytest.skip("needs root to mount")
    home.store.mkdir(parents=True)
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "none", home.store], check=False)
    if mount.returncode:
        pytest.skip("no file system can be mounted")
    try:
        result = small(*env.build)
        told(result, 5, ["the disk is full: at least ", " bytes are needed, ", " are free", "free some space"])
        assert wrong(home.store) == []
        assert leftovers(home.store) == []
    finally:
        subprocess.run(["umount", "-l", home.store], check=True)


def test_no_open_files_left_is_told(env, told, home, small):
    """`ulimit -n` of a container may be small."""
    for limit in (8, 12, 16, 24):
        done = subprocess.run(
            ["bash", "-c", f'ulimit -n {limit}; exec "$@"', "-", sys.executable, "-m", "envbuild", *env.build],
            env=environ(home.store, os.environ, env.wheels),
            cwd=home.path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in (0, 5), done.stderr
        assert "Traceback" not in done.stderr
        assert wrong(home.store) == []
    told(small(*env.build), 0)


# What is damaged or gone.


def test_an_image_whose_layer_is_gone_is_named_and_built_again(small, env, told, store, tmp_path):
    """Else an image is handed out of which a part is missing."""
    told(small("build", env.lock, "--to", f"oci:{tmp_path / 'whole'}"), 0)
    manifest = json.loads((tmp_path / "whole/index.json").read_bytes())["manifests"][0]["digest"].partition(":")[2]
    layers = json.loads((tmp_path / "whole/blobs/sha256" / manifest).read_bytes())["layers"]
    gone = layers[-1]["digest"].partition(":")[2]
    (store / "cache/blobs.v1" / gone[:2] / gone).unlink()
    assert gone[:12] in small("cache", "verify").stdout
    told(small("probe", env.lock), 10)
    told(small("build", env.lock, "--to", f"oci:{tmp_path / 'again'}"), 0)
    assert (tmp_path / "again/blobs/sha256" / gone).is_file()


@pytest.mark.parametrize("seed", range(4))
def test_a_cleaner_that_took_half_of_the_files_costs_time_only(seed, small, env, told, store):
    """Cleaners of temporary folders take what was not used lately, whatever it belongs to."""
    before = small("build", env.lock, "--to", "store").stdout
    files = sorted(p for p in (store / "cache").rglob("*") if p.is_file())
    for path in random.Random(seed).sample(files, len(files) // 2):
        path.unlink()
    result = small("build", env.lock, "--to", "store")
    told(result, 0)
    assert result.stdout == before
    assert small("cache", "verify", "--repair").code in (0, 6)
    told(small("cache", "verify"), 0)


@pytest.mark.parametrize("place", ["memo.v1", "locks.v1", "claims.v1"])
def test_what_can_be_made_again_may_be_deleted(place, small, env, told, store):
    before = small("build", env.lock, "--to", "store").stdout
    shutil.rmtree(store / "cache" / place, ignore_errors=True)
    result = small("build", env.lock, "--to", "store")
    told(result, 0)
    assert result.stdout == before


def test_folders_of_a_newer_version_are_left_alone(small, env, told, store):
    """Two versions of envbuild may share a home."""
    for name in ("blobs.v2", "claims.v9", "memo.v2", "locks.v7"):
        (store / "cache" / name).mkdir()
        (store / "cache" / name / "x").write_text("of another version")
    for words in (env.build, ["cache", "info"], ["cache", "verify"], ["cache", "prune", "--all"], env.build):
        told(small(*words), 0)
    for name in ("blobs.v2", "claims.v9", "memo.v2", "locks.v7"):
        assert (store / "cache" / name / "x").read_text() == "of another version"


# Clocks.


def test_a_clock_that_was_ahead_makes_nothing_negative_and_nothing_old(small, env, told, store):
    _set_times(store, time.time() + YEAR)
    result = small("cache", "info")
    told(result, 0)
    assert " -" not in result.stdout.replace(" --", "")
    told(small("cache", "prune"), 0)
    told(small("probe", env.lock), 0)


def test_what_latest_names_stays_however_old_it_looks(small, env, told, store):
    """A clock that jumps ahead by years makes everything look unused."""
    _set_times(store, time.time() - 3 * YEAR)
    told(small("cache", "prune"), 0)
    told(small("probe", env.lock), 0)


def _set_times(folder, when):
    for path in folder.rglob("*"):
        os.utime(path, (when, when))
