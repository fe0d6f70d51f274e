"""Package indexes: whether each answers as an index does, how it is reached, and how long that takes."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from envbuild.errors import EnvbuildError
from envbuild.httpsettings import public_url
from envbuild.sources.index import IndexClient
from envbuild.workspace.doctor.diagnosis import Ability, Check, Verdict
from envbuild.workspace.doctor.subject import ANSWER_TIME, Subject
from envbuild.workspace.doctor.together import Task, together

__all__ = ["PACKAGES", "index_checks", "judged"]

PACKAGES = "packages"
_MAIN = "pypi"
_KNOWN = "pip"
"""A package that every whole index has; its page is small."""
_NEEDS = (Ability.LOCK, Ability.BUILD)


def index_checks(subject: Subject) -> Sequence[Check]:
    """Those that packages are resolved from, then those that files are fetched from alone."""
    client = IndexClient(
        subject.http, {**subject.adapters.index_urls, **{u: u for u in subject.machine.fetch_only_indexes}}
    )
    named = [
        Task(
            name=f"index {name}", topic=PACKAGES, ask=partial(_index, subject, client, name, url), about=public_url(url)
        )
        for name, url in subject.adapters.index_urls.items()
    ]
    extra = [
        Task(name="extra index", topic=PACKAGES, ask=partial(_index, subject, client, url, url), about=public_url(url))
        for url in subject.machine.fetch_only_indexes
    ]
    links = [
        Task(name="find-links", topic=PACKAGES, ask=partial(_links, subject, url)) for url in subject.machine.find_links
    ]
    found = together([*named, *extra, *links], ANSWER_TIME)
    return [*judged(found[: len(named)]), *map(_optional, found[len(named) :])]


def judged(indexes: Sequence[Check]) -> list[Check]:
    """Nothing can be locked or built where no index serves; where another one does, packages may come from there."""
    broken = [c for c in indexes if c.verdict is Verdict.FAILING]
    if len(broken) == len(indexes):
        without = "what is in the store builds and runs"
        return [replace(c, stops=_NEEDS, without=c.without or without) for c in indexes]
    return [
        replace(c, without="packages of the other indexes") if c in broken else c for c in indexes
    ]  # fmt: skip


def _index(subject: Subject, client: IndexClient, name: str, url: str) -> Iterator[Check]:
    title = f"index {name}" if name != url else "extra index"
    started = time.monotonic()
    try:
        project = client.project(name, _KNOWN)
    except EnvbuildError as error:
        yield Check(
            name=title, topic=PACKAGES, verdict=Verdict.FAILING,
            found=f"{public_url(url)}{subject.way(url)}{_named_by(subject, name)}: {error.what}", remedy=error.hint,
        )  # fmt: skip
        return
    took = time.monotonic() - started
    if urlsplit(url).scheme in ("file", ""):
        yield Check(name=title, topic=PACKAGES, verdict=Verdict.OK, found=f"{public_url(url)}, a folder")
        return
    found = f"{public_url(url)} answers in {took:.2f} s{subject.way(url)}"
    if project is None and name == _MAIN:
        yield Check(
            name=title, topic=PACKAGES, verdict=Verdict.WARNING, found=f"{found}, and has no {_KNOWN}",
            remedy="is this the whole address, often with /simple at its end? envbuild config set pypi-index URL",
        )  # fmt: skip
        return
    yield Check(name=title, topic=PACKAGES, verdict=Verdict.OK, found=found)


def _named_by(subject: Subject, name: str) -> str:
    """Who says where an index is: the file or variable to mend."""
    settings = subject.machine.settings
    value = settings.values.get("pypi-index") if name == _MAIN else settings.indexes.get(name)
    return f" (named by {value.place})" if value and value.place else ""


def _links(subject: Subject, url: str) -> Iterator[Check]:
    """A folder of files, or a page of links."""
    name, shown = "find-links", public_url(url)
    if "://" not in url:
        there = Path(url).is_dir()
        found = f"{shown}, a folder" if there else f"{shown}: there is no such folder"
        yield Check(name=name, topic=PACKAGES, verdict=Verdict.OK if there else Verdict.WARNING, found=found)
        return
    answer = subject.http.get(url)
    ok = answer.status == 200
    found = f"{shown} answers{subject.way(url)}" if ok else f"{shown}: {answer.status}"
    yield Check(name=name, topic=PACKAGES, verdict=Verdict.OK if ok else Verdict.WARNING, found=found)


def _optional(check: Check) -> Check:
    """Files come from here only where the lock has their hash, and another place may have them."""
    if check.verdict is not Verdict.FAILING:
        return check
    return replace(check, verdict=Verdict.WARNING, without="all but files that no other place has")
