"""Bringing an image into an engine by a pull from the loopback registry: fast, whole, and without traces."""

import pytest

from envbuild.runners import loopback
from envbuild.workspace.loading import Loader


class Watched:
    """The registries that loads opened."""

    def __init__(self, monkeypatch):
        self.registries = []
        made = loopback.Loopback

        def make(image, blobs):
            self.registries.append(made(image, blobs))
            return self.registries[-1]

        monkeypatch.setattr(loopback, "Loopback", make)


@pytest.fixture
def watched(monkeypatch):
    return Watched(monkeypatch)


def test_a_docker_engine_pulls_and_keeps_no_name_but_ours(engine, tool, make_image, names, store, report, watched):
    """Else `docker images` fills up with addresses of registries that are gone."""
    image = make_image("pulled" + names[0])
    Loader(engine, store, report).load(image, names)
    assert engine.has(image, names)
    assert tool("run", "--rm", names[0]).stdout == "pulled" + names[0]
    if tool.name == "podman":
        assert watched.registries == []
        return
    (registry,) = watched.registries
    assert registry.asked.is_set()
    assert registry.repository not in tool("images", "--all", "--digests", "--no-trunc").stdout
    assert 0 < report.done <= image.size
