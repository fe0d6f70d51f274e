"""Uploads: every byte arrives once and as its digest says, whatever is cut, refused or claimed on the way."""

import io
import random
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from registries.clients import Client, Thing
from registries.faulty import Fault, FaultyRegistry

from envbuild.digest import Digest
from envbuild.errors import EnvironmentFault, IntegrityError
from envbuild.registry import uploads
from envbuild.registry.client import Pushed

CHUNK = 200_000
SMALL, LARGE = Thing(random.Random(1).randbytes(3000)), Thing(random.Random(2).randbytes(1_100_000))


@pytest.fixture
def chunked(monkeypatch):
    monkeypatch.setattr(uploads, "CHUNK", CHUNK)


@pytest.fixture
def registry(chunked):
    with closing(FaultyRegistry()) as made:
        yield made


@pytest.fixture
def client(registry):
    return Client(registry.host)


def push(client, thing, **options):
    return client.repository().push_blob(thing.digest, len(thing.data), thing.opened, **options)


def sent(registry, method):
    return sum(one.size for one in registry.seen if one.method == method)


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK - 1])
def test_blobs_of_every_size_arrive(registry, client, size):
    thing, told = Thing(bytes(size)), []
    assert push(client, thing, progress=told.append) is Pushed.SENT
    assert registry.content.blobs[str(thing.digest)] == thing.data
    assert sum(told) == size
    assert sent(registry, "PATCH" if size > CHUNK else "PUT") == size
    assert push(client, thing) is Pushed.EXISTED


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.tuples(st.integers(0, 4), st.integers(0, CHUNK)), min_size=1, max_size=3))
def test_a_cut_costs_one_chunk_at_most_and_every_byte_is_told_once(chunked, cuts):
    with closing(FaultyRegistry()) as registry:
        told = []
        for after, take in cuts:
            registry.fail("PATCH", "/uploads/", Fault(take=take), after=after)
        assert push(Client(registry.host), LARGE, progress=told.append) is Pushed.SENT
        assert registry.content.blobs[str(LARGE.digest)] == LARGE.data
        assert sum(told) == len(LARGE.data)
        assert all(amount > 0 for amount in told)
        assert sent(registry, "PATCH") <= len(LARGE.data) + len(cuts) * CHUNK


@pytest.mark.parametrize("thing", [SMALL, LARGE], ids=["whole", "in chunks"])
@pytest.mark.parametrize("damage", ["flipped", "shorter", "empty"])
def test_a_damaged_file_is_never_finished_there(registry, client, thing, damage):
    data = bytearray(thing.data)
    data[100] ^= 1
    bad = {"flipped": bytes(data), "shorter": thing.data[:-1], "empty": b""}[damage]
    with pytest.raises(IntegrityError, match="damaged"):
        client.repository().push_blob(thing.digest, len(thing.data), lambda: io.BytesIO(bad))
    assert str(thing.digest) not in registry.content.blobs
    assert str(Digest.of(bad)) not in registry.content.blobs
    assert registry.count("DELETE", "/uploads/") == 1


def test_a_file_that_cannot_be_read_is_no_network_failure(registry, client):
    class Broken(io.BytesIO):
        def read(self, size=-1, /):
            raise OSError(5, "Input/output error")

    with pytest.raises(EnvironmentFault, match="cannot be read"):
        client.repository().push_blob(SMALL.digest, len(SMALL.data), Broken)
    assert client.slept == []


@pytest.mark.parametrize("status", [404, 405, 411, 413, 415, 501])
def test_a_registry_that_takes_no_chunks_gets_the_blob_whole(registry, client, status):
    registry.fail("PATCH", "/uploads/", Fault(status=status), times=None)
    assert push(client, LARGE) is Pushed.SENT
    assert registry.count("PATCH", "") == 1
    assert registry.content.blobs[str(LARGE.digest)] == LARGE.data


def test_chunks_are_as_large_as_the_registry_asks(registry, client):
    registry.content.chunk_min_length = 300_000
    assert push(client, LARGE) is Pushed.SENT
    sizes = [one.size for one in registry.seen if one.method == "PATCH"]
    assert sizes == [300_000, 300_000, 300_000, 200_000]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_an_answer_that_was_lost_does_not_send_the_blob_again(registry, client, method):
    thing = LARGE if method == "PATCH" else SMALL
    registry.fail(method, "/uploads/", Fault(reset="done"))
    assert push(client, thing) is Pushed.SENT
    assert sent(registry, method) == len(thing.data)


def test_after_a_cut_it_goes_on_at_the_byte_where_the_registry_stands(registry, client):
    registry.fail("PATCH", "/uploads/", Fault(take=CHUNK // 2))
    assert push(client, LARGE) is Pushed.SENT
    ranges = [one.headers["content-range"] for one in registry.seen if one.method == "PATCH"]
    assert ranges[1] == f"{CHUNK // 2}-{CHUNK // 2 + CHUNK - 1}"


def test_a_registry_that_claims_more_than_was_sent_is_not_believed(registry, client):
    registry.fail("PATCH", "/uploads/", Fault(status=202, headers={"Range": "0-999999999"}))
    with pytest.raises(EnvironmentFault, match="1000000000 bytes"):
        push(client, LARGE)
    assert str(LARGE.digest) not in registry.content.blobs


@pytest.mark.parametrize("status", [202, 416])
def test_a_registry_that_never_takes_a_byte_ends_the_upload_after_five_tries(registry, client, status):
    registry.fail("PATCH", "/uploads/", Fault(status=status, headers={"Range": "0-0"}), times=None)
    registry.fail("GET", "/uploads/", Fault(status=204, headers={"Range": "0-0"}), times=None)
    with pytest.raises(EnvironmentFault, match="takes no bytes"):
        push(client, LARGE)
    assert registry.count("PATCH", "") == 5


def test_a_line_that_is_cut_again_and_again_ends_as_long_as_it_gets_on(registry, client):
    """Five tries are for one place, not for a large blob on a bad line."""
    registry.fail("PATCH", "/uploads/", Fault(take=70_000), times=12)
    assert push(client, LARGE) is Pushed.SENT
    assert registry.content.blobs[str(LARGE.digest)] == LARGE.data


def test_an_upload_that_the_registry_lost_is_begun_anew_and_its_bytes_are_told_once(registry, client):
    told = []
    registry.fail("PATCH", "/uploads/", Fault(take=1000), after=2)
    registry.fail("GET", "/uploads/", Fault(status=404))
    assert push(client, LARGE, progress=told.append) is Pushed.SENT
    assert registry.count("POST", "/uploads/") == 2
    assert sum(told) == len(LARGE.data)


def test_a_mount_saves_the_bytes_and_a_refused_one_goes_on_with_its_upload(registry, client):
    registry.content.put_blob("team/base", SMALL.data)
    assert push(client, SMALL, mount_from=["team/base"]) is Pushed.MOUNTED
    assert sent(registry, "PUT") == 0
    assert push(client, LARGE, mount_from=["team/none", "team/other"]) is Pushed.SENT
    assert registry.count("POST", "/uploads/") == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 500])
def test_a_registry_without_mounts_gets_the_bytes(registry, client, status):
    registry.fail("POST", "mount=", Fault(status=status), times=None)
    assert push(client, SMALL, mount_from=["team/base"]) is Pushed.SENT


def test_a_blob_of_another_size_there_is_told(registry, client):
    registry.fail("HEAD", "/blobs/", Fault(status=200, headers={"Content-Length": "7"}))
    with pytest.raises(IntegrityError, match="7 bytes"):
        push(client, SMALL)
