"""How long and how often a registry is asked again: as it says, within a budget, never all at the same moment."""

import email.utils
import io
import time

import pytest
from registries.clients import Client, Thing
from registries.faulty import Fault

from envbuild.errors import EnvironmentFault
from envbuild.httpsettings import HttpSettings

BLOB = Thing(b"blob" * 100)
WAITS = [0, 1, 2, 7, 30, 100]


@pytest.fixture
def registry(faulty_registry):
    faulty_registry.content.put_blob("team/app", BLOB.data)
    return faulty_registry


@pytest.fixture
def client(registry):
    return Client(registry.host)


def _date(seconds: float) -> str:
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("seconds", WAITS)
def test_a_wait_in_seconds_is_kept_to_the_second(seconds, status, registry, client):
    registry.fail("HEAD", "/blobs/", Fault(status=status, headers={"Retry-After": str(seconds)}))
    assert client.repository().blob_size(BLOB.digest) == len(BLOB.data)
    assert len(client.slept) == 1
    assert seconds <= client.slept[0] <= seconds + 1


@pytest.mark.parametrize("seconds", WAITS)
def test_a_wait_until_a_date_is_kept_to_the_second(seconds, registry, client):
    headers = {"Retry-After": _date(seconds), "Date": _date(0)}
    registry.fail("HEAD", "/blobs/", Fault(status=429, headers=headers))
    assert client.repository().blob_size(BLOB.digest) == len(BLOB.data)
    assert seconds - 1 <= client.slept[0] <= seconds + 1


def test_a_date_counts_by_the_registrys_clock_where_that_is_another(registry, client):
    """Else a registry whose clock is a day off makes its clients wait for a day."""
    headers = {"Retry-After": _date(86_400 + 5), "Date": _date(86_400)}
    registry.fail("HEAD", "/blobs/", Fault(status=429, headers=headers))
    client.repository().blob_size(BLOB.digest)
    assert 4 <= client.slept[0] <= 6


@pytest.mark.parametrize("text", ["soon", "-5", "1.5", "", "99999999999999999999999", "Mon, 99 Foo 2020"])
def test_a_wait_that_cannot_be_read_is_no_crash_and_no_endless_wait(text, registry, client):
    registry.fail("HEAD", "/blobs/", Fault(status=429, headers={"Retry-After": text}), times=None)
    with pytest.raises(EnvironmentFault, match="429"):
        client.repository().blob_size(BLOB.digest)
    assert sum(client.slept) <= HttpSettings().patience
    assert registry.count("HEAD", "/blobs/") <= 5


@pytest.mark.parametrize("seconds", [121, 3600, 86_400])
def test_a_wait_beyond_the_budget_is_told_at_once(seconds, registry, client):
    registry.fail("HEAD", "/blobs/", Fault(status=429, headers={"Retry-After": str(seconds)}), times=None)
    with pytest.raises(EnvironmentFault) as told:
        client.repository().blob_size(BLOB.digest)
    assert client.slept == []
    assert registry.count("HEAD", "/blobs/") == 1
    assert str(seconds) in str(told.value), "when it may be tried again is not said"


@pytest.mark.parametrize("seconds", [30, 50, 110])
def test_waits_together_stay_within_the_budget(seconds, registry, client):
    registry.fail("HEAD", "/blobs/", Fault(status=503, headers={"Retry-After": str(seconds)}), times=None)
    with pytest.raises(EnvironmentFault, match="503"):
        client.repository().blob_size(BLOB.digest)
    assert sum(client.slept) <= 120


@pytest.mark.parametrize("fault", [Fault(status=503), Fault(reset="before")], ids=["503", "reset"])
def test_pauses_grow_and_no_two_clients_keep_step(fault, registry):
    """Else all machines of a cluster come back at the same moment."""
    pauses = []
    for _ in range(8):
        registry.forget()
        registry.fail("HEAD", "/blobs/", fault, times=None)
        client = Client(registry.host)
        with pytest.raises(EnvironmentFault):
            client.repository().blob_size(BLOB.digest)
        assert registry.count("HEAD", "/blobs/") <= 5
        pauses.append(tuple(client.slept))
    assert len({pause[0] for pause in pauses}) > 1
    assert all(0 < pause[0] < pause[-1] for pause in pauses)


@pytest.mark.parametrize("status", [400, 401, 403, 405, 406, 409, 410, 412, 413, 415, 422, 451])
def test_what_no_try_mends_is_asked_once(status, registry, client):
    registry.fail("*", "/(manifests|uploads)/", Fault(status=status), times=None)
    with pytest.raises(EnvironmentFault, match=str(status)):
        client.repository().put_manifest("v1", b"{}", "application/json")
    with pytest.raises(EnvironmentFault, match=str(status)):
        client.repository().push_blob(BLOB.digest, len(BLOB.data), BLOB.opened, known_missing=True)
    assert client.slept == []
    assert registry.count("PUT", "/manifests/") == 1
    assert registry.count("POST", "/uploads/") == 1


ERRORS = [400, 401, 402, 403, 405, 406, 408, 410, 418, 429, 451, 500, 501, 502, 503, 504, 508, 521, 599]


@pytest.mark.parametrize("status", ERRORS)
def test_no_error_becomes_not_there(status, registry, client):
    """Else a registry in trouble makes everybody build again, or push over what is there."""
    registry.fail("*", "/(blobs|manifests|tags|referrers)/", Fault(status=status), times=None)
    repository = client.repository()
    questions = [
        lambda: repository.blob_size(BLOB.digest),
        lambda: repository.manifest("v1"),
        lambda: repository.head_manifest("v1"),
        lambda: list(repository.tags()),
        lambda: repository.referrers(BLOB.digest),
        lambda: repository.pull_blob(BLOB.digest, len(BLOB.data), io.BytesIO().write),
        lambda: repository.delete_manifest(BLOB.digest),
    ]
    for question in questions:
        with pytest.raises(EnvironmentFault):
            question()


def test_what_is_not_there_is_told_as_such(registry, client):
    repository, nothing = client.repository(), Thing(b"nothing").digest
    assert repository.blob_size(nothing) is None
    assert repository.manifest("none") is None
    assert repository.head_manifest("none") is None
    assert repository.referrers(nothing) == ()
    assert not repository.delete_manifest(nothing)
    with pytest.raises(KeyError):
        repository.pull_blob(nothing, 7, io.BytesIO().write)


def test_a_registry_that_goes_silent_is_given_up(registry):
    client = Client(registry.host, settings=HttpSettings(read_timeout=0.2))
    registry.fail("GET", "/blobs/", Fault(pause=1.0), times=None)
    with pytest.raises(EnvironmentFault, match="silent"):
        client.repository().pull_blob(BLOB.digest, len(BLOB.data), io.BytesIO().write)
    assert registry.count("GET", "/blobs/") <= 5


def test_links_that_lead_in_a_circle_end(registry, client):
    loop = {"Link": '</v2/team/app/tags/list?last=a>; rel="next"', "Content-Type": "application/json"}
    registry.fail("GET", "/tags/", Fault(status=200, headers=loop, body=b'{"tags": ["a"]}'), times=None)
    registry.most = 3000
    with pytest.raises(EnvironmentFault):
        list(client.repository().tags())


def test_referrers_whose_links_lead_in_a_circle_end(registry, client):
    loop = {"Link": f'</v2/team/app/referrers/{BLOB.digest}?n=1>; rel="next"', "Content-Type": "application/json"}
    registry.fail("GET", "/referrers/", Fault(status=200, headers=loop, body=b'{"manifests": []}'), times=None)
    registry.most = 3000
    with pytest.raises(EnvironmentFault):
        client.repository().referrers(BLOB.digest)
