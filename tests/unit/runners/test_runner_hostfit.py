"""Whether the host can run a lock directly: all that is missing is named at once, before anything starts."""

from pathlib import Path

import pytest

from envbuild.definition import DebianBase
from envbuild.errors import EnvironmentFault
from envbuild.lockfile import Artifact, ArtifactKind, Lock
from envbuild.members import Member, MemberKind, MemberTable
from envbuild.platforms import Platform
from envbuild.runners.hostfit import HostSystem, check_host, glibc_needed, virtual_packages_needed
from envbuild.runners.interpreter import HostPython

HOST = HostPython(Path("/usr/bin/python3.11"), "3.11.2", "x86_64", "linux", "2.28")


@pytest.mark.parametrize(
    ("wheel", "needed"),
    [
        ("a-1-py3-none-any.whl", None),
        ("a-1-cp311-cp311-linux_x86_64.whl", None),
        ("a-1-cp311-cp311-manylinux_2_34_x86_64.whl", (2, 34)),
        ("a-1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", (2, 17)),
        ("a-1-cp311-cp311-manylinux_2_28_x86_64.manylinux_2_5_x86_64.manylinux1_x86_64.whl", (2, 5)),
        ("a-1-cp311-cp311-manylinux2010_x86_64.whl", (2, 12)),
    ],
)
def test_a_wheels_tags_say_which_glibc_it_needs(wheel, needed):
    assert glibc_needed(wheel) == needed


def artifact(kind, name, file):
    digest = f"{sum(name.encode()):064x}"
    return Artifact(kind=kind, name=name, version="1", file=file, size=1, sha256=digest, source="x")


def check(lock, tables, host=HOST, libraries=(), programs=()):
    check_host(
        lock,
        {a.sha256: tables[a.name] for a in lock.of_kind(ArtifactKind.DEB)},
        host,
        set(libraries).__contains__,
        set(programs).__contains__,
    )


def lock_of(*artifacts):
    return Lock(platform=Platform("linux", "amd64"), base=DebianBase(), base_artifacts=(), artifacts=artifacts)


def table(sonames="", *programs):
    members = tuple(Member(path=f"usr/bin/{p}", kind=MemberKind.FILE, mode=0o755) for p in programs)
    return MemberTable(members, {"sonames": sonames})


LOCK = lock_of(
    artifact(ArtifactKind.DEB, "libgomp1", "libgomp1.deb"),
    artifact(ArtifactKind.DEB, "graphviz", "graphviz.deb"),
    artifact(ArtifactKind.WHEEL, "torch", "torch-2-cp311-cp311-manylinux_2_28_x86_64.whl"),
)
TABLES = {
    "libgomp1": table("libgomp.so.1 usr/lib/x86_64-linux-gnu/libgomp.so.1.0.0\n"),
    "graphviz": table("private.so.3 usr/lib/graphviz/private.so.3\n", "dot", "neato"),
}


def test_a_host_that_has_everything_passes():
    check(LOCK, TABLES, libraries={"libgomp.so.1"}, programs={"dot"})


def test_all_that_is_missing_is_named_together():
    old = HostPython(HOST.path, "3.11.2", "x86_64", "linux", "2.17")
    with pytest.raises(EnvironmentFault) as caught:
        check(LOCK, TABLES, host=old)
    for word in (
        "libgomp1 is not here (libgomp.so.1)",
        "graphviz is not here (dot)",
        "torch needs glibc 2.28",
        "has 2.17",
    ):
        assert word in caught.value.what
    assert "private.so.3" not in caught.value.what


def test_another_processor_system_or_c_library_is_refused():
    for host, word in (
        (HostPython(HOST.path, "3.11.2", "aarch64", "linux", "2.36"), "linux/aarch64"),
        (HostPython(HOST.path, "3.11.2", "x86_64", "darwin", ""), "darwin"),
        (HostPython(HOST.path, "3.11.2", "x86_64", "linux", ""), "C library"),
    ):
        with pytest.raises(EnvironmentFault, match=word):
            check(LOCK, TABLES, host=host, libraries={"libgomp.so.1"}, programs={"dot"})


def conda_table(*depends):
    return MemberTable((), {"depends": "\n".join(depends)})


NUMPY = artifact(ArtifactKind.CONDA, "numpy", "numpy-1-0.conda")


@pytest.mark.parametrize(
    ("depends", "words"),
    [
        (("libgcc >=13", "__glibc >=2.28,<3.0.a0"), ""),
        (("__glibc >=2.34,<3.0.a0",), "numpy needs glibc 2.34, this machine has 2.28"),
        (("__glibc >=2.35", "__glibc >=2.17"), "numpy needs glibc 2.35"),
        (("__linux", "__cuda >=12"), ""),
    ],
)
def test_a_conda_packages_glibc_counts_like_a_wheels(depends, words):
    """Else a program fails with a loader's words in the middle of a run."""
    tables = {NUMPY.sha256: conda_table(*depends)}
    try:
        check_host(lock_of(NUMPY), tables, HOST, lambda _: True, lambda _: True)
        said = ""
    except EnvironmentFault as fault:
        said = fault.what
    assert words in said
    assert bool(words) == bool(said)


def test_another_c_library_is_no_place_for_a_conda_package_that_asks_for_glibc():
    musl = HostSystem("linux", "x86_64", "")
    with pytest.raises(EnvironmentFault, match="numpy need glibc"):
        check_host(lock_of(NUMPY), {NUMPY.sha256: conda_table("__glibc >=2.17")}, musl, lambda _: True, lambda _: True)
    check_host(lock_of(NUMPY), {NUMPY.sha256: conda_table("python")}, musl, lambda _: True, lambda _: True)


def test_what_a_package_asks_of_a_machine_is_read_from_its_dependencies():
    facts = {"depends": "python >=3.11\n__cuda\n__glibc >=2.17,<3.0.a0\n__unix"}
    assert virtual_packages_needed(facts) == {"__cuda": "", "__glibc": ">=2.17,<3.0.a0", "__unix": ""}
    assert virtual_packages_needed({}) == {}
