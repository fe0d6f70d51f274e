"""A lock file comes back as it was written, and nothing else is taken for one."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envbuild.definition import DebianBase
from envbuild.digest import Digest
from envbuild.errors import IntegrityError, InvalidDefinition
from envbuild.formats.lockfiles.lockdocument import dump, parse
from envbuild.ids import identity, lock_material
from envbuild.lockfile import Artifact, ArtifactKind, ImageSettings, Lock, LockDocument, LockSection
from envbuild.platforms import LINUX_AMD64, Platform

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "lock-document.lock"

LIBC = Artifact(
    kind=ArtifactKind.DEB,
    name="libc6",
    version="2.36-9+deb12u10",
    file="libc6_2.36-9+deb12u10_amd64.deb",
    size=2754572,
    sha256="1" * 64,
    source="debian:bookworm-security",
    path="pool/main/g/glibc/libc6_2.36-9+deb12u10_amd64.deb",
)
NUMPY = Artifact(
    kind=ArtifactKind.WHEEL,
    name="numpy",
    version="2.1.0",
    file="numpy-2.1.0-cp311-cp311-manylinux_2_17_x86_64.whl",
    size=16000000,
    sha256="2" * 64,
    source="pypi",
)
DIRECT = Artifact(
    kind=ArtifactKind.WHEEL,
    name="x",
    version="1.0+cpu",
    file="x-1.0+cpu-py3-none-any.whl",
    size=1234,
    sha256="3" * 64,
    source="url",
    url="https://files.example/x-1.0%2Bcpu-py3-none-any.whl",
)
LOCK = Lock(platform=LINUX_AMD64, base=DebianBase(), base_artifacts=(LIBC,), artifacts=(NUMPY, DIRECT))
SETTINGS = ImageSettings(variables=(("A", 'x="y"\né'), ("B", "")), user="envbuild", entrypoint=("python", "-u"))
DOCUMENT = LockDocument(
    sections=(
        LockSection(request=Digest("a" * 64), lock=LOCK, settings=SETTINGS),
        LockSection(
            request=Digest("b" * 64),
            lock=Lock(platform=Platform("linux", "arm64"), base=DebianBase("trixie"), base_artifacts=(), artifacts=()),
            settings=ImageSettings(),
        ),
    )
)

words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
names = st.text("az09+_-", min_size=1, max_size=12)
artifacts = st.builds(
    Artifact,
    kind=st.sampled_from(ArtifactKind),
    name=names,
    version=words,
    file=names,
    size=st.integers(1, 2**53),
    sha256=st.integers(0, 2**256 - 1).map("{:064x}".format),
    source=words,
    path=st.one_of(st.just(""), st.lists(names, max_size=3).map("/".join)),
    url=st.one_of(st.just(""), names.map("https://files.example/{}".format)),
)


def in_order(found):
    return tuple(sorted(found, key=lambda a: (a.name, a.kind, a.version, a.file)))


locks = st.builds(
    Lock,
    platform=st.sampled_from([LINUX_AMD64, Platform("linux", "arm64")]),
    base=st.builds(DebianBase, st.sampled_from(["bookworm", "trixie"]), st.integers(1, 3)),
    base_artifacts=st.lists(artifacts, max_size=3, unique_by=lambda a: (a.name, a.file)).map(in_order),
    artifacts=st.lists(artifacts, max_size=3, unique_by=lambda a: (a.name, a.file)).map(in_order),
)
image_settings = st.builds(
    ImageSettings,
    variables=st.dictionaries(names, words, max_size=3).map(lambda found: tuple(sorted(found.items()))),
    user=words,
    workdir=words,
    entrypoint=st.lists(words, max_size=2).map(tuple),
    layout=st.just(1),
)
sections = st.builds(LockSection, request=st.just(Digest("c" * 64)), lock=locks, settings=image_settings)
documents = (
    st.lists(sections, min_size=1, max_size=2, unique_by=lambda s: s.lock.platform)
    .map(lambda found: sorted(found, key=lambda s: s.lock.platform))
    .map(lambda found: LockDocument(sections=tuple(found)))
)


def changed(edit, document=DOCUMENT):
    """The document's bytes after an edit of its JSON by hand."""
    value = json.loads(dump(document))
    edit(value)
    return json.dumps(value).encode()


def section(value):
    return value["sections"]["linux/amd64"]


@settings(max_examples=200, deadline=None)
@given(documents)
def test_what_was_written_comes_back_and_is_written_the_same(document):
    data = dump(document)
    assert parse(data, "x.lock") == document
    assert dump(parse(data, "x.lock")) == data


def test_the_bytes_stay_the_same_so_that_a_lock_in_version_control_does_not_change_by_itself():
    assert dump(DOCUMENT) == GOLDEN.read_bytes()
    assert parse(GOLDEN.read_bytes(), "x.lock") == DOCUMENT


def test_every_artifact_has_a_line_of_its_own_so_that_a_change_of_one_is_a_diff_of_one_line():
    lines = dump(DOCUMENT).decode().splitlines()
    assert [sum(a.file in line for line in lines) for a in LOCK.everything] == [1, 1, 1]
    newer = replace(NUMPY, version="2.1.1", sha256="4" * 64)
    other = replace(DOCUMENT.sections[0], lock=replace(LOCK, artifacts=(newer, DIRECT)))
    after = dump(LockDocument(sections=(other, DOCUMENT.sections[1]))).decode().splitlines()
    different = [line for old, line in zip(lines, after, strict=True) if old != line]
    assert len(different) == 2
    assert different[0].startswith('"lock": ')
    assert '"numpy"' in different[1]


def test_the_lines_of_artifacts_may_stand_in_any_order():
    data = changed(lambda value: section(value)["artifacts"].reverse())
    assert parse(data, "x.lock") == DOCUMENT


@pytest.mark.parametrize(
    ("field", "value"),
    [("version", "2.1.1"), ("sha256", "5" * 64), ("size", 1), ("file", "other.whl"), ("name", "nump")],
)
def test_a_hand_edit_of_content_is_an_integrity_error_that_names_the_section(field, value):
    data = changed(lambda document: section(document)["artifacts"][0].update({field: value}))
    with pytest.raises(IntegrityError) as caught:
        parse(data, "x.lock")
    assert caught.value.at == "x.lock"
    assert "the lock of linux/amd64 was changed by hand" in caught.value.what
    assert "envbuild lock" in caught.value.hint


@pytest.mark.parametrize(
    "edit",
    [
        lambda s: s.update(lock="sha256:" + "0" * 64),
        lambda s: s["artifacts"].pop(),
        lambda s: s["base-artifacts"].clear(),
        lambda s: s["base"].update(debian="trixie"),
        lambda s: s["artifacts"].append(s["base-artifacts"][0]),
    ],
)
def test_a_section_that_lost_or_gained_something_is_an_integrity_error(edit):
    with pytest.raises(IntegrityError):
        parse(changed(lambda value: edit(section(value))), "x.lock")


def test_another_place_is_the_same_lock():
    data = changed(lambda value: section(value)["artifacts"][0].update(source="mirror", path="a/b"))
    found = parse(data, "x.lock").sections[0].lock
    assert identity(lock_material(found)) == identity(lock_material(LOCK))


MERGE = b'{\n<<<<<<< HEAD\n"format": 1,\n=======\n"format": 1,\n>>>>>>> other\n}\n'


@pytest.mark.parametrize(
    ("data", "at", "what"),
    [
        (MERGE, "x.lock:2", "a merge left its conflict marks"),
        (b"", "x.lock:1", "not a lock: expecting value"),
        (b"numpy==1.0\n", "x.lock:1", "not a lock: expecting value at column 1"),
        (b'{"format": 1,\n}', "x.lock:", "not a lock"),
        (b'{"format": 1, "format": 1}', "x.lock", "the key 'format' is given twice"),
        (b'{"format": NaN}', "x.lock", "NaN is no value"),
        (b'{"format": 1.0}', "x.lock", "1.0 is no value"),
        (b"[" * 100_000, "x.lock", "nested too deeply"),
        (b"\xff\xfe{", "x.lock", "not UTF-8 at offset 0"),
        (b"[]", "x.lock", "expected an object, got list"),
        (b"{}", "x.lock", "format: missing"),
        (b'{"format": 2}', "x.lock", "format 2 needs a newer envbuild"),
        (b'{"format": true, "sections": {}}', "x.lock", "format: expected int, got bool"),
        (b'{"format": 0, "sections": {}}', "x.lock", "format: 0 is none"),
        (b'{"format": 1}', "x.lock", "sections: missing"),
        (b'{"format": 1, "sections": {}}', "x.lock", "sections: is empty"),
        (b'{"format": 1, "sections": {}, "date": "2026"}', "x.lock", "date: unknown field"),
        (b'{"format": 1, "sections": {"plan9/mips": {}}}', "x.lock", "unknown platform 'plan9/mips'"),
        (changed(lambda v: section(v).pop("request")), "x.lock: sections.linux/amd64", "request: missing"),
        (changed(lambda v: section(v).update(request="aa")), "x.lock: sections", "request: not a sha256"),
        (changed(lambda v: section(v).update(artifacts={})), "x.lock: sections", "artifacts: expected list, got dict"),
        (changed(lambda v: section(v)["artifacts"][1].update(kind="egg")), ".artifacts[1]", "needs a newer envbuild"),
        (changed(lambda v: section(v)["artifacts"][1].update(date="")), ".artifacts[1]", "date: unknown field"),
        (changed(lambda v: section(v)["artifacts"][0].update(size=-1)), ".artifacts[0]", "size: -1 is out of range"),
        (changed(lambda v: section(v)["artifacts"][0].update(sha256="A" * 64)), ".artifacts[0]", "sha256: not a sha256"),
        (changed(lambda v: section(v)["artifacts"][0].update(file="../x.whl")), ".artifacts[0]", "no file name"),
        (changed(lambda v: section(v)["artifacts"][0].update(file="a/x.whl")), ".artifacts[0]", "no file name"),
        (changed(lambda v: section(v)["artifacts"][0].update(path="pool/../../x")), ".artifacts[0]", "leaves its place"),
        (changed(lambda v: section(v)["artifacts"][0].update(path="/x")), ".artifacts[0]", "leaves its place"),
        (changed(lambda v: section(v)["artifacts"][0].update(url="https://u:p@h/")), ".artifacts[0]", "credentials"),
        (changed(lambda v: section(v)["settings"].update(variables={"A": 1})), ".settings.variables", "expected str"),
        (changed(lambda v: section(v)["settings"].update(entrypoint=[1])), ".settings", "expected a list of strings"),
    ],
)  # fmt: skip
def test_what_is_no_lock_says_where_and_what(data, at, what):
    with pytest.raises(InvalidDefinition) as caught:
        parse(data, "x.lock")
    assert at in caught.value.at
    assert what in caught.value.what
    assert caught.value.hint


def test_credentials_are_never_written():
    bad = replace(DIRECT, url="https://ann:secret@files.example/x")
    document = LockDocument(sections=(replace(DOCUMENT.sections[0], lock=replace(LOCK, artifacts=(bad,))),))
    with pytest.raises(ValueError, match="credentials") as caught:
        dump(document)
    assert "secret" not in str(caught.value)
