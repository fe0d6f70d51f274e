"""Locks in version control: written once, kept byte for byte, checked, and never silently changed."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.pylock import Pylock


@pytest.fixture
def work(classify, tmp_path) -> Path:
    """The example's requirements, in a project with a folder for locks."""
    folder = tmp_path / "work"
    (folder / "lockfiles").mkdir(parents=True)
    (folder / "pyproject.toml").touch()
    (folder / "train.txt").write_bytes(classify.spec.read_bytes())
    return folder


@pytest.fixture
def locked(warm, work) -> Path:
    """Its lock file."""
    warm("lock", "train.txt", cwd=work).ok()
    return work / "lockfiles" / "train.lock"


def test_lock_goes_into_lockfiles(warm, classify, work, locked):
    """A project keeps its locks in one folder; the lock has exactly what the build without it has."""
    assert sorted(str(p.relative_to(work)) for p in work.rglob("*.lock")) == ["lockfiles/train.lock"]
    said = warm("build", "train.txt", "--to", "store", "--locked", "--json", cwd=work).ok().json
    assert said["ids"]["lock"] == classify.said["ids"]["lock"]
    assert said["ids"]["image"] == classify.said["ids"]["image"]


def test_lock_goes_beside_the_definition(warm, classify, tmp_path):
    """Without such a folder the lock stands where its definition is."""
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "train.txt").write_bytes(classify.spec.read_bytes())
    warm("lock", "train.txt", cwd=tmp_path).ok()
    assert (tmp_path / "train.envbuild.lock").is_file()


def test_second_lock_changes_nothing(warm, work, locked):
    """A lock that fits is no diff in review."""
    before, stamp = locked.read_bytes(), locked.stat().st_mtime_ns
    said = warm("lock", "train.txt", "--json", cwd=work).ok().json
    assert said["changes"] == []
    assert (locked.read_bytes(), locked.stat().st_mtime_ns) == (before, stamp)
    words = warm("lock", "train.txt", cwd=work).ok()
    assert words.line == "lockfiles/train.lock"
    assert b"no changes" in words.stderr


def test_the_lock_is_for_review(locked):
    """People read diffs of it: lines of JSON, with no machine's paths or hosts in it."""
    text = locked.read_text()
    json.loads(text)
    assert max(map(len, text.splitlines())) < 600
    assert "://" not in text
    assert "/tmp" not in text


def test_check_writes_nothing(warm, work, locked):
    """CI asks whether the lock fits: 0, or 3 with the command that mends it."""
    before = locked.read_bytes()
    warm("lock", "train.txt", "--check", cwd=work).ok()
    with (work / "train.txt").open("a") as spec:
        spec.write("six\n")
    words = warm.failed(3, "lock", "train.txt", "--check", cwd=work)
    assert "envbuild lock train.txt" in words
    assert locked.read_bytes() == before
    locked.unlink()
    assert "envbuild lock train.txt" in warm.failed(3, "lock", "train.txt", "--check", cwd=work)


def test_locked_refuses_a_stale_or_missing_lock(warm, work, locked):
    """What runs in production is what was reviewed, or nothing."""
    command = ("build", "train.txt", "--to", "store")
    warm(*command, "--locked", cwd=work).ok()
    with (work / "train.txt").open("a") as spec:
        spec.write("six\n")
    assert "envbuild lock" in warm.failed(3, *command, "--locked", cwd=work)
    locked.unlink()
    assert "envbuild lock" in warm.failed(3, *command, "--locked", cwd=work)


def test_frozen_uses_the_lock_as_it_is(warm, classify, work, locked):
    """A changed definition does not touch a frozen environment."""
    with (work / "train.txt").open("a") as spec:
        spec.write("six\n")
    said = warm("build", "train.txt", "--to", "store", "--frozen", "--json", cwd=work).ok().json
    assert said["ids"]["image"] == classify.said["ids"]["image"]
    locked.unlink()
    warm.failed(3, "build", "train.txt", "--to", "store", "--frozen", cwd=work)


def test_a_hash_changed_by_hand_is_found(warm, work, locked):
    """Nobody slips other bytes into a reviewed lock: exit 6, and nothing is fetched or built."""
    text = locked.read_text()
    victim = re.search(r'"sha256": ?"([0-9a-f]{64})"', text)
    assert victim
    swapped = ("1" if victim[1][0] != "1" else "2") + victim[1][1:]
    locked.write_text(text.replace(victim[1], swapped))
    for command in (["build", locked], ["build", "train.txt", "--locked"]):
        assert str(locked.name) in warm.failed(6, *command, "--to", "store", cwd=work)


def test_marks_of_a_merge_are_named(warm, work, locked):
    """A lock in the middle of a merge is told apart from a damaged one."""
    lines = locked.read_text().splitlines()
    lines[3:3] = ["<<<<<<< HEAD", lines[3], "=======", lines[3], ">>>>>>> other"]
    locked.write_text("\n".join(lines) + "\n")
    assert "merge" in warm.failed(2, "build", locked, "--to", "store")


def test_the_lock_alone_gives_the_same_image(warm, cold, classify, locked):
    """A lock is all that another machine needs: same ids, same bytes, even from an empty store."""
    said = warm("build", locked, "--to", "store", "--json").ok().json
    assert (said["ids"]["image"], said["digest"]) == (classify.said["ids"]["image"], classify.said["digest"])
    fresh = cold("build", locked, "--to", "store", "--json").ok().json
    assert (fresh["digest"], fresh["hit"]) == (classify.said["digest"], False)


def test_settings_change_the_image_and_not_the_lock(warm, project):
    """A variable costs no resolution and no layer, yet never gives the image of before."""
    said = []
    for who in ("one", "two"):
        spec = project(f'system = ["libgomp1"]\nvariables = {{WHO = "{who}"}}', f"with-{who}")
        said.append(warm("build", spec, "--to", "store", "--json").ok().json)
    assert said[0]["ids"]["lock"] == said[1]["ids"]["lock"]
    assert said[0]["ids"]["image"] != said[1]["ids"]["image"]
    assert said[0]["digest"] != said[1]["digest"]
    assert said[1]["layers"]["made"] == 0


def test_two_definitions_share_one_image(warm, classify, tmp_path):
    """Teams that ask for the same in other words share storage and downloads."""
    for name, words in {"a": "pandas\nscikit-learn\nnumpy\n", "b": "numpy>=1\npandas\nScikit_Learn\n"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "requirements.txt").write_text(words)
    a, b = (warm("build", tmp_path / n, "--to", "store", "--json").ok().json for n in "ab")
    assert a["ids"]["definition"] != b["ids"]["definition"]
    assert a["ids"]["image"] == b["ids"]["image"] == classify.said["ids"]["image"]
    assert a["digest"] == b["digest"]


def test_export_as_requirements_is_taken_by_uv(warm, locked, tmp_path):
    """A colleague without envbuild installs the same files, hashes checked."""
    path = tmp_path / "out.txt"
    warm("export", locked, "--format", "requirements", "-o", path).ok()
    assert path.read_text().count("--hash=sha256:") >= path.read_text().count("==") >= 6
    uv = Path(sys.executable).with_name("uv")
    options = ["--target", tmp_path / "site", "--python-version", "3.11", "--python-platform", "x86_64-manylinux_2_36"]
    command = [uv, "pip", "install", "--dry-run", "--require-hashes", "--no-deps", *options, "-r", path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "numpy==" in done.stderr


def test_export_as_pylock_is_a_pylock(warm, locked, tmp_path):
    """PEP 751's own validator takes it, and its hashes are the lock's."""
    done = warm("export", locked).ok()
    pylock = Pylock.from_dict(tomllib.loads(done.stdout.decode()))
    names = {str(p.name) for p in pylock.packages}
    assert {"numpy", "pandas", "scikit-learn"} <= names
    text = locked.read_text()
    assert all(w.hashes["sha256"] in text for p in pylock.packages for w in p.wheels or ())


class TestUpgrades:
    """With an index where newer versions appear."""

    @pytest.fixture
    def moving(self, cold, make_wheel, pypi_server, tmp_path):
        """alpha and beta, locked at 1.0, when 1.1 of both appears."""
        for name in ("alpha", "beta"):
            make_wheel(name, "1.0", folder=pypi_server.folder)
        folder = tmp_path / "moving"
        folder.mkdir()
        (folder / "requirements.txt").write_text("alpha\nbeta\n")

        def envbuild(*arguments, **options):
            return cold(*arguments, cwd=folder, env={"ENVBUILD_PYPI_INDEX": pypi_server.url}, **options)

        envbuild("lock", "requirements.txt").ok()
        for name in ("alpha", "beta"):
            make_wheel(name, "1.1", folder=pypi_server.folder)
        return envbuild

    @staticmethod
    def changed(done) -> dict[str, tuple[str, str]]:
        return {c["name"]: (c["old"], c["new"]) for c in done.ok().json["changes"]}

    def test_a_new_release_changes_nothing_unasked(self, moving):
        """A lock is a decision; releases of others do not undo it."""
        assert self.changed(moving("lock", "requirements.txt", "--json")) == {}

    def test_one_package(self, moving):
        """-P moves one package and leaves the others."""
        assert self.changed(moving("lock", "requirements.txt", "-P", "Alpha", "--json")) == {"alpha": ("1.0", "1.1")}

    def test_all_packages(self, moving):
        """--upgrade moves everything, and the words name each step."""
        done = moving("lock", "requirements.txt", "--upgrade").ok()
        words = (done.stdout + done.stderr).decode()
        assert re.search(r"alpha.*1\.0.*1\.1", words)
        assert re.search(r"beta.*1\.0.*1\.1", words)

    def test_an_added_requirement_keeps_the_rest(self, moving, make_wheel, pypi_server, cold, tmp_path):
        """A new package in the list is no reason to move the old ones."""
        make_wheel("gamma", "3.0", folder=pypi_server.folder)
        (tmp_path / "moving" / "requirements.txt").write_text("alpha\nbeta\ngamma\n")
        assert self.changed(moving("lock", "requirements.txt", "--json")) == {"gamma": ("", "3.0")}

    def test_a_build_follows_the_lock(self, moving):
        """The image has the locked versions, not the newest ones."""
        reference = moving("build", "requirements.txt", "--to", "store").ok().line
        files = moving("ls", reference, "/opt/env/lib/python3.11/site-packages").ok().stdout.decode()
        assert "alpha-1.0.dist-info" in files
        assert "alpha-1.1" not in files

    def test_a_package_not_in_the_lock_is_said(self, moving):
        """A misspelt -P that does nothing would let a known hole stay open."""
        done = moving("lock", "requirements.txt", "-P", "no-such")
        assert done.code == 2
        assert "no-such" in done.stderr.decode()
