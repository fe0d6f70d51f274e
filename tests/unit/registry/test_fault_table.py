"""Every request of the distribution specification, and all that a registry or a network may do to it.

By rule: what passes is tried again and done; what does not pass is told after one try; nothing is tried more than 5 times;
no failure ever becomes "not there"; and nothing that came is taken for what was asked unless it is.
"""

import itertools
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest
from registries.clients import Client, Thing, artifact, image_manifest
from registries.faulty import Fault, FaultyRegistry

from envbuild.digest import Digest
from envbuild.errors import EnvironmentFault, IntegrityError
from envbuild.oci import MANIFEST_TYPE, Descriptor
from envbuild.registry import uploads
from envbuild.registry.client import Login, Pushed

CONFIG, LAYER = Thing(b'{"a": 1}'), Thing(b"layer" * 200)
NEW, LARGE = Thing(b"new bytes"), Thing(bytes(range(256)) * 40)
MANIFEST = image_manifest(CONFIG.data, LAYER.data)
OTHER = image_manifest(CONFIG.data, LAYER.data, annotations={"other": "1"})
ATTACHED = artifact(CONFIG.data, LAYER.data, MANIFEST)
SUBJECT = Descriptor(MANIFEST_TYPE, Digest.of(MANIFEST), len(MANIFEST))
TAGS = ["a", "b", "c", "v1"]
SMALL_CHUNK = 4096
MOST_TRIES = 5
LOGIN = Login("user", "password")
TOKENS = {"auth": "token", "login": ("user", "password")}


def _pulled(repository) -> bytes:
    parts: list[bytes] = []
    repository.pull_blob(LAYER.digest, len(LAYER.data), parts.append)
    return b"".join(parts)


def _pushed(thing, **options) -> Callable[[Any], Pushed]:
    return lambda repository: repository.push_blob(thing.digest, len(thing.data), thing.opened, **options)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A request of the specification: how the client comes to make it, which one it is, what a good end is."""

    act: Callable[[Any], Any]
    method: str
    path: str
    done: Any
    around: bool = False
    """Where it fails, there is another way to the same end."""
    without: tuple[int, ...] = ()
    """Statuses that say that the registry does not do this: then the same end is reached otherwise."""
    settings: tuple[tuple[str, Any], ...] = ()
    prepare: Callable[[FaultyRegistry], object] = lambda _: None
    login: Login | None = None


def _cut_a_chunk(registry) -> None:
    registry.fail("PATCH", "/uploads/", Fault(take=1000), after=1)


def _no_referrers(registry) -> None:
    registry.content.referrers_api = False


def _small_pages(registry) -> None:
    registry.content.page = 2


def _digests(entries) -> list[str]:
    return [entry["digest"] for entry in entries]


ROWS = {
    "end-1 check": Row(act=lambda r: r.blob_size(LAYER.digest), method="GET", path=r"^/v2/$", done=len(LAYER.data)),
    "end-2 blob-get": Row(act=_pulled, method="GET", path="/blobs/sha256", done=LAYER.data),
    "end-2 blob-head": Row(
        act=lambda r: r.blob_size(LAYER.digest), method="HEAD", path="/blobs/sha256", done=len(LAYER.data)
    ),
    "end-3 manifest-by-tag": Row(
        act=lambda r: r.manifest("v1").raw, method="GET", path="/manifests/v1", done=MANIFEST
    ),
    "end-3 manifest-by-digest": Row(
        act=lambda r: r.manifest(str(SUBJECT.digest)).raw, method="GET", path="/manifests/sha256", done=MANIFEST
    ),
    "end-3 manifest-head": Row(
        act=lambda r: r.head_manifest("v1"), method="HEAD", path="/manifests/v1", done=SUBJECT
    ),
    "end-4a upload-begin": Row(
        act=_pushed(NEW), method="POST", path=r"/uploads/$", done=Pushed.SENT
    ),
    "end-5 upload-chunk": Row(act=_pushed(LARGE), method="PATCH", path="/uploads/", done=Pushed.SENT, without=(404, 405, 413)),
    "end-6 upload-whole": Row(act=_pushed(NEW), method="PUT", path="/uploads/", done=Pushed.SENT),
    "end-6 upload-end": Row(act=_pushed(LARGE), method="PUT", path="/uploads/", done=Pushed.SENT),
    "end-7 manifest-put-tag": Row(
        act=lambda r: r.put_manifest("v2", OTHER, MANIFEST_TYPE),
        method="PUT", path="/manifests/v2", done=Digest.of(OTHER),
    ),
    "end-7 manifest-put-digest": Row(
        act=lambda r: r.put_manifest(str(Digest.of(OTHER)), OTHER, MANIFEST_TYPE),
        method="PUT", path="/manifests/sha256", done=Digest.of(OTHER),
    ),
    "end-7 attach": Row(
        act=lambda r: r.attach(ATTACHED, MANIFEST_TYPE, SUBJECT),
        method="PUT", path="/manifests/sha256", done=Digest.of(ATTACHED),
    ),
    "end-7 attach-fallback": Row(
        act=lambda r: r.attach(ATTACHED, MANIFEST_TYPE, SUBJECT), prepare=_no_referrers,
        method="PUT", path="/manifests/sha256-", done=Digest.of(ATTACHED),
    ),
    "end-8a tags": Row(act=lambda r: list(r.tags()), method="GET", path="/tags/list", done=TAGS),
    "end-8b tags-next": Row(
        act=lambda r: list(r.tags()), method="GET", path="/tags/list.*last=", done=TAGS, prepare=_small_pages
    ),
    "end-9 manifest-delete": Row(
        act=lambda r: r.delete_manifest(SUBJECT.digest) in (True, False), method="DELETE", path="/manifests/", done=True
    ),
    "end-11 mount": Row(
        act=lambda r: _pushed(Thing(b"elsewhere"), mount_from=("team/base",))(r) in (Pushed.MOUNTED, Pushed.SENT),
        method="POST", path="mount=", done=True, around=True,
    ),
    "end-12a referrers": Row(
        act=lambda r: _digests(r.referrers(SUBJECT.digest)), method="GET", path="/referrers/", done=[]
    ),
    "end-12b referrers-of-a-type": Row(
        act=lambda r: _digests(r.referrers(SUBJECT.digest, "a/b")), method="GET", path="/referrers/", done=[]
    ),
    "end-13 upload-status": Row(
        act=_pushed(LARGE), method="GET", path="/uploads/", done=Pushed.SENT, around=True,
        prepare=_cut_a_chunk,
    ),
    "token": Row(
        act=lambda r: r.blob_size(LAYER.digest), method="GET", path="^/token", done=len(LAYER.data),
        login=LOGIN, settings=tuple(TOKENS.items()),
    ),
    "token-by-identity": Row(
        act=lambda r: r.blob_size(LAYER.digest), method="POST", path="^/token", done=len(LAYER.data),
        login=Login("", "", "password"), settings=tuple(TOKENS.items()),
    ),
}  # fmt: skip

PAGE = b"<html><title>Sign in</title></html>"
HTML = {"Content-Type": "text/html; charset=utf-8"}
PASSING = {
    **{str(status): Fault(status=status) for status in (408, 429, 500, 502, 503, 504)},
    "429 in 2 s": Fault(status=429, headers={"Retry-After": "2"}),
    "503 as a page": Fault(status=503, headers=HTML, body=PAGE),
    "reset at once": Fault(reset="before"),
    "reset with no effect": Fault(reset="after"),
    "reset when done": Fault(reset="done"),
}
GIVEN_UP = {kind: PASSING[kind] for kind in ("408", "429", "503", "reset at once", "reset when done")}
FINAL = {
    **{str(status): Fault(status=status) for status in (400, 403, 405, 413, 418)},
    "403 as a page": Fault(status=403, headers=HTML, body=PAGE),
    "404 as a page": Fault(status=404, headers=HTML, body=PAGE),
}
NONSENSE = {
    "a page": Fault(status=200, headers=HTML, body=PAGE),
    "half of a JSON": Fault(status=200, headers={"Content-Type": "application/json"}, body=b'{"tags": ['),
    "another JSON": Fault(status=200, headers={"Content-Type": "application/json"}, body=b"[]"),
}
TELLS_NO_MORE = {"end-1 check", "end-2 blob-head", "end-3 manifest-head", "end-9 manifest-delete"}
"""Requests whose answer has no body, or none that is looked at."""


@pytest.fixture
def stage(monkeypatch):
    """`stage(row)`: a registry with something in it, and the client's repository."""
    opened = []
    monkeypatch.setattr(uploads, "CHUNK", SMALL_CHUNK)

    def make(row: Row):
        registry = FaultyRegistry(**dict(row.settings))
        opened.append(registry)
        content = registry.content
        for thing in (CONFIG, LAYER):
            content.put_blob("team/app", thing.data)
        content.put_blob("team/base", b"elsewhere")
        for tag in TAGS:
            content.put_manifest("team/app", tag, MANIFEST, MANIFEST_TYPE)
        row.prepare(registry)
        client = Client(registry.host, row.login)
        return registry, client

    yield make
    for registry in opened:
        with closing(registry):
            pass


def _cases(faults):
    pairs = itertools.product(ROWS.items(), faults.items())
    return [pytest.param(row, fault, id=f"{name}: {kind}") for (name, row), (kind, fault) in pairs]


@pytest.mark.parametrize(("row", "fault"), _cases(PASSING))
def test_what_passes_is_tried_again_and_done(row, fault, stage):
    registry, client = stage(row)
    registry.fail(row.method, row.path, fault)
    assert row.act(client.repository()) == row.done
    # Where only the answer was lost, asking whether it is there may be all that is needed.
    fewest = 1 if fault.reset == "done" or row.around else 2
    assert fewest <= registry.count(row.method, row.path) <= MOST_TRIES
    for thing in (NEW, LARGE):
        kept = registry.content.blobs.get(str(thing.digest), thing.data)
        assert kept == thing.data


@pytest.mark.parametrize(("row", "fault"), _cases(GIVEN_UP))
def test_what_does_not_pass_is_given_up_after_five_tries(row, fault, stage):
    registry, client = stage(row)
    registry.fail(row.method, row.path, fault, times=None)
    try:
        # Done it may be where another way was found, or where the registry says that it has all.
        assert row.act(client.repository()) == row.done
        assert row.around or fault.reset == "done"
    except EnvironmentFault as told:
        assert not (row.around and fault.status)
        assert registry.host in str(told)
        assert told.hint
    assert 1 <= registry.count(row.method, row.path) <= MOST_TRIES * (1 + (fault.reset == "done"))


@pytest.mark.parametrize(("row", "fault"), _cases(FINAL))
def test_what_cannot_pass_is_told_at_once(row, fault, stage):
    """And a 404 that is no registry's is never "not there"."""
    registry, client = stage(row)
    registry.fail(row.method, row.path, fault, times=None)
    other_way = row.around or fault.status in row.without
    try:
        assert row.act(client.repository()) == row.done
        assert other_way
    except EnvironmentFault as told:
        assert not other_way or fault.headers == HTML
        assert registry.host in str(told)
    assert registry.count(row.method, row.path) == 1
    # The cut that makes a client ask how much arrived is a pause of its own.
    assert client.slept == [] or row.prepare is _cut_a_chunk


@pytest.mark.parametrize(
    ("row", "fault"), [case for case in _cases(NONSENSE) if case.id.partition(": ")[0] not in TELLS_NO_MORE]
)
def test_an_answer_that_is_none_is_refused(row, fault, stage):
    """A login page with 200 is no blob, no manifest, no empty list, no token and no success."""
    registry, client = stage(row)
    registry.fail(row.method, row.path, fault, times=None)
    if row.around:
        assert row.act(client.repository()) == row.done
        return
    with pytest.raises((EnvironmentFault, IntegrityError)) as told:
        row.act(client.repository())
    assert registry.host in str(told.value)
    assert registry.count(row.method, row.path) <= MOST_TRIES


@pytest.mark.parametrize("name", ["end-1 check", "end-2 blob-head", "end-3 manifest-head"])
def test_a_page_is_no_answer_to_a_question_for_existence(name, stage):
    row = ROWS[name]
    registry, client = stage(row)
    registry.fail(row.method, row.path, Fault(status=200, headers=HTML, body=PAGE), times=None)
    with pytest.raises(EnvironmentFault, match="not a registry's answer"):
        row.act(client.repository())


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if not row.around])
def test_a_login_that_is_refused_is_told_and_not_tried_for_ever(name, stage):
    row = ROWS[name]
    registry, client = stage(row)
    registry.fail(row.method, row.path, Fault(status=401), times=None)
    if name == "end-1 check":
        # A registry that wants a login is one: what is asked next tells.
        registry.fail("HEAD", "/blobs/", Fault(status=401), times=None)
    with pytest.raises(EnvironmentFault) as told:
        row.act(client.repository())
    assert "log in" in told.value.hint
    assert registry.count(row.method, row.path) <= 2


@pytest.mark.parametrize("name", list(ROWS))
def test_without_a_fault_each_request_is_made_and_done(name, stage):
    """So that the table tests what it says."""
    row = ROWS[name]
    registry, client = stage(row)
    assert row.act(client.repository()) == row.done
    assert registry.count(row.method, row.path) >= 1
