"""A resolver's process says nothing while it works: after a while we say that it still does, and whom it asks."""

import threading

import pytest

from envbuild.definition import Definition, Index
from envbuild.machine import Machine
from envbuild.normalize import normalize
from envbuild.platforms import LINUX_AMD64
from envbuild.resolvers import pypi
from envbuild.wheelfiles import Target
from envbuild.workspace.packages import tool_environment


class Ear:
    """A reporter that says when it was told something."""

    def __init__(self):
        self.told, self.heard = [], threading.Event()

    def notice(self, text):
        self.told.append(text)
        self.heard.set()


@pytest.fixture
def told():
    """`told(pins)`: what the user is told while a resolver works, whose whole work is `pins(ear)`."""

    def run(pins):
        ear = Ear()

        class Pinner:
            name = "a-resolver"

            def pins(self, request):
                pins(ear)
                return ()

        asked = Definition(indexes=(Index("pypi"), Index("corp", "https://corp.example/simple")))
        resolver = pypi.PypiResolver(Pinner(), None, lambda *_: None)
        assert resolver.resolve(normalize(asked), Target(LINUX_AMD64, "3.11.2", "2.36"), {}, ear) == ()
        return ear.told

    return run


def test_one_that_takes_long_is_told_of_with_the_indexes_that_it_asks(told, monkeypatch):
    monkeypatch.setattr(pypi, "SLOW", 0.01)
    assert told(lambda ear: ear.heard.wait(30)) == ["still resolving with a-resolver, which asks pypi, corp"]


def test_one_that_is_done_in_time_is_nobody_s_business(told):
    assert told(lambda ear: None) == []


@pytest.mark.parametrize(("limit", "seconds"), [(2.0, "2"), (30.0, "30"), (600.0, "30")])
def test_a_silent_index_is_given_up_in_the_time_that_the_user_allows(limit, seconds):
    """Else `timeout = 2` would be two seconds for a download, and half a minute each for three tries of the resolver."""
    tool = tool_environment(Machine(timeout=limit), {}, {}, {})
    assert (tool["UV_HTTP_TIMEOUT"], tool["PIP_DEFAULT_TIMEOUT"]) == (seconds, seconds)
