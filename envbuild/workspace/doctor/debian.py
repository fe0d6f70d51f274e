"""Debian mirrors: whether one serves each suite of the base today, and Debian's signature on it is good."""

import time
from collections.abc import Iterator, Sequence
from functools import partial

from envbuild.debian.aptsources import mirrors
from envbuild.debian.baselist import SUITES
from envbuild.errors import EnvbuildError, IntegrityError, ProxyFault
from envbuild.httpsettings import public_url
from envbuild.sources.debianmirror import DebianMirror
from envbuild.workspace.doctor.diagnosis import Ability, Check, Verdict
from envbuild.workspace.doctor.indexes import PACKAGES
from envbuild.workspace.doctor.subject import ANSWER_TIME, Subject
from envbuild.workspace.doctor.together import Task, together

__all__ = ["debian_checks", "no_mirror"]

_SUITE = SUITES["bookworm"]
_SECURITY = "debian security"
_NEEDS = (Ability.LOCK, Ability.BUILD)
_WITHOUT = "what is in the store builds and runs"
_OK = 200


def debian_checks(subject: Subject) -> Sequence[Check]:
    """One for the suite with its updates, one for its security suite, which has a mirror of its own."""
    known = mirrors(subject.adapters.settings.variables, dict(subject.machine.apt_sources))
    if not known.archive:
        return [no_mirror(subject.machine.apt_sources)]
    mirror = DebianMirror(partial(_read, subject), subject.adapters.blobs, known)
    *archives, security = _SUITE.archives
    tasks = [
        Task(name=name, topic=PACKAGES, stops=_NEEDS, ask=partial(_suites, subject, mirror, name, suites), about=shown)
        for name, suites, shown in (
            ("debian", archives, _first(known.archive)),
            (_SECURITY, [security], _first(known.security)),
        )
    ]
    return together(tasks, ANSWER_TIME)


def no_mirror(apt_sources: Sequence[tuple[str, str]]) -> Check:
    """Nobody says where Debian is had: told why."""
    if not apt_sources:
        why = "this machine has no source lists of apt"
    else:
        files = [path.rpartition("/")[2] for path, _ in apt_sources]
        why = f"apt's source lists name no Debian ({', '.join(files[:3])}{', …' if len(files) > 3 else ''})"
    return Check(
        name="debian", topic=PACKAGES, verdict=Verdict.MISSING, found=f"no mirror is known: there is no setting, and {why}",
        remedy="envbuild config set debian-mirror URL (its folder has dists/)", without=_WITHOUT, stops=_NEEDS,
    )  # fmt: skip


def _first(urls: Sequence[str]) -> str:
    return public_url(urls[0]) if urls else ""


def _suites(subject: Subject, mirror: DebianMirror, name: str, suites: Sequence[str]) -> Iterator[Check]:
    started = time.monotonic()
    try:
        served = [mirror.release(suite) for suite in suites]
    except EnvbuildError as error:
        known = isinstance(error, (IntegrityError, ProxyFault))
        setting = "debian-mirror-security" if name == _SECURITY else "debian-mirror"
        another = f"name another one: envbuild config set {setting} URL (its folder has dists/)"
        yield Check(
            name=name, topic=PACKAGES, verdict=Verdict.FAILING, found=f"{error.at}: {error.what}" if error.at else error.what,
            remedy=" ".join(error.hint.split()) if known else another, without=_WITHOUT, stops=_NEEDS,
        )  # fmt: skip
        return
    took = time.monotonic() - started
    base, release = served[-1]
    words = f"{public_url(base)} answers in {took:.2f} s{subject.way(base)}; {', '.join(suites)} signed by Debian"
    until = release.valid_until
    words += f", valid until {until:%Y-%m-%d}" if until else ""
    yield Check(name=name, topic=PACKAGES, verdict=Verdict.OK, found=words)


def _read(subject: Subject, url: str) -> bytes | None:
    answer = subject.http.get(url)
    return answer.body if answer.status == _OK else None
