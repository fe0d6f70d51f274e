"""Debian mirrors: whether one serves each suite of the base today, and Debian's signature on it is good."""

import time
from collections.abc import Iterator, Sequence
from functools import partial

from envbuild.debian.aptsources import mirrors
from envbuild.debian.baselist import SUITES
from envbuild.errors import EnvbuildError, IntegrityError
from envbuild.httpsettings import public_url
from envbuild.sources.debianmirror import DebianMirror
from envbuild.workspace.doctor.diagnosis import Ability, Check, Verdict
from envbuild.workspace.doctor.indexes import PACKAGES
from envbuild.workspace.doctor.subject import ANSWER_TIME, Subject
from envbuild.workspace.doctor.together import Task, together

__all__ = ["debian_checks", "no_mirror"]

_SUITE = SUITES["bookworm"]
_NEEDS = (Ability.LOCK, Ability.BUILD)
_WITHOUT = "what is in the store builds and runs; so does all that has no Debian base (run --no-container)"
_OK = 200


def debian_checks(subject: Subject) -> Sequence[Check]:
    """One for the suite with its updates, one for its security suite, which has a mirror of its own."""
    known = mirrors(subject.adapters.settings.variables, dict(subject.machine.apt_sources))
    if not known.archive:
        return [no_mirror(subject.machine.apt_sources)]
    mirror = DebianMirror(partial(_read, subject), subject.adapters.blobs, known)
    *archives, security = _SUITE.archives
    tasks = [
        Task(
            name=name, topic=PACKAGES, stops=_NEEDS,
            ask=partial(_suites, subject, mirror, name, suites, places),
        )
        for name, suites, places in (
            ("debian", archives, known.archive), ("debian security", [security], known.security),
        )
    ]  # fmt: skip
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


def _suites(
    subject: Subject, mirror: DebianMirror, name: str, suites: Sequence[str], places: Sequence[str]
) -> Iterator[Check]:
    started = time.monotonic()
    tried = f"{public_url(places[0])}{subject.way(places[0])}" if places else "no mirror"
    try:
        served = [mirror.release(suite) for suite in suites]
    except EnvbuildError as error:
        untrusted = isinstance(error, IntegrityError)
        found = f"{error.at}: {error.what}" if untrusted else f"{tried}: {_last(error.what)}"
        yield Check(
            name=name, topic=PACKAGES, verdict=Verdict.FAILING, found=found, remedy=" ".join(error.hint.split()),
            without=_WITHOUT, stops=_NEEDS,
        )  # fmt: skip
        return
    took = time.monotonic() - started
    base, release = served[-1]
    words = f"{public_url(base)} answers in {took:.2f} s{subject.way(base)}; {', '.join(suites)} signed by Debian"
    until = release.valid_until
    words += f", valid until {until:%Y-%m-%d}" if until else ""
    yield Check(name=name, topic=PACKAGES, verdict=Verdict.OK, found=words)


def _last(what: str) -> str:
    """Why, without the addresses that the line has already where there is one mirror alone."""
    head, _, tail = what.partition(": ")
    reasons = tail.split("; ")
    return reasons[0].partition(": ")[2] or what if head.startswith("no Debian mirror") and len(reasons) == 1 else what


def _read(subject: Subject, url: str) -> bytes | None:
    answer = subject.http.get(url)
    return answer.body if answer.status == _OK else None
