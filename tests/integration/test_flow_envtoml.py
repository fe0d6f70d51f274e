"""envbuild.toml: what it says is in the image, and what nobody serves yet is refused by name."""

import json

import pytest

FULL = """\
python = "3.13"
pypi = ["six"]
system = ["libgomp1", "tini"]
user = "4000:4001"
workdir = "/srv/app"
entrypoint = ["/usr/bin/tini", "--", "python"]

[base]
debian = "trixie"

[variables]
WHO = "ä $HOME \\"quoted\\" = 1"
EMPTY = ""
"""


@pytest.fixture(scope="session")
def full(warm, tmp_path_factory):
    """A definition with all that an image can say about itself, and what its build said."""
    path = tmp_path_factory.mktemp("full") / "envbuild.toml"
    path.write_text(f'format = 1\nname = "full"\n{FULL}')
    return path, warm("build", path, "--to", "store", "--json").ok().json


def test_settings_are_in_the_config(warm, full, skopeo, tmp_path):
    """User, folder, entry point and variables arrive in the image exactly as written."""
    reference = warm("build", full[0], "--to", f"oci:{tmp_path / 'oci'}").ok().line
    config = json.loads(skopeo("inspect", "--config", reference).stdout)["config"]
    assert (config["User"], config["WorkingDir"]) == ("4000:4001", "/srv/app")
    assert config["Entrypoint"] == ["/usr/bin/tini", "--", "python"]
    assert 'WHO=ä $HOME "quoted" = 1' in config["Env"]
    assert "EMPTY=" in config["Env"]
    assert next(e for e in config["Env"] if e.startswith("PATH=")).startswith("PATH=/opt/env/bin:")


@pytest.mark.parametrize("name", ["docker_engine", "podman"])
def test_trixie_with_python_313_runs(warm, full, request, name):
    """Debian's newer release with its Python works as defined: entry point, user, folder, variables, libraries."""
    engine = request.getfixturevalue(name)
    target = "podman" if name == "podman" else "docker"
    reference = warm("build", full[0], "--to", target, env=engine.env).ok().line
    program = (
        "import sys, os, six, ctypes; ctypes.CDLL('libgomp.so.1');"
        "print(sys.version_info[:2], os.getuid(), os.getgid(), os.getcwd(), os.environ['WHO'])"
    )
    done = engine("run", "--rm", reference, "-c", program)
    assert done.stdout == '(3, 13) 4000 4001 /srv/app ä $HOME "quoted" = 1\n'
    assert warm("cat", reference, "/etc/debian_version").ok().stdout.startswith((b"13.", b"trixie"))
    assert b"/libgomp1" in warm("ls", reference, "/var/lib/dpkg/status.d").ok().stdout


def test_verify_of_trixie(warm, full, docker_engine):
    """An image with an entry point of its own can be verified too."""
    said = warm("verify", full[1]["reference"], "--json", env=docker_engine.env).ok().json
    assert (said["ok"], said["started"]) == (True, True)


@pytest.mark.parametrize("base", ["bookworm", "trixie"])
def test_a_python_that_nothing_has(cold, project, base):
    """Nobody finds out inside a container that it has another Python: 3, and which there are, of builds and of bases."""
    spec = project(f'python = "3.7"\npypi = ["six"]\nbase = {{debian = "{base}"}}')
    words = cold.failed(3, "build", spec, "--to", "store")
    for word in ("3.7", "3.8", "3.12", "bookworm", "3.11", "trixie", "3.13"):
        assert word in words


REFUSED = {
    "channels": 'channels = ["conda-forge"]',
    "channel-priority": 'channel-priority = "disabled"',
    "activate": "activate = true",
    "virtual-packages": 'virtual-packages = {__cuda = "12"}',
    "base.image": 'base = {image = "debian:12"}',
    "base.dockerfile": 'base = {dockerfile = "FROM debian:12"}',
    "run": 'run = ["apt-get update"]',
    "copy": 'copy = [{from = "src", to = "/app"}]',
    "sdists": 'sdists = "build"',
    "bytecode": 'bytecode = "all"',
    "layout": "layout = 99",
}


@pytest.mark.parametrize("key", REFUSED)
def test_keys_that_nobody_serves_are_refused(cold, project, key):
    """A key that is ignored would give an image without what it asks for: 2, the key's name, nothing made."""
    spec = project(REFUSED[key])
    words = cold.failed(2, "build", spec, "--to", "store")
    assert key in words
    assert "envbuild.toml:3" in words
    assert not any("blobs" in str(p) for p in cold.folder.rglob("*"))


def test_all_refused_keys_at_once(cold, project):
    """One run tells everything that is wrong."""
    words = cold.failed(2, "build", project("\n".join([REFUSED["channels"], REFUSED["run"], REFUSED["sdists"]])))
    assert all(key in words for key in ("channels", "run", "sdists"))


def test_a_newer_format_asks_for_a_newer_envbuild(cold, tmp_path):
    """An old envbuild never guesses what a new file means."""
    path = tmp_path / "envbuild.toml"
    path.write_text('format = 2\nshiny = "yes"\n')
    words = cold.failed(2, "build", path, "--to", "store")
    assert "envbuild.toml:1" in words
    assert "newer" in words


def test_an_unknown_key_is_found(cold, project):
    """A misspelt key is not ignored, and what was meant is named."""
    words = cold.failed(2, "build", project('sytem = ["libgomp1"]'), "--to", "store")
    assert "sytem" in words
    assert "system" in words.replace("sytem", "")


def test_a_system_package_that_is_not_there(warm, project):
    """A misspelt Debian package is named, with code 3."""
    assert "libgomp99" in warm.failed(3, "build", project('system = ["libgomp99"]'), "--to", "store")


def test_a_folder_is_a_spec(warm, full):
    """In a project's folder its own definition is meant."""
    assert warm("build", ".", "--to", "store", cwd=full[0].parent).ok().line == full[1]["reference"]
