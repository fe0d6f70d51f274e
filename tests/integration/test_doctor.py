"""`envbuild doctor` on real components: the kinds of engines are told right, logins are tried, and it ends without a network."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from envbuild.machine import Machine

SECRETS = ("index-canary", "proxy-canary", "registry-canary", "netrc-canary", "sesame-canary")


@pytest.fixture
def doctor(run_cli):
    """`doctor(env=...)`: the checks by name, and how it ended."""

    def look(*words, env=None, **options):
        done = run_cli("doctor", "--json", *words, env=env or {}, timeout=60, **options)
        assert "Traceback" not in done.stderr
        document = json.loads(done.stdout)
        return {c["name"]: c for c in document["checks"]}, done, document

    return look


def test_an_engine_with_the_overlay2_driver_is_told_by_its_kind_and_reach(doctor, docker_engine):
    checks, _, document = doctor(env=docker_engine.env)
    assert checks["docker"]["verdict"] == "ok"
    assert "overlay2 graph driver" in checks["docker"]["found"]
    assert "pulls from this machine's loopback" in checks["docker"]["found"]
    assert next(a for a in document["abilities"] if a["name"] == "running in containers")["works"]


def test_an_engine_with_containerds_store_is_told_by_its_kind(doctor, containerd_engine):
    checks, _, _ = doctor(env=containerd_engine.env)
    assert "containerd image store" in checks["docker"]["found"]
    # Others use this engine too: nothing of what it was asked for is there.
    assert "not-there" not in containerd_engine("image", "ls", "-a", "--format", "{{.Tag}}").stdout


def test_a_context_of_dockers_is_followed_and_named(doctor, docker_engine, home):
    client = {**os.environ, "HOME": str(home.path)}
    client.pop("DOCKER_HOST", None)
    for words in (
        ["create", "elsewhere", "--docker", f"host={docker_engine.env['DOCKER_HOST']}"],
        ["use", "elsewhere"],
    ):
        subprocess.run([*docker_engine.command, "context", *words], env=client, check=True, capture_output=True)
    checks, _, _ = doctor(env={"DOCKER_HOST": ""})
    assert checks["docker"]["verdict"] == "ok"
    assert "context elsewhere" in checks["docker"]["found"]


def test_podman_is_tried_and_leaves_no_container_behind(doctor, podman):
    checks, _, _ = doctor(env=podman.env)
    assert checks["podman"]["verdict"] == "ok"
    assert "a container was started" in checks["podman"]["found"]
    assert podman("ps", "-aq").stdout == ""


def test_an_oci_runtime_is_tried_in_a_folder_that_goes(doctor, program, tmp_path):
    program("runc")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    checks, _, _ = doctor(env={"TMPDIR": str(temporary)})
    assert checks["runc"]["verdict"] == "ok"
    assert list(temporary.iterdir()) == []


def test_a_runtime_that_starts_nothing_is_a_warning_with_its_own_words(doctor, tmp_path, home):
    fake = tmp_path / "bin"
    fake.mkdir()
    (fake / "crun").write_text(
        "#!/bin/sh\ncase $1 in --version) echo crun version 9.9;; *) echo no luck >&2; exit 3;; esac\n"
    )
    (fake / "crun").chmod(0o755)
    checks, _, _ = doctor(env={"PATH": f"{fake}:{home.env['PATH']}"})
    assert checks["crun"]["verdict"] == "warning"
    assert "9.9; starts no container: no luck" in checks["crun"]["found"]


def test_a_program_that_hangs_does_not_keep_the_doctor(doctor, tmp_path, home):
    fake = tmp_path / "bin"
    fake.mkdir()
    for name in ("podman", "runc"):
        (fake / name).write_text("#!/bin/sh\nexec sleep 50\n")
        (fake / name).chmod(0o755)
    checks, _, _ = doctor(env={"PATH": f"{fake}:{home.env['PATH']}"})
    assert checks["podman"]["verdict"] == "failing"
    assert "did not end within" in checks["podman"]["found"]
    assert checks["runc"]["verdict"] == "warning"


def test_a_program_that_keeps_logins_and_hangs_is_ended_and_told(doctor, start_registry, tmp_path, home):
    """It would wait for a password that nobody types, long after the doctor is gone."""
    asked, fake = start_registry(login=True), tmp_path / "bin"
    fake.mkdir()
    (fake / "docker-credential-slow").write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 50\n")
    (fake / "docker-credential-slow").chmod(0o755)
    (home.path / ".docker").mkdir()
    (home.path / ".docker/config.json").write_text(json.dumps({"credHelpers": {asked.host: "slow"}}))
    checks, _, _ = doctor(env={"PATH": f"{fake}:{home.env['PATH']}"})
    assert checks[f"registry {asked.host}"]["verdict"] == "failing"
    assert "docker-credential-slow" in checks[f"registry {asked.host}"]["found"]
    assert not Path("/proc", (tmp_path / "pid").read_text().strip()).exists()


def test_in_a_namespace_without_a_network_it_ends_says_what_works_and_exits_with_5(warm, program):
    program("unshare")
    done = warm("doctor", prefix=("unshare", "--net"))
    said = done.stdout.decode()
    assert done.code == 5, said
    assert "nothing that was asked can be used" in said or "index pypi" in said
    assert "what is in the store builds and runs" in said
    assert said.rstrip().splitlines()[-1].endswith("do not")


def test_where_names_are_never_answered_it_still_ends(warm, program, tmp_path):
    """A name server that drops every question cannot be interrupted: the line says so, and the process ends."""
    program("unshare")
    (tmp_path / "resolv.conf").write_text("nameserver 10.255.255.1\n")
    script = (
        f"mount --bind {tmp_path}/resolv.conf /etc/resolv.conf && ip link set lo up && ip link add v0 type veth peer name v1"
        " && ip addr add 10.255.255.2/24 dev v0 && ip link set v0 up && ip link set v1 up"
        " && ip neigh add 10.255.255.1 lladdr 02:00:00:00:00:01 dev v0 && ip route add default via 10.255.255.1"
        ' && exec timeout 60 "$@"'
    )
    done = warm(
        "doctor", "--json", prefix=("unshare", "--net", "--mount", "sh", "-ec", script, "sh"),
        env={"ENVBUILD_PYPI_INDEX": "https://index.example/simple", "ENVBUILD_DEBIAN_MIRROR": "http://mirror.example/debian"},
    )  # fmt: skip
    assert done.code == 5, done.stderr.decode()
    checks = {c["name"]: c for c in done.json["checks"]}
    assert "no answer within" in checks["index pypi"]["found"]
    assert checks["network"]["verdict"] == "failing"


def test_logins_to_registries_are_tried_and_the_cache_is_read(doctor, start_registry, home):
    cache, good, wrong = start_registry(), start_registry(login=True), start_registry(login=True)
    (home.path / ".docker").mkdir()
    user, password = good.login
    auths = {
        good.host: {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()},
        wrong.host: {"auth": base64.b64encode(b"tester:registry-canary").decode()},
    }
    (home.path / ".docker/config.json").write_text(json.dumps({"auths": auths}))
    checks, done, _ = doctor(env={"ENVBUILD_CACHE": f"{cache.host}/team/envs"})
    assert "team/envs may be read" in checks[f"cache {cache.host}"]["found"]
    assert "login is accepted" in checks[f"registry {good.host}"]["found"]
    assert checks[f"registry {wrong.host}"]["verdict"] == "failing"
    assert checks[f"registry {wrong.host}"]["remedy"] == f"envbuild login {wrong.host}"
    assert not any(secret in done.stdout + done.stderr for secret in SECRETS)


def test_no_secret_is_in_what_it_says(run_cli, home):
    (home.path / ".netrc").write_text("machine 127.0.0.1 login joe password netrc-canary\n")
    (home.path / ".netrc").chmod(0o600)
    env = {
        "ENVBUILD_PYPI_INDEX": "http://joe:index-canary@127.0.0.1:9/simple?token=index-canary",
        "ENVBUILD_INDEX_CORP": "https://joe:index-canary@127.0.0.1:9/corp",
        "ENVBUILD_DEBIAN_MIRROR": "http://joe:index-canary@127.0.0.1:9/debian",
        "HTTPS_PROXY": "http://joe:proxy-canary@127.0.0.1:9",
        "HTTP_PROXY": "http://joe:proxy-canary@127.0.0.1:9",
        "DOCKER_AUTH_CONFIG": json.dumps(
            {"auths": {"127.0.0.1:9": {"auth": base64.b64encode(b"joe:registry-canary").decode()}}}
        ),
    }
    for words in ((), ("--json",), ("--quiet",)):
        done = run_cli("doctor", *words, env=env, timeout=60)
        assert done.code == 5
        assert "127.0.0.1:9" in done.stdout
        assert not any(secret in done.stdout + done.stderr for secret in SECRETS)


def test_on_a_terminal_lines_keep_its_width(home, program):
    script = program("script").command[0]
    env = {**home.env, "DOCKER_HOST": "unix:///none.sock", "CONTAINERS_CONF": "/none.conf"}
    line = f"stty cols 70; {sys.executable} -m envbuild doctor -q"
    done = subprocess.run(
        [script, "-qec", line, "/dev/null"], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    rows = [row for row in done.stdout.replace("\r", "").splitlines() if row.startswith("  ")]
    assert rows
    assert max(map(len, rows)) <= 70


@pytest.fixture
def employee(cold, company):
    """`employee(ENVBUILD_PROXY="...")`: what the doctor says to somebody inside a company who was told so much."""
    machine = ("PIP_", "UV_", "SSL_", "REQUESTS_", "CURL_")
    env = {k: v for k, v in cold.env.items() if not k.startswith(machine) and not k.upper().endswith("_PROXY")}
    env |= {"PIP_CONFIG_FILE": os.devnull, "ENVBUILD_PYPI_INDEX": Machine.read(os.environ).pypi_index}

    def look(**variables):
        told = cold("doctor", "--json", env={**dict.fromkeys(cold.env.keys() - env.keys(), ""), **env, **variables},
                    prefix=company.prefix)  # fmt: skip
        assert b"c@nary" not in told.stdout + told.stderr
        assert b"c%40nary" not in told.stdout + told.stderr
        return {c["name"]: c for c in told.json["checks"]}, told.code

    return look


def test_behind_a_proxy_that_signs_its_authority_is_named_and_then_everything_is_reached(employee, company):
    checks, code = employee(ENVBUILD_PROXY=company.proxy.guarded_with_login)
    assert code == 5
    assert "tests of a proxy" in checks["tls signer"]["found"]
    assert "ca-bundle" in checks["tls signer"]["remedy"]
    checks, code = employee(
        ENVBUILD_PROXY=company.proxy.guarded_with_login, ENVBUILD_CA_BUNDLE=str(company.proxy.bundle)
    )
    assert (checks["proxy"]["verdict"], checks["index pypi"]["verdict"], code) == ("ok", "ok", 0), checks
    assert f"through the proxy {company.proxy.guarded}" in checks["index pypi"]["found"]
    assert "signed by Debian" in checks["debian"]["found"]
    assert checks["clock"]["verdict"] == "ok"


def test_a_proxy_that_wants_a_login_is_told_as_that(employee, company):
    checks, code = employee(ENVBUILD_PROXY=company.proxy.guarded, ENVBUILD_CA_BUNDLE=str(company.proxy.bundle))
    assert code == 5
    assert "407" in checks["index pypi"]["found"]
