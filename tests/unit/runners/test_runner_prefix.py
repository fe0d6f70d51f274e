"""Prefixes: the packages of a lock as a folder that really runs, made once, and never outside of itself."""

import importlib.metadata
import os
import subprocess
import sys
import threading
from dataclasses import replace

import pytest

from envbuild.digest import Digest
from envbuild.errors import EnvironmentFault, IntegrityError
from envbuild.layers.wheel import layer_of_wheel
from envbuild.layers.wheelrecord import encode_sha256
from envbuild.layers.writer import LayerWriter, ancestors
from envbuild.members import Member, MemberKind
from envbuild.runners.command import Command, CommandKind
from envbuild.runners.interpreter import HostPython, find_interpreter
from envbuild.runners.prefix import find_prefix, make_prefix
from envbuild.runners.prefixcommand import run_in_prefix
from envbuild.runners.unpack import content_of

MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"
SITE = f"lib/python{MINOR}/site-packages"


@pytest.fixture(scope="session")
def python():
    return find_interpreter(MINOR, os.environ)


@pytest.fixture
def segment_of(store):
    def convert(wheel):
        with wheel.open("rb") as stream, store.create() as out:
            segment = layer_of_wheel(stream, out.write, layer_id=Digest.of(wheel.name.encode()), python=MINOR)
            out.commit(segment.blob)
        return segment

    return convert


@pytest.fixture
def by_hand(store):
    """A segment with any paths, as no honest wheel gives them."""

    def make(**files):
        with store.create() as out:
            writer = LayerWriter(out.write, ancestors([]))
            for path, content in sorted(files.items()):
                writer.file(path, 0o644, content)
            segment = writer.finish(Digest.of(repr(sorted(files)).encode()), {})
            out.commit(segment.blob)
        return segment

    return make


@pytest.fixture
def demo(make_wheel, segment_of):
    files = {
        "demo/__init__.py": "import sys\ndef main():\n    print(sys.prefix, *sys.argv[1:])\n    sys.exit(7)\n",
        "demo/__main__.py": "from demo import main\nmain()\n",
        "demo/empty.txt": "",
        "demo/big.bin": b"0123456789abcdef" * 1_500_000,
        "demo-1.0.dist-info/entry_points.txt": "[console_scripts]\nhello = demo:main\n",
    }
    return segment_of(make_wheel("demo", "1.0", files))


def environ(**more):
    return {"PATH": os.environ["PATH"], **more}


def test_scripts_modules_and_programs_run_with_the_packages(demo, store, python, report, tmp_path, capfd, monkeypatch):
    prefix = make_prefix([demo], store, python, tmp_path / "prefixes" / "one", report)
    (tmp_path / "s.py").write_text("import demo, os, sys\nprint(sys.argv[1], os.environ['MODE'])\nsys.exit(4)\n")
    monkeypatch.chdir(tmp_path)
    ended = [
        run_in_prefix(prefix, Command(kind, target, ("x",)), environ(PYTHONHOME="/nowhere"), [("MODE", "fast")]).code
        for kind, target in [(CommandKind.SCRIPT, "s.py"), (CommandKind.MODULE, "demo"), (CommandKind.RAW, "hello")]
    ]
    assert ended == [4, 7, 7]
    assert capfd.readouterr().out == f"x fast\n{prefix} x\n{prefix} x\n"
    assert report.done == report.total == demo.size


def test_what_cannot_be_started_has_the_shells_codes_and_a_reason(demo, store, python, report, tmp_path):
    prefix = make_prefix([demo], store, python, tmp_path / "p" / "one", report)
    missing = run_in_prefix(prefix, Command(CommandKind.RAW, "no-such-program"), environ())
    assert (missing.code, missing.started) == (127, False)
    assert "no-such-program" in missing.problem
    folder = run_in_prefix(prefix, Command(CommandKind.RAW, str(tmp_path)), environ())
    assert (folder.code, folder.started) == (126, False)
    killed = run_in_prefix(prefix, Command(CommandKind.RAW, "sh", ("-c", "kill -9 $$")), environ())
    assert (killed.code, killed.started) == (137, True)


def test_every_file_is_as_its_record_says_rewritten_programs_too(demo, store, python, report, tmp_path):
    """Else `pip check`, uninstallers and `envbuild verify` complain."""
    prefix = make_prefix([demo], store, python, tmp_path / "p" / "one", report)
    found = importlib.metadata.Distribution.at(prefix / SITE / "demo-1.0.dist-info")
    checked = 0
    for file in found.files:
        if file.hash:
            content = (prefix / SITE / file).read_bytes()
            assert encode_sha256(bytes.fromhex(Digest.of(content).hex)) == f"sha256={file.hash.value}"
            assert len(content) == file.size
            checked += 1
    assert checked >= 6
    assert (prefix / "bin" / "hello").read_bytes().startswith(f"#!{prefix}/bin/python\n".encode())


def test_a_long_path_with_spaces_still_gives_programs_that_start(demo, store, python, report, tmp_path, capfd):
    folder = tmp_path / ("a b" + "x" * 150) / "one"
    prefix = make_prefix([demo], store, python, folder, report)
    assert run_in_prefix(prefix, Command(CommandKind.RAW, "hello"), environ()).code == 7
    assert capfd.readouterr().out.strip() == str(prefix)


def test_the_hosts_own_packages_do_not_leak_in(demo, store, python, report, tmp_path, capfd):
    prefix = make_prefix([demo], store, python, tmp_path / "p" / "one", report)
    (tmp_path / "hidden.py").touch()
    given = environ(PYTHONPATH=str(tmp_path), PYTHONUSERBASE=str(tmp_path))
    code = (
        "import importlib.util as u, site; print(u.find_spec('hidden'), u.find_spec('pytest'), site.ENABLE_USER_SITE)"
    )
    run_in_prefix(prefix, Command(CommandKind.RAW, "python", ("-c", code)), given)
    assert capfd.readouterr().out == "None None False\n"


def test_it_is_made_once_though_many_ask_at_once(demo, store, python, report, tmp_path):
    folder = tmp_path / "p" / "one"
    threads = [threading.Thread(target=make_prefix, args=([demo], store, python, folder, report)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert report.done == demo.size
    assert [p.name for p in folder.parent.iterdir() if not p.name.endswith(".lock")] == ["one"]


def test_nothing_is_left_under_the_name_when_making_it_fails(demo, store, python, report, tmp_path):
    folder = tmp_path / "p" / "one"
    with pytest.raises(KeyError):
        make_prefix([replace(demo, blob=Digest.of(b"gone"))], store, python, folder, report)
    assert not folder.exists()
    (tmp_path / "p" / ".one.new").mkdir()
    (tmp_path / "p" / ".one.new" / "half").touch()
    make_prefix([demo], store, python, folder, report)
    assert not (folder / "half").exists()


def test_a_host_python_that_moved_is_linked_anew_without_unpacking(demo, store, python, report, tmp_path):
    folder = make_prefix([demo], store, python, tmp_path / "p" / "one", report)
    (folder / "bin" / "python").unlink()
    (folder / "bin" / "python").symlink_to(tmp_path / "gone")
    assert find_prefix(folder) is None
    (folder / SITE / "kept").touch()
    make_prefix([demo], store, python, folder, report)
    assert find_prefix(folder)
    assert (folder / SITE / "kept").exists()


@pytest.mark.parametrize(
    "path", ["opt/env/../../x", "etc/passwd", "opt/env//etc/x", "opt/env/lib/..", "/opt/env/x", "opt/env"]
)
def test_no_file_leaves_the_folder(path, by_hand, store, python, report, tmp_path):
    with pytest.raises(IntegrityError, match="outside"):
        make_prefix([by_hand(**{path: b"x"})], store, python, tmp_path / "p" / "one", report)
    assert not (tmp_path / "p" / "one").exists()


def test_no_link_leads_out_of_the_folder(by_hand, store, python, report, tmp_path):
    segment = by_hand(**{"opt/env/lib/x": b"x"})
    link = Member(path="opt/env/lib", kind=MemberKind.LINK, mode=0o777, target=str(tmp_path))
    table = replace(segment.table, members=(link, *segment.table.members))
    with pytest.raises(IntegrityError, match="link"):
        make_prefix([replace(segment, table=table)], store, python, tmp_path / "p" / "one", report)


def test_where_two_packages_differ_the_one_that_the_plan_left_out_gives_way(by_hand, store, python, report, tmp_path):
    one = by_hand(**{"opt/env/lib/x": b"one", "opt/env/lib/a": b"a"})
    two = by_hand(**{"opt/env/lib/x": b"two", "opt/env/lib/b": b"b"})
    left_out = {one.layer_id: {"opt/env/lib/x"}}
    prefix = make_prefix([one, two], store, python, tmp_path / "p" / "one", report, left_out)
    assert [(prefix / "lib" / name).read_bytes() for name in "xab"] == [b"two", b"a", b"b"]


def test_contents_come_out_whole_whatever_their_size_and_name(by_hand, store):
    """Long names have headers of three blocks; large files come in pieces."""
    contents = {
        "opt/env/" + "d" * 120 + "/" + "n" * 120: b"long",
        "opt/env/ümlaut": b"",
        "opt/env/zeros": bytes(20_000_001),
        "opt/env/block": b"x" * 512,
    }
    segment = by_hand(**contents)
    with store.open(segment.blob) as blob:
        found = {m.path: b"".join(content_of(segment, m, blob)) for m in segment.table.members}
    assert found == contents


def test_a_table_that_does_not_fit_the_bytes_is_noticed(by_hand, store):
    segment = by_hand(**{"opt/env/x": b"x" * 100})
    (member,) = segment.table.members
    with store.open(segment.blob) as blob:
        for wrong in (
            replace(member, size=5000),
            replace(member, length=20),
            replace(member, offset=member.offset + 1),
        ):
            with pytest.raises(IntegrityError):
                list(content_of(segment, wrong, blob))


def test_a_virtual_environments_python_is_followed_to_the_real_one(tmp_path):
    """An environment over an environment would bring the other's packages, and vanish with it."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    before = os.environ["PATH"]
    os.environ["PATH"] = f"{tmp_path / 'venv' / 'bin'}:{before}"
    try:
        found = find_interpreter(MINOR, os.environ)
    finally:
        os.environ["PATH"] = before
    assert not found.path.is_relative_to(tmp_path)
    assert found.minor == MINOR


def test_a_python_that_is_not_here_is_named_and_so_is_what_is(monkeypatch, tmp_path):
    fake = tmp_path / "python3.99"
    fake.write_text("#!/bin/sh\necho nonsense\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(EnvironmentFault, match=r"no Python 3\.99") as caught:
        find_interpreter("3.99", os.environ)
    assert f"{fake} is no Python that starts" in str(caught.value)
    assert HostPython(tmp_path, "3.11.2", "x86_64", "linux", "2.36").minor == "3.11"
