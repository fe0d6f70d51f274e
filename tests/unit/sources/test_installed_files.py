"""What the files of an environment say, sound or broken, made on this system or on another one: read, and never run."""

import os
from pathlib import Path

import pytest
from environments import Made
from hypothesis import given
from hypothesis import strategies as st

from envbuild.errors import EnvironmentFault, UsageError
from envbuild.normalize import normalize
from envbuild.platforms import LINUX_AMD64, Platform
from envbuild.sources.installed import captured
from envbuild.sources.installed.graph import asked_for, reached
from envbuild.sources.installed.leftbehind import Left
from envbuild.sources.installed.system import System, system_of_tags


@pytest.fixture
def venv(tmp_path):
    return Made.venv(tmp_path / "train")


def read(made, **environ):
    """What is captured; whatever it was made of, the definition holds up."""
    found = captured(made.path, environ)
    normalize(found.definition)
    return found


def pins(found):
    return [requirement.text for requirement in found.definition.pypi]


def left(found):
    return {one.name: one.reason for one in found.left_behind}


def said(found):
    return "\n".join([*found.notices, *map(str, found.left_behind)])


# What is broken.


def test_a_name_or_version_that_is_missing_is_told_and_the_rest_is_taken(venv):
    """One broken package must not lose a user all others."""
    venv.dist("good")
    venv.dist("empty", metadata=b"")
    venv.dist("nameless", metadata=b"Metadata-Version: 2.1\nVersion: 1.0\n")
    venv.dist("twice", metadata=b"Name: twice\nName: other\nVersion: 1.0\n")
    venv.dist("binary", metadata=bytes(range(256)))
    found = read(venv)
    assert pins(found) == ["good==1.0"]
    assert left(found) == dict.fromkeys(["empty", "nameless", "twice", "binary"], Left.BROKEN)
    assert {one.version for one in found.left_behind} == {"1.0"}
    assert all(one.origin for one in found.left_behind)


def test_an_author_in_latin_1_does_not_hide_a_package(venv):
    text = "Metadata-Version: 1.1\nName: Old.Pkg\nVersion: 1.0\nAuthor: J\xe9r\xf4me\nRequires-Dist: a\n\nR\xe9sum\xe9"
    venv.dist("Old.Pkg", metadata=text.encode("latin-1"))
    assert pins(read(venv)) == ["old-pkg==1.0"]


def test_links_that_lead_nowhere_and_loops_are_told(venv):
    (venv.site / "gone-1.0.dist-info").symlink_to("nowhere")
    (venv.site / "loop-1.0.dist-info").symlink_to("loop-1.0.dist-info")
    venv.dist("pipe")
    (venv.site / "pipe-1.0.dist-info/METADATA").unlink()
    os.mkfifo(venv.site / "pipe-1.0.dist-info/METADATA")
    assert left(read(venv)) == dict.fromkeys(["gone", "loop", "pipe"], Left.BROKEN)


def test_a_file_name_that_is_no_utf_8_does_not_end_it(venv):
    Path(os.fsdecode(os.fsencode(venv.site) + b"/caf\xe9-1.0.dist-info")).mkdir()
    venv.dist("good")
    assert pins(read(venv)) == ["good==1.0"]


def test_what_an_interrupted_pip_left_is_passed_over(venv):
    """pip renames what it replaces to `~name`: it is installed no more."""
    folder = venv.dist("numpy", "1.25.0")
    folder.rename(venv.site / "~umpy-1.25.0.dist-info")
    venv.dist("numpy", "1.26.4")
    found = read(venv)
    assert pins(found) == ["numpy==1.26.4"]
    assert "~umpy" in said(found)


def test_of_two_versions_the_one_that_has_its_files_is_taken(venv):
    venv.dist("numpy", "1.25.0")
    (venv.dist("numpy", "1.26.4") / "RECORD").unlink()
    found = read(venv)
    assert pins(found) == ["numpy==1.25.0"]
    assert "numpy is there more than once: 1.25.0 is taken, not 1.26.4" in said(found)


def test_a_version_that_no_index_serves_is_left_behind(venv):
    venv.dist("pytz", "2004d.x-y")
    venv.dist("app", requires=["pytz>1", 'odd; platform_release >= "5"'])
    assert left(read(venv)) == {"pytz": Left.BROKEN}


# Where a package is from.


COMMIT = "a" * 40
ORIGINS = {
    "editable": ({"url": "file:///srv/me/app", "dir_info": {"editable": True}}, Left.EDITABLE, "file:///srv/me/app"),
    "folder": ({"url": "file:///srv/me/app", "dir_info": {}}, Left.LOCAL, "file:///srv/me/app"),
    "git": (
        {"url": "https://me:secret@git.example/a/b.git", "vcs_info": {"vcs": "git", "commit_id": COMMIT}, "subdirectory": "c"},
        Left.VCS,
        f"git+https://git.example/a/b.git@{COMMIT}#subdirectory=c",
    ),
    "ssh": (
        {"url": "ssh://git@git.example/a/b", "vcs_info": {"vcs": "git", "commit_id": COMMIT, "requested_revision": "x"}},
        Left.VCS,
        f"git+ssh://git@git.example/a/b@{COMMIT}",
    ),
    "sdist": ({"url": "https://h.example/x-1.0.tar.gz?sig=secret", "archive_info": {}}, Left.URL, "https://h.example/x-1.0.tar.gz"),
    "query": ({"url": "https://h.example/x-1.0-py3-none-any.whl?sig=secret", "archive_info": {}}, Left.URL, "https://h.example/x-1.0-py3-none-any.whl"),
    "mac": ({"url": "https://h.example/x-1.0-cp311-cp311-macosx_11_0_arm64.whl", "archive_info": {}}, Left.URL, "https://h.example/x-1.0-cp311-cp311-macosx_11_0_arm64.whl"),
    "none": ({"url": 7}, Left.BROKEN, ""),
    "list": (["secret"], Left.BROKEN, ""),
}  # fmt: skip


@pytest.mark.parametrize("kind", ORIGINS)
def test_what_is_from_no_index_is_named_with_where_it_is_from_and_never_a_secret(venv, kind):
    url, reason, origin = ORIGINS[kind]
    venv.dist("x", url=url)
    found = read(venv)
    (one,) = found.left_behind
    assert (pins(found), one.name, one.reason, one.origin) == ([], "x", reason, origin)
    assert one.why
    assert "secret" not in said(found)


@pytest.mark.parametrize("archive", [{"hashes": {"sha256": "b" * 64}}, {"hash": f"sha256={'b' * 64}"}])
def test_a_wheel_s_own_url_is_kept_with_its_hash_and_without_its_login(venv, archive):
    url = "https://me:secret@h.example/x-1.0-py3-none-any.whl"
    venv.dist("x", url={"url": url, "archive_info": archive})
    found = read(venv)
    (requirement,) = found.definition.pypi
    assert requirement.text == "x @ https://h.example/x-1.0-py3-none-any.whl"
    assert requirement.hashes == (f"sha256:{'b' * 64}",)
    assert "secret" not in repr(found)


def test_a_direct_url_that_is_no_utf_8_is_no_pin(venv):
    """Its version may be on no index, or be somebody else's there."""
    (venv.dist("x") / "direct_url.json").write_bytes(b"\xff\xfe{")
    assert left(read(venv)) == {"x": Left.BROKEN}


def test_a_package_that_needs_what_is_left_behind_is_told_of(venv):
    """An index may have a stranger's package under the name of one's own."""
    venv.dist("app", requires=["corp-lib>=1"])
    venv.dist("corp-lib", url={"url": "file:///srv/corp", "dir_info": {"editable": True}})
    assert "app needs corp-lib, which is left behind" in said(read(venv))


def test_an_editable_install_without_direct_url_is_known_by_its_finder(venv):
    folder = venv.dist("mine")
    (folder / "RECORD").write_text("__editable__.mine-1.0.pth,,\nmine-1.0.dist-info/METADATA,,\n")
    assert left(read(venv)) == {"mine": Left.EDITABLE}


def test_setup_py_develop_is_an_editable_install(venv, tmp_path):
    source = tmp_path / "source"
    (source / "my_app.egg-info").mkdir(parents=True)
    (source / "my_app.egg-info/PKG-INFO").write_text("Metadata-Version: 1.1\nName: My-App\nVersion: 0.7\n")
    (venv.site / "my-app.egg-link").write_text(f"{source}\n.")
    (venv.site / "lost.egg-link").write_text("/nowhere/else\n.")
    (venv.site / "empty.egg-link").write_text("")
    found = read(venv)
    versions = {one.name: (one.version, one.origin) for one in found.left_behind if one.reason is Left.EDITABLE}
    assert versions == {"my-app": ("0.7", source.as_uri()), "lost": ("", "file:///nowhere/else"), "empty": ("", "")}


def test_a_folder_on_the_path_without_a_package_is_told_of(venv, tmp_path):
    """`conda develop` and people put their code there: the image would not have it, and nobody would know why."""
    for folder in ("code", "mine/src", "elsewhere"):
        (tmp_path / folder).mkdir(parents=True)
    (venv.site / "inside").mkdir()
    venv.dist("mine", url={"url": (tmp_path / "mine").as_uri(), "dir_info": {"editable": True}})
    (venv.site / "_mine.pth").write_text(f"{tmp_path}/mine/src\n")
    code = f"import os; os.getcwd()\n# comment\n{tmp_path}/code\n/not/there\ninside\n\0\n"
    (venv.site / "conda.pth").write_text(code)
    (venv.site / "loop.pth").symlink_to("loop.pth")
    found = read(venv)
    assert [(one.name, one.origin) for one in found.left_behind] == [
        ("conda.pth", (tmp_path / "code").as_uri()), ("mine", (tmp_path / "mine").as_uri())
    ]  # fmt: skip


def test_eggs_and_egg_infos_are_packages_too(venv):
    """`setup.py install` and Debian leave these."""
    (venv.site / "flat-1.0.egg-info").write_text("Metadata-Version: 1.0\nName: flat\nVersion: 1.0\n")
    for folder, name in (("deep-2.0-py3.11.egg-info", "deep"), ("egg-3.0-py3.11.egg/EGG-INFO", "egg")):
        (venv.site / folder).mkdir(parents=True)
        version = folder.split("-")[1]
        (venv.site / folder / "PKG-INFO").write_text(f"Metadata-Version: 1.0\nName: {name}\nVersion: {version}\n")
    (venv.site / "zipped-1.0-py3.11.egg").write_bytes(b"PK")
    lines = 'flat>=9\n\n[:python_version < "3"]\nfutures\n\n[dev]\nabsent\n\n[all:python_version >= "3"]\nabsent2\n'
    (venv.site / "deep-2.0-py3.11.egg-info/requires.txt").write_text(lines)
    found = read(venv)
    assert pins(found) == ["deep==2.0", "egg==3.0", "flat==1.0"]
    assert [(one.name, one.version, one.reason) for one in found.left_behind] == [("zipped", "1.0", Left.BROKEN)]
    told = [notice for notice in found.notices if "needs" in notice]
    assert told == ["deep 2.0 needs flat>=9, and 1.0 is installed: no resolver takes both, change one of the two"]


# What belongs to whom.


@pytest.mark.parametrize(("python", "kept"), [("3.11", ["app==1.0"]), ("3.13", ["app==1.0", "setuptools==75.1.0"])])
def test_tools_are_left_out_as_pip_freeze_leaves_them_out(tmp_path, python, kept):
    """Since 3.12 no environment has setuptools by itself: who has it there asked for it."""
    venv = Made.venv(tmp_path / "v", python=python)
    venv.dist("pip", "24.0", requested=True)
    venv.dist("setuptools", "75.1.0", requested=True)
    venv.dist("app")
    assert pins(read(venv)) == kept


def test_a_tool_that_a_package_needs_is_pinned_with_it(venv):
    """Old packages import pkg_resources: with another setuptools they break."""
    venv.dist("setuptools", "65.5.0", requested=True)
    venv.dist("old", requires=["setuptools<70"])
    assert pins(read(venv)) == ["old==1.0", "setuptools==65.5.0"]


def test_envbuild_and_what_only_it_needs_are_left_out(venv):
    """Else every image of who tries envbuild in his own environment would have envbuild in it."""
    venv.dist("envbuild", requires=["click", "rich"], requested=True)
    venv.dist("click")
    venv.dist("rich", requires=["pygments"])
    venv.dist("pygments")
    venv.dist("app", requires=["click"], requested=True)
    found = read(venv)
    assert pins(found) == ["app==1.0", "click==1.0"]
    assert left(found) == dict.fromkeys(["envbuild", "rich", "pygments"], Left.OWN)


def test_azureml_s_packages_are_left_out_as_from_an_environment_yml(venv):
    venv.dist("azureml-defaults", requires=["azureml-core", "json-logging-py"], requested=True)
    venv.dist("azureml-core")
    venv.dist("json-logging-py")
    venv.dist("azureml-mlflow", requires=["azureml-core"])
    assert pins(read(venv)) == ["azureml-core==1.0", "azureml-mlflow==1.0"]


def test_the_system_s_own_packages_are_left_to_the_system(tmp_path):
    """Debian's python3-apt is on no index; what pip put beside it is the user's."""
    usr = Made(tmp_path / "usr", tmp_path / "usr/local/lib/python3.11/dist-packages")
    usr.site.mkdir(parents=True)
    (tmp_path / "usr/lib/python3.11").mkdir(parents=True)
    usr.program("bin/python3.11", "x86_64")
    (tmp_path / "usr/bin/python3").symlink_to("python3.11")
    usr.dist("mine")
    usr.dist("fedoras", installer="rpm")
    debian = Made(usr.path, usr.path / "lib/python3/dist-packages")
    debian.site.mkdir(parents=True)
    debian.dist("python-apt", installer="")
    user = Made(usr.path, tmp_path / "home/.local/lib/python3.11/site-packages")
    user.site.mkdir(parents=True)
    user.dist("personal")
    found = read(usr, HOME=str(tmp_path / "home"))
    assert pins(found) == ["mine==1.0", "personal==1.0"]
    assert left(found) == {"python-apt": Left.SYSTEM, "fedoras": Left.SYSTEM}
    assert str(user.site) in said(found)
    assert pins(read(usr, HOME=str(tmp_path / "home"), PYTHONNOUSERSITE="1")) == ["mine==1.0"]


def test_an_environment_that_sees_its_base_takes_from_there_what_it_lacks(tmp_path):
    """With --system-site-packages the code imports those too; what both have is the environment's own."""
    base = Made(tmp_path / "base", tmp_path / "base/lib/python3.11/site-packages")
    base.site.mkdir(parents=True)
    base.dist("below", "3.0")
    base.dist("both", "1.0")
    for seen in ("true", "false"):
        settings = f"home = {base.path}/bin\ninclude-system-site-packages = {seen}\n"
        venv = Made.venv(tmp_path / seen, settings=settings)
        venv.dist("both", "2.0")
        found = read(venv)
        assert pins(found) == (["below==3.0"] if seen == "true" else []) + ["both==2.0"]
        assert (str(base.site) in said(found)) == (seen == "true")


# From another system.


@pytest.mark.parametrize("program", ["mac-arm64", "mac-x86_64", "mac-universal", "musl", "ppc64le"])
def test_of_another_system_what_was_asked_for_is_taken_and_the_rest_comes_by_itself(tmp_path, program):
    """macOS's versions of what pandas needs need not exist for Linux; pandas' own version is what the user wants."""
    venv = Made.venv(tmp_path / "v", program=program)
    venv.dist("pandas", "2.2.2", requires=["numpy>=1.22", 'pyobjc; sys_platform == "darwin"', 'tzdata; extra == "all"'])
    venv.dist("numpy", "1.26.4")
    venv.dist("pyobjc")
    venv.dist("pytest", "8.0", requires=["iniconfig"], requested=True)
    venv.dist("iniconfig", requested=True)
    venv.dist("mine", requires=["attrs"], url={"url": "file:///srv/mine", "dir_info": {"editable": True}})
    venv.dist("attrs")
    found = read(venv)
    mac = program.startswith("mac")
    other = [] if mac else ["pyobjc==1.0"]
    assert pins(found) == ["attrs==1.0", "iniconfig==1.0", "pandas==2.2.2", *other, "pytest==8.0"]
    expected = {"numpy": Left.BY_ITSELF, "mine": Left.EDITABLE} | ({"pyobjc": Left.BY_ITSELF} if mac else {})
    assert left(found) == expected
    assert found.definition.platforms == (LINUX_AMD64,)
    assert ("macOS" in said(found)) == mac


def test_a_linux_of_another_machine_is_taken_as_a_whole_for_that_machine(tmp_path):
    venv = Made.venv(tmp_path / "v", program="aarch64")
    venv.dist("pandas", requires=["numpy"])
    venv.dist("numpy")
    found = read(venv)
    assert pins(found) == ["numpy==1.0", "pandas==1.0"]
    assert found.definition.platforms == (Platform("linux", "arm64"),)


def test_windows_is_known_by_its_layout(tmp_path):
    venv = Made.venv(tmp_path / "v", program="script", windows=True)
    venv.dist("a", requires=["b", 'c; platform_system == "Windows"'])
    venv.dist("b")
    venv.dist("c")
    found = read(venv)
    assert (pins(found), "Windows" in said(found)) == (["a==1.0"], True)


def test_without_an_interpreter_the_wheels_tags_tell_the_system(tmp_path):
    """A copied environment's python is a link that leads nowhere."""
    venv = Made.venv(tmp_path / "v", program="script")
    venv.dist("numpy", tags=["cp311-cp311-macosx_11_0_arm64"])
    venv.dist("pandas", requires=["numpy"])
    found = read(venv)
    assert (pins(found), "macOS (arm64)" in said(found)) == (["pandas==1.0"], True)


@pytest.mark.parametrize(
    ("tag", "system"),
    [
        ("cp311-cp311-manylinux_2_17_x86_64", System("linux", "x86_64")),
        ("cp311-cp311-manylinux2014_aarch64", System("linux", "aarch64")),
        ("cp311-abi3-manylinux1_i686", System("linux", "i686")),
        ("cp311-cp311-linux_x86_64", System("linux", "x86_64")),
        ("cp311-cp311-musllinux_1_2_x86_64", System("linux", "x86_64", "musl")),
        ("cp311-cp311-macosx_10_9_universal2", System("darwin")),
        ("cp311-cp311-macosx_11_0_arm64", System("darwin", "arm64")),
        ("cp311-cp311-win_amd64", System("win32", "x86_64")),
        ("cp311-cp311-win32", System("win32", "i686")),
        ("py3-none-any", None),
        ("nonsense", None),
    ],
)
def test_tags_of_every_system_are_told_apart(tag, system):
    assert system_of_tags([tag]) == system


@pytest.mark.parametrize("own", ["3.8", "3.9", "3.12", "3.14"])
def test_a_python_that_no_base_has_is_taken_as_it_is(tmp_path, own):
    """There are standalone builds of it: nothing else has to change."""
    venv = Made.venv(tmp_path / "v", python=own)
    venv.dist("pandas", requires=["numpy"])
    venv.dist("numpy")
    found = read(venv)
    assert (found.definition.python, pins(found)) == (own, ["numpy==1.0", "pandas==1.0"])
    assert left(found) == {}


@pytest.mark.parametrize(("own", "taken"), [("3.7", "3.8"), ("3.6", "3.8"), ("3.15", "3.14")])
def test_a_python_that_nothing_has_gives_the_nearest_and_says_so(tmp_path, own, taken):
    venv = Made.venv(tmp_path / "v", python=own)
    venv.dist("pandas", requires=["numpy"])
    venv.dist("numpy")
    found = read(venv)
    assert (found.definition.python, pins(found)) == (taken, ["pandas==1.0"])
    assert left(found) == {"python": Left.PYTHON, "numpy": Left.BY_ITSELF}
    assert f"{taken} is taken" in said(found)


@pytest.mark.parametrize(("library", "settings"), [("python3.13t", ""), ("pypy3.11", "implementation = PyPy\n")])
def test_another_kind_of_python_is_no_base_s(tmp_path, library, settings):
    """A free-threaded interpreter's and PyPy's wheels are others."""
    path = tmp_path / "v"
    made = Made(path, path / "lib" / library / "site-packages")
    made.site.mkdir(parents=True)
    minor = library.removeprefix("python").removeprefix("pypy").removesuffix("t")
    (path / "pyvenv.cfg").write_text(f"home = /usr/bin\nversion_info = {minor}.0\n{settings}")
    made.program("bin/python3", "x86_64")
    made.dist("a", requires=["b"])
    made.dist("b")
    found = read(made)
    assert pins(found) == ["a==1.0"]
    assert "CPython" in said(found)


# What its packages say of themselves.


def test_a_local_version_that_no_public_index_has_is_told_of(venv):
    venv.dist("jaxlib", "0.4.0+cuda12")
    venv.dist("torch", "2.3.0+cu121")
    venv.dist("torchvision", "0.18.0+cpu")
    found = read(venv)
    assert found.definition.accelerator == ""
    assert "jaxlib==0.4.0+cuda12, torch==2.3.0+cu121, torchvision==0.18.0+cpu: a local version" in said(found)


def test_pytorch_s_local_version_is_its_accelerator(venv):
    """Else torch==2.3.0+cu121 is on no index that the definition names, and nothing can be built."""
    venv.dist("torch", "2.3.0+cu121", tags=["cp311-cp311-linux_x86_64"])
    venv.dist("torchvision", "0.18.0+cu121", tags=["cp311-cp311-linux_x86_64"])
    found = read(venv)
    assert (found.definition.accelerator, "local version" in said(found)) == ("cu121", False)
    assert "built from source" not in said(found)


def test_what_was_built_from_source_here_is_told_of(venv):
    venv.dist("pycocotools", tags=["cp311-cp311-linux_x86_64"])
    assert "pycocotools==1.0: built from source" in said(read(venv))


def test_an_environment_that_does_not_hold_together_is_told_of(venv):
    """No resolver finds what pip was made to install; `pip check` says the same."""
    venv.dist("a", requires=["b<2", "gone", "c[x]", 'never; extra == "dev"'])
    venv.dist("b", "2.0")
    venv.dist("c", requires=['d>1; extra == "x"', 'e; extra == "y"'])
    venv.dist("d", "1.0")
    told = [notice.partition(":")[0] for notice in read(venv).notices if "needs" in notice]
    assert told == [
        "a 1.0 needs b<2, and 2.0 is installed",
        "a 1.0 needs gone, which is not there",
        "c 1.0 needs d>1, and 1.0 is installed",
    ]


# Where it cannot be read.


def test_a_folder_that_cannot_be_read_is_a_fault_with_its_place(venv, monkeypatch):
    usual = type(venv.site).iterdir

    def closed(self):
        if self == venv.site:
            raise PermissionError(13, "Permission denied", str(self))
        return usual(self)

    monkeypatch.setattr(type(venv.site), "iterdir", closed)
    with pytest.raises(UsageError) as refused:
        read(venv)
    assert (refused.value.what, refused.value.at) == (
        "the environment cannot be read: permission denied", str(venv.site)
    )  # fmt: skip


def test_a_condarc_that_is_none_is_a_fault_with_its_line(tmp_path):
    made = Made.conda(tmp_path / "env")
    made.python_by_conda()
    (tmp_path / "rc.yml").write_text("channels: {a: b}\n")
    with pytest.raises(EnvironmentFault) as refused:
        read(made, CONDARC=str(tmp_path / "rc.yml"))
    assert refused.value.at == f"{tmp_path}/rc.yml:1"


# Laws.

graphs = st.dictionaries(st.sampled_from("abcdefgh"), st.frozensets(st.sampled_from("abcdefgh")), min_size=1).map(
    lambda g: {name: needs & g.keys() for name, needs in g.items()}
)


@given(graphs, st.frozensets(st.sampled_from("abcdefgh")))
def test_what_was_asked_for_brings_everything(graph, requested):
    """Else a package of the environment would be missing in the image, silently."""
    asked = asked_for(graph.keys(), graph.__getitem__, requested & graph.keys())
    assert requested & graph.keys() <= asked <= graph.keys()
    assert reached(asked, graph.__getitem__) == graph.keys()


@given(graphs)
def test_what_another_one_needs_is_not_asked_for_unless_in_a_circle(graph):
    asked = asked_for(graph.keys(), graph.__getitem__, ())
    for name in asked:
        others = [other for other in graph if other != name and name in reached([other], graph.__getitem__)]
        assert all(other in reached([name], graph.__getitem__) for other in others)


@given(st.binary(max_size=200), st.sampled_from(["METADATA", "WHEEL", "RECORD", "INSTALLER", "direct_url.json"]))
def test_no_file_of_a_package_can_make_it_fall(tmp_path_factory, data, name):
    """What any tool left in an environment is read; at worst the package is left behind."""
    venv = Made.venv(tmp_path_factory.mktemp("any") / "v")
    (venv.dist("x") / name).write_bytes(data)
    venv.dist("good")
    assert "good==1.0" in pins(read(venv))


@given(st.binary(max_size=200), st.sampled_from(["history", "state", "x-1-0.json"]))
def test_no_file_of_conda_s_can_make_it_fall(tmp_path_factory, data, name):
    env = Made.conda(tmp_path_factory.mktemp("any") / "c")
    env.python_by_conda(requested_spec="python")
    (env.path / "conda-meta" / name).write_bytes(data)
    if name == "x-1-0.json":
        with pytest.raises(UsageError):
            read(env)
    else:
        assert read(env).definition.python == "3.11"
