"""A host that keeps a request waiting is told of, so that nobody takes a slow network for a hung program."""

import threading
import time

import pytest

from envbuild.errors import EnvironmentFault
from envbuild.http.client import Http, HttpSettings
from envbuild.http.waiting import Waiting
from envbuild.overdue import overdue


class Clock:
    """A clock that only sleeping moves on."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def told():
    return []


@pytest.fixture
def patient(told):
    """An Http whose sleeps take no time; `slow` is when the user is told."""

    def make(slow=10.0, **more):
        clock, settings = Clock(), HttpSettings(tell=told.append, **more)
        return Http(settings, sleep=clock.sleep, waiting=Waiting(settings, clock=clock, slow=slow))

    return make


def test_a_host_that_wants_to_be_asked_later_is_told_of_once_with_its_reason_and_the_try(
    patient, faulty, answers, told
):
    later = answers.reply(429, Retry_After="12")
    assert patient().get(faulty.at("/x", later, later, answers.reply(200, b"ok"))).body == b"ok"
    assert told == [f"waiting for {faulty.host}: too many requests (429); it asks to wait 12 s (try 2 of 5)"]


def test_short_waits_are_nobody_s_business(patient, faulty, answers, told):
    patient().get(faulty.at("/x", answers.reply(503), answers.reply(503), answers.reply(200, b"ok")))
    assert told == []


def test_many_short_waits_of_one_request_are_a_long_one(patient, faulty, answers, told):
    busy = answers.reply(503, Retry_After="4")
    patient().get(faulty.at("/x", busy, busy, busy, answers.reply(200, b"ok")))
    assert [line.rpartition("(")[2] for line in told] == ["try 4 of 5)"]


def test_who_waits_on_is_told_again_after_half_a_minute(patient, faulty, answers, told):
    busy = answers.reply(503, Retry_After="20")
    patient().get(faulty.at("/x", busy, busy, busy, busy, answers.reply(200, b"ok")))
    assert [line.rpartition("(")[2] for line in told] == ["try 2 of 5)", "try 4 of 5)"]


def test_a_download_that_makes_headway_is_not_waited_for(patient, faulty, answers, told):
    body = bytes(range(256)) * 4096
    parts = []
    patient().download(faulty.at("/x", answers.ranged(body, stop=100_000)), parts.append, size=len(body))
    assert (b"".join(parts), told) == (body, [])


def test_the_proxy_is_named_without_its_login(patient, faulty, told, answers):
    """The test's server is the proxy too: a request for another host reaches it."""
    faulty.at("http://far.example/x?key=c4nary", answers.reply(503, Retry_After="11"), answers.reply(200, b"ok"))
    http = patient(proxies={"http": f"http://clerk:c4nary@{faulty.host}"}, logins={"far.example": "me:c4nary"})
    assert http.get("http://u:c4nary@far.example/x?key=c4nary").body == b"ok"
    assert len(told) == 1
    assert told[0].startswith(f"waiting for far.example through the proxy {faulty.host}: failed with 503")
    assert "c4nary" not in told[0]


def test_a_server_that_says_nothing_is_told_of_while_it_does(patient, faulty, answers, told):
    heard = threading.Event()

    def after_the_notice(handler):
        deadline = time.monotonic() + 20
        while not told and time.monotonic() < deadline:
            time.sleep(0.01)
        heard.set()
        answers.reply(200, b"late")(handler)

    assert patient(slow=0.05).get(faulty.at("/x", after_the_notice)).body == b"late"
    assert heard.is_set()
    assert told == [f"waiting for {faulty.host}: no answer for 0 s"]


def test_requests_that_wait_for_one_host_together_are_told_of_once(patient, faulty, answers, told):
    """Sixteen lines that say the same are no help."""
    http, busy = patient(), answers.reply(503, Retry_After="11")
    urls = [faulty.at(f"/{n}", busy, answers.reply(200, b"ok")) for n in range(16)]
    threads = [threading.Thread(target=http.get, args=[url]) for url in urls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) <= 1 + 16 * 11 // 30
    assert told


def test_nothing_is_watched_where_nobody_would_be_told(faulty, answers):
    threads = []

    def count(handler):
        threads.extend(thread.name for thread in threading.enumerate() if isinstance(thread, threading.Timer))
        answers.reply(200, b"ok")(handler)

    Http(HttpSettings()).get(faulty.at("/x", count))
    assert threads == []


def test_what_ends_in_time_is_not_overdue():
    acts = []
    with overdue(30, lambda: acts.append(1)):
        pass
    assert acts == []
    with pytest.raises(KeyError), overdue(30, lambda: acts.append(1)):
        raise KeyError
    assert not [
        thread
        for thread in threading.enumerate()
        if isinstance(thread, threading.Timer) and not thread.finished.is_set()
    ]


def test_a_wait_ends_when_nobody_wants_it_any_more(faulty, answers):
    """Ctrl-C in the middle of a wait of two minutes: nothing more is asked either."""
    ended = threading.Event()

    def busy(handler):
        answers.reply(503, Retry_After="100")(handler)
        ended.set()

    http = Http(HttpSettings(ended=ended.is_set))
    raised = []

    def ask():
        try:
            http.get(faulty.at("/x", busy))
        except EnvironmentFault as fault:
            raised.append(fault)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(30)
    assert not thread.is_alive()
    assert "interrupted" in raised[0].what
    before = len(faulty.requests)
    with pytest.raises(EnvironmentFault, match="interrupted"):
        http.get(faulty.url("/x"))
    assert len(faulty.requests) == before


def test_a_terminal_that_is_closed_by_then_is_no_error(capfd):
    """A traceback of a thread's is the last thing a user should see."""
    called = threading.Event()

    def act():
        called.set()
        raise BrokenPipeError

    with overdue(0, act):
        assert called.wait(30)
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join(30)
    assert capfd.readouterr().err == ""
