"""What the network has to say reaches those who called, and nobody after their call."""

import threading

import pytest

from envbuild.httpsettings import HttpSettings
from envbuild.workspace import Workspace
from envbuild.workspace.notices import Notices


class Ear:
    def __init__(self):
        self.told = []

    def notice(self, text):
        self.told.append(text)


def test_a_call_hears_what_is_said_while_it_lasts():
    notices, one, other = Notices(), Ear(), Ear()
    notices.tell("before")
    with notices.to(one):
        notices.tell("first")
        with notices.to(other), notices.to(one):
            notices.tell("both, each once")
        with pytest.raises(KeyError), notices.to(other):
            raise KeyError
        notices.tell("last")
    notices.tell("after")
    assert one.told == ["first", "both, each once", "last"]
    assert other.told == ["both, each once"]


def test_calls_of_several_threads_take_nothing_from_each_other():
    notices, ears = Notices(), [Ear() for _ in range(8)]
    ready = threading.Barrier(8)

    def call(ear):
        for _ in range(200):
            with notices.to(ear):
                pass
        with notices.to(ear):
            ready.wait(30)
            notices.tell("x")
            ready.wait(30)

    threads = [threading.Thread(target=call, args=[ear]) for ear in ears]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(ear.told) for ear in ears] == [8] * 8
    notices.tell("y")
    assert [len(ear.told) for ear in ears] == [8] * 8


def test_every_spec_of_a_workspace_speaks_to_its_caller_and_ends_with_it(tmp_path):
    given_up = []
    workspace = Workspace.open({"ENVBUILD_HOME": str(tmp_path)}, interrupted=lambda: bool(given_up))
    heard = workspace.adapters.for_spec(str(tmp_path / "envbuild.toml")).heard(HttpSettings())
    ear = Ear()
    with workspace.adapters.notices.to(ear):
        heard.tell("waiting")
    assert ear.told == ["waiting"]
    assert heard.ended() is False
    given_up.append(1)
    assert heard.ended() is True
