"""Docker's contexts and DOCKER_HOST, made by the real client: an image goes to the engine that `docker` itself would use."""

from dataclasses import replace
from pathlib import Path

import pytest


@pytest.fixture
def client(docker_engine, tmp_path):
    """The real client with a configuration of its own, and without DOCKER_HOST."""
    folder = tmp_path / "docker"
    folder.mkdir()
    return replace(docker_engine, env={"DOCKER_CONFIG": str(folder), "DOCKER_HOST": ""})


@pytest.fixture
def spec(warm, project):
    """A small definition: Debian's base alone, and built."""
    path = project('variables = { GREETING = "context" }', "context")
    warm("build", path, "--to", "store").ok()
    return path


def made(client, engine, name) -> None:
    """A context of this name, for a real engine."""
    client("context", "create", name, "--docker", f"host={engine.env['DOCKER_HOST']}")


def test_an_image_goes_to_the_engine_of_the_context(client, docker_engine, containerd_engine, warm, spec):
    made(client, docker_engine, "first")
    made(client, containerd_engine, "second")
    client("context", "use", "second")
    engines = {"first": docker_engine, "second": containerd_engine}
    for variables, expected in [
        ({}, "second"),
        ({"DOCKER_CONTEXT": "first"}, "first"),
        ({"DOCKER_CONTEXT": "first", "DOCKER_HOST": containerd_engine.env["DOCKER_HOST"]}, "second"),
    ]:
        env = {**client.env, **variables}
        assert replace(client, env=env)("version", "--format", "{{.Server.Version}}").stdout
        reference = warm("build", spec, "--to", "docker", "-t", "envbuild-tests/context:1", env=env).ok().line
        there = {name for name, engine in engines.items() if not engine("inspect", reference, check=False).returncode}
        for engine in engines.values():
            engine("rmi", "--force", reference, "envbuild-tests/context:1", check=False)
        assert there == {expected}, variables


def test_a_context_that_is_gone_or_broken_is_told_and_no_other_engine_is_used(client, docker_engine, warm, spec):
    words = warm.failed(5, "build", spec, "--to", "docker", env={**client.env, "DOCKER_CONTEXT": "nowhere"})
    assert "there is no Docker context 'nowhere'" in words
    assert "DOCKER_CONTEXT" in words
    assert "docker context ls" in words
    made(client, docker_engine, "broken")
    client("context", "use", "broken")
    meta = next(Path(client.env["DOCKER_CONFIG"]).rglob("meta.json"))
    meta.write_text("{")
    words = warm.failed(5, "build", spec, "--to", "docker", env=client.env)
    assert "the Docker context 'broken' cannot be read" in words
    assert str(meta) in words
    assert client("version", check=False).returncode != 0


def test_a_context_whose_engine_is_reached_by_the_client_alone_is_tried_by_it(client, warm, spec):
    """tcp and ssh are the client's: what it says is told."""
    client("context", "create", "far", "--docker", "host=tcp://127.0.0.1:9")
    words = warm.failed(5, "build", spec, "--to", "docker", env={**client.env, "DOCKER_CONTEXT": "far"})
    assert "tcp://127.0.0.1:9" in words
