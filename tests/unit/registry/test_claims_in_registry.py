"""Claims in a cache repository: what stands there first is what everybody gets, and nothing is taken on a tag's word."""

import json
from contextlib import closing

import pytest
from registries.clients import Client
from registries.faulty import Fault, FaultyRegistry

from envbuild.digest import Digest
from envbuild.errors import EnvironmentFault, IntegrityError
from envbuild.members import LayerClaim
from envbuild.oci import LABEL_IMAGE, LAYER_GZIP_TYPE, MANIFEST_TYPE, Descriptor, ImageConfig, Layer, image_of
from envbuild.platforms import LINUX_AMD64
from envbuild.registry.claims import RegistryClaims
from envbuild.store.blobs import Blobs

ID, OTHER = Digest("a" * 64), Digest("b" * 64)
DATA, TABLE = b"a layer" * 100, b'{"format":1}'
LAYER = LayerClaim(
    layer_id=ID,
    blob=Digest.of(DATA),
    size=len(DATA),
    diff_id=Digest.of(b"tar"),
    start=10,
    length=500,
    table=Digest.of(TABLE),
)


@pytest.fixture
def registry():
    with closing(FaultyRegistry()) as started:
        yield started


@pytest.fixture
def repository(registry):
    made = Client(registry.host).repository("cache/all")
    registry.content.put_blob("cache/all", DATA)
    return made


@pytest.fixture
def claims(repository):
    return RegistryClaims(repository)


@pytest.fixture
def blobs(tmp_path):
    made = Blobs(tmp_path / "blobs")
    for content in (DATA, TABLE):
        with made.create() as writer:
            writer.write(content)
            writer.commit()
    return made


def image(image_id=ID, **settings):
    layer = Layer(Descriptor(LAYER_GZIP_TYPE, LAYER.blob, LAYER.size), LAYER.diff_id, "layer")
    labels = ((LABEL_IMAGE, str(image_id)),)
    return image_of(ImageConfig(platform=LINUX_AMD64, labels=labels, **settings), (layer,))


def put(registry, claims, made, image_id=ID):
    registry.content.put_blob("cache/all", made.config)
    return claims.put_image(image_id, made)


def test_what_is_claimed_is_had(registry, claims, blobs, tmp_path):
    """A colleague reads exactly what was written: image, lock, layer."""
    document = b'{"format":1,"sections":[]}'
    assert put(registry, claims, image()) == image().digest
    claims.put_lock(ID, document)
    assert claims.put_layers([LAYER], blobs) == 1
    assert claims.image(ID) == image()
    assert claims.image_digest(ID) == image().digest
    assert (claims.has_lock(ID), claims.lock(ID)) == (True, document)
    assert claims.layer(ID) == LAYER
    empty, told = Blobs(tmp_path / "empty"), []
    claims.pull(image(), empty, told.append)
    assert {*empty} == {LAYER.blob, image().digest, image().config_digest}
    assert sum(told) == LAYER.size


def test_what_is_not_claimed_is_none(claims):
    assert (claims.image(ID), claims.image_digest(ID), claims.lock(ID), claims.layer(ID)) == (None,) * 4
    assert not claims.has_lock(ID)


def test_the_registry_keeps_what_a_claim_names(registry, claims, blobs):
    """A registry's collector deletes blobs that no manifest names: each claim names its own."""
    claims.put_lock(ID, b"{}x")
    claims.put_layers([LAYER], blobs)
    found = registry.content.repositories["cache/all"]
    named = set()
    for raw, _ in found.manifests.values():
        document = json.loads(raw)
        named |= {entry["digest"] for entry in [document["config"], *document["layers"]]}
        assert document["artifactType"].startswith("application/vnd.envbuild.")
    assert found.blobs <= named


def test_a_claim_is_never_overwritten_and_who_comes_second_is_told_what_stands(registry, claims, blobs):
    """Two who built at once end with one digest."""
    first, second = image(), image(user="1:1")
    assert put(registry, claims, first) == first.digest
    assert put(registry, claims, second) == first.digest
    claims.put_lock(ID, b"first")
    claims.put_lock(ID, b"second")
    assert claims.lock(ID) == b"first"
    claims.put_layers([LAYER], blobs)
    assert claims.put_layers([LAYER], blobs) == 0
    assert claims.image(ID) == first


def test_of_two_who_claim_at_the_same_moment_both_get_what_stands_there(registry, claims):
    """Both saw a free tag. What is read back after writing counts."""
    winner = image(user="1:1")
    registry.content.put_blob("cache/all", winner.config)

    def other_wins(answer):
        registry.content.put_manifest("cache/all", f"image-{ID.hex}", winner.manifest, MANIFEST_TYPE)
        return answer

    registry.fail("PUT", "/manifests/", Fault(change=other_wins))
    assert put(registry, claims, image()) == winner.digest


@pytest.mark.parametrize("status", [400, 403, 409, 412])
def test_where_tags_cannot_be_changed_who_comes_second_gets_what_stands_there(registry, claims, status):
    """A registry with immutable tags refuses the second of two: that is no failure."""
    winner = image(user="1:1")
    registry.content.put_blob("cache/all", winner.config)
    put(registry, claims, winner)
    registry.fail("HEAD", "/manifests/", Fault(status=404))
    registry.fail("PUT", "/manifests/", Fault(status=status))
    assert put(registry, claims, image()) == winner.digest


def test_a_claim_that_cannot_be_written_is_an_error(registry, claims):
    registry.fail("PUT", "/manifests/", Fault(status=403), times=None)
    with pytest.raises(EnvironmentFault):
        put(registry, claims, image())


def test_a_tag_that_was_moved_is_refused(registry, claims, blobs):
    """Whoever may tag must not be able to bring something else under an id."""
    put(registry, claims, image())
    claims.put_lock(ID, b"lock")
    claims.put_layers([LAYER], blobs)
    tags = registry.content.repositories["cache/all"].tags
    for kind in ("image", "lock", "layer"):
        tags[f"{kind}-{OTHER.hex}"] = tags[f"{kind}-{ID.hex}"]
    for read in (claims.image, claims.lock, claims.layer):
        with pytest.raises(IntegrityError, match=f"what is claimed for {OTHER}"):
            read(OTHER)


def _changed(path, value):
    def change(document):
        at = document
        for part in path[:-1]:
            at = at[part]
        if value is None:
            del at[path[-1]]
        else:
            at[path[-1]] = value

    return change


@pytest.mark.parametrize("kind", ["image", "lock", "layer"])
@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("layers",), []),
        (("layers",), None),
        (("layers",), {"a": 1}),
        (("layers", 0), "text"),
        (("layers", 0, "size"), "7"),
        (("layers", 0, "size"), True),
        (("layers", 0, "size"), None),
        (("layers", 0, "digest"), "sha256:no"),
        (("layers", 0, "digest"), 1),
        (("config", "size"), -1),
        (("config", "size"), 1 << 60),
        (("config", "digest"), "sha512:" + "0" * 128),
        (("config", "digest"), None),
        (("annotations",), None),
        (("annotations",), []),
    ],
    ids=str,
)
def test_what_is_no_claim_of_ours_is_refused_with_words(kind, path, value, registry, claims, blobs):
    """A cache is written by others: nothing in it ends in a traceback, fills the memory, or is taken for a miss."""
    put(registry, claims, image())
    claims.put_lock(ID, b"lock")
    claims.put_layers([LAYER], blobs)
    content = registry.content.repositories["cache/all"]
    tag = f"{kind}-{ID.hex}"
    document = json.loads(content.manifests[content.tags[tag]][0])
    _changed(path, value)(document)
    registry.content.put_manifest("cache/all", tag, json.dumps(document).encode(), MANIFEST_TYPE)
    unread = kind == "lock" and path[0] == "config"
    if unread:
        # A lock's config is the empty one, whatever is said of it.
        assert claims.lock(ID) == b"lock"
    elif kind == "layer" and value == 1 << 60:
        # Read when it is used: then its size is compared.
        assert claims.layer(ID) == LAYER
    else:
        with pytest.raises(IntegrityError):
            getattr(claims, kind)(ID)


def test_a_failing_registry_is_no_miss(registry, claims):
    """Unknown is never a miss: else a broken cache would be told as an empty one."""
    registry.fail("*", "/manifests/", Fault(status=500), times=None)
    for read in (claims.image, claims.image_digest, claims.lock, claims.has_lock, claims.layer):
        with pytest.raises(EnvironmentFault):
            read(ID)


def test_a_blob_that_is_gone_leaves_no_image_behind(registry, claims, tmp_path):
    put(registry, claims, image())
    registry.content.repositories["cache/all"].blobs.discard(str(LAYER.blob))
    empty = Blobs(tmp_path / "empty")
    with pytest.raises(KeyError):
        claims.pull(image(), empty, lambda _: None)
    assert not {*empty}
