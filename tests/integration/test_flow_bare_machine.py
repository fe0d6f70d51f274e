"""Machines that have little: no apt sources, no gpg, no programs at all; and apt sources of another distribution."""

import os
from contextlib import contextmanager
from pathlib import Path

import pytest
from proxies.sites import serving

from envbuild.debian.aptsources import mirrors
from envbuild.machine import Machine

HERE = mirrors({}, dict(Machine.read(os.environ).apt_sources))
LOCK = ("lock", "envbuild.toml", "--quiet")

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="hiding apt's sources needs root")


@pytest.fixture
def folder(project):
    return project("pypi = []").parent


@pytest.fixture
def with_apt(program, tmp_path):
    """`with_apt("deb URL suite main")`: what to put before a command so that apt has these sources and no others."""
    program("unshare")

    def prefix(text: str = "") -> tuple[str, ...]:
        sources = tmp_path / "apt"
        sources.mkdir()
        (sources / "sources.list").write_text(text)
        hide = 'mount --bind "$1" /etc/apt; shift; exec "$@"'
        return ("unshare", "--mount", "--propagation", "private", "sh", "-ec", hide, "sh", str(sources))

    return prefix


def _set_mirrors():
    assert HERE.archive, "this machine's apt has no source of Debian"
    return {
        "ENVBUILD_DEBIAN_MIRROR": " ".join(HERE.archive),
        "ENVBUILD_DEBIAN_MIRROR_SECURITY": " ".join(HERE.security),
    }


def test_without_apt_sources_the_mirror_is_asked_for(cold, with_apt, folder):
    said = cold.failed(5, *LOCK, prefix=with_apt(), cwd=folder)
    assert "no Debian mirror with bookworm" in said
    assert "apt's source lists name none" in said
    assert "ENVBUILD_DEBIAN_MIRROR" in said


def test_without_apt_sources_the_setting_serves(cold, with_apt, folder):
    written = cold(*LOCK, prefix=with_apt(), cwd=folder, env=_set_mirrors()).ok().line
    assert "debian:bookworm" in (folder / written).read_text()


def test_without_any_program_on_the_path_all_is_done(cold, with_apt, folder, tmp_path):
    """No gpg, apt, dpkg, tar or openssl: signatures, archives and certificates are read by envbuild itself."""
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    env = {**_set_mirrors(), "PATH": str(nothing)}
    reference = cold("build", "envbuild.toml", "--to", "store", cwd=folder, env=env).ok().line
    assert b"/usr/bin/arch" in cold("ls", reference, "usr/bin", cwd=folder, env=env).ok().stdout


RELEASE = """-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA256

Origin: {origin}
Label: {origin}
Suite: stable
Codename: bookworm
Date: Sat, 14 Nov 2026 10:00:00 UTC
Components: main
SHA256:
-----BEGIN PGP SIGNATURE-----
-----END PGP SIGNATURE-----
"""


@contextmanager
def _archive(folder: Path, origin: str):
    """An archive with the names of Debian's suites, and another origin."""
    for archive in ("bookworm", "bookworm-updates", "bookworm-security"):
        place = folder / "dists" / archive
        place.mkdir(parents=True)
        (place / "InRelease").write_text(RELEASE.format(origin=origin))

    with serving(folder) as site:
        yield site.url


@pytest.mark.parametrize("origin", ["Ubuntu", "Raspbian"])
def test_an_archive_of_another_distribution_is_not_used_and_said_why(origin, cold, with_apt, folder, tmp_path):
    with _archive(tmp_path / "archive", origin) as url:
        said = cold.failed(5, *LOCK, prefix=with_apt(f"deb {url} bookworm main\n"), cwd=folder)
        assert f"{url}: Origin is {origin}" in said
        assert "ENVBUILD_DEBIAN_MIRROR" in said


def test_suites_of_ubuntu_are_not_even_asked(cold, with_apt, folder, tmp_path):
    with _archive(tmp_path / "archive", "Ubuntu") as url:
        sources = "".join(
            f"deb {url} {suite} main universe\n" for suite in ("noble", "noble-updates", "noble-security")
        )
        said = cold.failed(5, *LOCK, prefix=with_apt(sources), cwd=folder)
        assert "apt's source lists name none" in said
        assert url not in said


def test_a_source_of_debian_after_another_one_serves(cold, with_apt, folder, tmp_path):
    with _archive(tmp_path / "archive", "Raspbian") as url:
        own = [f"deb {uri} bookworm main\n" for uri in HERE.archive]
        own += [f"deb {uri} bookworm-security main\n" for uri in HERE.security]
        cold(*LOCK, prefix=with_apt("".join([f"deb {url} bookworm main\n", *own])), cwd=folder).ok()
