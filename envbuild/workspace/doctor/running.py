"""`diagnose`: all checks at once, within a bound, and no secret in what they say."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from urllib.parse import unquote

from envbuild.debian.aptsources import mirrors
from envbuild.errors import EnvbuildError
from envbuild.httpsettings import split_login
from envbuild.machine import Machine
from envbuild.ports import OpensBlobs
from envbuild.workspace.adapters import Adapters
from envbuild.workspace.doctor.channels import channel_checks
from envbuild.workspace.doctor.conda import conda_checks
from envbuild.workspace.doctor.debian import debian_checks
from envbuild.workspace.doctor.diagnosis import Ability, Check, Diagnosis, Verdict
from envbuild.workspace.doctor.disk import DISK, store_checks, temp_check
from envbuild.workspace.doctor.engines import CONTAINERS, WITHOUT_ENGINE, engine_checks
from envbuild.workspace.doctor.gpu import gpu_check
from envbuild.workspace.doctor.indexes import PACKAGES, index_checks
from envbuild.workspace.doctor.network import clock_check, proxy_checks
from envbuild.workspace.doctor.programs import python_and_uv, settings_check
from envbuild.workspace.doctor.pythons import python_mirror_checks
from envbuild.workspace.doctor.registries import REGISTRIES, registry_checks, registry_urls
from envbuild.workspace.doctor.runtimes import buildx_check, namespace_check, runtime_checks
from envbuild.workspace.doctor.subject import MACHINE, NETWORK, Subject
from envbuild.workspace.doctor.tls import tls_checks
from envbuild.workspace.doctor.together import Task, together

__all__ = ["TOPICS", "diagnose", "without_secrets"]

TOPICS = (MACHINE, NETWORK, PACKAGES, REGISTRIES, CONTAINERS, DISK)
"""In the order in which they are told."""
_BOUND = 12.0
"""Seconds for everything: a check that takes longer is told as one that did not answer."""


def diagnose(adapters: Adapters) -> Diagnosis:
    """Everything that is known of this machine. Nothing on it is changed; no error comes out of it."""
    machine, settings = settings_check(adapters)
    subject = Subject(adapters, machine) if machine else None
    tasks = [*_local(adapters, subject), *(_outside(subject) if subject else ())]
    checks = [settings, *together(tasks, _BOUND)]
    if subject:
        checks.append(clock_check([*subject.http.heard, *subject.registry_http.heard]))
        checks += _network(checks)
        checks = _without_engine(checks)
    else:
        checks += [_unread(topic) for topic in (NETWORK, PACKAGES, REGISTRIES)]
    secrets = _secrets(machine, adapters.environ) if machine else ()
    ordered = sorted(checks, key=lambda check: TOPICS.index(check.topic))
    return Diagnosis(tuple(without_secrets(check, secrets) for check in ordered))


def _local(adapters: Adapters, subject: Subject | None) -> list[Task]:
    environ = adapters.environ
    wanted = adapters.settings.text("engine") if subject else ""
    return [
        Task(name="python", topic=MACHINE, ask=partial(python_and_uv, environ)),
        Task(name="engines", topic=CONTAINERS, ask=partial(engine_checks, environ, _blobs(adapters), wanted)),
        Task(name="buildx", topic=CONTAINERS, ask=partial(buildx_check, environ)),
        Task(name="oci runtime", topic=CONTAINERS, ask=partial(runtime_checks, environ)),
        Task(name="user namespaces", topic=CONTAINERS, ask=partial(namespace_check, environ)),
        Task(name="gpu", topic=CONTAINERS, ask=gpu_check),
        Task(name="store", topic=DISK, ask=partial(store_checks, adapters), stops=tuple(Ability)),
        Task(name="temporary files", topic=DISK, ask=temp_check),
    ]


def _outside(subject: Subject) -> list[Task]:
    needed = (Ability.LOCK, Ability.BUILD)
    return [
        Task(name="proxy", topic=NETWORK, ask=partial(proxy_checks, subject)),
        Task(name="tls", topic=NETWORK, ask=lambda: tls_checks(subject, _urls(subject))),
        Task(name="index pypi", topic=PACKAGES, ask=partial(index_checks, subject), stops=needed),
        Task(name="debian", topic=PACKAGES, ask=partial(debian_checks, subject), stops=needed),
        Task(name="python mirror", topic=PACKAGES, ask=partial(python_mirror_checks, subject)),
        Task(name="conda", topic=PACKAGES, ask=partial(conda_checks, subject.environ)),
        Task(name="channels", topic=PACKAGES, ask=partial(channel_checks, subject)),
        Task(name="registries", topic=REGISTRIES, ask=partial(registry_checks, subject)),
    ]


def _blobs(adapters: Adapters) -> OpensBlobs | None:
    try:
        return adapters.blobs
    except EnvbuildError:
        return None


def _urls(subject: Subject) -> list[str]:
    """All that may be asked by https."""
    known = mirrors(subject.adapters.settings.variables, dict(subject.machine.apt_sources))
    urls = [*subject.adapters.index_urls.values(), *known.archive, *known.security]
    with suppress(EnvbuildError):
        urls += registry_urls(subject)
    return urls


def _network(checks: Sequence[Check]) -> Iterable[Check]:
    """Where everything outside fails, that is one thing to mend, and not many."""
    asked = [c for c in checks if c.name.startswith(("index ", "debian", "channel ", "cache ", "registry "))]
    if not asked or any(c.verdict not in (Verdict.FAILING, Verdict.MISSING) for c in asked):
        return
    yield Check(
        name="network", topic=NETWORK, verdict=Verdict.FAILING, found="nothing that was asked can be used",
        remedy="is this machine in a network? if a proxy leads out of it: envbuild config set proxy URL",
        without="what is in the store builds and runs",
        stops=(Ability.LOCK, Ability.BUILD, Ability.PUSH),
    )  # fmt: skip


def _without_engine(checks: Sequence[Check]) -> list[Check]:
    """What works without an engine, where nothing can be built either."""
    if not any(Ability.BUILD in c.stops for c in checks):
        return list(checks)
    less = "what is in the store runs directly (run --no-container)"
    return [replace(c, without=less) if c.without == WITHOUT_ENGINE else c for c in checks]


def _unread(topic: str) -> Check:
    found = "not looked at: the settings say what to ask, and are not read"
    return Check(name=topic, topic=topic, verdict=Verdict.NONE, found=found)


def _secrets(machine: Machine, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Every password that is known here, as it is and as it was written."""
    texts = [value.text for value in machine.settings.values.values()]
    urls = [
        *machine.proxies.values(),
        *(word for text in texts for word in text.split()),
        environ.get("DOCKER_HOST", ""),
    ]
    written = [_login(url) for url in urls]
    passwords = [login.partition(":")[2] for login in (*machine.logins.values(), *written)]
    return tuple(sorted({p for word in passwords if word for p in (word, unquote(word))}, key=len, reverse=True))


def _login(url: str) -> str:
    try:
        return split_login(url)[1]
    except ValueError:
        return ""


def without_secrets(check: Check, secrets: Sequence[str]) -> Check:
    """The last door: whatever a program or server said, no password that we know is passed on."""
    return replace(
        check,
        found=_masked(check.found, secrets),
        remedy=_masked(check.remedy, secrets),
        without=_masked(check.without, secrets),
    )


def _masked(text: str, secrets: Sequence[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "***")
    return text
