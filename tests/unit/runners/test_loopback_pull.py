"""Bringing an image into an engine by a pull from the loopback registry: fast, whole, and without traces."""

import os
from dataclasses import replace

import pytest

from envbuild.runners import loopback, podmanpull
from envbuild.runners.engine import EngineKind, open_engine
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


def test_an_engine_pulls_and_keeps_no_name_but_ours(engine, tool, make_image, names, store, report, watched):
    """Else `docker images` fills up with addresses of registries that are gone."""
    image = make_image("pulled" + names[0])
    Loader(engine, store, report).load(image, names)
    assert engine.has(image, names)
    assert tool("run", "--rm", names[0]).stdout == "pulled" + names[0]
    (registry,) = watched.registries
    assert registry.asked.is_set()
    assert registry.repository not in tool("images", "--all", "--digests", "--no-trunc").stdout
    assert 0 < report.done <= image.size


def test_a_podman_that_never_asks_is_ended_and_given_the_archive(
    podman, make_image, store, report, monkeypatch, tmp_path
):
    """It may be the client of one in a virtual machine."""
    slow = tmp_path / "podman"
    slow.write_text(f'#!/bin/sh\n[ "$1" = pull ] && exec sleep 60\nexec {podman.command[0]} "$@"\n')
    slow.chmod(0o755)
    monkeypatch.setattr(podmanpull, "TIME_TO_ASK", 0.2)
    engine = replace(open_engine(EngineKind.PODMAN, {**os.environ, **podman.env}), program=str(slow))
    image, names = make_image("slow"), ("envbuild/tests-slow:1",)
    Loader(engine, store, report).load(image, names)
    assert engine.has(image, names)
    podman("rmi", *names)
