"""The OCI layout: a folder others read, to which images are added, and that no failure leaves half made."""

import json
import threading

import pytest

from envbuild.builders.ocilayout import write_layout
from envbuild.digest import Digest
from envbuild.errors import UsageError
from envbuild.layers.writer import LayerWriter, ancestors
from envbuild.members import Member, MemberKind
from envbuild.oci import LAYER_GZIP_TYPE, Descriptor, ImageConfig, Layer, image_of
from envbuild.platforms import Platform
from envbuild.store.blobs import Blobs

NAME = "org.opencontainers.image.ref.name"


@pytest.fixture
def store(tmp_path):
    return Blobs(tmp_path / "blobs")


@pytest.fixture
def make_image(store):
    def make(content):
        with store.create() as out:
            writer = LayerWriter(out.write, ancestors([Member(path="etc/x", kind=MemberKind.FILE, mode=0o644)]))
            writer.file("etc/x", 0o644, content)
            segment = writer.finish(Digest.of(content), {})
            out.commit(segment.blob)
        layer = Layer(Descriptor(LAYER_GZIP_TYPE, segment.blob, segment.size), segment.diff_id, "x")
        return image_of(ImageConfig(platform=Platform("linux", "amd64")), (layer,))

    return make


def entries(folder):
    found = json.loads((folder / "index.json").read_bytes())["manifests"]
    return {(e.get("annotations") or {}).get(NAME): e["digest"] for e in found}


def test_all_blobs_are_there_under_their_digests(make_image, store, tmp_path):
    image, folder = make_image(b"1"), tmp_path / "new" / "layout"
    write_layout(image, store, folder, ["train:1"])
    for blob in (folder / "blobs" / "sha256").iterdir():
        assert Digest.of(blob.read_bytes()).hex == blob.name
    assert entries(folder) == {"train:1": str(image.digest)}
    assert len(list((folder / "blobs" / "sha256").iterdir())) == 3


def test_another_image_is_added_and_a_name_moves_to_the_newer_one(make_image, store, tmp_path):
    one, two = make_image(b"1"), make_image(b"2")
    write_layout(one, store, tmp_path / "l", ["a:1", "a:latest"])
    write_layout(two, store, tmp_path / "l", ["a:2", "a:latest"])
    assert entries(tmp_path / "l") == {"a:1": str(one.digest), "a:2": str(two.digest), "a:latest": str(two.digest)}


def test_without_a_name_the_layout_has_one_image_without_a_name(make_image, store, tmp_path):
    """Readers that are given no name refuse a layout with several."""
    write_layout(make_image(b"1"), store, tmp_path / "l")
    write_layout(make_image(b"2"), store, tmp_path / "l")
    assert entries(tmp_path / "l") == {None: str(make_image(b"2").digest)}


def test_a_change_of_the_layout_never_reaches_the_store(make_image, store, tmp_path):
    image = make_image(b"1")
    write_layout(image, store, tmp_path / "l")
    digest = image.layers[0].descriptor.digest
    (tmp_path / "l" / "blobs" / "sha256" / digest.hex).write_bytes(b"damaged")
    with store.open(digest) as stream:
        assert Digest.of(stream.read()) == digest
    write_layout(image, store, tmp_path / "l")
    assert Digest.of((tmp_path / "l" / "blobs" / "sha256" / digest.hex).read_bytes()) == digest


def test_a_folder_that_is_something_else_stays_as_it_is(make_image, store, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "thesis.txt").write_text("x")
    with pytest.raises(UsageError, match="no OCI image layout"):
        write_layout(make_image(b"1"), store, folder)
    assert [p.name for p in folder.iterdir()] == ["thesis.txt"]
    with pytest.raises(UsageError):
        write_layout(make_image(b"1"), store, folder / "thesis.txt")


def test_what_a_cut_off_write_left_behind_is_taken_up(make_image, store, tmp_path):
    image, folder = make_image(b"1"), tmp_path / "l"
    blob = store.path(image.layers[0].descriptor.digest)
    content = blob.read_bytes()
    blob.unlink()
    with pytest.raises(KeyError):
        write_layout(image, store, folder, ["a"])
    assert not (folder / "index.json").exists()
    blob.write_bytes(content)
    write_layout(image, store, folder, ["a"])
    assert entries(folder) == {"a": str(image.digest)}


def test_two_builds_at_once_both_end_up_in_the_index(make_image, store, tmp_path):
    images = {f"n:{i}": make_image(str(i).encode()) for i in range(8)}
    threads = [
        threading.Thread(target=write_layout, args=(image, store, tmp_path / "l", [name]))
        for name, image in images.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert entries(tmp_path / "l") == {name: str(image.digest) for name, image in images.items()}


def test_skopeo_and_umoci_read_it(make_image, store, tmp_path, skopeo, umoci):
    image, folder = make_image(b"content"), tmp_path / "l"
    write_layout(image, store, folder, ["envbuild/train:1"])
    raw = skopeo("inspect", "--raw", f"oci:{folder}:envbuild/train:1").stdout
    assert Digest.of(raw.encode()) == image.digest
    write_layout(image, store, folder, ["one"])
    umoci("unpack", "--image", f"{folder}:one", tmp_path / "bundle")
    assert (tmp_path / "bundle" / "rootfs" / "etc" / "x").read_bytes() == b"content"
