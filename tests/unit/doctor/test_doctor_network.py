"""The network as it is: a server that signs with an unknown authority, one with a wrong clock, and settings that are broken."""

import json
import ssl
import threading
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import time

import pytest
from registries.tls import answering

from envbuild.http.listening import clock_offset
from envbuild.http.presented import certificate_names, presented, subjects_in, trusted_in
from envbuild.httpsettings import HttpSettings
from envbuild.pipeline.quiet import Quiet
from envbuild.registry.dockerconfig import known_hosts
from envbuild.workspace import Workspace
from envbuild.workspace.doctor.diagnosis import Ability, Verdict

HOUR = 3600


@contextmanager
def served(page=b"<html><body></body></html>", *, ahead=0.0, status=200):
    """An index or mirror of one page, whose clock is ahead by so many seconds."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response_only(status)
            self.send_header("Date", formatdate(time() + ahead, usegmt=True))
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        do_HEAD = do_GET

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def looked_at(tmp_path):
    """`looked_at(ENVBUILD_X="...")`: the checks of a machine with these variables, by name."""

    def look(**variables):
        environ = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path),
            "ENVBUILD_HOME": str(tmp_path / "home"),
            "PIP_CONFIG_FILE": "/dev/null",
            "DOCKER_HOST": f"unix://{tmp_path}/no.sock",
            "ENVBUILD_PYPI_INDEX": "http://127.0.0.1:9/simple",
            "ENVBUILD_DEBIAN_MIRROR": "http://127.0.0.1:9/debian",
            "ENVBUILD_DEBIAN_MIRROR_SECURITY": "http://127.0.0.1:9/debian-security",
            **variables,
        }
        diagnosis = Workspace.open(environ).doctor(Quiet())
        return {c.name: c for c in diagnosis.checks}, diagnosis

    return look


def server_context(pair):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair.certificate, pair.key)
    return context


def test_without_a_network_it_says_so_in_one_line_and_that_nothing_new_is_built(looked_at):
    checks, diagnosis = looked_at()
    assert checks["network"].verdict is Verdict.FAILING
    assert not diagnosis.works(Ability.BUILD)
    assert diagnosis.works(Ability.DIRECT)
    assert "in the store" in checks["index pypi"].without


def test_an_index_that_serves_is_told_with_its_time_and_no_login_is_shown(looked_at):
    with served() as url:
        checks, _ = looked_at(ENVBUILD_PYPI_INDEX=f"{url.replace('//', '//joe:secret-canary@')}/simple")
    assert checks["index pypi"].verdict is Verdict.OK
    assert " s with a login" in checks["index pypi"].found
    assert "canary" not in str(checks)


def test_an_index_without_a_common_package_may_be_the_wrong_address(looked_at):
    with served(status=404) as url:
        checks, _ = looked_at(ENVBUILD_PYPI_INDEX=url)
    assert checks["index pypi"].verdict is Verdict.WARNING
    assert "/simple" in checks["index pypi"].remedy


def test_an_index_that_wants_a_login_is_told_as_that(looked_at):
    with served(status=401) as url:
        checks, _ = looked_at(ENVBUILD_PYPI_INDEX=f"{url}/simple")
    assert checks["index pypi"].verdict is Verdict.FAILING
    assert "a login is needed" in checks["index pypi"].found
    assert "login" in checks["index pypi"].remedy


def test_a_clock_that_is_hours_behind_is_seen_by_what_servers_say(looked_at):
    with served(ahead=7 * HOUR) as url:
        checks, _ = looked_at(ENVBUILD_PYPI_INDEX=f"{url}/simple")
    assert checks["clock"].verdict is Verdict.WARNING
    assert "7 hours behind" in checks["clock"].found


def test_a_cached_answer_does_not_make_the_clock_look_wrong():
    kept = {"date": formatdate(1_700_000_000, usegmt=True), "age": "7200"}
    assert clock_offset(kept, 1_700_007_200.0) == 0.0
    assert clock_offset({}, 0.0) is None
    assert clock_offset({"date": "soon"}, 0.0) is None


def test_a_server_that_an_unknown_authority_signed_is_named_with_the_setting_that_mends_it(looked_at, authority):
    with answering(server_context(authority.issue("server"))) as port:
        checks, _ = looked_at(ENVBUILD_PYPI_INDEX=f"https://127.0.0.1:{port}/simple")
    signer = checks["tls signer"]
    assert signer.verdict is Verdict.FAILING
    assert "envbuild tests" in signer.found
    assert "ca-bundle" in signer.remedy
    assert checks["index pypi"].verdict is Verdict.FAILING


def test_with_its_authority_in_the_bundle_nothing_is_said_of_the_signer(looked_at, authority):
    with answering(server_context(authority.issue("server"))) as port:
        checks, _ = looked_at(
            ENVBUILD_PYPI_INDEX=f"https://127.0.0.1:{port}/simple", ENVBUILD_CA_BUNDLE=str(authority.bundle)
        )
    assert "tls signer" not in checks
    assert checks["tls"].found.startswith("1 authority is trusted")


def test_an_expired_certificate_is_told_apart_from_an_unknown_authority(authority):
    settings = HttpSettings(ca_bundle=authority.bundle)
    with answering(server_context(authority.issue("old", days=-1))) as port:
        found = presented(f"https://127.0.0.1:{port}/", settings, 5.0)
    assert found is not None
    assert (found.issuer, found.refused) == ("envbuild tests", 10)


def test_a_bundle_that_is_not_there_is_a_line_with_the_setting(looked_at, tmp_path):
    checks, _ = looked_at(ENVBUILD_CA_BUNDLE=str(tmp_path / "gone.pem"))
    assert checks["settings"].verdict is Verdict.FAILING
    assert "gone.pem" in checks["settings"].found


def test_authorities_are_counted_and_named(authority, tmp_path):
    assert trusted_in(authority.bundle).count == 1
    (tmp_path / "corp.crt").write_bytes(authority.bundle.read_bytes())
    (tmp_path / "notes.txt").write_text("no certificate")
    assert subjects_in(tmp_path) == {"envbuild tests"}
    assert subjects_in(tmp_path / "missing") == frozenset()


@pytest.mark.parametrize(
    "data", [b"", b"\x30", b"\x30\x82", b"\x30\x03\x30\x01\x02", b"\x30\x84\xff\xff\xff\xff", bytes(40)]
)
def test_what_is_no_certificate_is_refused_and_not_misread(data):
    with pytest.raises(ValueError, match="no certificate"):
        certificate_names(data)


def test_a_proxy_that_is_not_there_is_told_without_its_password(looked_at):
    checks, _ = looked_at(ENVBUILD_PROXY="http://joe:proxy-canary@127.0.0.1:9")
    assert checks["proxy"].verdict is Verdict.FAILING
    assert "http://127.0.0.1:9" in checks["proxy"].found
    assert "canary" not in str(checks)


def test_settings_that_cannot_be_read_are_one_failing_line_and_the_rest_is_still_looked_at(looked_at, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home/config.toml").write_text("proxy = [")
    checks, diagnosis = looked_at()
    assert checks["settings"].verdict is Verdict.FAILING
    assert "config.toml" in checks["settings"].found
    assert not diagnosis.works(Ability.BUILD)
    assert checks["python"].verdict is Verdict.OK
    assert "not looked at" in checks["packages"].found
    assert checks["store"].verdict is not Verdict.FAILING


def test_a_misspelt_variable_is_a_warning(looked_at):
    checks, _ = looked_at(ENVBUILD_CA_BUNDEL="x")
    assert checks["settings"].verdict is Verdict.WARNING
    assert "ENVBUILD_CA_BUNDEL" in checks["settings"].found


def test_a_broken_docker_configuration_is_a_line_of_the_registries(looked_at, tmp_path):
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker/config.json").write_text("{")
    checks, _ = looked_at()
    assert checks["registries"].verdict is Verdict.FAILING
    assert "config.json" in checks["registries"].found


def test_a_cache_that_is_no_repository_is_told_with_the_line_that_mends_it(looked_at):
    checks, _ = looked_at(ENVBUILD_CACHE="not-a-registry")
    assert checks["settings"].verdict is Verdict.FAILING
    assert "ENVBUILD_CACHE" in checks["settings"].found + checks["settings"].remedy


def test_nothing_of_it_stays_in_the_store(looked_at, tmp_path):
    checks, _ = looked_at()
    assert checks["store"].verdict is Verdict.OK
    left = [p for p in (tmp_path / "home/cache").rglob("*") if p.is_file() and "memo" not in str(p)]
    assert left == []


def test_a_store_that_cannot_be_used_is_told_once_and_not_as_a_broken_setting(looked_at, tmp_path):
    (tmp_path / "home").write_text("a file")
    checks, diagnosis = looked_at()
    assert checks["store"].verdict is Verdict.FAILING
    assert checks["settings"].verdict is not Verdict.FAILING
    assert not diagnosis.works(Ability.DIRECT)


def test_every_registry_that_dockers_files_name_is_found_once(tmp_path):
    auths = {"https://index.docker.io/v1/": {}, "r.example:5000/team": {"auth": ""}, "https://R.example:5000": {}}
    (tmp_path / "config.json").write_text(json.dumps({"auths": auths, "credHelpers": {"gcr.example": "x"}}))
    environ = {"DOCKER_CONFIG": str(tmp_path), "DOCKER_AUTH_CONFIG": '{"auths": {"gcr.example": {}}}'}
    assert known_hosts(environ) == ("gcr.example", "docker.io", "r.example:5000")
    assert known_hosts({}) == ()


def test_conda_channels_are_asked_where_condarc_has_some_and_no_token_is_shown(looked_at, tmp_path):
    with served() as url, served(status=404) as gone:
        (tmp_path / ".condarc").write_text(
            f"channels:\n  - {url}/t/token-canary/team\n  - {gone}/other\n  - {tmp_path.as_uri()}\nssl_verify: false\n"
        )
        checks, _ = looked_at()
    verdicts = [c.verdict for name, c in checks.items() if name.startswith("channel ")]
    assert verdicts == [Verdict.OK, Verdict.FAILING, Verdict.OK]
    assert checks["condarc"].verdict is Verdict.WARNING
    assert "canary" not in str(checks)


def test_without_conda_nothing_is_said_to_be_wrong(looked_at):
    checks, _ = looked_at()
    assert checks["channels"].verdict is Verdict.NONE


def test_a_condarc_that_is_no_yaml_is_a_line_with_its_place(looked_at, tmp_path):
    (tmp_path / ".condarc").write_text("channels: [\n")
    checks, _ = looked_at()
    assert checks["channels"].verdict is Verdict.FAILING
    assert ".condarc" in checks["channels"].found


def test_a_channel_that_our_own_settings_name_is_asked_and_its_kind_of_index_told(looked_at, tmp_path):
    """Without shards hundreds of megabytes are fetched for a solve: whoever runs the channel can mend that."""
    with served() as url:
        checks, _ = looked_at(ENVBUILD_CHANNEL_TEAM=f"{url}/team")
    assert checks["channel team"].verdict is Verdict.OK
    assert checks["channel team"].found.endswith(", with shards")


def test_a_mirror_of_pythons_is_asked_for_one_that_is_listed(looked_at, tmp_path):
    """Else the first build with Python 3.12 is what finds out that the mirror is another one's."""
    day, file = "20241016", "cpython-3.12.7+20241016-x86_64-unknown-linux-gnu-install_only.tar.gz"
    (tmp_path / "catalog.json").write_text(json.dumps({"cpython-3.12.7-linux-x86_64-gnu": _listed(day, file)}))
    there = tmp_path / "mirror" / day
    there.mkdir(parents=True)
    told = {"ENVBUILD_PYTHON_CATALOG": f"{tmp_path}/catalog.json", "ENVBUILD_PYTHON_MIRROR": f"{tmp_path}/mirror"}
    told["ENVBUILD_PYTHON_MIRROR"] = (tmp_path / "mirror").as_uri()
    assert looked_at(**told)[0]["python mirror"].verdict is Verdict.WARNING
    (there / file).write_bytes(b"x")
    checks, _ = looked_at(**told)
    assert (checks["python mirror"].verdict, "has 3.12.7" in checks["python mirror"].found) == (Verdict.OK, True)


def _listed(day, file):
    return {
        "name": "cpython", "arch": {"family": "x86_64", "variant": None}, "os": "linux", "libc": "gnu",
        "major": 3, "minor": 12, "patch": 7, "prerelease": "", "variant": None, "build": day, "sha256": "0" * 64,
        "url": f"https://mirror.example/releases/download/{day}/{file}",
    }  # fmt: skip
