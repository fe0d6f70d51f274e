"""A standalone Python's layer: what an image gets of the archive, and what no archive may do."""

import gzip
import io
import json
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from pythonarchives import Entry, archived, dropped_entries, real_archive, small_archive, small_entries, this_python

from envbuild.digest import Digest
from envbuild.errors import BuildFailed, IntegrityError
from envbuild.layers.pythonarchive import layer_of_python
from envbuild.layers.pythonplace import fitted_text, moved_text

GOLDEN = Path(__file__).parents[2] / "golden" / "python_layer.json"
HOME = "opt/python/"


def layered(content, version="3.12.7"):
    """The segment, and the blob."""
    out: list[bytes] = []
    segment = layer_of_python(io.BytesIO(content), out.append, layer_id=Digest("1" * 64), version=version)
    return segment, b"".join(out)


def contents(blob):
    """Path -> content of a file, or `-> target` of a link."""
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(blob))) as archive:
        found = {m.name: f"-> {m.linkname}" if m.issym() else archive.extractfile(m) for m in archive if not m.isdir()}
        return {name: text if isinstance(text, str) else text.read() for name, text in found.items()}


def changed(**entries):
    """The small archive with these entries added or replaced."""
    return archived({**small_entries("3.12.7"), **entries})


def test_golden_layer():
    """The same archive must be the same layer for everybody, or nothing is shared."""
    segment, blob = layered(small_archive("3.12.7").content)
    golden = json.loads(GOLDEN.read_text())
    assert {"blob": str(segment.blob), "diff": str(segment.diff_id)} == golden
    assert Digest.of(blob) == segment.blob
    assert Digest.of(gzip.decompress(blob)) == segment.diff_id
    assert segment.table.facts == {"python": "3.12.7"}


def test_the_interpreter_its_library_and_its_headers_are_there():
    """Without headers nothing compiles, without the links `python3` is not found."""
    found = contents(layered(small_archive("3.12.7").content)[1])
    assert found[f"{HOME}bin/python3.12"] == b"\x7fELF python"
    assert found[f"{HOME}bin/python3"] == found[f"{HOME}bin/python"] == "-> python3.12"
    assert found[f"{HOME}lib/libpython3.12.so"] == "-> libpython3.12.so.1.0"
    assert found[f"{HOME}lib/python3.12/again.py"] == found[f"{HOME}lib/python3.12/os.py"]
    assert f"{HOME}include/python3.12/Python.h" in found
    assert f"{HOME}lib/python3.12/LICENSE.txt" in found


def test_what_debians_python_lacks_is_left_out():
    """Tests, Tk, IDLE, pip and static libraries are half of an archive, and no image's business."""
    entries = dropped_entries("3.12")
    found = contents(layered(small_archive("3.12.7").content)[1])
    assert entries
    assert not {f"opt/{name}" for name in entries} & set(found)
    assert not [path for path in found if "site-packages" in path]


@pytest.mark.parametrize(
    "name",
    ["lib/python3.12/testing.py", "lib/python3.12/unittest/mock.py", "lib/python3.12/lib-dynload/_tracing.so", "bin/python3.12-config",
     "lib/python3.12/tkinterlike.py", "lib/libthird.so", "lib/python3.12/lib2to3/pygram.py", "lib/python3.12/pydoc_data/topics.py"],
)  # fmt: skip
def test_what_only_looks_like_it_stays(name):
    assert f"opt/python/{name}" in contents(layered(changed(**{f"python/{name}": Entry(b"kept")}))[1])


def test_nothing_names_the_place_of_the_build():
    """A compiled extension of the user's would ask for a clang and a folder that no machine has."""
    found = contents(layered(small_archive("3.12.7").content)[1])
    namespace: dict = {}
    exec(found[f"{HOME}lib/python3.12/_sysconfigdata__linux_x86_64-linux-gnu.py"].decode(), namespace)
    assert namespace["build_time_vars"] == {
        "prefix": "/opt/python", "CC": "cc -pthread", "AR": "ar", "CXX": "c++ -pthread",
        "LDFLAGS": "-L/opt/python/lib -Wl,-rpath,/opt/python/lib", "INSTALL": "/usr/bin/install -c",
    }  # fmt: skip
    assert found[f"{HOME}lib/pkgconfig/python-3.12.pc"].startswith(b"prefix=/opt/python\n")
    assert found[f"{HOME}bin/pydoc3.12"].startswith(b"#!/opt/python/bin/python3.12\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"'-I/install/include' /install", b"'-I/opt/python/include' /opt/python"),
        (b"/usr/bin/install -c ./install-sh /installed", b"/usr/bin/install -c ./install-sh /installed"),
        (b"PATH=/install/bin:/install/sbin", b"PATH=/opt/python/bin:/opt/python/sbin"),
        (b"/data/install/lib x/install", b"/data/install/lib x/install"),
    ],
)
def test_only_the_place_itself_is_replaced(text, expected):
    assert moved_text(text, "/install", "/opt/python") == expected


def test_only_what_compiles_has_other_compilers():
    """A script that talks of clang keeps its words."""
    assert fitted_text("bin/tool", b"#!/bin/sh\nclang x\n") == b"#!/bin/sh\nclang x\n"
    makefile = fitted_text(
        "lib/python3.12/config-3.12-x/Makefile", b"CC=/usr/bin/aarch64-linux-gnu-gcc\nX=clang-tidy gcc"
    )
    assert makefile == b"CC=cc\nX=clang-tidy gcc"


def test_times_owners_and_modes_do_not_matter():
    """Two archives of the same files are one layer; a file that only its owner could read can be read."""
    entries = small_entries("3.12.7")
    other = {
        name: replace(entry, mode=0o755 if entry.mode & 0o100 else 0o600) for name, entry in reversed(entries.items())
    }
    last = other.pop("python/lib/python3.12/again.py")
    first, second = layered(archived(entries)), layered(archived({**other, "python/lib/python3.12/again.py": last}))
    assert first[0].blob == second[0].blob


def test_certificates_are_found_where_these_builds_look():
    """Without the link https fails in every such image: their OpenSSL looks in /etc/ssl/cert.pem."""
    assert contents(layered(small_archive("3.12.7").content)[1])["etc/ssl/cert.pem"] == "-> certs/ca-certificates.crt"


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"/etc/passwd": Entry(b"x")}, "leaves its folder"),
        ({"python/../etc/passwd": Entry(b"x")}, "leaves its folder"),
        ({"other/file": Entry(b"x")}, "leaves its folder"),
        ({"python": Entry(b"x")}, "leaves its folder"),
        ({"python/lib/.wh.python3.12": Entry(b"")}, "deletes others"),
        ({"python/lib/a\nb": Entry(b"")}, "control character"),
        ({"python/lib/out": Entry(link="../../etc")}, "link that leaves"),
        ({"python/lib/out": Entry(link="/etc")}, "link that leaves"),
        ({"python/lib/out": Entry(link="../..")}, "link that leaves"),
        ({"python/lib/in": Entry(link="python3.12"), "python/lib/in/x.py": Entry(b"x")}, "below lib/in, which is a link"),
        ({"python/lib/hard": Entry(hard="python/lib/none")}, "no file of the archive before it"),
        ({"python/lib/hard": Entry(hard="../../etc/passwd")}, "leaves its folder"),
        ({"python/lib/fifo": Entry(kind=tarfile.FIFOTYPE)}, "a FIFO"),
        ({"python/lib/device": Entry(kind=tarfile.CHRTYPE)}, "a character device"),
        ({"./python/bin/python3.12": Entry(b"again")}, "twice"),
    ],
)  # fmt: skip
def test_hostile_archives_are_refused(entries, words):
    """What an archive says must never reach a path outside of the interpreter's folder."""
    with pytest.raises(IntegrityError, match=words):
        layered(changed(**entries))


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        (b"", BuildFailed, "not compressed by gzip"),
        (b"\x28\xb5\x2f\xfd zstd", BuildFailed, "not compressed by gzip"),
        (small_archive("3.12.7").content[:-30], IntegrityError, "damaged"),
        (gzip.compress(b"no archive", mtime=0), IntegrityError, "ends without its end mark"),
        (archived({"python/": Entry(kind=tarfile.DIRTYPE)}), BuildFailed, "no Python 3.12"),
        (archived(small_entries("3.13.1")), BuildFailed, "no Python 3.12"),
        (archived({"python/install/bin/python3.12": Entry(b"")}), BuildFailed, "no Python 3.12"),
        (changed(**{"python/bin/python3.12": Entry(b"x", 0o644)}), BuildFailed, "no program"),
    ],
)
def test_what_is_no_such_archive_is_told(content, error, words):
    with pytest.raises(error, match=words):
        layered(content)


def test_a_real_python_runs_from_its_layer(tmp_path):
    """The interpreter must find its library where it is put, with nothing of this machine's."""
    archive = real_archive(this_python())
    _, blob = layered(archive.content, archive.version)
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(blob))) as unpacked:
        unpacked.extractall(tmp_path, filter="tar")
    python = tmp_path / f"opt/python/bin/python{'.'.join(archive.version.split('.')[:2])}"
    code = "import json, sys, math, json.decoder; print(json.dumps([sys.prefix, sys.version_info[:3], json.__file__]))"
    done = subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True)
    prefix, version, file = json.loads(done.stdout)
    assert prefix == str(tmp_path / "opt/python")
    assert ".".join(map(str, version)) == archive.version
    assert file.startswith(prefix)
    assert version[:2] == list(sys.version_info[:2])
