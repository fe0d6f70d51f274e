"""Registries: that of the cache, and those that Docker's configuration has logins for."""

import time
from collections.abc import Iterator, Sequence
from functools import partial

from envbuild.reference import Reference
from envbuild.registry.address import base_of
from envbuild.registry.dockerconfig import known_hosts, login_for
from envbuild.registry.greeting import Greeting, greet
from envbuild.registry.session import LOGGING_IN
from envbuild.workspace.doctor.diagnosis import Check, Verdict
from envbuild.workspace.doctor.subject import ANSWER_TIME, HELPER_TIME, Subject
from envbuild.workspace.doctor.together import Task, together

__all__ = ["REGISTRIES", "registry_check", "registry_checks", "registry_urls"]

REGISTRIES = "registries"
_MOST = 12
_WITHOUT_CACHE = "images are built here instead of pulled from the cache"
_WITHOUT = "images can be kept and run on this machine, or pushed to another registry"


def registry_checks(subject: Subject) -> Sequence[Check]:
    """One for each registry."""
    tasks = []
    reference = _cache(subject)
    if reference is not None:
        ask = partial(_ask, subject, reference.registry, reference.repository)
        tasks.append(Task(name=f"cache {reference.registry}", topic=REGISTRIES, ask=ask))
    hosts = [h for h in known_hosts(subject.environ) if reference is None or h != reference.registry]
    tasks += [
        Task(name=f"registry {host}", topic=REGISTRIES, ask=partial(_ask, subject, host, "")) for host in hosts[:_MOST]
    ]
    if not tasks:
        none = "none to ask: no cache is set, and no login is kept (envbuild login HOST)"
        return [Check(name="registries", topic=REGISTRIES, verdict=Verdict.NONE, found=none)]
    return together(tasks, ANSWER_TIME)


def registry_urls(subject: Subject) -> list[str]:
    """Where they are served."""
    reference = _cache(subject)
    hosts = [reference.registry] if reference else []
    plain = subject.adapters.settings.words("insecure-registries")
    return [base_of(host, plain=host in plain) for host in dict.fromkeys([*hosts, *known_hosts(subject.environ)])]


def registry_check(host: str, greeting: Greeting, took: float, way: str, repository: str = "") -> Check:
    """What a registry's answer means."""
    name = f"cache {host}" if repository else f"registry {host}"
    without = _WITHOUT_CACHE if repository else _WITHOUT
    found = f"answers in {took:.2f} s{way}"
    if greeting.fault is None:
        login = "; the login is accepted" if greeting.has_login and greeting.wants_login else ""
        login = login or ("; it asks for no login" if not greeting.wants_login else "; without a login")
        readable = f"; {repository} may be read" if repository else ""
        return Check(name=name, topic=REGISTRIES, verdict=Verdict.OK, found=f"{found}{login}{readable}")
    if not greeting.has_login:
        return Check(
            name=name, topic=REGISTRIES, verdict=Verdict.FAILING, found=f"{found}, and wants a login; none is known",
            remedy=f"envbuild login {host}", without=without,
        )  # fmt: skip
    fault = greeting.fault
    return Check(
        name=name, topic=REGISTRIES, verdict=Verdict.FAILING, found=f"{found}, and refuses the login: {fault.what.removeprefix(LOGGING_IN)}",
        remedy=f"envbuild login {host}", without=without,
    )  # fmt: skip


def _ask(subject: Subject, host: str, repository: str) -> Iterator[Check]:
    plain = host in subject.adapters.settings.words("insecure-registries")
    login = login_for(f"{host}/{repository}" if repository else host, subject.environ, HELPER_TIME)
    started = time.monotonic()
    greeting = greet(host, subject.registry_http, login, plain=plain, repository=repository)
    took = time.monotonic() - started
    yield registry_check(host, greeting, took, subject.way(base_of(host, plain=plain), registry=True), repository)


def _cache(subject: Subject) -> Reference | None:
    """The repository that the setting names; reading it refused what is none."""
    cache = subject.adapters.settings.text("cache")
    return Reference.parse(cache) if cache else None
