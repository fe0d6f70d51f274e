"""A project's own wheel, by the real uv and the project's own build backend: reproducible, for the target, told well."""

import sys

import pytest

from envbuild.definition import Index
from envbuild.errors import BuildFailed, EnvironmentFault
from envbuild.platforms import LINUX_AMD64
from envbuild.resolvers.ownwheel import WheelMaker
from envbuild.wheelfiles import Target

BOOKWORM = Target(LINUX_AMD64, "3.11.2", "2.36")


@pytest.fixture
def make(tmp_path, python_project):
    """The wheel of a project with these options; `raises`: what its backend does in the end."""

    def build(*, raises="", besides="", glibc="2.36", indexes=(), urls=None, environ=None, **options):
        number = len(list(tmp_path.iterdir()))
        tree, out = tmp_path / f"project{number}", tmp_path / f"out{number}"
        python_project(tree, **options)
        backend = tree / "build_backend" / "in_tree.py"
        backend.write_text(
            backend.read_text().replace("    rows = ", f"    raise {raises}\n    rows = ")
            if raises
            else backend.read_text()
        )
        backend.write_text(backend.read_text() + besides)
        maker = WheelMaker(
            indexes=indexes, urls=urls or {}, environ=environ or {"PATH": "/usr/bin:/bin"}, cache=tmp_path / "cache",
            python=sys.executable, glibc=glibc,
        )  # fmt: skip
        return maker.make(tree, out, BOOKWORM)

    return build


def test_the_wheel_and_what_it_needs_here(make):
    """Requirements of another system, and of extras, are none of this image's."""
    made = make(dependencies=["six>=1", "pywin32; sys_platform == 'win32'"], undeclared=["idna ; extra == 'test'"])
    assert (made.name, made.version, made.path.name) == ("my-project", "1.0", "my_project-1.0-py3-none-any.whl")
    assert made.requires == ("six>=1",)


def test_the_same_files_give_the_same_bytes_at_another_time_and_place(make):
    """Otherwise two machines, or two days, would give two images for one content."""
    assert make().path.read_bytes() == make().path.read_bytes()


def test_a_backend_that_fails_is_told_with_its_last_words(make, tmp_path):
    with pytest.raises(BuildFailed) as caught:
        make(raises='SystemExit("no compiler for you")')
    assert "no compiler for you" in caught.value.what
    assert "uv build --wheel" in caught.value.hint
    assert str(tmp_path) not in caught.value.what


def test_a_version_from_version_control_is_told_as_such(make):
    """The copy that is built has no history: `setuptools-scm` fails in it with a page about tarballs."""
    with pytest.raises(BuildFailed) as caught:
        make(raises='LookupError("setuptools-scm was unable to detect version")')
    assert "write `version` into [project]" in caught.value.hint


@pytest.mark.parametrize(
    "tag", ["cp312-cp312-manylinux_2_17_x86_64", "py3-none-win_amd64", "cp311-cp311-linux_aarch64"]
)
def test_a_wheel_for_another_target_is_refused(make, tag):
    """Installed all the same it would be missing, or crash, when the image runs."""
    with pytest.raises(BuildFailed, match=r"built for another target than Python 3\.11\.2 on linux/amd64"):
        make(tag=tag)


def test_code_that_was_compiled_against_a_newer_glibc_is_refused(make):
    tag = "cp311-cp311-linux_x86_64"
    with pytest.raises(BuildFailed, match=r"glibc 2\.39; the image has 2\.36"):
        make(tag=tag, glibc="2.39")
    assert make(tag=tag, glibc="2.31").path.name.endswith(f"{tag}.whl")


def test_the_backends_packages_come_from_the_definitions_indexes(make, index):
    """A backend from another index than the definition's is other code than the one that was reviewed."""
    index.wheel("tiny-helper", "1")
    own = {"indexes": (Index("company", index.url),), "urls": {"company": index.url}}
    assert make(requires=["tiny-helper"], **own).version == "1.0"
    with pytest.raises(BuildFailed, match="absent-helper was not found"):
        make(requires=["absent-helper"], **own)


def test_an_index_that_is_down_is_no_fault_of_the_project(make):
    """Exit 5, try again; not exit 4, mend your project."""
    down = {"indexes": (Index("company", "http://127.0.0.1:9/simple"),), "urls": {}}
    with pytest.raises(EnvironmentFault, match="cannot be reached"):
        make(requires=["tiny-helper"], **down)


LOGINS = {
    "UV_INDEX_COMPANY_USERNAME": "alice",
    "UV_INDEX_COMPANY_PASSWORD": "canary-login",
    "HTTPS_PROXY": "http://bob:canary-proxy@proxy.example:3128",
    "NETRC": "/srv/netrc",
    "PATH": "/usr/bin:/bin",
}
"""What uv is given where an index and a proxy ask for a login."""


def test_the_backend_has_none_of_the_logins_that_its_packages_are_fetched_with(make, tmp_path):
    """A project that was only to be built could send the company's passwords away."""
    seen = tmp_path / "seen"
    code = f'SystemExit(open({str(seen)!r}, "w").write(repr(dict(__import__("os").environ))))'
    with pytest.raises(BuildFailed):
        make(raises=code, environ=LOGINS)
    environ = seen.read_text()
    assert "canary" not in environ
    assert "NETRC" not in environ
    assert "http://proxy.example:3128" in environ


def test_what_the_backend_asks_for_is_asked_without_logins_and_fetched(make, tmp_path, index):
    """PEP 517's get_requires_for_build_wheel is the project's code, too."""
    index.wheel("tiny-helper", "1")
    index.login = "alice:canary-login"
    hook = (
        "\n\ndef get_requires_for_build_wheel(config_settings=None):\n    import os\n"
        f"    open({str(tmp_path / 'seen')!r}, 'w').write(repr(dict(os.environ)))\n    return ['tiny-helper']\n"
    )
    used = 'SystemExit("there: " + __import__("importlib.metadata").metadata.version("tiny-helper"))'
    own = {"indexes": (Index("company", index.url),), "urls": {"company": index.url}}
    with pytest.raises(BuildFailed, match="there: 1"):
        make(raises=used, besides=hook, environ={**LOGINS, "NO_PROXY": "127.0.0.1,localhost"}, **own)
    assert "canary" not in (tmp_path / "seen").read_text()


def test_a_password_that_a_build_prints_is_not_shown(make):
    """A fault ends up in logs of a pipeline that others read."""
    with pytest.raises(BuildFailed) as caught:
        make(raises='SystemExit("got canary-login and canary-proxy")', environ=LOGINS)
    assert "got *** and ***" in caught.value.what


def test_a_build_requirement_that_is_no_wheel_is_refused_with_the_reason(make, index):
    """Building it would run its code while the logins are there."""
    index.sdist("tiny-helper", "1")
    own = {"indexes": (Index("company", index.url),), "urls": {"company": index.url}}
    with pytest.raises(BuildFailed) as caught:
        make(requires=["tiny-helper"], **own)
    assert "tiny-helper" in caught.value.what
    assert "as a wheel" in caught.value.hint


def test_what_a_project_leaves_in_its_environment_sees_no_login_either(make, tmp_path, index):
    """uv starts that environment's Python once more: a .pth file there runs with whatever uv has."""
    index.wheel("tiny-helper", "1")
    index.login = "alice:canary-login"
    seen = tmp_path / "seen"
    line = f"import os; open({str(seen)!r}, 'a').write(repr(dict(os.environ)))\n"
    hook = (
        "\n\ndef get_requires_for_build_wheel(config_settings=None):\n    import pathlib, sysconfig\n"
        f"    pathlib.Path(sysconfig.get_path('purelib'), 'left.pth').write_text({line!r})\n    return ['tiny-helper']\n"
    )
    own = {"indexes": (Index("company", index.url),), "urls": {"company": index.url}}
    assert make(besides=hook, environ={**LOGINS, "NO_PROXY": "127.0.0.1,localhost"}, **own).version == "1.0"
    assert "PATH" in seen.read_text()
    assert "canary" not in seen.read_text()
