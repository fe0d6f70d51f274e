"""Files of several packages in one folder: whatever comes first to the disk, the file that was decided on stands."""

import hashlib
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envbuild.errors import IntegrityError
from envbuild.layers.conda.linking import LinkedFile
from envbuild.layers.tarheader import MTIME
from envbuild.members import MemberKind
from envbuild.runners.condafolder import write_mark
from envbuild.runners.linkedfiles import LinkedFolder

PATHS = st.sampled_from(["a", "b/c", "b/d", "b/e/f", "bin/tool"])
PACKAGES = st.dictionaries(
    st.sampled_from(["one", "two", "three", "four"]),
    st.dictionaries(PATHS, st.binary(max_size=9), max_size=5),
    min_size=1,
)


@dataclass(frozen=True)
class Linked:
    """What a linked package is to the folder: files by path, their contents in pieces."""

    contents: Mapping[str, bytes]
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def files(self):
        return tuple(
            LinkedFile(path, MemberKind.FILE, 0o644, len(data), hashlib.sha256(data).hexdigest())
            for path, data in sorted(self.contents.items())
        )

    def pieces(self, file):
        data = self.contents[file.path]
        return (data[at : at + 4] for at in range(0, len(data), 4))


def folder_in(place):
    root, spare = Path(place, "root"), Path(place, "spare")
    root.mkdir()
    spare.mkdir()
    return root, LinkedFolder(root, spare)


@settings(max_examples=60, deadline=None)
@given(packages=PACKAGES, data=st.data())
def test_the_winner_stands_wherever_packages_differ(packages, data):
    claimants = {path: [n for n in packages if path in packages[n]] for p in packages.values() for path in p}
    winners = {
        path: data.draw(st.sampled_from(names), label=path)
        for path, names in claimants.items()
        if len({packages[name][path] for name in names}) > 1
    }
    order = data.draw(st.permutations(sorted(packages)))
    with tempfile.TemporaryDirectory() as place:
        root, linked = folder_in(place)
        with ThreadPoolExecutor(2) as pool:
            tables = list(pool.map(lambda name: linked.add(name, Linked(packages[name])), order))
        linked.decide(winners)
        found = {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}
    expected = {path: packages[winners.get(path, names[0])][path] for path, names in claimants.items()}
    assert found == expected
    assert [{m.path for m in t.members} for t in tables] == [{f"opt/env/{p}" for p in packages[n]} for n in order]
    assert linked.paths == claimants.keys()


def test_a_path_that_another_kind_of_package_won_is_free_for_it(tmp_path):
    """A wheel's file is written after conda's, and never over one."""
    root, linked = folder_in(tmp_path)
    linked.add("one", Linked({"a": b"1", "b": b"2"}))
    linked.decide({"a": "a wheel", "nowhere": "a wheel"})
    assert [p.name for p in root.iterdir()] == ["b"]


def test_bytecode_that_a_package_brings_fits_its_sources(tmp_path):
    """Python takes it only where the source's time is the one in the bytecode: each start would compile anew."""
    root, linked = folder_in(tmp_path)
    linked.add("one", Linked({"lib/a.py": b"1"}))
    linked.generated({"CACHEDIR.TAG": (b"x", 0o644)})
    assert {int(p.stat().st_mtime) for p in (root / "lib/a.py", root / "CACHEDIR.TAG")} == {MTIME}


def test_a_packages_own_file_goes_before_what_the_environment_is_given(tmp_path):
    """As in an image, where it stands in a higher layer."""
    root, linked = folder_in(tmp_path)
    linked.generated({"CACHEDIR.TAG": (b"ours", 0o644), "bin/envbuild-activate": (b"ours", 0o755)})
    linked.add("one", Linked({"CACHEDIR.TAG": b"its"}))
    linked.add("two", Linked({"CACHEDIR.TAG": b"its"}))
    assert (root / "CACHEDIR.TAG").read_bytes() == b"its"
    assert (root / "bin/envbuild-activate").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/x", "", "a//b", "."])
def test_no_package_writes_outside(path, tmp_path):
    _, linked = folder_in(tmp_path)
    with pytest.raises(IntegrityError, match="outside"):
        linked.add("one", Linked({path: b"1"}))
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["root", "spare"]


@pytest.mark.parametrize("path", [".envbuild.json", ".envbuild.json/x", ".spare/0", ".spare"])
def test_no_package_brings_what_only_we_write(path, tmp_path):
    """A link under such a name would say where we write."""
    _, linked = folder_in(tmp_path)
    with pytest.raises(IntegrityError, match="only envbuild itself writes"):
        linked.add("one", Linked({path: b"1"}))


def test_the_mark_is_written_through_no_link_and_over_nothing(tmp_path):
    """A package that got a link to its name past all checks still overwrites no file of the user's."""
    folder, victim = tmp_path / "folder", tmp_path / "victim"
    folder.mkdir()
    victim.write_text("the user's")
    (folder / ".envbuild.json").symlink_to(victim)
    with pytest.raises(FileExistsError):
        write_mark(folder, folder, {})
    assert victim.read_text() == "the user's"


def test_nothing_goes_through_a_link(tmp_path):
    """A link of one package and a file of another below it: the file stands aside, and the plan refuses both."""
    outside = tmp_path / "outside"
    outside.mkdir()
    root, linked = folder_in(tmp_path)
    (root / "lib").symlink_to(outside)
    linked.add("one", Linked({"lib/a": b"1", "lib/sub/b": b"2"}))
    assert list(outside.iterdir()) == []
