"""A conda environment as a folder: linked for the place where it will be, whole or not at all, and told to its programs."""

import hashlib
import io
import json
import multiprocessing
import os
import re
import stat
from dataclasses import replace

import pytest
from condachannel import PLACEHOLDER, File, package

from envbuild.builders.activation import activation_of
from envbuild.definition import DebianBase
from envbuild.digest import Digest
from envbuild.errors import BuildFailed, EnvironmentFault, IntegrityError
from envbuild.layers.conda.condalayer import layer_of_conda
from envbuild.layers.conda.place import CondaPlace
from envbuild.layers.wheel import layer_of_wheel
from envbuild.lockfile import Artifact, ArtifactKind, Lock
from envbuild.members import MemberKind
from envbuild.plan import find_conflicts
from envbuild.platforms import LINUX_AMD64
from envbuild.runners.command import Command, CommandKind
from envbuild.runners.condafolder import find_conda_prefix
from envbuild.runners.condaprefix import CondaParts, Decided, make_conda_prefix
from envbuild.runners.prefixcommand import run_in_prefix

LONGEST = 255


def text(content, mode=0o644):
    return File(content.replace("PREFIX", PLACEHOLDER).encode(), mode, placeholder="text")


TOOL = package(
    "tool",
    files={
        "bin/tool": text('#!/bin/sh\necho "PREFIX" "$CONDA_PREFIX" "$MODE" "$FROM_SCRIPT" "$@"\n', 0o755),
        "bin/other": File(link="tool"),
        "etc/empty": File(directory=True),
        "etc/conda/env_vars.d/tool.json": File(b'{"MODE": "fast"}'),
        "etc/conda/activate.d/tool.sh": File(b'export FROM_SCRIPT="$(echo said)"\n'),
        "lib/libtool.so.1": File(b"\x7fELF" + bytes(range(256)) * 9000),
    },
)
PURE = package(
    "pure",
    noarch="python",
    depends=("python",),
    entry_points=("pure = pure:main",),
    files={"site-packages/pure.py": File(b"def main():\n    print('pure')\n")},
)


def artifact(made):
    name, version, _ = made.file.rsplit("-", 2)
    source = f"channel/{made.subdir}"
    return Artifact(
        kind=ArtifactKind.CONDA, name=name, version=version, file=made.file, size=made.size, sha256=made.sha256,
        source=source,
    )  # fmt: skip


@pytest.fixture
def parts_of(store):
    """What an environment of these packages is made of, wheels given as their segments."""

    def make(*packages, wheels=()):
        for made in packages:
            with store.create() as writer:
                writer.write(made.content)
                writer.commit(Digest(made.sha256))
        artifacts = [artifact(made) for made in packages] + [a for a, _ in wheels]
        lock = Lock(
            platform=LINUX_AMD64,
            base=DebianBase(),
            base_artifacts=(),
            artifacts=tuple(sorted(artifacts, key=lambda a: (a.kind.value, a.name))),
        )

        def decide(tables):
            winners = {c.path: c.winner for c in find_conflicts(lock, tables)}
            return Decided(
                winners=winners,
                activation=activation_of(lock, tables),
            )

        return CondaParts(lock=lock, segments={a.sha256: s for a, s in wheels}, blobs=store, decide=decide)

    return make


@pytest.fixture
def wheel_of(store, make_wheel):
    def convert(name, files):
        made = make_wheel(name, "1.0", files)
        with made.open("rb") as stream, store.create() as out:
            segment = layer_of_wheel(stream, out.write, layer_id=Digest.of(name.encode()), python="3.11")
            out.commit(segment.blob)
        digest = hashlib.sha256(made.read_bytes()).hexdigest()
        kind = ArtifactKind.WHEEL
        return Artifact(
            kind=kind, name=name, version="1.0", file=made.name, size=1, sha256=digest, source="pypi"
        ), segment

    return convert


def a_python(files=()):
    """A package that is the environment's Python as far as the lock is concerned."""
    content = {"bin/python": File(b'#!/bin/sh\nexec echo python "$@"\n', 0o755), **dict(files)}
    return package("python", "3.11.9", "h1_0_cpython", files=content)


def run(found, *words, activate=False, variables=(), environ=None):
    given = {"PATH": os.environ["PATH"], **(environ or {})}
    around = found.surroundings(activate=activate)
    return run_in_prefix(
        found.root, Command(CommandKind.RAW, words[0], words[1:]), given, variables, surroundings=around
    )


def test_programs_run_with_the_folder_as_their_prefix(parts_of, report, tmp_path, capfd):
    """Both what was written into the files and what the variables say: no Python is needed for it."""
    folder = tmp_path / "prefixes" / "one"
    found = make_conda_prefix(parts_of(TOOL), folder, report)
    assert run(found, "other", "a b").code == 0
    assert capfd.readouterr().out == f"{folder} {folder} fast  a b\n"
    assert (folder / "bin" / "other").readlink().as_posix() == "tool"
    assert (folder / "etc" / "empty").is_dir()
    assert report.done == TOOL.size


def test_activate_runs_the_packages_scripts_first(parts_of, report, tmp_path, capfd):
    found = make_conda_prefix(parts_of(TOOL), tmp_path / "p" / "one", report)
    assert run(found, "tool", activate=True).code == 0
    assert capfd.readouterr().out == f"{found.root} {found.root} fast said\n"
    assert run(found, "sh", "-c", "exit 7", activate=True).code == 7


def test_what_the_definition_says_goes_before_the_packages_and_they_before_the_callers(
    parts_of, report, tmp_path, capfd
):
    found = make_conda_prefix(parts_of(TOOL), tmp_path / "p" / "one", report)
    run(found, "tool", environ={"MODE": "mine", "CONDA_PREFIX": "/elsewhere"})
    run(found, "tool", variables=[("MODE", "asked"), ("CONDA_PREFIX", "/opt/env")])
    modes = [line.split()[1:3] for line in capfd.readouterr().out.splitlines()]
    assert modes == [[str(found.root), "fast"], [str(found.root), "asked"]]


def test_nothing_says_that_another_environment_is_active(parts_of, report, tmp_path, capfd):
    """A virtual environment or a conda environment of the caller's shell would bring its packages into this one."""
    found = make_conda_prefix(parts_of(TOOL), tmp_path / "p" / "one", report)
    run(found, "env", environ={"VIRTUAL_ENV": "/v", "CONDA_SHLVL": "1", "PYTHONPATH": "/x", "PYTHONHOME": "/y"})
    said = dict(line.partition("=")[::2] for line in capfd.readouterr().out.splitlines())
    assert not {"VIRTUAL_ENV", "CONDA_SHLVL", "PYTHONPATH", "PYTHONHOME"} & said.keys()
    assert said["CONDA_DEFAULT_ENV"] == said["CONDA_PREFIX"] == str(found.root)
    assert said["PATH"].startswith(f"{found.root}/bin:")
    assert said["PYTHONNOUSERSITE"] == "1"


def test_no_package_says_where_programs_are_found(parts_of, report, tmp_path, capfd):
    """In an image PATH and CONDA_PREFIX are ours: a run directly must not be another one."""
    said = {
        "PATH": "/nowhere",
        "HOME": "/h",
        "LANG": "xx",
        "CONDA_PREFIX": "/evil",
        "CONDA_DEFAULT_ENV": "/evil",
        "A": "1",
    }
    files = {"etc/conda/env_vars.d/zz.json": File(json.dumps(said).encode())}
    found = make_conda_prefix(parts_of(TOOL, package("zz", files=files)), tmp_path / "p" / "one", report)
    assert run(found, "env", environ={"HOME": "/mine", "LANG": "C"}).code == 0
    seen = dict(line.partition("=")[::2] for line in capfd.readouterr().out.splitlines())
    assert (seen["HOME"], seen["LANG"], seen["A"]) == ("/mine", "C", "1")
    assert seen["CONDA_PREFIX"] == seen["CONDA_DEFAULT_ENV"] == str(found.root)
    assert seen["PATH"].startswith(f"{found.root}/bin:")


def test_it_is_found_again_without_any_package(parts_of, report, tmp_path, store):
    """The second run needs no channel and no package, and takes no time."""
    folder = tmp_path / "p" / "one"
    made = make_conda_prefix(parts_of(TOOL), folder, report)
    store.delete(Digest(TOOL.sha256))
    assert find_conda_prefix(folder) == made
    assert make_conda_prefix(CondaParts(lock=None, segments={}, blobs=store, decide=None), folder, report) == made


def test_entry_points_and_records_are_of_this_folder(parts_of, report, tmp_path):
    found = make_conda_prefix(parts_of(a_python(), PURE), tmp_path / "p" / "one", report)
    program = (found.root / "bin" / "pure").read_bytes()
    assert program.startswith(f"#!{found.root}/bin/python3.11\n".encode())
    assert (found.root / "lib/python3.11/site-packages/pure.py").is_file()
    record = json.loads((found.root / "conda-meta" / "pure-1.0-0.json").read_bytes())
    listed = {row["_path"]: row for row in record["paths_data"]["paths"]}
    assert listed["bin/pure"]["path_type"] == "unix_python_entry_point"
    for path, row in listed.items():
        content = (found.root / path).read_bytes()
        assert hashlib.sha256(content).hexdigest() == row.get("sha256_in_prefix", row["sha256"]), path


def test_modes_and_contents_are_the_packages_own(parts_of, report, tmp_path):
    old = os.umask(0o022)
    try:
        found = make_conda_prefix(parts_of(TOOL), tmp_path / "p" / "one", report)
    finally:
        os.umask(old)
    modes = {n: stat.S_IMODE((found.root / n).stat().st_mode) for n in ("bin/tool", "lib/libtool.so.1", "lib", "")}
    assert modes == {"bin/tool": 0o755, "lib/libtool.so.1": 0o644, "lib": 0o755, "": 0o755}
    assert (found.root / "lib/libtool.so.1").read_bytes() == b"\x7fELF" + bytes(range(256)) * 9000


def _of_two(first, second):
    one = package("aa", files={"lib/same": File(b"alike"), "lib/x": File(first), "lib/only-aa": File(b"1")})
    two = package("bb", depends=("aa",), files={"lib/same": File(b"alike"), "lib/x": File(second)})
    return one, two


@pytest.mark.parametrize("reverse", [False, True], ids=["first", "last"])
def test_where_two_packages_differ_the_file_that_the_image_has_stands(reverse, parts_of, report, tmp_path):
    """Which one comes first to the disk must not decide it."""
    # The larger package is linked first.
    padding = package("cc", files={"lib/padding": File(os.urandom(1 << 16))})
    one, two = _of_two(*(b"of aa" * 9, b"of bb") if not reverse else (b"of aa", os.urandom(1 << 15)))
    found = make_conda_prefix(parts_of(one, two, padding), tmp_path / "p" / "one", report)
    expected = b"of bb" if not reverse else None
    content = (found.root / "lib/x").read_bytes()
    assert content == expected if expected else len(content) == 1 << 15
    assert (found.root / "lib/same").read_bytes() == b"alike"
    assert (found.root / "lib/only-aa").is_file()
    assert sorted(p.name for p in found.root.iterdir()) == [
        ".envbuild.json",
        "CACHEDIR.TAG",
        "bin",
        "conda-meta",
        "lib",
    ]


def test_a_file_where_another_package_has_a_folder_is_refused_by_name(parts_of, report, tmp_path):
    file = package("aa", files={"lib/x": File(b"1")})
    folder = package("bb", files={"lib/x/y": File(b"2")})
    with pytest.raises(BuildFailed, match=r"aa has a file at /opt/env/lib/x, where bb has a folder"):
        make_conda_prefix(parts_of(file, folder), tmp_path / "p" / "one", report)
    assert not (tmp_path / "p" / "one").exists()


def test_no_package_writes_through_another_packages_link(parts_of, report, tmp_path):
    """Else a package could write anywhere that this user may."""
    outside = tmp_path / "outside"
    outside.mkdir()
    link = package("aa", files={"lib/x": File(link=str(outside)), "lib/pad": File(os.urandom(1 << 16))})
    file = package("bb", files={"lib/x/y": File(b"2")})
    with pytest.raises((BuildFailed, IntegrityError)):
        make_conda_prefix(parts_of(link, file), tmp_path / "p" / "one", report)
    assert list(outside.iterdir()) == []


def test_wheels_stand_on_top_with_programs_of_this_folder(parts_of, wheel_of, report, tmp_path, capfd):
    """A wheel's file goes before a conda package's, as in the image; its programs start with this environment's Python."""
    site = "lib/python3.11/site-packages"
    wheel = wheel_of(
        "demo",
        {
            "demo/__init__.py": "",
            "shared.py": "wheel",
            "alike.py": "same",
            "demo-1.0.dist-info/entry_points.txt": "[console_scripts]\nhello = demo:main\n",
        },
    )
    python = a_python({f"{site}/shared.py": File(b"conda"), f"{site}/alike.py": File(b"same")})
    found = make_conda_prefix(parts_of(python, wheels=[wheel]), tmp_path / "p" / "one", report)
    assert (found.root / site / "shared.py").read_text() == "wheel"
    assert (found.root / site / "alike.py").read_text() == "same"
    assert run(found, "hello", "x").code == 0
    assert capfd.readouterr().out == f"python {found.root}/bin/hello x\n"
    assert not (found.root / "pyvenv.cfg").exists()


def test_a_path_that_no_placeholder_takes_is_refused_with_the_setting_that_helps(parts_of, report, tmp_path):
    folder = tmp_path / ("x" * 120) / ("y" * 120) / "one"
    assert len(str(folder)) > LONGEST
    binary = package("aa", files={"lib/x": replace(text("PREFIX\0"), placeholder="binary")})
    with pytest.raises(EnvironmentFault) as caught:
        make_conda_prefix(parts_of(binary), folder, report)
    assert "ENVBUILD_HOME" in caught.value.hint
    assert not folder.exists()


def test_a_folder_that_no_shell_quotes_is_refused(parts_of, report, tmp_path):
    with pytest.raises(EnvironmentFault) as caught:
        make_conda_prefix(parts_of(TOOL), tmp_path / "it's" / "one", report)
    assert "ENVBUILD_HOME" in caught.value.hint


def test_a_path_with_blanks_works(parts_of, report, tmp_path, capfd):
    found = make_conda_prefix(parts_of(TOOL), tmp_path / "a b" / "one", report)
    assert run(found, "tool", activate=True).code == 0
    assert capfd.readouterr().out.startswith(f"{found.root} {found.root} fast said")


def _make(parts, folder, report, start, ended):
    start.wait(20)
    make_conda_prefix(parts, folder, report)
    ended.put(sorted(str(p.relative_to(folder)) for p in folder.rglob("*")))


def test_two_processes_that_want_it_at_once_get_one_whole_one(parts_of, report, tmp_path):
    folder = tmp_path / "p" / "one"
    parts = parts_of(TOOL, a_python(), PURE)
    fork = multiprocessing.get_context("fork")
    start, ended = fork.Event(), fork.Queue()
    children = [fork.Process(target=_make, args=(parts, folder, report, start, ended)) for _ in range(2)]
    for child in children:
        child.start()
    start.set()
    listings = [ended.get(timeout=60) for _ in children]
    for child in children:
        child.join(20)
    assert listings[0] == listings[1]
    assert "bin/tool" in listings[0]
    assert [p.name for p in folder.parent.iterdir() if not p.name.endswith(".lock")] == ["one"]


def test_what_a_making_left_that_was_cut_off_is_taken_away(parts_of, report, tmp_path):
    """Neither half a folder aside nor one without its mark, as a crash or a tidy-up leaves it, is taken for an environment."""
    folder = tmp_path / "p" / "one"
    for half in (folder.parent / ".one.new", folder):
        (half / "bin").mkdir(parents=True)
        (half / "bin" / "half").touch()
    assert find_conda_prefix(folder) is None
    found = make_conda_prefix(parts_of(TOOL), folder, report)
    assert not (found.root / "bin" / "half").exists()
    assert sorted(p.name for p in folder.parent.iterdir()) == [".one.lock", "one"]


def test_an_environment_that_was_moved_is_made_anew(parts_of, report, tmp_path, capfd):
    """The old place is written into its files: its programs would run with whatever is there now."""
    old = make_conda_prefix(parts_of(TOOL), tmp_path / "p" / "one", report).root
    new = tmp_path / "q" / "one"
    new.parent.mkdir()
    old.rename(new)
    assert find_conda_prefix(new) is None
    assert run(make_conda_prefix(parts_of(TOOL), new, report), "tool").code == 0
    assert capfd.readouterr().out.startswith(f"{new} {new} ")


def test_nothing_is_left_under_the_name_when_a_package_is_damaged(parts_of, report, tmp_path, store):
    parts = parts_of(TOOL)
    bad = replace(PURE, content=PURE.content[:-40])
    parts = parts_of(TOOL, bad_package := type(bad)(bad.file, b"no package at all", bad.subdir))
    with pytest.raises(IntegrityError) as caught:
        make_conda_prefix(parts, tmp_path / "p" / "one", report)
    assert bad_package.file in str(caught.value.at)
    assert [p.name for p in (tmp_path / "p").iterdir() if not p.name.endswith(".lock")] == []


def test_a_place_that_takes_no_folder_is_said(parts_of, report, tmp_path):
    """Root is stopped by no mode; a file in the folder's stead stops everybody."""
    (tmp_path / "p").touch()
    with pytest.raises(EnvironmentFault):
        make_conda_prefix(parts_of(TOOL), tmp_path / "p" / "one", report)


def test_a_disk_that_takes_no_more_is_an_environment_fault(parts_of, report, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("envbuild.runners.linkedfiles.os.write", full)
    with pytest.raises(EnvironmentFault, match="No space left"):
        make_conda_prefix(parts_of(TOOL), tmp_path / "p" / "one", report)


@pytest.mark.parametrize("mark", [b"", b"{", b"[]", b'{"variables": 3}', b'{"format": 1}'])
def test_a_mark_that_says_nothing_is_no_environment(mark, parts_of, report, tmp_path):
    folder = tmp_path / "p" / "one"
    make_conda_prefix(parts_of(TOOL), folder, report)
    (folder / ".envbuild.json").write_bytes(mark)
    assert find_conda_prefix(folder) is None
    assert make_conda_prefix(parts_of(TOOL), folder, report).variables == {"MODE": "fast"}


def test_the_folder_is_what_the_image_has_but_for_its_place(parts_of, report, tmp_path):
    """One plan, two sinks: file for file the same kinds, modes and links; contents alike once the prefix is."""
    found = make_conda_prefix(parts_of(TOOL), tmp_path / "p" / "one", report)
    place = CondaPlace(prefix="/opt/env")
    table = layer_of_conda(
        io.BytesIO(TOOL.content), bytearray().extend, layer_id=Digest.of(b"x"), file=TOOL.file, place=place
    ).table
    for member in table.members:
        there = found.root / member.path.removeprefix("opt/env/")
        if member.kind is MemberKind.LINK:
            assert str(there.readlink()) == member.target
        elif member.kind is MemberKind.DIRECTORY:
            assert there.is_dir()
        else:
            content = there.read_bytes().replace(str(found.root).encode(), b"/opt/env")
            same = hashlib.sha256(content).hexdigest() == member.sha256
            assert same or re.match(r"opt/env/conda-meta/", member.path), member.path
