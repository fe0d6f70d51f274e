"""A standalone Python in the store: it must run there, and never write outside of its folder."""

import io
import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from pythonarchives import real_archive, small_archive, this_python

from envbuild.digest import Digest
from envbuild.errors import BuildFailed, IntegrityError
from envbuild.layers.pythonarchive import layer_of_python
from envbuild.lockfile import Interpreter
from envbuild.members import Member, MemberKind, MemberTable
from envbuild.runners.pythonprefix import find_python, make_python
from envbuild.store.blobs import Blobs

SMALL = Interpreter("3.12.7", "/opt/python/bin/python3.12")


@pytest.fixture
def blobs(tmp_path):
    return Blobs(tmp_path / "blobs")


def layered(blobs, archive):
    with blobs.create() as out:
        segment = layer_of_python(
            io.BytesIO(archive.content), out.write, layer_id=Digest("1" * 64), version=archive.version
        )
        out.commit(segment.blob)
    return segment


def test_it_runs_with_its_own_library(blobs, tmp_path, report):
    """An interpreter that took another one's library would be another interpreter."""
    archive = real_archive(this_python())
    interpreter = Interpreter(archive.version, f"/opt/python/bin/python{'.'.join(archive.version.split('.')[:2])}")
    folder = tmp_path / "pythons" / archive.sha256
    folder.parent.mkdir()
    python = make_python(layered(blobs, archive), blobs, interpreter, folder, report)
    code = "import json, sys, sysconfig; print(json.dumps([sys.base_prefix, sysconfig.get_config_var('prefix'), sysconfig.get_config_var('CC').split()[0]]))"
    done = subprocess.run([python.path, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [str(folder), str(folder), "cc"]
    assert python.version == archive.version
    assert python.path == folder / "bin" / f"python{python.minor}"


def test_texts_name_the_place_where_it_lies(blobs, tmp_path, report):
    """pkg-config and scripts would lead to /opt/python, which this machine does not have."""
    folder = tmp_path / "python"
    make_python(layered(blobs, small_archive("3.12.7")), blobs, SMALL, folder, report)
    assert (folder / "lib/pkgconfig/python-3.12.pc").read_text().startswith(f"prefix={folder}\n")
    assert (folder / "bin/pydoc3.12").read_text().startswith(f"#!{folder}/bin/python3.12\n")
    assert (folder / "bin/python3").readlink() == Path("python3.12")
    assert not (folder.parent / "etc").exists()


def test_what_is_there_is_not_unpacked_again(blobs, tmp_path, report):
    segment = layered(blobs, small_archive("3.12.7"))
    folder = tmp_path / "python"
    assert find_python(folder, SMALL) is None
    made = make_python(segment, blobs, SMALL, folder, report)
    time = (folder / "lib/python3.12/os.py").stat().st_mtime_ns
    assert make_python(segment, blobs, SMALL, folder, report) == find_python(folder, SMALL) == made
    assert (folder / "lib/python3.12/os.py").stat().st_mtime_ns == time


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("opt/python/lib/out", "../../etc"),
        ("opt/python/lib/out", "/etc"),
        ("opt/python/../out", "x"),
        ("opt/python/lib/out", "../.."),
    ],
)
def test_a_layer_whose_table_leads_out_is_refused(blobs, tmp_path, report, path, target):
    """A table comes from a cache that others may write."""
    segment = layered(blobs, small_archive("3.12.7"))
    link = Member(path=path, kind=MemberKind.LINK, mode=0o777, target=target)
    hostile = replace(segment, table=MemberTable((*segment.table.members, link), segment.table.facts))
    with pytest.raises(IntegrityError):
        make_python(hostile, blobs, SMALL, tmp_path / "python", report)
    assert not (tmp_path / "python").exists()
    assert not (tmp_path / "out").is_symlink()


def test_an_archive_does_not_bring_the_mark_that_we_write(blobs, tmp_path, report):
    """As a link it would say where we write: a file of the user's would be emptied."""
    segment = layered(blobs, small_archive("3.12.7"))
    link = Member(path="opt/python/.envbuild-python", kind=MemberKind.LINK, mode=0o777, target="lib/x")
    table = MemberTable((*segment.table.members, link), segment.table.facts)
    with pytest.raises(IntegrityError, match="only envbuild itself writes"):
        make_python(replace(segment, table=table), blobs, SMALL, tmp_path / "python", report)
    assert not (tmp_path / "python").exists()


def test_a_file_that_leads_out_is_refused(blobs, tmp_path, report):
    segment = layered(blobs, small_archive("3.12.7"))
    files = [replace(m, path=m.path.replace("lib/python3.12/os.py", "../out.py")) for m in segment.table.members]
    with pytest.raises(IntegrityError):
        make_python(replace(segment, table=MemberTable(tuple(files), {})), blobs, SMALL, tmp_path / "python", report)
    assert not (tmp_path / "out.py").exists()


def test_a_layer_without_the_interpreter_is_told(blobs, tmp_path, report):
    segment = layered(blobs, small_archive("3.12.7"))
    with pytest.raises(BuildFailed, match="has no interpreter"):
        make_python(segment, blobs, Interpreter("3.13.1", "/opt/python/bin/python3.13"), tmp_path / "python", report)
