"""Verdicts by made findings: what a user is told about a machine, and what is said to work on it."""

import json

import pytest

from envbuild.cli.doctor import document, summary, words
from envbuild.errors import EnvironmentFault
from envbuild.http.listening import Heard
from envbuild.http.presented import Presented, Trusted
from envbuild.registry.greeting import Greeting
from envbuild.workspace.doctor import engines, runtimes
from envbuild.workspace.doctor.conda import conda_lock_check, extra_check
from envbuild.workspace.doctor.debian import no_mirror
from envbuild.workspace.doctor.diagnosis import Ability, Check, Diagnosis, Verdict
from envbuild.workspace.doctor.disk import room_check
from envbuild.workspace.doctor.gpu import gpu_check
from envbuild.workspace.doctor.indexes import judged as judged_indexes
from envbuild.workspace.doctor.network import clock_check
from envbuild.workspace.doctor.programs import python_check
from envbuild.workspace.doctor.registries import registry_check
from envbuild.workspace.doctor.running import without_secrets
from envbuild.workspace.doctor.tls import signer_checks, store_check
from envbuild.workspace.doctor.together import Task, together

FORBIDDEN = EnvironmentFault("the docker engine may not be used by this user", at="/run/docker.sock", hint="no matter")
ABSENT = EnvironmentFault("no docker engine runs", at="/run/docker.sock", hint="no matter")


def check(name, verdict, **more):
    return Check(name=name, topic="t", verdict=verdict, found="f", **more)


def opened(*, docker, podman):
    """What `open_engine` gives or raises for each kind."""

    def open_engine(kind, environ, patience):
        outcome = docker if kind.value == "docker" else podman
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return open_engine


def test_without_any_engine_it_says_what_is_missing_and_what_works_all_the_same(monkeypatch):
    gone = EnvironmentFault("podman is not installed")
    monkeypatch.setattr(engines, "open_engine", opened(docker=ABSENT, podman=gone))
    docker, podman = engines.engine_checks({}, None)
    assert (docker.verdict, podman.verdict) == (Verdict.MISSING, Verdict.MISSING)
    assert "/run/docker.sock" in docker.found
    assert "systemctl start docker" in docker.remedy
    assert "built, pushed and run directly" in podman.without
    assert docker.stops == (Ability.CONTAINERS,)


def test_an_engine_that_this_user_may_not_use_is_told_apart_from_one_that_is_not_there(monkeypatch):
    monkeypatch.setattr(
        engines, "open_engine", opened(docker=FORBIDDEN, podman=EnvironmentFault("podman is not installed"))
    )
    docker, _ = engines.engine_checks({}, None)
    assert docker.verdict is Verdict.FAILING
    assert "usermod -aG docker" in docker.remedy


def test_one_engine_is_enough_and_the_other_is_no_fault():
    docker, podman = engines.judged([check("docker", Verdict.OK), check("podman", Verdict.MISSING, remedy="install")])
    assert (docker.verdict, podman.verdict, podman.remedy) == (Verdict.OK, Verdict.NONE, "")
    assert not docker.stops
    assert not podman.stops
    docker, podman = engines.judged([check("docker", Verdict.FAILING), check("podman", Verdict.OK)])
    assert docker.verdict is Verdict.WARNING
    assert "podman is used" in docker.without
    assert not docker.stops


def test_the_engine_that_a_setting_names_is_the_one_that_counts():
    docker, podman = engines.judged([check("docker", Verdict.OK), check("podman", Verdict.FAILING)], "podman")
    assert podman.stops == (Ability.CONTAINERS,)
    assert not docker.stops


@pytest.mark.parametrize(
    ("info", "kind"),
    [
        ({"ServerVersion": "26.1.5", "Driver": "overlay2"}, "26.1.5, overlay2 graph driver"),
        (
            {
                "ServerVersion": "28.0",
                "Driver": "overlayfs",
                "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]],
            },
            "28.0, containerd image store (overlayfs)",
        ),
        (
            {"ServerVersion": "28.0", "Driver": "overlay2", "SecurityOptions": ["name=seccomp", "name=rootless"]},
            "28.0, overlay2 graph driver, rootless",
        ),
        ({}, "unknown version, an unknown driver graph driver"),
    ],
)
def test_the_kind_of_an_engine_is_what_it_says_of_itself(info, kind):
    assert engines.docker_kind(info) == kind


def test_packages_can_be_had_while_one_index_serves_and_not_when_none_does():
    bad, good = check("index pypi", Verdict.FAILING), check("index corp", Verdict.OK)
    assert not any(c.stops for c in judged_indexes([bad, good]))
    assert all(Ability.LOCK in c.stops for c in judged_indexes([bad]))


def test_where_no_mirror_is_known_it_says_why_and_which_setting_names_one():
    bare = no_mirror(())
    ubuntu = no_mirror((("/etc/apt/sources.list.d/ubuntu.sources", "URIs: http://archive.example/ubuntu"),))
    assert "no source lists" in bare.found
    assert "ubuntu.sources" in ubuntu.found
    assert "debian-mirror" in bare.remedy
    assert Ability.BUILD in bare.stops


@pytest.mark.parametrize(
    ("offsets", "verdict", "part"),
    [
        ([], Verdict.NONE, "no server told"),
        ([2.0, -1.0], Verdict.OK, "agrees"),
        ([90.0], Verdict.OK, "90 seconds behind"),
        ([3600.0 * 5] * 2 + [0.0], Verdict.WARNING, "5 hours behind"),
        ([-86400.0 * 40], Verdict.WARNING, "40 days ahead of"),
    ],
)
def test_a_clock_that_is_off_is_told_with_the_side_and_what_fails_for_it(offsets, verdict, part):
    found = clock_check([Heard(f"h{n}", offset) for n, offset in enumerate(offsets)])
    assert found.verdict is verdict
    assert part in found.found
    assert ("signatures" in found.found) == (verdict is Verdict.WARNING)


def test_an_unknown_signer_is_named_and_the_setting_that_mends_it():
    (found,) = signer_checks(
        [Presented("a.example", "Corp Proxy CA", 20), Presented("b.example", "Corp Proxy CA", 20)], frozenset()
    )
    assert found.verdict is Verdict.FAILING
    assert "a.example and 1 more" in found.found
    assert "Corp Proxy CA" in found.found
    assert "ca-bundle" in found.remedy


def test_a_proxy_that_signs_and_is_trusted_is_told_and_is_no_fault():
    shown = [Presented("a.example", "Corp Proxy CA"), Presented("b.example", "A public CA")]
    (found,) = signer_checks(shown, frozenset({"Corp Proxy CA"}))
    assert found.verdict is Verdict.OK
    assert "Corp Proxy CA" in found.found


def test_a_certificate_that_expired_points_to_the_clock():
    (found,) = signer_checks([Presented("a.example", "X", 10)], frozenset())
    assert "clock" in found.remedy


def test_a_machine_without_any_authority_is_told_so():
    found = store_check(Trusted("/etc/ssl/certs", 0), "")
    assert found.verdict is Verdict.FAILING
    assert "ca-certificates" in found.remedy


@pytest.mark.parametrize(
    ("greeting", "verdict", "part"),
    [
        (Greeting(wants_login=False, has_login=False), Verdict.OK, "asks for no login"),
        (Greeting(wants_login=True, has_login=True), Verdict.OK, "login is accepted"),
        (Greeting(wants_login=True, has_login=False, fault=ABSENT), Verdict.FAILING, "none is known"),
        (Greeting(wants_login=True, has_login=True, fault=ABSENT), Verdict.FAILING, "refuses the login"),
    ],
)
def test_a_registry_is_open_or_takes_the_login_or_does_not(greeting, verdict, part):
    found = registry_check("r.example", greeting, 0.1, "")
    assert found.verdict is verdict
    assert part in found.found
    assert ("envbuild login r.example" in found.remedy) == (verdict is Verdict.FAILING)


def test_an_old_python_stops_everything_and_one_that_uv_refuses_only_locking():
    assert python_check((3, 10, 2), "/usr/bin/python3").stops == tuple(Ability)
    assert python_check((3, 12, 0), "/usr/bin/python3", "broken").stops == (Ability.LOCK,)
    assert python_check((3, 11, 0), "/usr/bin/python3").verdict is Verdict.OK


@pytest.mark.parametrize(
    ("free", "files", "verdict"),
    [
        (50_000_000_000, 1_000_000, Verdict.OK),
        (50_000_000_000, 0, Verdict.OK),
        (50_000_000_000, 100, Verdict.WARNING),
        (3_000_000_000, 1_000_000, Verdict.WARNING),
        (1_000_000, 1_000_000, Verdict.FAILING),
    ],
)
def test_a_disk_without_room_is_told_before_a_build_fills_it(free, files, verdict):
    found = room_check(free, files)
    assert found.verdict is verdict
    assert ("cache prune" in found.remedy) == (verdict is not Verdict.OK)


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=0"),
        ("kernel/apparmor_restrict_unprivileged_userns", "1", "kernel.apparmor_restrict_unprivileged_userns=1"),
        ("user/max_user_namespaces", "0", "user.max_user_namespaces=0"),
        ("user/max_user_namespaces", "9000", ""),
    ],
)
def test_the_sysctl_that_forbids_user_namespaces_is_named_with_the_line_that_allows_them(tmp_path, path, value, named):
    file = tmp_path / "proc/sys" / path
    file.parent.mkdir(parents=True)
    file.write_text(value + "\n")
    setting, remedy = runtimes.forbidding(tmp_path)
    assert setting == named
    assert bool(remedy) == bool(named)


def gpu(root, *, libraries=(), programs=()):
    (found,) = gpu_check(root, library=lambda n: n in libraries, program=lambda n: n if n in programs else None)
    return found


def test_no_gpu_is_no_fault(tmp_path):
    assert gpu(tmp_path).verdict is Verdict.NONE


def test_a_gpu_that_containers_do_not_see_is_told_with_what_makes_them_see_it(tmp_path):
    for name in ("dev/nvidia0", "dev/nvidiactl", "proc/driver/nvidia/version"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 2024\n")
    assert gpu(tmp_path).verdict is Verdict.WARNING
    blind = gpu(tmp_path, libraries=["libcuda.so.1"])
    assert (blind.verdict, "nvidia-container-toolkit" in blind.remedy) == (Verdict.WARNING, True)
    seen = gpu(tmp_path, libraries=["libcuda.so.1"], programs=["nvidia-ctk"])
    assert seen.verdict is Verdict.OK
    assert "1 of NVIDIA, driver 550.54.15" in seen.found


def test_a_check_that_breaks_is_a_line_and_takes_no_other_with_it():
    def broken():
        raise RuntimeError("boom")

    found = together(
        [Task(name="a", topic="t", ask=broken), Task(name="b", topic="t", ask=lambda: [check("b", Verdict.OK)])], 5.0
    )
    assert [(c.name, c.verdict) for c in found] == [("a", Verdict.FAILING), ("b", Verdict.OK)]
    assert "boom" in found[0].found
    assert "report it" in found[0].remedy


def test_a_check_that_never_ends_is_told_and_keeps_nobody_waiting():
    import threading

    never = threading.Event()
    try:
        (found,) = together([Task(name="a", topic="t", ask=lambda: [check("a", Verdict.OK)] * never.wait(60))], 0.05)
        assert found.verdict is Verdict.FAILING
        assert "no answer within" in found.found
    finally:
        never.set()


def test_no_password_that_is_known_passes_the_last_door():
    said = check("a", Verdict.FAILING, remedy="see p@ss-canary", without="p@ss-canary")
    assert "canary" not in str(without_secrets(said, ("p@ss-canary",)))


MIXED = Diagnosis(
    (
        check("docker", Verdict.MISSING, remedy="start it", without="all else", stops=(Ability.CONTAINERS,)),
        check("clock", Verdict.WARNING),
        check("proxy", Verdict.OK),
    )
)


def test_the_last_line_counts_what_is_wrong_and_says_what_works_and_what_does_not():
    assert summary(MIXED) == (
        "1 missing, 1 warning; locking, building, pushing and running directly work; running in containers does not"
    )
    assert summary(Diagnosis(())).startswith("all is well; locking, building")


def test_quiet_shows_what_is_wrong_alone_and_never_hides_the_last_line():
    lines = words(MIXED, quiet=True)
    assert not any("proxy" in line for line in lines)
    assert lines[-1] == summary(MIXED)
    assert any("fix: start it" in line for line in lines)
    assert any("works: all else" in line for line in lines)


def test_the_json_keeps_its_schema_so_that_programs_can_rely_on_it():
    found = json.loads(json.dumps(document(MIXED)))
    assert found["schema"] == 1
    assert set(found) == {"schema", "checks", "abilities", "summary"}
    assert found["checks"][0] == {
        "name": "docker", "topic": "t", "verdict": "missing", "found": "f", "remedy": "start it", "without": "all else",
        "stops": ["running in containers"],
    }  # fmt: skip
    assert found["abilities"][3] == {"name": "running in containers", "works": False, "because": ["docker"]}
    assert [v.value for v in Verdict] == ["ok", "none", "warning", "failing", "missing"]


def test_no_line_is_wider_than_the_terminal():
    long = check("a", Verdict.FAILING, remedy="word " * 60)
    assert max(map(len, words(Diagnosis((long,)), 72)[:-1])) <= 72


def test_without_the_conda_extra_it_is_told_what_would_add_it_and_nothing_is_wrong():
    """Who has no conda packages must not read a fault of it."""
    here = {"py-rattler": "0.28.0", "zstandard": "0.25", "msgpack": "1.1"}
    assert extra_check(lambda name: here.get(name, "")).found == "solved by py-rattler 0.28.0"
    lacking = extra_check(lambda name: "0.25" if name == "zstandard" else "")
    assert (lacking.verdict, lacking.stops) == (Verdict.NONE, ())
    assert lacking.found.startswith("not installed: py-rattler, msgpack;")
    assert "envbuild[conda]" in lacking.found


def test_the_second_solver_is_told_with_the_conda_that_it_would_use(tmp_path):
    program = tmp_path / "micromamba"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert conda_lock_check(lambda _: "4.0", {"PATH": str(tmp_path)}).found == f"4.0, with {program}"
    assert conda_lock_check(lambda _: "4.0", {"PATH": ""}).verdict is Verdict.NONE
    assert "envbuild[conda-lock]" in conda_lock_check(lambda _: "", {"PATH": str(tmp_path)}).found
