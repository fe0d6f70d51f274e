"""conda-lock, pixi and conda install exactly the files of a lock: what is written for them is read by their own parsers."""

from dataclasses import replace
from itertools import permutations

import pytest
import yaml
from conda_lock.conda_lock import render_lockfile_for_platform
from conda_lock.lockfile import parse_conda_lock_file
from hypothesis import given, settings
from hypothesis import strategies as st
from rattler import LockFile

from envbuild.definition import DebianBase, Definition, Requirement
from envbuild.formats.lockfiles.condaexplicit import conda_explicit
from envbuild.formats.lockfiles.condalockyml import conda_lock_yml
from envbuild.formats.lockfiles.exportedlock import ExportedLock
from envbuild.formats.lockfiles.pixilock import pixi_lock
from envbuild.formats.nodes.yamltext import yaml_text
from envbuild.formats.otherlocks.condaexplicit import read_explicit
from envbuild.formats.otherlocks.condalockyml import read_conda_lock
from envbuild.formats.otherlocks.pixilock import read_pixi_lock
from envbuild.formats.sourcefile import ReadRequest
from envbuild.ids import identity, lock_material
from envbuild.lockfile import OWN_SOURCE, Artifact, ArtifactKind, Lock
from envbuild.normalize import normalize
from envbuild.platforms import LINUX_AMD64, Platform

ARM64 = Platform("linux", "arm64")
CHANNEL = "https://channel.example/lab"
INDEX = "https://index.example/simple"


def conda(name, version, build, digit, subdir="linux-64", **more):
    return Artifact(
        kind=ArtifactKind.CONDA, name=name, version=version, file=f"{name}-{version}-{build}.conda", size=1000,
        sha256=digit * 64, source=f"lab/{subdir}", **more,
    )  # fmt: skip


def wheel(name, version, digit, **more):
    file = f"{name}-{version}-py3-none-any.whl"
    return Artifact(
        kind=ArtifactKind.WHEEL, name=name, version=version, file=file, size=10, sha256=digit * 64, **({"source": "pypi"} | more)
    )  # fmt: skip


LIBC = Artifact(
    kind=ArtifactKind.DEB, name="libc6", version="2.36-9", file="libc6.deb", size=1, sha256="f" * 64, source="debian:bookworm"
)  # fmt: skip
PYTHON = conda("python", "3.11.6", "h1_3_cpython", "a")
PYTHON_ARM = conda("python", "3.11.6", "h2_3_cpython", "b", "linux-aarch64")
NUMPY = conda("numpy", "1.26.0", "py311_0", "1")
SIX = conda("six", "1.16.0", "pyh_7", "2", "noarch")
DATA = conda("zdata", "2024a", "copy_0", "3", "noarch")
BLAS = conda("libblas", "3.9.0", "5_mkl", "4")
RICH = wheel("rich", "13.7", "5")
PYGMENTS = wheel("pygments", "2.17.2", "6")
DIRECT = wheel("own", "1.0", "7", source="url", url="https://files.example/w/own-1.0-py3-none-any.whl")
FACTS = {
    PYTHON: {"depends": "__glibc >=2.17\nlibffi >=3.4,<4.0a0", "build": "h1_3_cpython", "build_number": "3", "license": "Python-2.0"},
    PYTHON_ARM: {"build": "h2_3_cpython", "build_number": "3"},
    NUMPY: {
        "depends": "libblas >=3.9.0,<4.0a0\npython >=3.11,<3.12.0a0\npython_abi 3.11.* *_cp311",
        "constrains": "numpy-base <0a0",
        "build": "py311_0",
        "build_number": "0",
        "license": "BSD-3-Clause: a 'word'",
        "license_family": "BSD",
        "timestamp": "1728047496079",
    },
    SIX: {"depends": "python", "build": "pyh_7", "build_number": "7", "noarch": "python", "timestamp": "1490000000"},
    # Its name looks like a Python package's, and it is none.
    DATA: {"build": "copy_0", "build_number": "0", "noarch": "generic", "python_site_packages_path": "lib/python3.13t/site-packages"},
    BLAS: {"build": "5_mkl", "build_number": "5", "track_features": "blas_mkl", "depends": "numpy"},
    RICH: {"requires": "own\npygments\npytest\nrich"},
    PYGMENTS: {"requires": ""},
    DIRECT: {"requires": ""},
}  # fmt: skip


def exported(*artifacts, platform=LINUX_AMD64):
    lock = Lock(platform=platform, base=DebianBase(), base_artifacts=(LIBC,), artifacts=tuple(artifacts))
    return ExportedLock(
        lock=lock,
        urls={a.sha256: a.url or (f"{CHANNEL}/{a.source.rpartition('/')[2]}/{a.file}" if a.kind is ArtifactKind.CONDA else f"https://index.example/files/{a.file}") for a in artifacts},
        facts={a.sha256: {"md5": a.sha256[:1] * 32, "subdir": a.source, **FACTS[a]} for a in artifacts},
        indexes={"pypi": INDEX},
    )  # fmt: skip


X86 = exported(PYTHON, NUMPY, SIX, DATA, BLAS, RICH, PYGMENTS, DIRECT)
ARM = exported(PYTHON_ARM, SIX, DATA, RICH, PYGMENTS, DIRECT, platform=ARM64)
BOTH = (X86, ARM)
WRITERS = {
    "conda-lock.yml": lambda locks: conda_lock_yml(locks, [CHANNEL]),
    "pixi.lock": lambda locks: pixi_lock(locks, [CHANNEL]),
    "explicit.txt": lambda locks: conda_explicit(locks[0]),
}
READERS = {"conda-lock.yml": read_conda_lock, "pixi.lock": read_pixi_lock, "explicit.txt": read_explicit}


def read(name, text):
    def load(path):
        if path != name:
            raise FileNotFoundError(2, "No such file", path)
        return text.encode()

    return READERS[name](name, load, ReadRequest(name="folder", finish=normalize))


def records_of(lock):
    """What rattler takes the first platform's conda packages for."""
    return lock.default_environment().conda_repodata_records_for_platform(lock.platforms()[0])


def spec(artifact):
    stem = artifact.file.removesuffix(".conda")
    subdir, build = artifact.source.rpartition("/")[2], stem.rpartition("-")[2]
    version = {"1.26.0": "1.26", "1.16.0": "1.16", "3.9.0": "3.9"}.get(artifact.version, artifact.version)
    return f"{CHANNEL}/{subdir}::{artifact.name}=={version}={build}[fn='{artifact.file}',sha256='{artifact.sha256}']"


@pytest.mark.parametrize("name", WRITERS)
def test_what_is_written_is_read_back_as_the_same_files(name):
    """The lock that comes of it is the same one: else a team would get another image through their other tool."""
    locks = BOTH if name != "explicit.txt" else (X86,)
    reading = read(name, WRITERS[name](locks))
    wanted = {a for lock in locks for a in lock.conda}
    assert set(reading.definition.conda) == {spec(artifact) for artifact in wanted}
    assert {hashed for r in reading.definition.pypi for hashed in r.hashes} == {
        f"sha256:{a.sha256}" for a in X86.wheels
    }
    assert reading.definition.no_deps
    assert reading.definition.platforms == tuple(lock.lock.platform for lock in locks)
    assert reading.definition.channels == (CHANNEL,)
    assert reading.notices == ()


def test_pixi_tells_which_index_a_wheel_is_from():
    definition = read("pixi.lock", pixi_lock(BOTH, [CHANNEL])).definition
    assert [(index.name, index.url) for index in definition.indexes] == [("pypi", INDEX)]
    assert Requirement("rich==13.7", (f"sha256:{RICH.sha256}",)) in definition.pypi
    assert Requirement(f"own @ {DIRECT.url}", (f"sha256:{DIRECT.sha256}",)) in definition.pypi


def test_conda_lock_parses_what_is_written_for_it(tmp_path):
    path = tmp_path / "conda-lock.yml"
    path.write_text(conda_lock_yml(BOTH, [CHANNEL, "conda-forge"]))
    lock = parse_conda_lock_file(path)
    assert lock.metadata.platforms == ["linux-64", "linux-aarch64"]
    assert [channel.url for channel in lock.metadata.channels] == [CHANNEL, "conda-forge"]
    assert lock.metadata.content_hash["linux-64"] == identity(lock_material(X86.lock)).hex
    found = {(p.platform, p.manager, p.name): p for p in lock.package}
    assert len(found) == len(lock.package) == 14
    numpy = found["linux-64", "conda", "numpy"]
    assert (numpy.version, numpy.url, numpy.categories) == ("1.26.0", f"{CHANNEL}/linux-64/{NUMPY.file}", {"main"})
    assert (numpy.hash.md5, numpy.hash.sha256) == ("1" * 32, NUMPY.sha256)
    assert numpy.dependencies == {"libblas": ">=3.9.0,<4.0a0", "python": ">=3.11,<3.12.0a0", "python_abi": "3.11.*"}
    rich = found["linux-aarch64", "pip", "rich"]
    assert (rich.hash.sha256, rich.dependencies) == (RICH.sha256, {"own": "*", "pygments": "*"})


def test_conda_lock_renders_the_same_explicit_list(tmp_path):
    """`conda-lock install` makes such a list of the lock and gives it to conda: with an md5 where ours has a sha256."""
    path = tmp_path / "conda-lock.yml"
    path.write_text(conda_lock_yml([X86], [CHANNEL]))
    lines = render_lockfile_for_platform(
        lockfile=parse_conda_lock_file(path),
        include_dev_dependencies=False,
        extras=None,
        kind="explicit",
        platform="linux-64",
        suppress_warning_for_pip_and_explicit=True,
    )
    theirs, ours = (_installed(text) for text in (lines, conda_explicit(X86).split("\n")))
    assert theirs == ours


def _installed(lines):
    """What a list installs: the places of conda's packages, and pip's lines."""
    return {line.partition("#")[0] or line for line in lines if line.startswith(("http", "# pip"))}


def test_rattler_reads_the_records_and_would_write_the_same_document(tmp_path):
    """pixi rewrites a lock whenever it looks at it: a document in another form would show up as a change."""
    path, again = tmp_path / "pixi.lock", tmp_path / "again.lock"
    path.write_text(pixi_lock(BOTH, [CHANNEL]))
    lock = LockFile.from_path(path)
    lock.to_path(again)
    ours, its = (yaml.safe_load(file.read_text()) for file in (path, again))
    # rattler gives a direct reference the environment's index, from which it is not.
    direct = next(entry for entry in its["packages"] if entry.get("pypi", "").startswith("direct+"))
    assert direct.pop("index") == INDEX
    assert ours == its
    assert [list(entry) for entry in ours["packages"]] == [list(entry) for entry in its["packages"]]
    records = records_of(lock)
    found = {record.name.normalized: record for record in records}
    assert sorted(found) == ["libblas", "numpy", "python", "six", "zdata"]
    numpy, data, six = found["numpy"], found["zdata"], found["six"]
    assert (numpy.url, numpy.sha256.hex(), numpy.size) == (f"{CHANNEL}/linux-64/{NUMPY.file}", NUMPY.sha256, 1000)
    assert (numpy.md5.hex(), numpy.build_number, str(numpy.version)) == ("1" * 32, 0, "1.26.0")
    assert (numpy.license, numpy.license_family) == ("BSD-3-Clause: a 'word'", "BSD")
    assert numpy.depends == FACTS[NUMPY]["depends"].split("\n") and numpy.constrains == ["numpy-base <0a0"]
    assert (found["python"].build_number, found["libblas"].track_features) == (3, ["blas_mkl"])
    assert (six.noarch.python, data.noarch.generic) == (True, True)
    assert data.python_site_packages_path == "lib/python3.13t/site-packages"
    assert six.timestamp == six.timestamp.fromtimestamp(1490000000, six.timestamp.tzinfo)


def test_an_explicit_list_has_each_package_behind_what_it_needs():
    """conda links in the list's order, and what is noarch asks which Python is there already."""
    lines = conda_explicit(exported(PYTHON, NUMPY, SIX, DATA)).split("\n")
    assert lines[1:3] == ["# platform: linux-64", "@EXPLICIT"]
    assert [line.rpartition("/")[2].partition("-")[0] for line in lines[3:-1]] == ["python", "numpy", "six", "zdata"]
    assert lines[4] == f"{CHANNEL}/linux-64/{NUMPY.file}#{NUMPY.sha256}"


def test_packages_that_need_each_other_are_all_listed():
    assert {a.name for a in X86.in_link_order()} == {"libblas", "numpy", "python", "six", "zdata"}


@given(st.data())
def test_link_order_follows_dependencies(data):
    """Wherever there is no circle, nobody stands before what it needs; the order in the lock says nothing."""
    names = [f"p{number}" for number in range(data.draw(st.integers(1, 8)))]
    order = data.draw(st.permutations(names))
    needs = {name: data.draw(st.sets(st.sampled_from(names[:n] or ["elsewhere"]))) for n, name in enumerate(names)}
    packages = {name: conda(name, "1", "0", f"{number:x}") for number, name in enumerate(names)}
    lock = ExportedLock(
        lock=replace(X86.lock, artifacts=tuple(packages[name] for name in order)),
        urls={},
        facts={packages[name].sha256: {"depends": "\n".join(sorted(needs[name]))} for name in names},
        indexes={},
    )
    found = [package.name for package in lock.in_link_order()]
    assert sorted(found) == sorted(names)
    assert all(found.index(need) < found.index(name) for name in names for need in needs[name] if need in packages)
    first = replace(lock, lock=replace(X86.lock, artifacts=tuple(packages.values())))
    assert [package.name for package in first.in_link_order()] == found


def test_a_long_chain_of_packages_is_ordered():
    """An environment of a thousand packages is no reason to fail."""
    names = [f"p{number:04}" for number in range(3000)]
    packages = [conda(name, "1", "0", "a") for name in names]
    packages = [replace(package, sha256=f"{number:064x}") for number, package in enumerate(packages)]
    facts = {p.sha256: {"depends": f"p{number + 1:04}"} for number, p in enumerate(packages)}
    lock = ExportedLock(lock=replace(X86.lock, artifacts=tuple(packages)), urls={}, facts=facts, indexes={})
    assert [package.name for package in lock.in_link_order()] == names[::-1]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("a", ""),
        ("a >=1", ">=1"),
        ("a >=1\na <2", ">=1,<2"),
        ("a >=1\na >=1", ">=1"),
        ("a 1|2\na !=3", "(1|2),!=3"),
        ("a 1.* *_cp311", "1.*"),
        ("a[version='>=1']", ""),
        ("A  >=1", ">=1"),
        ("a >=1; if __unix", ">=1;"),
    ],
)
def test_what_a_package_depends_on_is_by_name(lines, said):
    facts = {NUMPY.sha256: {"depends": lines}}
    assert replace(X86, facts=facts).depends(NUMPY) == {"a": said}


@pytest.mark.parametrize("name", WRITERS)
def test_the_order_of_locks_and_packages_says_nothing(name):
    """The same lock is the same document, byte for byte: version control shows only real changes."""
    texts = set()
    for locks in permutations(BOTH) if name != "explicit.txt" else [(X86,)]:
        turned = [replace(lock, lock=replace(lock.lock, artifacts=lock.lock.artifacts[::-1])) for lock in locks]
        texts |= {WRITERS[name](locks), WRITERS[name](turned)}
    assert len(texts) == 1


@pytest.mark.parametrize("name", WRITERS)
def test_the_projects_own_wheel_is_in_no_export(name):
    own = wheel("project", "1.0", "9", source=OWN_SOURCE)
    lock = replace(X86, lock=replace(X86.lock, artifacts=(*X86.lock.artifacts, own)))
    assert "project" not in WRITERS[name]([lock]).replace("project-", "")


WORDS = [
    "=",
    "<<",
    "y",
    "N",
    "on",
    "null",
    "~",
    ".inf",
    "0x1f",
    "0b11",
    "0o7",
    "1_000",
    "12:30:45",
    "2024-01-01",
    "1e5",
    "+1",
]
TEXTS = st.one_of(
    st.text(), st.sampled_from(WORDS), st.text("=<>!~-?:,[]{}#&*|'\"%@`. \t\n0123456789eEx_abnyfulr\u2028\ufeff\x85")
)


@given(TEXTS)
@settings(max_examples=500)
def test_any_text_is_the_same_text_for_every_reader_of_yaml(text):
    """A licence or a build that looks like a number, a list or a date stays what it is."""
    value = {"k": [text, {text: text, "b": [text]}]}
    assert yaml.safe_load(yaml_text(value)) == value


@given(TEXTS)
def test_any_fact_of_a_package_is_written_so_that_rattler_reads_it(tmp_path_factory, text):
    facts = {**X86.facts, NUMPY.sha256: {**X86.facts[NUMPY.sha256], "license": text}}
    path = tmp_path_factory.mktemp("lock") / "pixi.lock"
    path.write_text(pixi_lock([replace(X86, facts=facts)], [CHANNEL]), "utf-8", newline="")
    records = records_of(LockFile.from_path(path))
    assert [record.license or "" for record in records if record.name.normalized == "numpy"] == [text]


def test_a_definition_without_channels_of_its_own_is_no_other_definition():
    """A lock names only files: what was asked for to get them is not in it."""
    meant = Definition(name="folder", conda=tuple(spec(a) for a in X86.conda), channels=(CHANNEL,), no_deps=True)
    reading = read("explicit.txt", conda_explicit(exported(PYTHON, NUMPY, SIX, DATA, BLAS)))
    assert replace(reading.definition, python="") == replace(normalize(meant), python="")
