"""Locks of conda's other tools: what they wrote is built without solving, and what is written for them is the same lock."""

import asyncio
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest
from conda_lock.lockfile import parse_conda_lock_file, write_conda_lock_file
from conda_lock.lockfile.v2prelim.models import HashModel, LockedDependency, Lockfile, LockMeta
from condachannel import File, package, serve, write_channel
from condachannel.serving import Served
from rattler import BuildString, Channel, Gateway, GenericVirtualPackage, LockFile, PackageName, Version, solve
from rattler.lock import LockChannel, LockPlatform

SUBDIRS = ("linux-64", "linux-aarch64")
ENVIRONMENT = "name: small\nchannels: [LAB]\ndependencies: [python=3.11, numpy=1.26, six]\n"
TWO = 'format = 1\nname = "two"\nchannels = ["LAB"]\nconda = ["python=3.11", "numpy=1.26", "six"]\nplatforms = ["linux/amd64", "linux/arm64"]\n'


def packages():
    """A Python that is none, and packages in both forms: what is in them is no matter here."""
    for subdir in SUBDIRS:
        program = {"bin/python3.11": File(subdir.encode(), 0o755), "bin/python": File(link="python3.11")}
        yield package("python", "3.11.6", "h1_0_cpython", subdir=subdir, files=program, depends=["__glibc >=2.17"])
        yield numpy(0, subdir)
        blas = {"lib/libblas.so": File(subdir.encode())}
        said = {
            "license": "BSD-3-Clause",
            "license_family": "BSD",
            "track_features": "slow plain",
            "constrains": ["mkl <2024"],
        }
        yield package("libblas", "3.9", "0", subdir=subdir, files=blas, format=".tar.bz2", **said)
    for version in ("1.16.0", "1.17.0"):
        module = {"site-packages/six.py": File(f"version = {version!r}\n".encode())}
        yield package("six", version, "pyh_0", noarch="python", files=module, depends=["python"])


def numpy(number, subdir="linux-64"):
    """A build of numpy 1.26.0."""
    module = {"lib/python3.11/site-packages/numpy/__init__.py": File(f"build = {number}, {subdir!r}\n".encode())}
    needs = ["python >=3.11,<3.12.0a0", "libblas 3.*"]
    return package(
        "numpy", "1.26.0", f"py311_{number}", subdir=subdir, files=module, depends=needs, build_number=number
    )


@dataclass(frozen=True, slots=True)
class Lab:
    """A project, and the channel that its packages are from, on loopback: `name` is of this test alone.

    Else the store would remember what another test's channel of the name had.
    """

    name: str
    folder: Path
    channel: Path
    served: Served
    told: dict[str, str] = field(default_factory=dict)
    """What the machine is told beside."""

    @property
    def env(self):
        """What the machine is told."""
        return {f"ENVBUILD_CHANNEL_{self.name.upper()}": self.served.login_url, **self.told}

    def write(self, file, text):
        """A definition; LAB in it is the channel's name."""
        (self.folder / file).write_text(text.replace("LAB", self.name))

    def records(self, cache, subdir):
        """rattler's own solution of the same environment."""
        return asyncio.run(_solved(self.served.url, subdir, cache))


async def _solved(url, subdir, cache):
    return await solve(
        [Channel(url)],
        ["python 3.11.*", "numpy 1.26.*", "six"],
        gateway=Gateway(cache_dir=cache),
        platforms=[subdir, "noarch"],
        virtual_packages=[GenericVirtualPackage(PackageName("__glibc"), Version("2.36"), BuildString("0"))],
    )


@pytest.fixture
def lab(tmp_path):
    name = f"lab{uuid4().hex[:12]}"
    channel, folder = tmp_path / "channel" / name, tmp_path / "work"
    write_channel(channel, packages())
    folder.mkdir()
    with serve(channel) as served:
        made = Lab(name, folder, channel, served)
        made.write("environment.yml", ENVIRONMENT)
        yield made


@pytest.fixture
def lock_ids(warm, lab):
    """`lock_ids("pixi.lock")`: the lock ids of a spec, by platform, and what was said."""

    def ids(spec, **more):
        done = warm("lock", spec, "--lock", f"{spec}.ours.lock", "--json", cwd=lab.folder, env=lab.env, **more).ok()
        return done.json["ids"], done.stderr.decode()

    return ids


def write_pixi(lab, cache):
    """As rattler writes it."""
    platforms = {subdir: LockPlatform(subdir) for subdir in SUBDIRS}
    lock = LockFile(list(platforms.values()))
    lock.set_channels("default", [LockChannel(f"{lab.served.url}/")])
    for subdir, platform in platforms.items():
        for record in lab.records(cache, subdir):
            lock.add_conda_package("default", platform, record)
    lock.to_path(lab.folder / "pixi.lock")
    return "pixi.lock"


def write_conda_lock(lab, cache):
    """As conda-lock writes it."""
    locked = [
        LockedDependency(
            name=record.name.normalized,
            version=str(record.version),
            manager="conda",
            platform=subdir,
            dependencies={text.partition(" ")[0]: text.partition(" ")[2] for text in record.depends},
            url=record.url,
            hash=HashModel(md5=record.md5.hex(), sha256=record.sha256.hex()),
            categories={"main"},
        )
        for subdir in SUBDIRS
        for record in lab.records(cache, subdir)
    ]
    said = LockMeta(content_hash=dict.fromkeys(SUBDIRS, "0"), channels=[lab.name], platforms=list(SUBDIRS), sources=[])
    write_conda_lock_file(Lockfile(package=locked, metadata=said), lab.folder / "conda-lock.yml", None)
    return "conda-lock.yml"


@pytest.mark.parametrize("write", [write_pixi, write_conda_lock])
def test_what_another_tool_locked_is_the_same_lock_and_nothing_is_solved(lab, lock_ids, write, tmp_path):
    """A team that locks with pixi or conda-lock has the image of the team that locks here, whatever the channel has by now."""
    lab.write("two.toml", TWO)
    ours, _ = lock_ids("two.toml")
    name = write(lab, tmp_path / "cache")
    # A newer build comes after it was locked.
    write_channel(lab.channel, [numpy(number, subdir) for number in (1, 2) for subdir in SUBDIRS])
    lab.served.requests.clear()
    ids, said = lock_ids(name)
    assert ids == ours
    assert "older than" not in said
    assert all(path.endswith((".conda", ".tar.bz2")) for path in lab.served.requests)


def test_an_image_of_a_pixi_lock_is_the_image_of_the_environment(warm, lab, tmp_path):
    name = write_pixi(lab, tmp_path / "cache")
    env, options = lab.env, ("--to", "store", "--json", "--platform", "linux/amd64")
    images = [warm("build", one, *options, cwd=lab.folder, env=env).ok().json for one in ("environment.yml", name)]
    assert images[0]["digest"] == images[1]["digest"]
    assert not [path for path in lab.served.requests[-3:] if "repodata" in path]


FORMS = {"conda-lock": "conda-lock.yml", "pixi": "pixi.lock", "explicit": "explicit.txt"}


def export(warm, lab, spec, form, *options, **more):
    """The file that was written."""
    path = lab.folder / FORMS[form]
    warm("export", spec, "--format", form, "-o", path, *options, cwd=lab.folder, env=lab.env | more.pop("env", {})).ok()
    return path


@pytest.mark.parametrize("form", FORMS)
def test_what_is_exported_is_read_back_as_the_same_lock(warm, lab, lock_ids, form, pypi_server, make_wheel):
    """Through another tool and back it is one lock, wheels among it, on every platform that the form has a place for."""
    make_wheel("beta", "1.0", folder=pypi_server.folder)
    make_wheel("alpha", "1.0", requires=["beta"], folder=pypi_server.folder)
    # A lock alone does not say where the index is.
    lab.told["ENVBUILD_PYPI_INDEX"] = pypi_server.url
    index = f'pypi = ["alpha"]\n[[index]]\nname = "pypi"\nurl = "{pypi_server.url}"\n'
    # An explicit list has a place for one platform alone.
    two = TWO if form != "explicit" else TWO.replace(', "linux/arm64"', "")
    lab.write("two.toml", two + index)
    ours, _ = lock_ids("two.toml")
    path = export(warm, lab, "two.toml", form, "--lock", "two.toml.ours.lock")
    lab.served.requests.clear()
    ids, said = lock_ids(path.name)
    assert ids == ours
    assert not [path for path in lab.served.requests if "repodata" in path]
    # Of a lock alone, and once more, it is the same document.
    again = path.read_bytes()
    assert export(warm, lab, "two.toml.ours.lock", form).read_bytes() == again
    assert "older" not in said


def test_an_export_names_no_login_of_the_channel(warm, lab, lock_ids):
    """Lock files are published; the machine's token for its channel is not."""
    with serve(lab.channel, token="geheim") as served:
        closed = Lab(lab.name, lab.folder, lab.channel, served)
        for form in FORMS:
            text = export(warm, closed, "environment.yml", form).read_text()
            assert f"{served.url}/linux-64/numpy-1.26.0-py311_0.conda" in text
            assert "geheim" not in text


def test_conda_lock_reads_the_export(warm, lab):
    lock = parse_conda_lock_file(export(warm, lab, "environment.yml", "conda-lock"))
    assert [channel.url for channel in lock.metadata.channels] == [lab.name]
    blas = next(p for p in lock.package if p.name == "libblas")
    file = lab.channel / "linux-64" / "libblas-3.9-0.tar.bz2"
    assert blas.hash.md5 == hashlib.md5(file.read_bytes()).hexdigest()
    assert blas.hash.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()


def test_rattler_reads_the_export_as_the_records_that_the_channel_has(warm, lab, tmp_path):
    """What pixi installs from it is what it would have installed from the channel's own index."""
    lock = LockFile.from_path(export(warm, lab, "environment.yml", "pixi"))
    (platform,) = lock.platforms()
    found = lock.default_environment().conda_repodata_records_for_platform(platform)
    wanted = lab.records(tmp_path / "cache", "linux-64")
    facts = (
        "url",
        "sha256",
        "md5",
        "size",
        "depends",
        "constrains",
        "license",
        "license_family",
        "build_number",
        "subdir",
    )
    facts += ("timestamp", "track_features", "noarch", "python_site_packages_path")
    rows = [sorted([str(getattr(r, fact)) for fact in facts] for r in records) for records in (found, wanted)]
    assert rows[0] == rows[1]


def explicit(lab, **changed):
    """An explicit list with md5 alone, as conda wrote it for years."""
    files = {"python": "linux-64/python-3.11.6-h1_0_cpython.conda", "blas": "linux-64/libblas-3.9-0.tar.bz2"}
    files |= {"numpy": "linux-64/numpy-1.26.0-py311_0.conda", "six": "noarch/six-1.17.0-pyh_0.conda"}
    hashes = {
        name: hashlib.md5((lab.channel / file).read_bytes()).hexdigest() for name, file in files.items()
    } | changed
    lines = [f"{lab.served.url}/{file}#{hashes[name]}" for name, file in files.items()]
    (lab.folder / "explicit.txt").write_text("\n".join(["# platform: linux-64", "@EXPLICIT", *lines, ""]))


def test_a_list_with_md5_alone_is_the_same_lock_and_says_so(lab, lock_ids):
    """Old locks are no reason to lock anew; what the hash proves is told."""
    ours, _ = lock_ids("environment.yml")
    explicit(lab)
    lab.served.requests.clear()
    ids, said = lock_ids("explicit.txt")
    assert ids == ours
    assert "python and 3 more: an md5 alone" in said or "and 3 more: an md5 alone" in said
    assert not [path for path in lab.served.requests if "repodata" in path]


def test_a_file_that_is_not_the_one_of_the_md5_is_refused(warm, lab):
    explicit(lab, numpy="0" * 32)
    words = warm.failed(6, "lock", "explicit.txt", cwd=lab.folder, env=lab.env)
    assert "numpy-1.26.0-py311_0.conda" in words


def test_what_an_export_has_no_place_for_is_told(warm, lab, project):
    """Nobody takes half an environment for a whole one."""
    spec = project(f'conda = ["python=3.11", "six"]\nchannels = ["{lab.name}"]\nsystem = ["libgomp1"]')
    said = warm("export", spec, "--format", "explicit", env=lab.env).ok().stderr.decode()
    assert "not in the export: Debian packages of `system`" in said
    said = warm("export", spec, env=lab.env).ok().stderr.decode()
    assert "not in the export: conda packages (conda-lock, pixi and explicit have them)" in said
    wheels = project("pypi = []", "wheels")
    words = warm.failed(2, "export", wheels, "--format", "pixi", env=lab.env)
    assert "has no conda packages" in words


def test_another_build_of_the_same_version_is_seen_before_it_is_accepted(warm, lab):
    warm("lock", "environment.yml", cwd=lab.folder, env=lab.env).ok()
    before = (lab.folder / "environment.envbuild.lock").read_bytes()
    (lab.folder / "old.lock").write_bytes(before)
    write_channel(lab.channel, [numpy(1)])
    # What is locked stays, though the channel has a newer build.
    kept = warm("lock", "environment.yml", cwd=lab.folder, env=lab.env).ok()
    assert b"no changes" in kept.stderr
    changed = warm("lock", "environment.yml", "-P", "numpy", cwd=lab.folder, env=lab.env).ok()
    assert b"~ numpy 1.26.0 py311_0 -> py311_1" in changed.stderr
    told = warm("diff", "old.lock", "environment.envbuild.lock", cwd=lab.folder, env=lab.env).ok().stdout.decode()
    assert "~ numpy 1.26.0 py311_0 -> py311_1" in told
    (row,) = warm("diff", "old.lock", "environment.envbuild.lock", "--json", cwd=lab.folder).ok().json["packages"]
    assert (row["old_build"], row["new_build"]) == ("py311_0", "py311_1")
