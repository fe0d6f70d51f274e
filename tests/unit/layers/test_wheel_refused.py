"""Wheels that must not become layers: each of these would change, replace or hide something that nobody agreed to."""

import pytest

from envbuild.errors import BuildFailed, IntegrityError

INFO = "demo-1.0.dist-info"
POINTS = f"{INFO}/entry_points.txt"


def scripts(*names: str) -> dict:
    return {"files": {f"demo-1.0.data/scripts/{name}": b"x" for name in names}}


def points(text: str) -> dict:
    return {"files": {"demo.py": b"", POINTS: text.encode()}}


CASES = {
    # What RECORD says must hold.
    "RECORD missing": ({"files": {"demo.py": b"", f"{INFO}/RECORD": None}}, "no demo-1.0.dist-info/RECORD"),
    "file not in RECORD": ({"rows": {"demo/__init__.py": ""}}, "demo/__init__.py"),
    "hash missing": ({"rows": {"demo/__init__.py": "demo/__init__.py,,12"}}, "no hash"),
    "hash of something else": (
        {"rows": {"demo/__init__.py": "demo/__init__.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,12"}},
        "sha256 differs",
    ),
    "sha512 of something else": (
        {"rows": {"demo/__init__.py": f"demo/__init__.py,sha512={'A' * 86},12"}}, "sha512 differs",
    ),
    "weak hash": ({"rows": {"demo/__init__.py": "demo/__init__.py,md5=1B2M2Y8AsgTpgAmY7PhCfg,12"}}, "md5"),
    "hash cut": ({"rows": {"demo/__init__.py": "demo/__init__.py,sha256=47DEQpj8HBSa,12"}}, "no whole sha256"),
    "hash not base64": ({"rows": {"demo/__init__.py": "demo/__init__.py,sha256=ä,12"}}, "RECORD"),
    "size of something else": (
        {"rows": {"demo/__init__.py": "demo/__init__.py,sha256=LtagOiZ_SK9QrDpAXsLBhQa8KMIxbWOuILrqQkIxCtg,5"}}, "bytes",
    ),
    "row with two fields": ({"record": b"demo/__init__.py,sha256=x\n"}, "cannot be read"),
    "rows that disagree": (
        {"rows": {"again": "demo/__init__.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,12"}}, "twice",
    ),
    "RECORD not UTF-8": ({"record": b"\xff\xfe,,\n"}, "cannot be read"),
    "bytecode that RECORD does not hold for": (
        {"files": {"demo/__pycache__/a.pyc": b"x"}, "rows": {"demo/__pycache__/a.pyc": f"demo/__pycache__/a.pyc,sha256={'A' * 43},1"}},
        "sha256 differs",
    ),
    # What it is must be plain.
    "no dist-info": ({"files": {"demo.py": b""}, "name": "x/y"}, "dist-info"),
    "two dist-infos": ({"files": {"other-1.0.dist-info/METADATA": b""}}, "one .dist-info"),
    "another name in METADATA": ({"metadata": b"Metadata-Version: 2.1\nName: other\nVersion: 1.0\n"}, "other 1.0"),
    "another version in METADATA": ({"metadata": b"Metadata-Version: 2.1\nName: demo\nVersion: 2.0\n"}, "demo 2.0"),
    "no name": ({"metadata": b"Metadata-Version: 2.1\nVersion: 1.0\n"}, "'name'"),
    "two names": ({"metadata": b"Metadata-Version: 2.1\nName: demo\nName: x\nVersion: 1.0\n"}, "'name'"),
    "METADATA with a name that is none": ({"metadata": b"Name: d\xe9mo\nVersion: 1.0\n"}, "holds the metadata of"),
    "requirement that is none": ({"metadata": b"Name: demo\nVersion: 1.0\nRequires-Dist: ../x\n"}, "no package"),
    "no WHEEL": ({"files": {"demo.py": b"", f"{INFO}/WHEEL": None}}, "no demo-1.0.dist-info/WHEEL"),
    "format not a version": ({"wheel_version": "one"}, "no version of the format"),
    # Programs that stand in for others, or leave their folder.
    "script python": (scripts("python"), "replace an interpreter"),
    "script python3": (scripts("python3"), "replace an interpreter"),
    "script python3.11": (scripts("python3.11"), "replace an interpreter"),
    "script PYTHON.exe": (scripts("PYTHON.exe"), "replace an interpreter"),
    "script pypy3": (scripts("pypy3"), "replace an interpreter"),
    "script in a folder": (scripts("folder/tool"), "no file name"),
    "data file as python": ({"files": {"demo-1.0.data/data/bin/python3": b"x"}}, "replace an interpreter"),
    "data file as pyvenv.cfg": ({"files": {"demo-1.0.data/data/pyvenv.cfg": b"x"}}, "part of the environment"),
    "data file as lib64": ({"files": {"demo-1.0.data/data/lib64": b"x"}}, "part of the environment"),
    "data file as bin": ({"files": {"demo-1.0.data/data/bin": b"x"}}, "part of the environment"),
    "entry point python": (points("[console_scripts]\npython = demo:main"), "replace an interpreter"),
    "entry point leads up": (points("[console_scripts]\n../tool = demo:main"), "no file name"),
    "entry point absolute": (points("[console_scripts]\n/usr/bin/tool = demo:main"), "no file name"),
    "entry point ..": (points("[gui_scripts]\n.. = demo:main"), "no file name"),
    "entry point with backslash": (points("[console_scripts]\na\\b = demo:main"), "no file name"),
    "entry point without object": (points("[console_scripts]\ntool = demo"), "entry_points.txt"),
    "entry point with code": (points("[console_scripts]\ntool = demo:main(); import os"), "entry_points.txt"),
    "entry point with empty part": (points("[console_scripts]\ntool = demo..x:main"), "names no object"),
    "entry points not INI": (points("tool = demo:main"), "entry_points.txt"),
    "entry point twice": (points("[console_scripts]\ntool = demo:a\ntool = demo:b"), "entry_points.txt"),
    "entry point in both groups": (points("[console_scripts]\ntool = demo:a\n[gui_scripts]\ntool = demo:b"), "two programs"),
    "entry point and script": (
        {"files": {"demo-1.0.data/scripts/tool": b"x", POINTS: b"[console_scripts]\ntool = demo:main"}},
        "entry point tool.*demo-1.0.data/scripts/tool",
    ),
    # Files that collide, or mean something else in an image.
    "two files for a path": (
        {"files": {"demo/x.py": b"one", "demo-1.0.data/platlib/demo/x.py": b"two"}}, "platlib/demo/x.py.*demo/x.py",
    ),
    "file and folder of a name": ({"files": {"demo/x": b"one", "demo-1.0.data/purelib/demo/x/y": b"two"}}, "file and a directory"),
    "whiteout": ({"files": {"demo/.wh.numpy": b""}}, "deletes files"),
    "opaque whiteout": ({"files": {".wh..wh..opq": b""}}, "deletes files"),
    "whiteout folder": ({"files": {"demo/.wh.x/y": b""}}, "deletes files"),
    "unknown scheme": ({"files": {"demo-1.0.data/stdlib/os.py": b""}}, "stdlib"),
    "file without scheme": ({"files": {"demo-1.0.data/x": b""}}, "no scheme"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_refused(making, case):
    """IntegrityError, and the words name what is wrong."""
    options, words = CASES[case]
    with pytest.raises(IntegrityError, match=words) as caught:
        making.layer(making.wheel_of(**options))
    assert caught.value.hint


def test_a_newer_format_is_named(making):
    """The user should learn that envbuild is too old, not that the wheel is broken."""
    with pytest.raises(BuildFailed, match=r"format 2\.0"):
        making.layer(making.wheel_of(wheel_version="2.0"))


def test_a_member_that_leaves_its_place(making):
    """The path rules of the archive hold for wheels, in every scheme."""
    for name in (b"../evil.py", b"/etc/cron.d/x", b"demo-1.0.data/scripts/../../x", b"demo-1.0.data/data/../../../x"):
        with pytest.raises(IntegrityError, match="leads out of its place"):
            making.layer(making.wheel_of(extra=[making.Zipped(name, b"x")]))


def test_a_damaged_file_is_found_wherever_it_goes(making):
    """Large files come in pieces, dropped ones go nowhere, scripts are rewritten: all are checked alike."""
    for name in ("demo/large.bin", "demo/__pycache__/x.pyc", "demo-1.0.data/scripts/tool", "demo/empty"):
        data = b"#!python\n" + bytes(3 << 20) if "large" in name or "tool" in name else b"" if "empty" in name else b"x"
        wheel = making.wheel_of({name: data})
        making.layer(wheel)
        wrong = making.wheel_of({name: data}, rows={name: f"{name},sha256={'A' * 43},{len(data)}"})
        with pytest.raises(IntegrityError, match="sha256 differs"):
            making.layer(wrong)
