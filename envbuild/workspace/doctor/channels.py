"""Conda channels, as the user's .condarc names them: whether each answers and lets us in."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from envbuild.conda.channels import channel_urls, public_channel
from envbuild.conda.condarc import Condarc, read_condarc
from envbuild.errors import EnvironmentFault
from envbuild.http.faults import Passing, refused, unexpected
from envbuild.http.listening import Listening
from envbuild.http.logins import Logins, basic, decoded
from envbuild.httpsettings import host_of, public_url, split_login
from envbuild.workspace.doctor.diagnosis import Check, Verdict
from envbuild.workspace.doctor.indexes import PACKAGES
from envbuild.workspace.doctor.subject import ANSWER_TIME, Subject
from envbuild.workspace.doctor.together import Task, together

__all__ = ["channel_checks"]

_MOST = 8
_PAGE = "noarch/repodata.json"
"""Every channel has it (conda's specification of channels); it is large, so only its head is asked for."""
_SCHEMES = ("http", "https", "all")
_REFUSED = (401, 403, 407)


def channel_checks(subject: Subject) -> Sequence[Check]:
    """One for each channel; none where none is configured."""
    condarc = read_condarc(subject.environ)
    checks = [
        Check(name="condarc", topic=PACKAGES, verdict=Verdict.WARNING, found=notice) for notice in condarc.notices
    ]
    if not condarc.channels:
        found = "none configured (.condarc)"
        return [*checks, Check(name="channels", topic=PACKAGES, verdict=Verdict.NONE, found=found)]
    http = _http(subject, condarc)
    asked = list(dict.fromkeys((name, url) for name in condarc.channels for url in channel_urls(name, condarc)))
    tasks = [
        Task(
            name=f"channel {public_channel(name)}", topic=PACKAGES, about=public_channel(url),
            ask=partial(_channel, subject, http, name, url),
        )
        for name, url in asked[:_MOST]
    ]  # fmt: skip
    return [*checks, *together(tasks, ANSWER_TIME)]


def _http(subject: Subject, condarc: Condarc) -> Listening:
    """Our own settings go first, then conda's."""
    own = subject.settings
    theirs = {scheme: url for scheme, url in condarc.proxies.items() if scheme in _SCHEMES}
    return Listening(replace(own, ca_bundle=own.ca_bundle or condarc.ca_bundle, proxies=own.proxies or theirs))


def _channel(subject: Subject, http: Listening, name: str, url: str) -> Iterator[Check]:
    title, shown = f"channel {public_channel(name)}", public_channel(url)
    if urlsplit(url).scheme == "file":
        there = Path(url2pathname(urlsplit(url).path)).is_dir()
        found = f"{shown}, a folder" if there else f"{shown}: there is no such folder"
        yield Check(name=title, topic=PACKAGES, verdict=Verdict.OK if there else Verdict.FAILING, found=found)
        return
    started = time.monotonic()
    try:
        _ask(subject, http, url)
    except EnvironmentFault as fault:
        # A token may stand in the path.
        said = fault.what.replace(public_url(url), shown)
        yield Check(
            name=title, topic=PACKAGES, verdict=Verdict.FAILING, found=f"{shown}: {said}", remedy=fault.hint,
            without="packages of the indexes and of Debian",
        )  # fmt: skip
        return
    took = time.monotonic() - started
    yield Check(
        name=title, topic=PACKAGES, verdict=Verdict.OK, found=f"{shown} answers in {took:.2f} s{subject.way(url)}"
    )


def _ask(subject: Subject, http: Listening, url: str) -> None:
    """EnvironmentFault where the channel is not there, or not for us."""
    bare, written = split_login(url)
    login = decoded(written) if written else Logins(subject.settings).find(host_of(url))
    try:
        answer = http.exchange("HEAD", f"{bare}/{_PAGE}", {"Authorization": basic(login)} if login else {})
    except Passing as passing:
        raise passing.fault from passing
    answer.close()
    for heard in http.heard:
        subject.http.hear(heard.host, heard.offset)
    if answer.status in _REFUSED:
        raise refused(answer.status, bare)
    if answer.status >= 400:
        raise unexpected(answer.status, f"{bare}/{_PAGE}", None)
