"""A layer must hold what installing the wheel would have put there: else programs work with pip and not in an image."""

import csv
import io
import os
import posixpath
import stat
import tarfile

import pytest
from installer import install
from installer.destinations import SchemeDictionaryDestination
from installer.sources import WheelFile

SITE = "opt/env/lib/python3.11/site-packages"
ENTRY_POINTS = b"""[console_scripts]
demo = demo.cli:main
demo-sub = demo.cli:App.run [extra]
[gui_scripts]
demo-gui = demo:gui
[other.group]
x = nothing that is a program
"""
EXECUTABLE = 0o100755
CASES = {
    "purelib": {},
    "platlib": {"purelib": "false", "files": {"demo/_native.so": b"\x7fELF", "demo/__init__.py": b""}},
    "name with underscores": {"name": "Demo_Package", "files": {"demo_package/__init__.py": b"x = 1\n"}},
    "entry points": {"files": {"demo/cli.py": b"", "demo-1.0.dist-info/entry_points.txt": ENTRY_POINTS}},
    "data schemes": {
        "files": {
            "demo.py": b"",
            "demo-1.0.data/purelib/demo_pure.py": b"pure",
            "demo-1.0.data/platlib/demo_plat/x.so": b"plat",
            "demo-1.0.data/headers/demo/demo.h": b"#define DEMO",
            "demo-1.0.data/data/share/man/man1/demo.1": b".TH",
            "demo-1.0.data/data/etc/demo.conf": b"[demo]",
        }
    },
    "scripts": {
        "files": {
            "demo-1.0.data/scripts/with-python": b"#!python\nprint(1)\n",
            "demo-1.0.data/scripts/with-pythonw": b"#!pythonw -u\r\nprint(1)\n",
            "demo-1.0.data/scripts/python-only-line": b"#!python",
            "demo-1.0.data/scripts/shell.sh": b"#!/bin/sh\necho 1\n",
            "demo-1.0.data/scripts/binary": b"\x7fELF" + bytes(range(256)) * 20,
            "demo-1.0.data/scripts/nothing": b"",
        },
        "modes": {f"demo-1.0.data/scripts/{n}": EXECUTABLE for n in
                  ("with-python", "with-pythonw", "python-only-line", "shell.sh", "binary", "nothing")},
    },
    "executable bits": {
        "files": {"demo/bin/tool": b"#!/bin/sh\n", "demo/plain": b"x", "demo/group": b"x", "demo/nomode": b"x"},
        "modes": {"demo/bin/tool": EXECUTABLE, "demo/group": 0o100654, "demo/nomode": 0},
    },
    "bytecode is left out": {
        "files": {"demo/a.py": b"a = 1", "demo/__pycache__/a.cpython-311.pyc": b"old", "demo/__pycache__/note.txt": b"x"}
    },
    "names": {
        "files": {"demo/a b.txt": b"1", "demo/a,b.txt": b"2", "demo/ü.txt": b"3", "demo/" + "long" * 40 + ".py": b"4",
                  "demo/" + "deep/" * 40 + "x.py": b"5"},
    },
    "empty and block sized files": {
        "files": {"demo/__init__.py": b"", "demo/b": bytes(512), "demo/c": b"x" * 513, "demo/d": b"y" * 1024}
    },
    "stored": {"method": 0, "files": {"demo/zeros": bytes(100000), "demo/text": b"text" * 100}},
    "no namespace file": {"files": {"ns/demo/x.py": b"x", "ns/other/y.py": b"y"}},
    "long hash": {"files": {"demo/x.py": b"x = 1\n"}, "hash": "sha512"},
    "signed": {"extra": ["demo-1.0.dist-info/RECORD.jws"]},
}  # fmt: skip


def wheel_for(making, options):
    options = dict(options)
    if algorithm := options.pop("hash", None):
        options["rows"] = {n: f"{n},{making.record_hash(d, algorithm)},{len(d)}" for n, d in options["files"].items()}
    options["extra"] = [making.Zipped(name.encode(), b"{}") for name in options.pop("extra", [])]
    return making.wheel_of(**options)


def installed(wheel: bytes, name: str, tmp_path) -> dict[str, tuple[int, bytes]]:
    """What the reference puts into a prefix: path -> (executable, content)."""
    path = tmp_path / f"{name}-1.0-py3-none-any.whl"
    path.write_bytes(wheel)
    packages = "/opt/env/lib/python3.11/site-packages"
    schemes = {
        "purelib": packages, "platlib": packages, "scripts": "/opt/env/bin", "data": "/opt/env",
        "headers": f"/opt/env/include/site/python3.11/{name}",
    }  # fmt: skip
    root = tmp_path / "root"
    destination = SchemeDictionaryDestination(schemes, "/opt/env/bin/python", "posix", destdir=str(root))
    with WheelFile.open(path) as source:
        source.validate_record()
        install(source, destination, {"INSTALLER": b"envbuild\n"})
    files = [p for p in root.rglob("*") if p.is_file()]
    return {str(p.relative_to(root)): (stat.S_IMODE(p.stat().st_mode) & 0o755, p.read_bytes()) for p in files}


@pytest.mark.filterwarnings("ignore:Skip installing:RuntimeWarning")
@pytest.mark.parametrize("case", CASES)
def test_a_layer_holds_what_an_installer_writes(making, tmp_path, case):
    """Paths, contents and executable bits are those of the reference implementation of the wheel specification."""
    old = os.umask(0o022)
    try:
        wheel = wheel_for(making, CASES[case])
        expected = installed(wheel, CASES[case].get("name", "demo"), tmp_path)
    finally:
        os.umask(old)
    entries = making.layer(wheel).entries
    found = {path: (mode, content) for path, (kind, mode, content) in entries.items() if kind != tarfile.DIRTYPE}
    record = f"{SITE}/{CASES[case].get('name', 'demo')}-1.0.dist-info/RECORD"
    dropped = {path for path in expected if path.endswith("RECORD.jws")}
    assert found.keys() == expected.keys() - dropped
    for path in found.keys() - {record}:
        assert found[path] == expected[path], path
    theirs, ours = (csv.reader(io.StringIO(text[record][1].decode())) for text in (expected, found))
    listed = sorted([posixpath.normpath(path), *rest] for path, *rest in theirs if not path.endswith("RECORD.jws"))
    assert list(ours) == listed


def test_programs_start_with_the_environments_interpreter(making):
    """A program with another interpreter does not find the environment's packages."""
    entries = making.layer(wheel_for(making, CASES["entry points"])).entries
    assert {p for p in entries if p.startswith("opt/env/bin/")} == {
        f"opt/env/bin/demo{end}" for end in ("", "-sub", "-gui")
    }
    assert entries["opt/env/bin/demo"][1:] == (0o755, entries["opt/env/bin/demo"][2])
    assert entries["opt/env/bin/demo"][2].startswith(b"#!/opt/env/bin/python\n")


@pytest.mark.parametrize("prefix", ["/opt/" + "x" * 120, "/opt/my env"])
def test_an_interpreter_that_a_kernel_would_not_start(making, prefix):
    """Kernels cut the first line after 127 bytes and at spaces: the program would not start at all."""
    files = CASES["entry points"]["files"] | {"demo-1.0.data/scripts/own": b"#!python\nprint(1)\n"}
    entries = making.layer(making.wheel_of(files), prefix=prefix).entries
    for name in ("demo", "own"):
        content = entries[f"{prefix[1:]}/bin/{name}"][2]
        assert content.startswith(b"#!/bin/sh\n'''exec' ")
        assert f"{prefix}/bin/python".encode() in content
        compile(content, name, "exec")


def test_scripts_may_always_be_started(making):
    """An archive made on Windows carries no executable bits; its programs must start all the same."""
    entries = making.layer(making.wheel_of({"demo-1.0.data/scripts/tool": b"#!python\n"}, modes={})).entries
    assert entries["opt/env/bin/tool"][1] == 0o755


def test_setuid_bits_are_dropped(making):
    """All files belong to root in an image: a setuid bit would give rights that its author never had."""
    entries = making.layer(making.wheel_of({"demo/tool": b"x"}, modes={"demo/tool": 0o106755})).entries
    assert entries[f"{SITE}/demo/tool"][1] == 0o755


def test_files_through_lib64_go_to_lib(making):
    """lib64 is a link in an environment; a folder of that name in a later layer would replace it."""
    entries = making.layer(making.wheel_of({"demo-1.0.data/data/lib64/libdemo.so": b"x"})).entries
    assert "opt/env/lib/libdemo.so" in entries
    assert not any("lib64" in path for path in entries)


def test_bytecode_without_its_source_stays(making):
    """Some vendors ship bytecode alone: without it the package is empty. Bytecode beside its source is made again."""
    files = {"demo/only.pyc": b"code", "demo/both.py": b"x", "demo/both.pyc": b"code"}
    entries = making.layer(making.wheel_of(files)).entries
    assert f"{SITE}/demo/only.pyc" in entries
    assert f"{SITE}/demo/both.pyc" not in entries


def test_what_depends_on_who_asked_is_left_out(making):
    """A layer is shared by all who use the wheel: it must not say who asked for it, or from where it came."""
    info = "demo-1.0.dist-info"
    files = {f"{info}/REQUESTED": b"", f"{info}/direct_url.json": b"{}", f"{info}/INSTALLER": b"pip\n"}
    entries = making.layer(making.wheel_of({"demo.py": b"", **files})).entries
    names = {p.rpartition("/")[2]: e[2] for p, e in entries.items() if f"{info}/" in p}
    assert names.keys() == {"METADATA", "WHEEL", "RECORD", "INSTALLER"}
    assert names["INSTALLER"] == b"envbuild\n"


def test_a_file_given_twice_is_written_once(making):
    """purelib and platlib are one folder here; the same file in both is one file."""
    files = {"demo/x.py": b"same", "demo-1.0.data/platlib/demo/x.py": b"same"}
    assert making.layer(making.wheel_of(files)).entries[f"{SITE}/demo/x.py"][2] == b"same"


def test_facts_for_later_steps(making):
    """The plan orders layers by what packages need: a name that is missing puts a file under the wrong owner."""
    metadata = b"""Metadata-Version: 2.1
Name: Demo.Package
Version: 1.0
Requires-Dist: NumPy>=1.20
Requires-Dist: typing_extensions ; python_version < "3.8"
Requires-Dist: importlib.metadata (>=4)
Requires-Dist: numpy[extra]; extra == "all"

Name: this is prose
Requires-Dist: not-this
"""
    wheel = making.wheel_of({"demo/__init__.py": b"", "single.py": b""}, name="Demo_Package", metadata=metadata)
    assert dict(making.layer(wheel).segment.table.facts) == {
        "name": "demo-package", "version": "1.0", "requires": "importlib-metadata\nnumpy\ntyping-extensions",
        "tags": "py3-none-any", "top": "Demo_Package-1.0.dist-info\ndemo\nsingle.py",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("folder", "said"),
    [("1.0", "1.0"), ("1.0", "1.0.0"), ("1.0+cu118", "1.0+cu118"), ("1.0+a_b", "1.0+a.b"), ("2!1.0rc1", "2!1.0.rc1")],
)
def test_versions_that_are_the_same(making, folder, said):
    """Folder names spell versions in their own way; a wheel must not be refused for that."""
    metadata = f"Metadata-Version: 2.1\nName: demo\nVersion: {said}\n".encode()
    assert making.layer(making.wheel_of(version=folder, metadata=metadata)).segment.table.facts["version"] == said
