"""Where the store is, and whose it may be."""

import os
import pwd

import pytest

from envbuild.errors import EnvironmentFault
from envbuild.store.places import Places


def test_envbuild_home_has_everything(tmp_path):
    places = Places.read({"ENVBUILD_HOME": str(tmp_path / "store"), "XDG_CACHE_HOME": "/elsewhere"})
    roots = [places.blobs, places.claims, places.memo, places.locks, places.prefixes, places.records, places.settings]
    assert all(path.is_relative_to(tmp_path / "store") for path in roots)
    assert len(set(roots)) == len(roots)
    assert not (tmp_path / "store").exists()


def test_else_xdg_divides_what_can_be_made_again_from_what_cannot(tmp_path):
    places = Places.read({"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data"), "XDG_CACHE_HOME": "relative"})
    assert places.blobs == tmp_path / ".cache/envbuild/blobs.v1"
    assert places.records == tmp_path / "data/envbuild/records.v1"
    assert places.settings == tmp_path / ".config/envbuild/config.toml"
    assert places.notice == ""


def test_without_home_the_accounts_is_taken(monkeypatch, tmp_path):
    entry = pwd.getpwuid(os.geteuid())
    monkeypatch.setattr(pwd, "getpwuid", lambda _: pwd.struct_passwd((*entry[:5], str(tmp_path), entry[6])))
    assert Places.read({}).cache == tmp_path / ".cache/envbuild"


def test_without_any_home_a_temporary_place_of_ours_is_taken_and_said(monkeypatch, tmp_path):
    def unknown(_):
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    places = Places.read({"TMPDIR": str(tmp_path)})
    assert "no home folder is known" in places.notice
    assert places.cache.is_relative_to(tmp_path / f"envbuild-{os.geteuid()}")
    (tmp_path / f"envbuild-{os.geteuid()}").mkdir()
    (tmp_path / f"envbuild-{os.geteuid()}").chmod(0o777)
    with pytest.raises(EnvironmentFault, match="every user"):
        Places.read({"TMPDIR": str(tmp_path)})


def test_a_store_that_every_user_may_write_is_refused(tmp_path):
    """Whoever can put a claim there decides what runs here."""
    root = tmp_path / "cache"
    root.mkdir()
    root.chmod(0o777)
    with pytest.raises(EnvironmentFault, match="every user") as caught:
        Places.read({"ENVBUILD_HOME": str(tmp_path)})
    assert caught.value.at == str(root)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to somebody else")
def test_a_store_of_another_user_is_refused(tmp_path):
    (tmp_path / "cache").mkdir()
    os.chown(tmp_path / "cache", 12345, -1)
    with pytest.raises(EnvironmentFault, match="belongs to another user"):
        Places.read({"ENVBUILD_HOME": str(tmp_path)})


@pytest.mark.parametrize("content", ["relative/path", "file"])
def test_what_is_no_folder_is_refused(tmp_path, content):
    (tmp_path / "cache").touch()
    with pytest.raises(EnvironmentFault):
        Places.read({"ENVBUILD_HOME": content if content == "relative/path" else str(tmp_path)})
