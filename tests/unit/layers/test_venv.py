"""The environment's skeleton: without it nothing that packages bring can start."""

import configparser
import gzip
import io
import json
import subprocess
import sys
import tarfile

import pytest

from envbuild.digest import Digest
from envbuild.errors import BuildFailed
from envbuild.layers.venv import layer_of_venv, venv_contents, venv_members
from envbuild.lockfile import Interpreter
from envbuild.members import MemberKind

DEBIAN = Interpreter("3.11.2", "/usr/bin/python3.11")


def made(interpreter=DEBIAN):
    out: list[bytes] = []
    segment = layer_of_venv(interpreter, out.append, layer_id=Digest("1" * 64))
    return segment, b"".join(out)


def test_what_it_holds(making):
    """Each of these is looked for by Python, pip, uv or a person."""
    segment, blob = made()
    entries = {path: (kind, content) for path, (kind, _, content) in making.entries_of(gzip.decompress(blob)).items()}
    links = {path: content.decode() for path, (kind, content) in entries.items() if kind == tarfile.SYMTYPE}
    assert links == {
        "opt/env/bin/python": "/usr/bin/python3.11",
        "opt/env/bin/python3": "python",
        "opt/env/bin/python3.11": "python",
        "opt/env/lib64": "lib",
    }
    folders = {path for path, (kind, _) in entries.items() if kind == tarfile.DIRTYPE}
    assert {
        "opt",
        "opt/env",
        "opt/env/include",
        "opt/env/lib/python3.11/site-packages",
        "usr/lib/python3.11",
    } <= folders
    settings = b"home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.11.2\n"
    assert entries["opt/env/pyvenv.cfg"] == (tarfile.REGTYPE, settings)
    assert tuple(m.path for m in segment.table.members) == tuple(m.path for m in venv_members(DEBIAN))
    assert (Digest.of(blob), Digest.of(gzip.decompress(blob))) == (segment.blob, segment.diff_id)


def test_over_a_standalone_python_it_is_the_same_beside_that_one(making):
    """pip reads EXTERNALLY-MANAGED beside the library of the interpreter that runs; `home` is how Python finds that library."""
    segment, blob = made(Interpreter("3.12.7", "/opt/python/bin/python3.12"))
    entries = {path: content for path, (_, _, content) in making.entries_of(gzip.decompress(blob)).items()}
    assert entries["opt/env/bin/python"] == b"/opt/python/bin/python3.12"
    assert entries["opt/env/pyvenv.cfg"].startswith(b"home = /opt/python/bin\n")
    assert entries["opt/env/pyvenv.cfg"].endswith(b"version = 3.12.7\n")
    assert "opt/python/lib/python3.12/EXTERNALLY-MANAGED" in entries
    assert not [member.path for member in segment.table.members if member.path.startswith("usr/")]


def test_links_never_leave_the_image():
    """A link that names the machine that built it is dead everywhere else."""
    for member in venv_members(DEBIAN):
        assert member.kind is not MemberKind.LINK or member.target in {"/usr/bin/python3.11", "python", "lib"}


def test_it_says_how_to_add_a_package():
    """pip shows this text (PEP 668); without it a package installed in a container vanishes with it."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(venv_contents(DEBIAN)["usr/lib/python3.11/EXTERNALLY-MANAGED"].decode())
    text = parser["externally-managed"]["Error"]
    assert "add it to the definition" in text
    assert "build again" in text


@pytest.mark.skipif(sys.platform == "win32", reason="a virtual environment looks different there")
def test_python_takes_it_for_a_virtual_environment(making, tmp_path):
    """Python itself must find site-packages of the environment, and not the system's."""
    interpreter = Interpreter(
        ".".join(map(str, sys.version_info[:3])), getattr(sys, "_base_executable", sys.executable)
    )
    with tarfile.open(fileobj=io.BytesIO(made(interpreter)[1])) as archive:
        archive.extractall(tmp_path, filter="tar")
    code = "import json, sys; print(json.dumps([sys.prefix, [p for p in sys.path if 'site-packages' in p]]))"
    python = tmp_path / "opt/env/bin/python"
    prefix, path = json.loads(subprocess.run([python, "-Ic", code], check=True, capture_output=True, text=True).stdout)
    assert prefix == str(tmp_path / "opt/env")
    assert path == [str(tmp_path / f"opt/env/lib/python{interpreter.minor}/site-packages")]


def test_a_base_without_an_interpreter():
    """The error must come when the image is made, not when it is started."""
    with pytest.raises(BuildFailed, match="interpreter"):
        venv_members(Interpreter("", ""))
