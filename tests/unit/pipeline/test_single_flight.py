"""What several ask for at once is made once, by whoever comes first; the others take what was made."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from envbuild.digest import Digest
from envbuild.errors import Busy
from envbuild.pipeline.building import Building
from envbuild.pipeline.locking import Choice, Locking
from envbuild.platforms import LINUX_AMD64
from envbuild.store.places import Places
from envbuild.store.turns import Turns

ASKED = 12


class Told:
    def __init__(self):
        self.words = []

    def notice(self, text):
        self.words.append(text)


@pytest.fixture
def turns(tmp_path):
    return Turns(Places.read({"ENVBUILD_HOME": str(tmp_path)}), lambda: 30.0)


class _Building(Building):
    """Finds and builds by a word, and takes its time."""

    def __init__(self, turns, made):
        super().__init__(None, None, None, None, turns.build)
        self._made = made

    def image_id(self, locked):
        return Digest.of(locked.encode())

    def find(self, locked, platform):
        return locked if locked in self._made else None

    def _build(self, locked, platform, report):
        time.sleep(1.0)
        self._made.append(locked)
        return locked


class _Locking(Locking):
    """The same for locks: `made` stands for the store."""

    def __init__(self, turns, made):
        super().__init__(self, None, None, None, None, None, alone=turns.resolve)
        self._made_here = made

    def found(self, spec, platform, choice, report):
        return "found" if self._made_here else None

    def _section_here(self, request, platform):
        return self._made_here[0] if self._made_here else None

    def resolve(self, spec, platforms, choice, report):
        time.sleep(1.0)
        return "document"

    def remember(self, spec, document):
        self._made_here.append((_Section(), self.facts_of(None)))
        return Digest.of(b"document")

    def facts_of(self, _digest):
        return _Facts()


class _Section:
    lock_id = Digest.of(b"lock")
    settings = None


class _Facts:
    sections = {LINUX_AMD64: _Section()}  # noqa: RUF012
    document = Digest.of(b"document")


class _Spec:
    path, settings = "spec", None
    requests = {LINUX_AMD64: Digest.of(b"request")}  # noqa: RUF012


def test_one_image_is_built_once_and_those_who_wait_are_told(turns):
    made, told = [], [Told() for _ in range(ASKED)]
    with ThreadPoolExecutor(ASKED) as pool:
        found = list(pool.map(lambda t: _Building(turns, made).ensure("one", LINUX_AMD64, t), told))
    assert made == ["one"]
    assert set(found) == {"one"}
    waited = [t.words for t in told if t.words]
    assert waited
    assert all(len(words) == 1 and "waiting for process" in words[0] and "the image" in words[0] for words in waited)


def test_different_images_are_built_side_by_side(turns):
    began = threading.Barrier(4, timeout=20)

    def build(word):
        with turns.build(Digest.of(word.encode()), print):
            began.wait()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(build, "abcd"))


def test_one_request_is_resolved_once(turns):
    """Two resolutions at once could find two answers, and one definition would be two images."""
    made, told = [], [Told() for _ in range(ASKED)]
    with ThreadPoolExecutor(ASKED) as pool:
        found = list(pool.map(lambda t: _Locking(turns, made).ensure(_Spec(), LINUX_AMD64, Choice(), t), told))
    assert len(made) == 1
    assert [f.fresh for f in found if f != "found"].count(True) == 1
    assert any("the lock for request" in words for t in told for words in t.words)


def test_who_waits_too_long_is_told_and_builds_nothing(tmp_path):
    places, made = Places.read({"ENVBUILD_HOME": str(tmp_path)}), []
    with (
        Turns(places, lambda: None).build(Digest.of(b"one"), print),
        pytest.raises(Busy, match=r"the image .* is in use by process \d+ on .* since .*; waited 0.1 s"),
    ):
        _Building(Turns(places, lambda: 0.1), made).ensure("one", LINUX_AMD64, Told())
    assert made == []


def test_a_build_that_fails_lets_the_next_one_try(turns):
    made = []

    class Fails(_Building):
        def _build(self, locked, platform, report):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Fails(turns, made).ensure("one", LINUX_AMD64, Told())
    assert _Building(turns, made).ensure("one", LINUX_AMD64, Told()) == "one"
