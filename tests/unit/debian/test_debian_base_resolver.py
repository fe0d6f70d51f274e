"""If these fail, a lock names the wrong Debian packages."""

import io
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from envbuild.debian.aptsources import mirrors
from envbuild.debian.baselist import SUITES, base_packages
from envbuild.definition import DebianBase, Definition, ImageBase, Requirement
from envbuild.digest import Digest
from envbuild.errors import ResolveFailed
from envbuild.lockfile import Artifact, ArtifactKind, Lock
from envbuild.platforms import LINUX_AMD64, Platform
from envbuild.resolvers.debianbase import DebianBaseResolver, wanted_package
from envbuild.sources.debianmirror import DebianMirror

# Read here, since fixtures take the developer's settings away.
ENVIRON = dict(os.environ)
NUMPY = (Requirement("numpy"),)


class Fixed:
    """A mirror with one universe."""

    def __init__(self, universe):
        self._universe = universe

    def universe(self, suite, platform):
        return self._universe


@pytest.fixture
def resolver(universe, stanza):
    wanted = base_packages(SUITES["bookworm"], 1, python=True)
    special = {
        "base-files": {"Pre_Depends": "awk"},
        "tzdata": {"Depends": "debconf (>= 0.5) | debconf-2.0"},
        "libc6": {"version": "2.36-9"},
        "python3.11": {"Depends": "python3.11-minimal"},
    }
    main = [stanza(name, **special.get(name, {})) for name in wanted]
    main += [
        stanza("mawk", Provides="awk"),
        stanza("debconf", Depends="perl-base"),
        stanza("python3.11-minimal", "3.11.2-6"),
    ]
    main += [stanza("git", Depends="libcurl, bash"), stanza("libcurl", Depends="libc6"), stanza("libgomp1", "12.2")]
    return DebianBaseResolver(Fixed(universe(main, [], [stanza("libc6", "2.36-9+deb12u14")])))


def resolve(resolver, prefer=(), **definition):
    base, system = resolver.resolve(Definition(**definition), LINUX_AMD64, dict(prefer))
    return {a.name: a for a in base}, {a.name: a for a in system}


def test_a_base_for_wheels_has_an_interpreter_and_no_debconf(resolver):
    base, system = resolver.resolve(Definition(pypi=NUMPY), LINUX_AMD64, {})
    lock = Lock(platform=LINUX_AMD64, base=DebianBase(), base_artifacts=base, artifacts=system)
    assert system == ()
    assert lock.interpreter.version == "3.11.2"
    assert lock.glibc == "2.36"
    assert [a.name for a in base] == sorted(a.name for a in base)
    assert not {"debconf", "perl-base"} & {a.name for a in base}
    assert "mawk" in {a.name for a in base}


def test_an_artifact_names_its_suite_path_and_hash(resolver):
    assert resolve(resolver)[0]["libc6"] == Artifact(
        kind=ArtifactKind.DEB,
        name="libc6",
        version="2.36-9+deb12u14",
        file="libc6_2.36-9+deb12u14_amd64.deb",
        size=105,
        sha256=Digest.of(b"libc6 2.36-9+deb12u14").hex,
        source="debian:bookworm-security",
        path="pool/main/l/libc6/libc6_2.36-9+deb12u14_amd64.deb",
    )


def test_an_environment_that_asks_for_no_python_has_none(resolver):
    base, _ = resolve(resolver, python="")
    assert "bash" in base
    assert not [name for name in base if "python" in name]


def test_system_packages_come_with_what_the_base_lacks(resolver):
    base, system = resolve(resolver, system=("git", "bash"))
    assert sorted(system) == ["git", "libcurl"]
    assert base == resolve(resolver)[0]


def test_the_order_of_system_packages_does_not_matter(resolver):
    assert resolve(resolver, system=("git", "libgomp1")) == resolve(resolver, system=("libgomp1", "git"))


def test_versions_of_a_lock_are_kept_while_the_mirror_has_them(resolver):
    assert resolve(resolver, {"libc6": "2.36-9"})[0]["libc6"].source == "debian:bookworm"
    assert resolve(resolver, {"libc6": "2.36-8"})[0]["libc6"].version == "2.36-9+deb12u14"


def test_a_version_that_is_asked_for_counts_more_than_a_kept_one(resolver):
    base, _ = resolve(resolver, {"libc6": "2.36-9+deb12u14"}, system=("libc6=2.36-9",))
    assert base["libc6"].version == "2.36-9"


@pytest.mark.parametrize("python", ["3.13", "3.12", "3.11.9"])
def test_another_python_is_no_part_of_the_base(resolver, python):
    """Two interpreters in one image, or a base without what wheels expect of it."""
    base, _ = resolve(resolver, python=python, pypi=NUMPY)
    assert not [name for name in base if "python" in name]
    assert {"libstdc++6", "libgcc-s1", "zlib1g", "libatomic1"} <= base.keys()


def test_the_suites_own_release_is_the_suites_python(resolver):
    assert resolve(resolver, python="3.11.2") == resolve(resolver, python="3.11")


def test_condas_python_needs_none_of_the_suite(resolver):
    base, _ = resolve(resolver, python="", conda=("python=3.11",))
    assert not [name for name in base if "python" in name]


def test_a_base_of_another_kind_is_not_debians_business(resolver):
    assert resolve(resolver, base=ImageBase("debian:12")) == ({}, {})


@pytest.mark.parametrize("text", ["", "Bash", "a b", "../x", "git=", "git>=1", "git:arm64"])
def test_what_is_no_package_is_refused_with_a_way_to_write_it(text):
    with pytest.raises(ResolveFailed) as caught:
        wanted_package(text, LINUX_AMD64)
    assert caught.value.at == "system"
    assert caught.value.hint


class Memory:
    """Blobs in memory."""

    def __init__(self):
        self.blobs = {}

    def open(self, digest):
        return io.BytesIO(self.blobs[digest])

    @contextmanager
    def create(self):
        yield Writer(self.blobs)


class Writer(io.BytesIO):
    def __init__(self, blobs):
        super().__init__()
        self.blobs = blobs

    def commit(self, expected=None):
        digest = Digest.of(self.getvalue())
        assert digest == expected
        self.blobs[digest] = self.getvalue()
        return digest


def read(url):
    try:
        with urlopen(url, timeout=60) as response:
            return response.read()
    except HTTPError as error:
        if error.code in (404, 410):
            return None
        raise


@pytest.fixture(scope="module")
def real_mirror():
    lists = [Path("/etc/apt/sources.list"), *Path("/etc/apt").glob("*/*.sources"), *Path("/etc/apt").glob("*/*.list")]
    found = mirrors(ENVIRON, {str(p): p.read_text(encoding="utf-8") for p in lists if p.is_file()})
    if not found.archive:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(
            "missing component: a Debian mirror: no setting, and apt's source lists name none"
        )
    return DebianMirror(read, Memory(), found)


@pytest.mark.parametrize("platform", [LINUX_AMD64, Platform("linux", "arm64")], ids=str)
@pytest.mark.parametrize("suite", list(SUITES))
def test_real_mirror_gives_a_whole_base(real_mirror, suite, platform):
    definition = Definition(
        base=DebianBase(suite), python=SUITES[suite].python, pypi=NUMPY, system=("libgomp1", "libglib2.0-0", "git")
    )
    base, system = DebianBaseResolver(real_mirror).resolve(definition, platform, {})
    lock = Lock(platform=platform, base=DebianBase(suite), base_artifacts=base, artifacts=system)
    size = sum(a.size for a in base)
    sys.stdout.write(f"{suite} {platform}: {len(base)} packages, {size / 1e6:.1f} MB; {len(system)} on top\n")
    assert lock.interpreter.minor == SUITES[suite].python
    assert lock.glibc == {"bookworm": "2.36", "trixie": "2.41"}[suite]
    assert 40 < len(base) < 80
    assert size < 40_000_000
    assert {"git", "libgomp1"} <= {a.name for a in system}
    assert not {"debconf", "perl-base", "dpkg", "openssl", "adduser"} & {a.name for a in base}
    assert all(real_mirror.version_now(a) == a.version for a in base)
    smallest = min(base, key=lambda a: a.size)
    assert Digest.of(read(real_mirror.url_of(smallest)[0])).hex == smallest.sha256
