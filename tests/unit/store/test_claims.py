"""Claims and records: small files that are whole, or a miss."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envbuild.canonical import encode
from envbuild.digest import Digest
from envbuild.store.claims import Claims
from envbuild.store.leases import Lease
from envbuild.store.records import Records

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3),
    max_leaves=8,
)
MATERIAL = {"schema": "test/1", "word": "x"}
ID = Digest.of(encode(MATERIAL))


@pytest.fixture
def claims(tmp_path):
    return Claims(tmp_path / "claims")


@settings(max_examples=60, deadline=None)
@given(value=VALUES, material=VALUES)
def test_what_is_claimed_is_had_and_so_is_the_material(value, material):
    with tempfile.TemporaryDirectory() as folder:
        claims = Claims(Path(folder))
        identity = Digest.of(encode(material))
        claims.put("image", identity, value, material)
        assert claims.get("image", identity) == value
        assert claims.material("image", identity) == material
        assert claims.get("layer", identity) is None


def test_the_last_claim_stands(claims):
    claims.put("image", ID, "one", MATERIAL)
    claims.put("image", ID, "two", MATERIAL)
    assert claims.get("image", ID) == "two"
    assert list(claims.entries("image")) == [(ID, "two")]


def test_looking_through_all_claims_uses_none(tmp_path):
    """Else one push would make every claim look used today, and nothing could be pruned by age."""
    with_lease = Claims(tmp_path / "claims", Lease(tmp_path / "locks"))
    with_lease.put("image", ID, "one", MATERIAL)
    file = next(path for path in (tmp_path / "claims").rglob("*.json") if ".material" not in path.name)
    os.utime(file, (1e9, 1e9))
    assert list(with_lease.entries("image")) == [(ID, "one")]
    assert file.stat().st_mtime == 1e9
    assert with_lease.get("image", ID) == "one"
    assert file.stat().st_mtime > 1e9


def test_a_dropped_claim_is_a_miss(claims):
    claims.put("lock", ID, {"a": 1}, MATERIAL)
    claims.drop("lock", ID)
    claims.drop("lock", ID)
    assert claims.get("lock", ID) is None
    assert claims.material("lock", ID) is None
    assert list(claims.entries("lock")) == []


def test_a_claim_needs_the_material_that_its_id_is_of(claims):
    with pytest.raises(ValueError, match="not the id"):
        claims.put("image", Digest("0" * 64), 1, MATERIAL)


@pytest.mark.parametrize("kind", ["", "../up", "Image", "a/b", "a b"])
def test_a_kind_is_a_word_so_that_no_path_is_made_of_it(claims, kind):
    with pytest.raises(ValueError, match="kind"):
        claims.get(kind, ID)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"null", b"[]", b'"x"', b"\xff\xfe", b"[" * 5000, b'{"kind":"image","id":"sha256:00","value":1}'],
)
def test_an_unreadable_or_foreign_claim_is_a_miss(claims, tmp_path, content):
    """A torn or strange file must cost a rebuild, not the build."""
    claims.put("image", ID, 1, MATERIAL)
    for path in (tmp_path / "claims").rglob("*.json"):
        path.write_bytes(content)
    assert claims.get("image", ID) is None
    assert claims.material("image", ID) is None
    assert list(claims.entries("image")) == []


def test_a_claim_of_another_id_under_this_name_is_a_miss(claims, tmp_path):
    claims.put("image", ID, "right", MATERIAL)
    other = {"schema": "test/1", "word": "y"}
    claims.put("image", Digest.of(encode(other)), "other", other)
    wrong = next((tmp_path / "claims").rglob(f"{Digest.of(encode(other)).hex}.json"))
    right = next((tmp_path / "claims").rglob(f"{ID.hex}.json"))
    right.write_bytes(wrong.read_bytes())
    assert claims.get("image", ID) is None


def test_no_temporary_file_stays(claims, tmp_path):
    claims.put("image", ID, 1, MATERIAL)
    assert len([p for p in tmp_path.rglob("*") if p.is_file()]) == 2


# Records


@settings(max_examples=40, deadline=None)
@given(
    name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=15),
    records=st.lists(st.dictionaries(st.text("ab"), VALUES), max_size=5),
)
def test_records_are_kept_in_order_under_any_name(name, records):
    with tempfile.TemporaryDirectory() as folder:
        store = Records(Path(folder))
        for record in records:
            store.append("run", name, record)
        assert list(store.read("run", name)) == records
        assert store.names("run") == ([name] if records else [])
        assert all(path.is_relative_to(folder) for path in Path(folder).rglob("*"))


@pytest.mark.parametrize("torn", [b'{"n":', b'{"n":9}', b"\xff", b"\0" * 10])
def test_a_torn_line_costs_itself_alone(tmp_path, torn):
    """After a power cut the registrations before and after it must still be there."""
    store = Records(tmp_path)
    store.append("run", "x", {"n": 1})
    with next(tmp_path.rglob("*.jsonl")).open("ab") as stream:
        stream.write(torn)
    store.append("run", "x", {"n": 2})
    found = list(store.read("run", "x"))
    assert found[0] == {"n": 1}
    assert found[-1] == {"n": 2}


@pytest.mark.parametrize("name", ["", "x" * 201])
def test_a_name_that_makes_no_file_name_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match="not a name"):
        Records(tmp_path).append("run", name, {})
