"""Bytes that are not what was asked for, however they come: refused before anybody uses them."""

import gzip
import json
import random
from dataclasses import replace

import pytest
from registries.clients import Client, Thing, artifact, image_manifest
from registries.content import digest_of
from registries.faulty import Fault

from envbuild.digest import Digest
from envbuild.errors import EnvbuildError, EnvironmentFault, IntegrityError
from envbuild.oci import INDEX_TYPE, MANIFEST_TYPE, Descriptor

BLOB = Thing(random.Random(12).randbytes(76_800))
OTHER = Thing(bytes(reversed(BLOB.data)))
HALF = len(BLOB.data) // 2
CONFIG = Thing(b"{}")
MANIFEST = image_manifest(CONFIG.data, BLOB.data)
JSON = json.loads(MANIFEST)


def _flipped(data: bytes, place: int) -> bytes:
    changed = bytearray(data)
    changed[place] ^= 1
    return bytes(changed)


@pytest.fixture
def registry(faulty_registry):
    content = faulty_registry.content
    for thing in (BLOB, OTHER, CONFIG):
        content.put_blob("team/app", thing.data)
    content.put_manifest("team/app", "v1", MANIFEST, MANIFEST_TYPE)
    return faulty_registry


@pytest.fixture
def repository(registry):
    return Client(registry.host).repository()


def _body(data: bytes, **headers: str):
    return lambda answer: replace(answer, body=data, headers={**answer.headers, **headers})


def _headers(**headers: str):
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda answer: replace(answer, headers={**answer.headers, **names})


def _pull(repository, size: int = len(BLOB.data), digest: Digest = BLOB.digest) -> bytes:
    parts: list[bytes] = []
    repository.pull_blob(digest, size, parts.append)
    return b"".join(parts)


BLOBS = {
    "the first byte": _body(_flipped(BLOB.data, 0)),
    "a byte in the middle": _body(_flipped(BLOB.data, HALF)),
    "the last byte": _body(_flipped(BLOB.data, -1)),
    "another blob": _body(OTHER.data),
    "zeros": _body(bytes(len(BLOB.data))),
    "one byte longer": _body(BLOB.data + b"\0"),
    "a line end more": _body(BLOB.data + b"\r\n"),
    "twice": _body(BLOB.data * 2),
    "one byte shorter": _body(BLOB.data[:-1]),
    "without its first byte": _body(BLOB.data[1:]),
    "nothing": _body(b""),
    "one byte": _body(BLOB.data[:1]),
    "a page": _body(b"<html>sign in</html>", **{"Content-Type": "text/html"}),
    "compressed, and told so": _body(gzip.compress(BLOB.data), **{"Content-Encoding": "gzip"}),
    "compressed, and not told": _body(gzip.compress(BLOB.data)),
    "told to be compressed": _headers(Content_Encoding="gzip"),
    "its error": _body(b'{"errors": []}', **{"Content-Type": "application/json"}),
}


@pytest.mark.parametrize("change", BLOBS.values(), ids=BLOBS.keys())
def test_a_blob_that_is_changed_on_its_way_is_refused(change, registry, repository):
    registry.fail("GET", "/blobs/", Fault(change=change), times=None)
    with pytest.raises((IntegrityError, EnvironmentFault)) as told:
        _pull(repository)
    assert registry.host in str(told.value)
    assert told.value.hint
    # A page is no damage: somebody else than a registry answers.
    page = "not a registry's answer" in str(told.value)
    assert isinstance(told.value, EnvironmentFault) == page
    assert page or BLOB.digest.hex in str(told.value)


PARTS = {
    "another beginning": lambda a: replace(a, body=_flipped(a.body, 0)),
    "another end": lambda a: replace(a, body=_flipped(a.body, -1)),
    "longer": lambda a: replace(a, body=a.body + b"more"),
    "from elsewhere": _headers(Content_Range=f"bytes {HALF + 9}-{len(BLOB.data) - 1}/{len(BLOB.data)}"),
    "of another size": _headers(Content_Range=f"bytes {HALF}-{len(BLOB.data)}/{len(BLOB.data) + 1}"),
    "without a range": _headers(Content_Range=""),
    "the beginning, told as the end": lambda a: replace(a, body=BLOB.data[:HALF]),
    "another whole": lambda a: replace(a, status=200, body=OTHER.data),
    "a longer whole": lambda a: replace(a, status=200, body=BLOB.data + b"!"),
}


@pytest.mark.parametrize("change", PARTS.values(), ids=PARTS.keys())
def test_a_blob_whose_second_part_is_another_is_refused(change, registry, repository):
    registry.fail("GET", "/blobs/", Fault(cut=HALF))
    registry.fail("GET", "/blobs/", Fault(change=change), times=None)
    with pytest.raises(IntegrityError):
        _pull(repository)


@pytest.mark.parametrize("size", [0, 1, len(BLOB.data) - 1, len(BLOB.data) + 1, 1 << 40])
def test_a_size_that_a_manifest_lies_about_is_refused(size, repository):
    with pytest.raises(IntegrityError):
        _pull(repository, size)


@pytest.mark.parametrize("size", [len(BLOB.data) + 100, 10 * len(BLOB.data)])
def test_a_blob_that_never_comes_whole_is_refused(size, registry, repository):
    registry.fail("GET", "/blobs/", Fault(change=_body(BLOB.data[:100]), length=size), times=None)
    with pytest.raises(EnvbuildError):
        _pull(repository)


def _text(**changes: object) -> bytes:
    return json.dumps({**JSON, **changes}).encode()


DOCUMENTS = {
    "a byte": _flipped(MANIFEST, 40),
    "a space more": MANIFEST + b" ",
    "a line end more": MANIFEST + b"\n",
    "cut": MANIFEST[:-1],
    "written anew": json.dumps(JSON, indent=1).encode(),
    "nothing": b"",
    "other layers": _text(layers=[]),
    "a name twice": MANIFEST[:-1] + b', "schemaVersion": 2}',
    "with a mark": b"\xef\xbb\xbf" + MANIFEST,
}


@pytest.mark.parametrize("body", DOCUMENTS.values(), ids=DOCUMENTS.keys())
def test_a_manifest_with_another_digest_is_refused(body, registry, repository):
    registry.fail("GET", "/manifests/", Fault(change=_body(body)), times=None)
    with pytest.raises(IntegrityError) as told:
        repository.manifest(digest_of(MANIFEST))
    assert registry.host in str(told.value)


@pytest.mark.parametrize("body", DOCUMENTS.values(), ids=DOCUMENTS.keys())
def test_a_tag_whose_manifest_is_not_what_its_header_says_is_refused(body, registry, repository):
    registry.fail("GET", "/manifests/", Fault(change=_body(body)), times=None)
    with pytest.raises((IntegrityError, EnvironmentFault)):
        repository.manifest("v1")


SAID = {
    "a name twice": (MANIFEST[:-1] + b', "schemaVersion": 2}', MANIFEST_TYPE),
    "a name twice, deep": (MANIFEST.replace(b'"size":', b'"size": 1, "size":', 1), MANIFEST_TYPE),
    "sent as an index": (MANIFEST, INDEX_TYPE),
    "an index, sent as a manifest": (_text(mediaType=INDEX_TYPE), MANIFEST_TYPE),
    "of no known kind": (_text(mediaType="text/x-other"), "text/x-other"),
    "a web page": (b"<html></html>", "text/html"),
    "no JSON": (MANIFEST[:-1], MANIFEST_TYPE),
    "a list": (b"[]", MANIFEST_TYPE),
    "null": (b"null", MANIFEST_TYPE),
    "a number": (b"1", MANIFEST_TYPE),
    "no UTF-8": (MANIFEST.replace(b"sha256", b"\xff\xfe", 1), MANIFEST_TYPE),
    "nested without end": (b"[" * 100_000, MANIFEST_TYPE),
    "of the first schema": (b'{"schemaVersion": 1}', "application/vnd.docker.distribution.manifest.v1+json"),
    "larger than any": (b'{"a": "' + b"x" * (9 << 20) + b'"}', MANIFEST_TYPE),
}


@pytest.mark.parametrize(("raw", "kind"), SAID.values(), ids=SAID.keys())
def test_a_manifest_that_cannot_be_one_is_refused_though_its_digest_is_right(raw, kind, registry, repository):
    registry.content.put_manifest("team/app", "odd", raw, kind)
    for reference in ("odd", digest_of(raw)):
        with pytest.raises((IntegrityError, EnvironmentFault)) as told:
            repository.manifest(reference)
        assert registry.host in str(told.value)


LIES = {"another": digest_of(b"x"), "no digest": "sha256:zz", "upper case": digest_of(MANIFEST).upper()}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_a_header_that_lies_about_a_manifest_is_not_believed(lie, registry, repository):
    registry.fail("GET", "/manifests/", Fault(change=_headers(Docker_Content_Digest=lie)), times=None)
    with pytest.raises(IntegrityError):
        repository.manifest("v1")


@pytest.mark.parametrize("lie", ["no digest", "upper case"])
def test_a_head_without_a_digest_that_can_be_read_asks_for_the_manifest(lie, registry, repository):
    registry.fail("HEAD", "/manifests/", Fault(change=_headers(Docker_Content_Digest=LIES[lie])), times=None)
    assert repository.head_manifest("v1") == Descriptor(MANIFEST_TYPE, Digest.of(MANIFEST), len(MANIFEST))


@pytest.mark.parametrize("lie", [LIES["another"], LIES["no digest"]])
@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_a_registry_that_keeps_another_blob_than_was_sent_is_told(method, lie, registry, repository):
    registry.content.put_blob("team/base", b"mounted")
    registry.fail(method, "/uploads/", Fault(change=_headers(Docker_Content_Digest=lie)), times=None)
    thing = Thing(b"mounted")
    with pytest.raises(IntegrityError):
        repository.push_blob(
            thing.digest, 7, thing.opened, mount_from=("team/base",) if method == "POST" else (), known_missing=True
        )


@pytest.mark.parametrize("reference", ["v2", digest_of(MANIFEST)])
def test_a_registry_that_keeps_another_manifest_than_was_sent_is_told(reference, registry, repository):
    registry.fail("PUT", "/manifests/", Fault(change=_headers(Docker_Content_Digest=LIES["another"])), times=None)
    with pytest.raises(IntegrityError):
        repository.put_manifest(reference, MANIFEST, MANIFEST_TYPE)


def test_a_file_that_is_not_what_its_digest_says_is_never_taken(registry, repository):
    """The registry refuses it, and its refusal is told; no blob is there under the false name."""
    with pytest.raises(EnvbuildError):
        repository.push_blob(digest_of_none := Digest("0" * 64), len(BLOB.data), BLOB.opened)
    assert repository.blob_size(digest_of_none) is None


def test_referrers_that_are_no_index_are_refused(registry, repository):
    for body in (b"[]", b'{"manifests": 1}', b'{"manifests": [1]}', b'{"manifests": [{"digest": 5}]}', b"<html>"):
        registry.forget()
        registry.fail("GET", "/referrers/", Fault(status=200, body=body), times=None)
        with pytest.raises((IntegrityError, EnvironmentFault)):
            repository.referrers(Digest.of(MANIFEST))


def test_what_is_right_comes_through(registry, repository):
    """So that nothing of the above is refused for another reason."""
    assert _pull(repository) == BLOB.data
    registry.fail("GET", "/blobs/", Fault(cut=HALF))
    assert _pull(repository) == BLOB.data
    assert repository.manifest("v1").raw == MANIFEST
    attached = artifact(CONFIG.data, BLOB.data, MANIFEST)
    repository.attach(attached, MANIFEST_TYPE, Descriptor(MANIFEST_TYPE, Digest.of(MANIFEST), len(MANIFEST)))
    assert [found["digest"] for found in repository.referrers(Digest.of(MANIFEST))] == [digest_of(attached)]
