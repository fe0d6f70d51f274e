"""An image on its way to a repository: no question too many, no blob twice, and no success that the registry did not confirm."""

import itertools
import random
from contextlib import closing

import pytest
from registries.clients import Client
from registries.faulty import Fault, FaultyRegistry

from envbuild.digest import Digest
from envbuild.errors import EnvironmentFault, IntegrityError
from envbuild.oci import LAYER_GZIP_TYPE, Descriptor, ImageConfig, Layer, image_of
from envbuild.platforms import LINUX_AMD64
from envbuild.registry.client import BlobUnknown
from envbuild.registry.push import push_image
from envbuild.registry.pushes import Memory, PushCount
from envbuild.registry.together import together
from envbuild.store.blobs import Blobs
from envbuild.store.claims import Claims

MANIFEST_PUT = ("PUT", "/manifests/")


@pytest.fixture
def registry():
    with closing(FaultyRegistry()) as started:
        yield started


@pytest.fixture
def repository(registry):
    return Client(registry.host).repository("team/app")


@pytest.fixture
def blobs(tmp_path):
    return Blobs(tmp_path / "blobs")


@pytest.fixture
def memory(tmp_path):
    claims = Claims(tmp_path / "claims")
    return Memory(claims, claims.entries)


@pytest.fixture
def image_of_layers(blobs):
    """`image_of_layers(b"one", b"two")`: an image with these layers, which are in the store."""

    def make(*contents, env=()):
        layers = []
        for data in contents:
            with blobs.create() as writer:
                writer.write(data)
                digest = writer.commit()
            layers.append(Layer(Descriptor(LAYER_GZIP_TYPE, digest, len(data)), Digest.of(data), "layer"))
        return image_of(ImageConfig(platform=LINUX_AMD64, env=env), tuple(layers))

    return make


@pytest.fixture
def push(blobs, memory, repository):
    def run(image, *tags, into=repository, told=lambda _: None):
        return push_image(image, into, tags or ("v1",), blobs, memory, told)

    return run


def blob_requests(registry):
    return [one for one in registry.seen if "/blobs/" in one.path]


def test_every_byte_is_told_once_whether_sent_mounted_or_there(push, image_of_layers, registry):
    """A bar that goes beyond its end, or stops before it, tells people nothing."""
    image = image_of_layers(b"a" * 1000, b"b" * 2000, b"a" * 1000)
    told = []
    count = push(image, told=told.append)
    total = len(image.config) + 3000
    assert (count.sent, count.sent_bytes, sum(told)) == (3, total, total)
    there, mounted = [], []
    push(image, "v2", told=there.append)
    push(image, into=Client(registry.host).repository("team/other"), told=mounted.append)
    assert sum(there) == sum(mounted) == total


def test_one_changed_layer_is_one_blob_of_layers_and_one_config(push, image_of_layers, registry):
    """What a manifest that is still there has is not even asked for."""
    push(image_of_layers(b"one", b"two", b"three"))
    registry.forget()
    count = push(image_of_layers(b"one", b"two", b"changed", env=(("A", "1"),)))
    assert (count.sent, count.existed) == (2, 2)
    assert len({one.path.partition("?")[0] for one in blob_requests(registry) if one.method == "HEAD"}) == 2


def test_collected_blobs_are_sent_again_and_all_that_was_sent_is_told(push, image_of_layers, registry):
    """A registry's collector took what we remember: the push heals it, and its numbers are those of the network."""
    first = image_of_layers(b"one", b"two")
    push(first)
    for layer in first.layers:
        registry.content.repositories["team/app"].blobs.discard(str(layer.descriptor.digest))
    second = image_of_layers(b"one", b"two", b"three", env=(("A", "1"),))
    count = push(second)
    assert count == PushCount(sent=4, sent_bytes=11 + len(second.config))
    assert registry.content.repositories["team/app"].tags["v1"] == str(second.digest)


def test_a_registry_that_goes_on_missing_blobs_is_told_after_two_tries(push, image_of_layers, registry, memory):
    """No endless loop, no success, and nothing is remembered of it."""
    body = b'{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown to registry"}]}'
    fault = Fault(status=400, body=body, headers={"Content-Type": "application/json"})
    registry.fail(*MANIFEST_PUT, fault, times=None)
    image = image_of_layers(b"one")
    with pytest.raises(BlobUnknown):
        push(image)
    assert registry.count(*MANIFEST_PUT) == 2
    assert not memory.knows(registry.host, "team/app", image.digest)


def test_a_manifest_that_the_registry_keeps_otherwise_is_no_success(push, image_of_layers, registry, memory):
    """A registry that rewrites manifests would give others another image than the one that was printed."""
    other = str(Digest.of(b"other"))
    registry.fail(*MANIFEST_PUT, Fault(status=201, headers={"Docker-Content-Digest": other}))
    image = image_of_layers(b"one")
    with pytest.raises(IntegrityError):
        push(image)
    assert not memory.knows(registry.host, "team/app", image.digest)


def test_nothing_gets_its_name_before_all_of_it_is_there(push, image_of_layers, registry):
    """A pull beside a push finds the whole image or the one of before."""
    push(image_of_layers(*(random.Random(i).randbytes(500) for i in range(20))))
    names = [f"{one.method} {one.path}" for one in registry.seen if one.method in ("PUT", "POST")]
    assert [n for n in names if "/manifests/" in n] == names[-1:]


def test_a_remembered_push_is_asked_for_before_it_is_believed(push, image_of_layers, registry):
    """Somebody deleted the repository: it is pushed again, all of it."""
    image = image_of_layers(b"one", b"two")
    push(image)
    registry.content.repositories.clear()
    assert push(image).sent == 3
    assert registry.content.repositories["team/app"].tags == {"v1": str(image.digest)}


def test_a_failing_question_is_no_hit(push, image_of_layers, registry):
    """Unknown is an error with words, never a push that is told as done."""
    image = image_of_layers(b"one")
    push(image)
    registry.fail("*", "/v2/.", Fault(status=500), times=None)
    with pytest.raises(EnvironmentFault):
        push(image)


def test_at_most_three_repositories_are_tried_for_a_mount(push, image_of_layers, registry):
    """A registry without mounts is not asked hundreds of times."""
    image = image_of_layers(b"one")
    client = Client(registry.host)
    for name in "abcdef":
        push(image, into=client.repository(f"team/{name}"))
    registry.forget()
    registry.fail("POST", "mount=", Fault(status=405), times=None)
    assert push(image).sent == 2
    assert registry.count("POST", "mount=") == 6


def test_what_cannot_be_mounted_is_sent(push, image_of_layers, registry):
    """What is remembered of another repository may be gone there."""
    image = image_of_layers(b"one", b"two")
    push(image, into=Client(registry.host).repository("team/gone"))
    registry.content.repositories.clear()
    count = push(image)
    assert (count.sent, count.mounted) == (3, 0)


def test_the_first_failure_ends_what_is_under_way():
    """One refused blob: nobody waits until gigabytes of the others are through. This test hangs where it is not so."""

    def work(item, tell):
        if item == "bad":
            raise EnvironmentFault("refused")
        for _ in itertools.count():
            tell(1)

    with pytest.raises(EnvironmentFault, match="refused"):
        together(work, ["large", "larger", "bad", "largest"])


def test_what_has_not_begun_when_another_failed_is_not_begun():
    begun = []

    def work(item, tell):
        begun.append(item)
        if item == 0:
            raise KeyError("gone")
        for _ in itertools.count():
            tell(1)

    with pytest.raises(KeyError):
        together(work, range(100))
    assert len(begun) < 20


def test_results_come_in_the_order_of_the_items():
    assert together(lambda item, tell: tell(item) or item * 2, [3, 1, 2]) == [6, 2, 4]
    assert together(lambda item, tell: item, []) == []
