"""A conda package becomes the same layer everywhere, with what later steps ask of it, in memory that does not grow with it."""

import gzip
import hashlib
import importlib.util
import io
import json
import marshal
import os
import py_compile
import subprocess
import sys
import tarfile
import tracemalloc
from pathlib import Path

import pytest
from condachannel import PLACEHOLDER, File, package
from hypothesis import given
from hypothesis import strategies as st

from envbuild.digest import Digest
from envbuild.errors import BuildFailed
from envbuild.layers.conda.bytecode import source_path, stamped
from envbuild.layers.conda.condalayer import layer_of_conda
from envbuild.layers.conda.condaprefix import layer_of_conda_prefix, prefix_files
from envbuild.layers.conda.linking import link_package
from envbuild.layers.conda.place import CondaPlace
from envbuild.layers.tarheader import MTIME
from envbuild.lockfile import Interpreter
from envbuild.members import MemberKind, MemberTable

GOLDEN = Path(__file__).parents[3] / "golden" / "conda_layer.json"
P = PLACEHOLDER

METADATA = b"""\
Metadata-Version: 2.1
Name: Demo.Tool
Version: 1.2
Requires-Dist: numpy>=1
Requires-Dist: openpyxl ; extra == "excel"
Requires-Dist: lxml; python_version > "3" and extra=='xml'

Requires-Dist: prose; extra == "prose"
"""

ARCH = package(
    "libdemo",
    "1.2",
    "h0_3",
    depends=["libc >=2", "python"],
    constrains=["other <3"],
    files={
        "bin/demo": File(f"#!{P}/bin/sh\necho {P}\n".encode(), 0o775, "text"),
        "lib/libdemo.so.1": File(b"\x7fELF" + P.encode() + b"/lib\0" * 3, 0o755, "binary"),
        "lib/libdemo.so": File(link="libdemo.so.1"),
        "lib/same.so": File(hardlink="lib/libdemo.so.1", mode=0o755, placeholder="binary"),
        "lib/python3.12/site-packages/Demo.Tool-1.2.dist-info/METADATA": File(METADATA),
        "lib/python3.12/site-packages/old.egg-info": File(b"Name: old\nVersion: 0.1\n"),
        "lib/python3.12/site-packages/older-2.egg-info/PKG-INFO": File(b"Name: older\nVersion: 2\n"),
        "lib/python3.12/site-packages/vendored/x/in-1.dist-info/METADATA": File(b"Name: in\nVersion: 1\n"),
        "etc/conda/env_vars.d/demo.json": File(b'{"DEMO_HOME": "/opt/env/share/demo"}'),
        "etc/conda/activate.d/demo.sh": File(b"export DEMO=1\n"),
        "share/secret": File(b"s", 0o600),
        "share/setuid": File(b"s", 0o4755),
        "share/empty": File(directory=True),
        "share/large": File(bytes(range(256)) * 8192),
    },
)
PURE = package(
    "pure",
    "3",
    noarch="python",
    entry_points=["pure = pure:main"],
    files={
        "site-packages/pure.py": File(b"def main(): print('ran')\n"),
        "python-scripts/p": File(b"#!/bin/sh\n", 0o755),
    },
)
OLD = package("old", "1", format=".tar.bz2", paths_json=False, files={"etc/old": File(P.encode(), 0o644, "text")})


def test_layers_are_golden(conda):
    """Another byte in a layer is another digest for every image that has it, and nothing is found again."""
    found = {}
    for built in (ARCH, PURE, OLD):
        layer = conda.made(built)
        found[built.file] = {
            "blob": str(layer.segment.blob),
            "diff": str(layer.segment.diff_id),
            "table": hashlib.sha256(layer.segment.table.to_bytes()).hexdigest(),
        }
    assert found == json.loads(GOLDEN.read_text())


def test_modes_are_those_of_every_image_and_nothing_is_setuid(conda):
    table = {m.path: m for m in conda.made(ARCH).segment.table.members}
    modes = {path.removeprefix("opt/env/"): m.mode for path, m in table.items()}
    assert modes["bin/demo"] == modes["share/setuid"] == modes["lib/same.so"] == 0o755
    assert modes["share/secret"] == 0o600
    assert modes["conda-meta/libdemo-1.2-h0_3.json"] == modes["share/large"] == 0o644
    assert table["opt/env/share/empty"].kind is MemberKind.DIRECTORY


def test_the_table_says_what_is_in_the_layer(conda):
    layer = conda.made(ARCH)
    for item in layer.segment.table.members:
        piece = layer.blob[layer.segment.start + item.offset :][: item.length]
        if item.kind is MemberKind.DIRECTORY:
            continue
        with tarfile.open(fileobj=io.BytesIO(gzip.decompress(piece) + bytes(1024))) as archive:
            (entry,) = archive.getmembers()
            assert (entry.name, entry.mode, entry.size, entry.linkname) == (
                item.path,
                item.mode,
                item.size,
                item.target,
            )
            assert entry.mtime == MTIME
            if item.kind is MemberKind.FILE:
                assert hashlib.sha256(archive.extractfile(entry).read()).hexdigest() == item.sha256
    assert MemberTable.from_json(json.loads(layer.segment.table.to_bytes())) == layer.segment.table


def test_facts_tell_what_the_resolver_and_the_image_need(conda):
    facts = conda.made(ARCH).segment.table.facts
    assert {k: facts[k] for k in ("name", "version", "build", "build_number", "subdir", "noarch", "license")} == {
        "name": "libdemo", "version": "1.2", "build": "h0_3", "build_number": "3", "subdir": "linux-64", "noarch": "",
        "license": "MIT",
    }  # fmt: skip
    assert facts["md5"] == ARCH.md5
    assert facts["depends"] == "libc >=2\npython"
    assert facts["constrains"] == "other <3"
    assert json.loads(facts["distributions"]) == [
        ["demo-tool", "1.2", ['openpyxl ; extra == "excel"', "lxml; python_version > \"3\" and extra=='xml'"]],
        ["old", "0.1", []],
        ["older", "2", []],
    ]
    assert json.loads(facts["env-vars"]) == {"DEMO_HOME": "$CONDA_PREFIX/share/demo"}
    assert json.loads(facts["activate-scripts"]) == {"demo.sh": "export DEMO=1\n"}
    more = package("p", license_family="BSD", track_features=["a", "b"], python_site_packages_path="lib/x")
    facts = conda.made(more).segment.table.facts
    assert (facts["license_family"], facts["track_features"], facts["python_site_packages_path"]) == (
        "BSD",
        "a b",
        "lib/x",
    )
    pure = conda.made(PURE).segment.table.facts
    assert (pure["noarch"], pure["subdir"], pure["distributions"]) == ("python", "noarch", "[]")


def test_a_package_for_one_platform_does_not_ask_which_python_there_is(conda):
    """Its layer id names none, so another one may not change a byte."""
    bare = conda.made(ARCH, place=CondaPlace(prefix="/opt/env"))
    assert bare.blob == conda.made(ARCH).blob


def test_a_package_for_every_python_goes_where_this_one_looks(conda):
    threaded = CondaPlace.of("/opt/env", Interpreter("3.13.1", "/opt/env/bin/python", "t"))
    entries = conda.made(PURE, place=threaded).entries
    assert "lib/python3.13t/site-packages/pure.py" in entries
    assert entries["bin/pure"][2].startswith(b"#!/opt/env/bin/python3.13\n")


def test_an_entry_point_runs(conda, tmp_path):
    """The script is executable and calls the function, from a folder whose name is too long for a first line."""
    prefix = tmp_path / ("long" * 40)
    place = CondaPlace(prefix=str(prefix), python="3.12", site_packages="lib/python3.12/site-packages")
    for path, (_, mode, content) in conda.made(PURE, place=place).entries.items():
        (prefix / path).parent.mkdir(parents=True, exist_ok=True)
        (prefix / path).write_bytes(content)
        (prefix / path).chmod(mode)
    (prefix / "bin/python3.12").symlink_to(sys.executable)
    environment = {**os.environ, "PYTHONPATH": str(prefix / place.site_packages)}
    ran = subprocess.run(
        [prefix / "bin/pure"], check=False, capture_output=True, text=True, env=environment, timeout=60
    )
    assert ran.stdout == "ran\n", ran.stderr


def test_bytecode_of_a_package_is_believed_in_the_image(conda, tmp_path):
    """Else every start of a program compiles all that it imports, and cannot keep it."""
    source = b"X = 1\n"
    (tmp_path / "fast.py").write_bytes(source)
    os.utime(tmp_path / "fast.py", (1_600_000_000, 1_600_000_000))
    cached = Path(py_compile.compile(tmp_path / "fast.py", tmp_path / "fast.pyc")).read_bytes()
    # Bytecode of other code shows which of the two was run.
    other = cached[:16] + marshal.dumps(compile("X = 2", "fast.py", "exec"))
    name = Path(importlib.util.cache_from_source("fast.py")).name
    built = package("fast", files={"lib/fast.py": File(source), f"lib/__pycache__/{name}": File(other)})
    for path, (_, _, content) in conda.made(built).entries.items():
        file = tmp_path / "image" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        os.utime(file, (MTIME, MTIME))
    code = "import fast; print(fast.X)"
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "image/lib"), "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, env=environment, timeout=60
    )
    assert ran.stdout == "2\n", ran.stderr
    row = json.loads(conda.made(built).entries["conda-meta/fast-1.0-0.json"][2])["paths_data"]["paths"][0]
    kept = (tmp_path / "image/lib/__pycache__" / name).read_bytes()
    assert row["sha256_in_prefix"] == hashlib.sha256(kept).hexdigest()


def test_bytecode_whose_source_is_changed_or_of_another_size_is_left_alone(conda):
    head = b"\xcb\r\r\n\0\0\0\0time"
    files = {
        "lib/a.py": File(f"p = '{P}'\n".encode(), 0o644, "text"),
        "lib/__pycache__/a.cpython-312.pyc": File(head + len(f"p = '{P}'\n").to_bytes(4, "little")),
        "lib/b.py": File(b"12345"),
        "lib/__pycache__/b.cpython-312.pyc": File(head + b"\6\0\0\0code"),
        "lib/__pycache__/b.cpython-311.pyc": File(b"\xcb\r\r\n\3\0\0\0hash\5\0\0\0code"),
        "lib/b.pyc": File(head + b"\5\0\0\0code"),
        "lib/c.pyc": File(b"short"),
        "lib/c.py": File(b""),
    }
    entries = conda.made(package("demo", files=files)).entries
    changed = {path for path in files if path.endswith(".pyc") and entries[path][2] != files[path].content}
    assert changed == {"lib/b.pyc"}


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("lib/__pycache__/os.cpython-312.pyc", "lib/os.py"),
        ("__pycache__/a.pypy310.pyc", "a.py"),
        ("lib/__pycache__/a.b.cpython-312.opt-2.pyc", "lib/a.b.py"),
        ("lib/old.pyc", "lib/old.py"),
        ("lib/os.py", None),
    ],
)
def test_bytecode_says_what_it_was_compiled_from(path, source):
    assert source_path(path) == source


@given(st.binary(max_size=64), st.lists(st.integers(1, 20), min_size=1))
def test_stamping_changes_four_bytes_at_most_in_any_pieces(content, sizes):
    pieces, at = [], 0
    for size in [*sizes, len(content) + 1]:
        pieces.append(content[at : at + size])
        at += size
    made = b"".join(stamped(pieces, 5))
    assert made[:8] + made[12:] == content[:8] + content[12:]
    assert len(made) == len(content)


def test_memory_does_not_grow_with_the_package():
    """A package of a gigabyte is a layer on a small machine; also with one file that is patched."""
    pattern = (b"x" * 4000 + P.encode() + b"/y\0" + bytes(700)) * 13_000
    files = {"lib/huge.so": File(pattern, 0o755, "binary"), "share/huge.txt": File(pattern, 0o644, "text")}
    built = package("huge", files=files, level=1)
    stream = io.BytesIO(built.content)
    del files
    tracemalloc.start()
    layer_of_conda(
        stream, lambda _: None, layer_id=Digest.of(b""), file=built.file, place=CondaPlace(prefix="/opt/env")
    )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(pattern) > 60 << 20
    assert peak < 40 << 20, f"{peak >> 20} MiB"


def test_files_can_be_read_twice_and_in_any_order():
    """The folder of a direct run is written from the same list as the layer."""
    with link_package(io.BytesIO(ARCH.content), file=ARCH.file, place=CondaPlace(prefix="/x y")) as linked:
        for file in [*reversed(linked.files), *linked.files]:
            if file.kind is MemberKind.FILE:
                content = b"".join(linked.pieces(file))
                assert (len(content), hashlib.sha256(content).hexdigest()) == (file.size, file.sha256)
        script = next(f for f in linked.files if f.path == "bin/demo")
        assert b"".join(linked.pieces(script)) == b"#!/usr/bin/env sh\necho /x y\n"


def test_a_refusal_names_the_package():
    with (
        pytest.raises(BuildFailed) as caught,
        link_package(io.BytesIO(b""), file="x.zip", place=CondaPlace(prefix="/")),
    ):
        pass
    assert caught.value.at == "x.zip"


def test_a_prefix_says_how_packages_are_added_where_it_has_a_python():
    """pip would install into a container that is thrown away."""
    python = Interpreter("3.13.1", "/opt/env/bin/python", "t")
    files = prefix_files(python, "/opt/env")
    assert b"envbuild build" in files["lib/python3.13t/EXTERNALLY-MANAGED"][0]
    assert sorted(prefix_files(None, "/opt/env")) == ["CACHEDIR.TAG", "bin/envbuild-activate", "conda-meta/history"]


def test_the_prefix_is_a_layer_with_the_program_that_activates(conda):
    blob = bytearray()
    python = Interpreter("3.12.7", "/opt/env/bin/python")
    segment = layer_of_conda_prefix(python, blob.extend, layer_id=conda.layer_id)
    found = {m.path.removeprefix("opt/env/"): m.mode for m in segment.table.members}
    assert found == {path: mode for path, (_, mode) in prefix_files(python, "/opt/env").items()}
    assert found["bin/envbuild-activate"] == 0o755
    assert segment.table.facts == {"python": "3.12"}


def test_a_package_that_condas_own_tools_write_is_read(tmp_path):
    """They write pax headers for times, hard links, and sizes that only a zip64 field has."""
    create = pytest.importorskip("conda_package_streaming.create")
    source = tmp_path / "source"
    (source / "info").mkdir(parents=True)
    (source / "lib").mkdir()
    (source / "lib/a.txt").write_text("a")
    (source / "lib/b.txt").hardlink_to(source / "lib/a.txt")
    (source / "lib/c.txt").symlink_to("a.txt")
    index = {"name": "x", "version": "1", "build": "0", "build_number": 0, "subdir": "linux-64"}
    (source / "info/index.json").write_text(json.dumps(index))
    kinds = {"lib/a.txt": "hardlink", "lib/b.txt": "hardlink", "lib/c.txt": "softlink"}
    rows = [{"_path": path, "path_type": kind} for path, kind in kinds.items()]
    (source / "info/paths.json").write_text(json.dumps({"paths_version": 1, "paths": rows}))
    with create.conda_builder("x-1-0", tmp_path) as archive:
        archive.add(source, "", recursive=True)
    place = CondaPlace(prefix="/opt/env")
    with (
        (tmp_path / "x-1-0.conda").open("rb") as stream,
        link_package(stream, file="x-1-0.conda", place=place) as linked,
    ):
        found = {f.path: f.target or b"".join(linked.pieces(f)) for f in linked.files if f.path in kinds}
    assert found == {"lib/a.txt": b"a", "lib/b.txt": b"a", "lib/c.txt": "a.txt"}
