"""Conda channels, as .condarc and our own settings name them: whether each answers and lets us in, and with what index."""

import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from envbuild.conda.channels import public_channel
from envbuild.conda.condarc import Condarc, read_condarc
from envbuild.conda.reach import for_channels
from envbuild.errors import EnvironmentFault
from envbuild.http.faults import Passing, refused, unexpected
from envbuild.http.listening import Listening
from envbuild.http.logins import Logins, basic, decoded
from envbuild.httpsettings import host_of, public_url, split_login
from envbuild.settings.files import Origin
from envbuild.settings.known import channel_key
from envbuild.sources.channelplaces import ChannelPlaces
from envbuild.workspace.doctor.diagnosis import Check, Verdict
from envbuild.workspace.doctor.indexes import PACKAGES
from envbuild.workspace.doctor.subject import ANSWER_TIME, Subject
from envbuild.workspace.doctor.together import Task, together

__all__ = ["channel_checks"]

_MOST = 8
_SHARDS = "noarch/repodata_shards.msgpack.zst"
_PAGES = (_SHARDS, "noarch/repodata.json.zst", "noarch/repodata.json")
"""A channel has one of them (CEP 16, CEP 36); they may be large, so only their heads are asked for."""
_REFUSED = (401, 403, 407)


def channel_checks(subject: Subject) -> Sequence[Check]:
    """One for each channel; none where none is configured."""
    condarc = read_condarc(subject.environ)
    checks = [
        Check(name="condarc", topic=PACKAGES, verdict=Verdict.WARNING, found=notice) for notice in condarc.notices
    ]
    places = ChannelPlaces(condarc, subject.machine.channel_urls)
    names = _names(subject, condarc)
    if not names:
        found = "none configured (.condarc, settings); conda-forge is meant where a definition names none"
        return [*checks, Check(name="channels", topic=PACKAGES, verdict=Verdict.NONE, found=found)]
    http = _http(subject, condarc)
    asked = list(dict.fromkeys((name, url) for name in names for mirrors in places.members(name) for url in mirrors))
    tasks = [
        Task(
            name=f"channel {public_channel(name)}", topic=PACKAGES, about=public_channel(url),
            ask=partial(_channel, subject, http, name, url),
        )
        for name, url in asked[:_MOST]
    ]  # fmt: skip
    return [*checks, *together(tasks, ANSWER_TIME)]


def _names(subject: Subject, condarc: Condarc) -> list[str]:
    """Those of .condarc, then those that our own settings have a place for."""
    known = {channel_key(name) for name in condarc.channels}
    return [*condarc.channels, *(key for key in subject.machine.channel_urls if key not in known)]


def _http(subject: Subject, condarc: Condarc) -> Listening:
    """Our own settings go first, then conda's, as when channels are read."""
    values = subject.machine.settings.values
    own = {name for name, value in values.items() if value.origin is not Origin.MACHINE}
    return Listening(for_channels(subject.settings, condarc, own))


def _channel(subject: Subject, http: Listening, name: str, url: str) -> Iterator[Check]:
    title, shown = f"channel {public_channel(name)}", public_channel(url)
    if urlsplit(url).scheme == "file":
        there = Path(url2pathname(urlsplit(url).path)).is_dir()
        found = f"{shown}, a folder" if there else f"{shown}: there is no such folder"
        yield Check(name=title, topic=PACKAGES, verdict=Verdict.OK if there else Verdict.FAILING, found=found)
        return
    started = time.monotonic()
    try:
        page = _ask(subject, http, url)
    except EnvironmentFault as fault:
        # A token may stand in the path.
        said = fault.what.replace(public_url(url), shown)
        yield Check(
            name=title, topic=PACKAGES, verdict=Verdict.FAILING, found=f"{shown}: {said}", remedy=fault.hint,
            without="packages of the indexes and of Debian",
        )  # fmt: skip
        return
    took = time.monotonic() - started
    form = "with shards" if page == _SHARDS else "without shards: its whole index is fetched"
    found = f"{shown} answers in {took:.2f} s{subject.way(url)}, {form}"
    yield Check(name=title, topic=PACKAGES, verdict=Verdict.OK, found=found)


def _ask(subject: Subject, http: Listening, url: str) -> str:
    """The page that its index is. EnvironmentFault where the channel is not there, or not for us."""
    bare, written = split_login(url)
    login = decoded(written) if written else Logins(subject.settings).find(host_of(url))
    status = 0
    for page in _PAGES:
        try:
            answer = http.exchange("HEAD", f"{bare}/{page}", {"Authorization": basic(login)} if login else {})
        except Passing as passing:
            raise passing.fault from passing
        answer.close()
        for heard in http.heard:
            subject.http.hear(heard.host, heard.offset)
        status = answer.status
        if status < 400:
            return page
        if status in _REFUSED:
            raise refused(status, bare)
    raise unexpected(status, f"{bare}/{_PAGES[-1]}", None)
