"""How a machine is set up is read from where its user put it, and logins stay out of sight."""

import pytest

from envbuild.errors import EnvironmentFault
from envbuild.indexurl import PUBLIC_INDEX
from envbuild.machine import Machine
from envbuild.settings.reading import Settings


@pytest.fixture
def root(tmp_path):
    """A machine with nothing on it but what a test writes."""
    (tmp_path / "home").mkdir()
    return tmp_path


@pytest.fixture
def read(root):
    def machine(environ=None, file=None):
        environ = {"HOME": str(root / "home"), **(environ or {})}
        return Machine.read(environ, Settings.read(environ, user_file=file), root=root)

    return machine


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_bare_machine_has_the_public_index_and_nothing_else(read):
    machine = read()
    assert machine.pypi_index == PUBLIC_INDEX
    assert (machine.fetch_only_indexes, machine.find_links, machine.apt_sources) == ((), (), ())
    assert (machine.ca_bundle, machine.proxies, machine.no_proxy) == (None, {}, ())


def test_pips_files_count_from_global_over_user_to_virtual_environment_to_the_named_one(read, root):
    """Else a company's mirror that pip uses is passed by."""
    places = [
        root / "etc/xdg/pip/pip.conf",
        root / "etc/pip.conf",
        root / "home/.pip/pip.conf",
        root / "home/.config/pip/pip.conf",
        root / "venv/pip.conf",
        root / "own.conf",
    ]
    environ = {"VIRTUAL_ENV": str(root / "venv"), "PIP_CONFIG_FILE": str(root / "own.conf")}
    for number, place in enumerate(places):
        write(place, f"[global]\nindex-url = https://mirror{number}.example/simple/\n")
        assert read(environ).pypi_index == f"https://mirror{number}.example/simple"


def test_the_most_special_setting_of_the_index_wins(read, root):
    write(
        root / "etc/pip.conf",
        "[global]\nindex-url = https://file.example/s\n[install]\nindex-url = https://install.example/s",
    )
    environ = {}
    assert read(environ).pypi_index == "https://install.example/s"
    for name, value in [
        ("PIP_INDEX_URL", "https://pip.example/s"),
        ("UV_INDEX_URL", "https://uv.example/s"),
        ("UV_DEFAULT_INDEX", "corp=https://uv2.example/s"),
        ("ENVBUILD_PYPI_INDEX", "https://own.example/s"),
    ]:
        environ[name] = value
        assert read(environ).pypi_index == value.removeprefix("corp=")


def test_extra_indexes_and_links_are_kept_apart_from_the_index(read, root):
    """Nothing may be resolved from them: a package of the same name there would be a way in."""
    write(
        root / "etc/pip.conf",
        "[global]\nextra-index-url =\n  https://a.example/s\n  https://b.example/s\nfind-links = /srv/w",
    )
    machine = read({"UV_INDEX": "corp=https://c.example/s"})
    assert machine.pypi_index == PUBLIC_INDEX
    assert machine.fetch_only_indexes == ("https://a.example/s", "https://b.example/s", "https://c.example/s")
    assert machine.find_links == ("/srv/w",)


def test_pip_told_to_read_no_files_is_heeded(read, root):
    write(root / "etc/pip.conf", "[global]\nindex-url = https://file.example/s")
    assert read({"PIP_CONFIG_FILE": "/dev/null"}).pypi_index == PUBLIC_INDEX


def test_logins_leave_the_urls_and_every_text(read):
    machine = read(
        {
            "PIP_INDEX_URL": "https://me:p%40ss@corp.example:8443/simple",
            "PIP_EXTRA_INDEX_URL": "https://tok@x.example/s",
        }
    )
    assert machine.pypi_index == "https://corp.example:8443/simple"
    assert machine.fetch_only_indexes == ("https://x.example/s",)
    settings = machine.http_settings(logins={"other.example": "a:b"})
    assert settings.logins == {"corp.example:8443": "me:p@ss", "x.example": "tok:", "other.example": "a:b"}
    assert "p@ss" not in repr(machine) + repr(settings)
    assert "tok" not in repr(machine) + repr(settings)


def test_config_toml_and_variables_over_it(read, root):
    file = write(
        root / "config.toml",
        'pypi-index = "https://toml.example/s"\ndebian-mirror = "http://deb.example/debian"\ntimeout = 7\n'
        '[indexes]\ntorch = "https://me:pw@torch.example/whl"\n',
    )
    machine = read(
        {"ENVBUILD_INDEX_COMPANY_ONE": "https://one.example/s", "ENVBUILD_DEBIAN_MIRROR": "http://env.example/debian"},
        file,
    )
    assert machine.pypi_index == "https://toml.example/s"
    assert machine.settings.text("debian-mirror") == "http://env.example/debian"
    assert machine.index_urls == {"torch": "https://torch.example/whl", "company-one": "https://one.example/s"}
    assert machine.logins == {"torch.example": "me:pw"}
    assert machine.timeout == 7


@pytest.mark.parametrize(
    ("name", "text"),
    [("etc/pip.conf", "index-url = x"), ("home/.config/pip/pip.conf", "[global]\nnonsense"), ("config.toml", "a =")],
)
def test_a_broken_file_is_named(read, root, name, text):
    write(root / name, text)
    with pytest.raises(EnvironmentFault) as caught:
        read({}, root / "config.toml")
    assert name in caught.value.at


def test_a_broken_number_is_told(read):
    with pytest.raises(EnvironmentFault, match="soon"):
        read({"ENVBUILD_TIMEOUT": "soon"})


def test_proxies_are_the_usual_ones(read):
    machine = read(
        {"https_proxy": "http://low.example:1", "HTTPS_PROXY": "http://up.example:1", "NO_PROXY": "a.example, .corp"}
    )
    assert machine.proxies == {"https": "http://low.example:1"}
    assert machine.no_proxy == ("a.example", ".corp")
    assert read({"PIP_PROXY": "user:pw@pip.example:3128"}).proxies == {"all": "http://user:pw@pip.example:3128"}


def test_trust_is_found_where_pip_openssl_and_requests_have_it(read, tmp_path):
    environ = {}
    for name in ("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "PIP_CERT", "ENVBUILD_CA_BUNDLE"):
        environ[name] = str(write(tmp_path / f"{name}.pem", ""))
        assert str(read(environ).ca_bundle) == environ[name]


def test_apts_lists_come_with_the_mirror_lists_they_name(read, root):
    write(root / "etc/apt/sources.list", "deb mirror+file:/etc/apt/mirrors.txt bookworm main\n")
    write(root / "etc/apt/sources.list.d/debian.sources", "Types: deb\n")
    write(root / "etc/apt/sources.list.d/notes.txt", "not a list")
    write(root / "etc/apt/mirrors.txt", "http://deb.example/debian\n")
    assert dict(read().apt_sources) == {
        "/etc/apt/sources.list": "deb mirror+file:/etc/apt/mirrors.txt bookworm main\n",
        "/etc/apt/sources.list.d/debian.sources": "Types: deb\n",
        "/etc/apt/mirrors.txt": "http://deb.example/debian\n",
    }


def test_netrc_is_where_its_variable_says_else_at_home(read, root):
    assert read().netrc == root / "home/.netrc"
    assert str(read({"NETRC": "/etc/netrc"}).netrc) == "/etc/netrc"


def test_registries_have_their_certificates_where_a_setting_and_docker_have_them(read, root):
    own = root / "certs"
    machine = read({"ENVBUILD_REGISTRY_CERTS": str(own)})
    assert machine.http_settings().cert_folders == (own, root / "etc/docker/certs.d")
    assert read().cert_folders == (root / "etc/docker/certs.d",)


def test_a_setting_may_be_a_list_of_texts_and_nothing_deeper(read, root):
    listed = write(root / "config.toml", 'insecure-registries = ["a:5000", "b"]\n')
    assert read(file=listed).settings.words("insecure-registries") == ("a:5000", "b")
    with pytest.raises(EnvironmentFault, match="insecure-registries") as told:
        read(file=write(listed, "insecure-registries = [1]\n"))
    assert told.value.at == str(listed)


def test_a_bundle_of_ours_that_is_not_there_is_named_and_not_a_servers_certificate(read, tmp_path):
    """Else a typing mistake sends its user to whoever runs the server."""
    with pytest.raises(EnvironmentFault, match="no such file of certificates") as caught:
        read({"ENVBUILD_CA_BUNDLE": str(tmp_path / "nope.pem")})
    assert caught.value.at == "ENVBUILD_CA_BUNDLE"


def test_standalone_pythons_come_from_where_a_setting_and_uv_have_them(read):
    """A mirror that uv was told of serves us, too; its login stays out of the URL."""
    environ = {
        "UV_PYTHON_INSTALL_MIRROR": "https://user:secret@mirror.example/pythons/",
        "UV_PYTHON_DOWNLOADS_JSON_URL": "/srv/pythons.json",
    }
    machine = read(environ)
    assert (machine.python_mirror, machine.python_catalog) == ("https://mirror.example/pythons", "/srv/pythons.json")
    assert machine.logins == {"mirror.example": "user:secret"}
    assert "secret" not in repr(machine)
    assert read({**environ, "ENVBUILD_PYTHON_MIRROR": "https://ours.example"}).python_mirror == "https://ours.example"
    assert (read().python_mirror, read().python_catalog) == ("", "")
