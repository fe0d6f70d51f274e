"""Verifying finds every change of every blob, and nothing where nothing is."""

import json
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envbuild.canonical import encode
from envbuild.digest import Digest
from envbuild.ids import identity
from envbuild.pipeline.quiet import Quiet
from envbuild.store.blobs import Blobs
from envbuild.store.check import Check
from envbuild.store.claims import Claims
from envbuild.store.memo import Memo
from envbuild.store.places import Places

CONTENTS = [b"", b"a", b"ab" * 700, bytes(range(256)) * 40]


def no_lock(data, at):
    raise ValueError(at)


def put(blobs, data):
    with blobs.create() as writer:
        writer.write(data)
        return writer.commit()


@pytest.fixture
def places(tmp_path):
    return Places(tmp_path / "cache", tmp_path / "data", tmp_path / "config.toml")


def faults(places):
    return {f.subject: f.what for f in Check(places, no_lock).run(Quiet()).faults}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_change_of_any_blobs_is_found_and_only_those(places, data):
    """A flipped bit in a year-old layer is found before it is shipped; nothing else is accused."""
    blobs = Blobs(places.blobs)
    digests = [put(blobs, content) for content in CONTENTS]
    changed = set()
    for digest in data.draw(st.sets(st.sampled_from(digests))):
        path = blobs.path(digest)
        before = path.read_bytes()
        position = data.draw(st.integers(0, len(before)))
        after = data.draw(
            st.sampled_from([
                before[:position], before + b"\0", b"\0" * len(before), CONTENTS[1],
                before[:position] + b"\xff" + before[position + 1 :],
            ])
        )  # fmt: skip
        path.chmod(0o644)
        path.write_bytes(after)
        if after != before:
            changed.add(f"blob/{digest.hex}")
    found = faults(places)
    assert set(found) == changed
    for digest in digests:
        blobs.delete(digest)


def layer(places, **changes):
    """A layer's claim with its blob and table; what is given is written into the claim instead."""
    blobs = Blobs(places.blobs)
    blob = put(blobs, b"layer bytes")
    rows = [["usr/x", "file", 0o644, 1, "0" * 64, "", 0, 11]]
    table = put(blobs, encode({"format": 1, "members": rows, "facts": {}}))
    material = {"kind": "wheel", "artifacts": ["0" * 64]}
    value = {"blob": str(blob), "size": 11, "diff": str(blob), "start": 0, "length": 11, "table": str(table), **changes}
    Claims(places.claims).put("layer", identity(material), value, material)
    return f"layer/{identity(material).hex}"


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, ""),
        ({"size": 12}, "of 11 bytes, not 12"),
        ({"length": 5}, "beyond the end"),
        ({"start": 5}, "not within its blob"),
        ({"blob": str(Digest.of(b"gone"))}, "is missing"),
        ({"table": str(Digest.of(b"gone"))}, "is missing"),
        ({"diff": "sha1:0"}, "says what cannot be"),
        ({"size": None}, "says what cannot be"),
    ],
)
def test_a_layer_must_fit_its_blob_and_its_table(places, changes, word):
    """A table that points elsewhere would put other files' bytes into the next image."""
    name = layer(places, **changes)
    found = faults(places)
    assert set(found) == ({name} if word else set())
    assert word in found.get(name, "")


def test_an_image_is_whole_or_told_by_layer(places):
    """Of a 5 GB image the one missing layer is named."""
    blobs = Blobs(places.blobs)
    config = put(blobs, encode({"rootfs": {"diff_ids": ["sha256:" + "1" * 64]}, "history": [{"created_by": "numpy 2"}], "config": {}}))  # fmt: skip
    content = put(blobs, b"layer")
    manifest = put(
        blobs,
        encode(
            {
                "config": {"digest": str(config), "size": 1, "mediaType": "x"},
                "layers": [{"digest": str(content), "size": 5, "mediaType": "x"}],
            }
        ),
    )
    material = {"image": 1}
    value = {"manifest": str(manifest), "config": str(config), "lock": "sha256:" + "0" * 64}
    Claims(places.claims).put("image", identity(material), value, material)
    assert faults(places) == {}
    blobs.delete(content)
    (what,) = faults(places).values()
    assert str(content) in what
    assert "numpy 2" in what
    assert "missing" in what


@pytest.mark.parametrize("damage", [b"", b"{}", b"[1", b'{"kind":"other","id":"x","value":1}', b"\xff" * 9])
def test_a_claim_that_is_not_its_own_is_found(places, damage):
    material = {"of": "thing"}
    claims = Claims(places.claims)
    claims.put("thing", identity(material), {"x": 1}, material)
    assert faults(places) == {}
    name = identity(material).hex
    path = places.claims / "thing" / name[:2] / f"{name}.json"
    path.write_bytes(damage)
    assert set(faults(places)) == {f"thing/{name}"}


def test_the_memo_is_checked_where_it_is_and_where_it_is_none(places):
    """A damaged memo is told; a sound one is not, though its files are read without making any."""
    memo = Memo(places.memo)
    for number in range(200):
        memo.put(f"k{number}", os.urandom(200))
    memo.close()
    before = sorted(p.name for p in places.memo.iterdir())
    assert faults(places) == {}
    assert sorted(p.name for p in places.memo.iterdir()) == before
    (places.memo / "cache.db").write_bytes(json.dumps({}).encode() * 4096)
    assert set(faults(places)) == {"memo"}


def test_a_folder_to_run_in_without_its_interpreter_is_found(places):
    """Python was upgraded away: the next run says why, not `no such file`."""
    folder = places.prefixes / ("a" * 64)
    (folder / "bin").mkdir(parents=True)
    (folder / "pyvenv.cfg").touch()
    (folder / "bin" / "python").symlink_to("/nowhere/python3.11")
    assert "/nowhere/python3.11" in faults(places)[f"prefix/{'a' * 64}"]
