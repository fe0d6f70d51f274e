"""Engines: images arrive as they are, names mean what they should, and what is missing on the machine is said."""

import os
import shutil
import socket

import pytest

from envbuild.errors import EnvironmentFault, IntegrityError
from envbuild.runners.engine import EngineKind, find, open_engine
from envbuild.runners.enginesocket import Presence

PATH = os.environ["PATH"]


def refused(out, names):
    raise AssertionError("streamed again")


def test_a_loaded_image_is_there_under_its_names_and_runs(engine, tool, image, names, writer_of):
    assert not engine.has(image, names)
    engine.load(image, names, writer_of(image))
    assert engine.has(image, names)
    for name in names:
        assert tool("run", "--rm", name).stdout == "first"


def test_what_is_there_is_not_streamed_again_but_gets_its_new_names(engine, tool, make_image, names, writer_of):
    image = make_image(names[0])
    engine.load(image, names[:1], writer_of(image))
    assert not engine.has(image, names)
    engine.load(image, names, refused)
    assert engine.has(image, names)
    assert engine.has(image, ())


def test_a_name_moves_to_the_newer_image_and_then_misses_for_the_older(engine, tool, make_image, names, writer_of):
    """Else `latest` would run what was built before."""
    older, newer = make_image("older" + names[0]), make_image("newer" + names[0])
    engine.load(older, names, writer_of(older))
    engine.load(newer, names[1:], writer_of(newer))
    assert engine.presence(names[1], older) is Presence.MISS
    assert tool("run", "--rm", names[1]).stdout.startswith("newer")
    engine.load(older, names[1:], refused)
    assert tool("run", "--rm", names[1]).stdout.startswith("older")
    tool("image", "rm", "--force", str(newer.config_digest), str(newer.digest), check=False)


def test_an_error_of_ours_in_the_middle_of_a_load_comes_through(engine, make_image, names):
    def fail(out, _names):
        out.write(bytes(512))
        raise IntegrityError("a layer is damaged")

    with pytest.raises(IntegrityError, match="damaged"):
        engine.load(make_image("never"), names, fail)
    assert not engine.has(make_image("never"), names)


def test_what_the_engine_says_about_a_bad_archive_is_passed_on(engine, make_image, names):
    with pytest.raises((EnvironmentFault, IntegrityError)) as caught:
        engine.load(make_image("never"), names, lambda out, _: out.write(b"no archive" * 100))
    assert caught.value.what


def environment(tmp_path, *programs, **more):
    folder = tmp_path / "programs"
    folder.mkdir(exist_ok=True)
    for program in programs:
        (folder / program).symlink_to(shutil.which(program, path=PATH) or pytest.skip(f"this machine has no {program}"))
    return {"PATH": str(folder), "HOME": str(tmp_path), **more}


def test_each_thing_that_can_be_missing_has_a_message_of_its_own(tmp_path, monkeypatch):
    nobody = f"unix://{tmp_path / 'no.sock'}"
    monkeypatch.setenv("PATH", environment(tmp_path)["PATH"])
    with pytest.raises(EnvironmentFault, match="docker is not installed") as absent:
        open_engine(EngineKind.DOCKER, os.environ)
    assert "--to oci:DIR" in absent.value.hint
    assert "podman is not installed" in find(os.environ).why

    monkeypatch.setenv("PATH", environment(tmp_path, "docker")["PATH"])
    with pytest.raises(EnvironmentFault, match="no docker engine runs") as stopped:
        open_engine(EngineKind.DOCKER, {**os.environ, "DOCKER_HOST": nobody})
    assert stopped.value.at == str(tmp_path / "no.sock")
    with pytest.raises(EnvironmentFault, match="the docker engine does not answer"):
        open_engine(EngineKind.DOCKER, {**os.environ, "DOCKER_HOST": "tcp://127.0.0.1:9"})


def test_a_socket_that_may_not_be_used_is_told_from_one_without_an_engine(tmp_path):
    shutil.which("docker") or pytest.skip("this machine has no docker")
    path = tmp_path / "engine.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        path.chmod(0)
        before = os.geteuid()
        if before == 0:
            os.seteuid(65534)
        try:
            with pytest.raises(EnvironmentFault, match="may not be used by this user"):
                open_engine(EngineKind.DOCKER, {**os.environ, "DOCKER_HOST": f"unix://{path}"})
        finally:
            os.seteuid(before)
