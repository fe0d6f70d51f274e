"""The archive: one file for every engine, with the same bytes each time, and never half a file."""

import hashlib
import io
import json
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.builders.archive import qualified, save_archive, write_archive
from envbuild.digest import Digest
from envbuild.errors import EnvironmentFault, UsageError
from envbuild.layers.writer import LayerWriter, ancestors
from envbuild.members import Member, MemberKind
from envbuild.oci import LAYER_GZIP_TYPE, Descriptor, ImageConfig, Layer, image_of
from envbuild.platforms import Platform
from envbuild.store.blobs import Blobs


@pytest.fixture
def store(tmp_path):
    return Blobs(tmp_path / "blobs")


def layer(store, path, content):
    with store.create() as out:
        writer = LayerWriter(out.write, ancestors([Member(path=path, kind=MemberKind.FILE, mode=0o644)]))
        writer.file(path, 0o644, content)
        segment = writer.finish(Digest.of(path.encode()), {})
        out.commit(segment.blob)
    return Layer(Descriptor(LAYER_GZIP_TYPE, segment.blob, segment.size), segment.diff_id, path)


@pytest.fixture
def image(store):
    layers = (layer(store, "etc/one", b"1" * 700), layer(store, "etc/two", b"2"))
    return image_of(ImageConfig(platform=Platform("linux", "amd64")), (*layers, layers[0]))


def archive(image, store, names=()):
    out = io.BytesIO()
    write_archive(image, store, out, names)
    return out.getvalue()


def members(data):
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {m.name: tar.extractfile(m).read() for m in tar if m.isreg()}


def test_both_ways_to_read_it_lead_to_the_same_blobs(image, store):
    """Else an image that loads in one engine does not in the other."""
    files = members(archive(image, store, ["envbuild/train:1"]))
    (saved,) = json.loads(files["manifest.json"])
    (entry,) = json.loads(files["index.json"])["manifests"]
    manifest = json.loads(files["blobs/sha256/" + entry["digest"].removeprefix("sha256:")])
    assert saved["Config"] == "blobs/sha256/" + manifest["config"]["digest"].removeprefix("sha256:")
    assert saved["Layers"] == ["blobs/sha256/" + x["digest"].removeprefix("sha256:") for x in manifest["layers"]]
    assert saved["RepoTags"] == ["docker.io/envbuild/train:1"]
    assert json.loads(files["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    for path, content in files.items():
        if path.startswith("blobs/"):
            assert hashlib.sha256(content).hexdigest() == path.rpartition("/")[2]


def test_a_layer_that_occurs_twice_is_written_once(image, store):
    with tarfile.open(fileobj=io.BytesIO(archive(image, store))) as tar:
        names = tar.getnames()
    assert len(names) == len(set(names))
    assert len(json.loads(members(archive(image, store))["manifest.json"])[0]["Layers"]) == 3


def test_every_name_has_an_entry_of_its_own_and_no_name_is_needed(image, store):
    files = members(archive(image, store, ["a/b:1", "a/b:latest"]))
    found = [e["annotations"]["io.containerd.image.name"] for e in json.loads(files["index.json"])["manifests"]]
    assert found == ["docker.io/a/b:1", "docker.io/a/b:latest"]
    (entry,) = json.loads(members(archive(image, store))["index.json"])["manifests"]
    assert "annotations" not in entry


def test_the_bytes_depend_on_the_image_and_the_names_alone(image, store, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert archive(image, store, ["a:1"]) == archive(image, store, ["a:1"])


def test_skopeo_reads_it_as_both_kinds_of_archive(image, store, tmp_path, skopeo):
    """A second reader, which is strict about both forms."""
    file = tmp_path / "image.tar"
    save_archive(image, store, file, ["team/train:v1"])
    for form in ("docker-archive", "oci-archive"):
        config = skopeo("inspect", "--config", "--raw", f"{form}:{file}").stdout
        assert Digest.of(config.encode()) == image.config_digest


def test_a_file_appears_whole_or_not_at_all(image, store, tmp_path):
    file = tmp_path / "image.tar"
    file.write_bytes(b"the old one")
    store.path(image.layers[1].descriptor.digest).unlink()
    with pytest.raises(KeyError):
        save_archive(image, store, file)
    assert file.read_bytes() == b"the old one"
    assert [p.name for p in tmp_path.iterdir() if p.name != "blobs"] == ["image.tar"]


def test_a_place_that_cannot_be_written_is_named(image, store, tmp_path):
    with pytest.raises(EnvironmentFault, match="nowhere"):
        save_archive(image, store, tmp_path / "nowhere" / "image.tar")
    with pytest.raises(UsageError, match="folder"):
        save_archive(image, store, tmp_path)


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("train", "docker.io/library/train:latest"),
        ("envbuild/train:0123456789ab", "docker.io/envbuild/train:0123456789ab"),
        ("localhost/train", "localhost/train:latest"),
        ("host.example/team/train", "host.example/team/train:latest"),
        ("host:5000/train:v1", "host:5000/train:v1"),
        ("a__b/c-d.e", "docker.io/a__b/c-d.e:latest"),
    ],
)
def test_names_are_completed_as_engines_do(name, full):
    assert qualified(name) == full
    assert qualified(full) == full


@pytest.mark.parametrize(
    "name", ["", "Train", "-a", "a b", "a/../b", "a:", "a:b:c", "a\n", "/a", "a//b", "a@b", "x" * 300]
)
def test_what_is_no_name_is_refused_before_anything_is_written(name, image, store):
    out = io.BytesIO()
    with pytest.raises(UsageError):
        write_archive(image, store, out, [name])
    assert not out.getvalue()


@given(st.text(max_size=30))
def test_a_completed_name_is_complete_or_refused(text):
    try:
        full = qualified(text)
    except UsageError:
        return
    assert qualified(full) == full
