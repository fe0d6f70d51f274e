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

    def build(*, raises="", glibc="2.36", indexes=(), urls=None, environ=None, **options):
        number = len(list(tmp_path.iterdir()))
        tree, out = tmp_path / f"project{number}", tmp_path / f"out{number}"
        python_project(tree, **options)
        backend = tree / "build_backend" / "in_tree.py"
        backend.write_text(
            backend.read_text().replace("    rows = ", f"    raise {raises}\n    rows = ")
            if raises
            else backend.read_text()
        )
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
