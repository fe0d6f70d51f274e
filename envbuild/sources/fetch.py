"""`Fetcher`: the files that a lock names, found by their hash and brought into the store. Implements ports.ArtifactSource.

A file is looked for where the lock says it was found, then wherever this machine keeps files (extra indexes, folders):
since the sha256 decides, any place will do.
"""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from envbuild.errors import EnvbuildError, EnvironmentFault, IntegrityError, ResolveFailed, StoreFault
from envbuild.http.client import Http
from envbuild.httpsettings import host_of
from envbuild.lockfile import Artifact, ArtifactKind
from envbuild.ports import BlobStore, Reporter
from envbuild.sources.findlinks import FindLinks

__all__ = ["CondaFiles", "Fetcher", "Indexes", "ListedFile", "Listing"]

_STAGE = "download"
_THREADS = 8
_PARTING = 5.0
"""Seconds that the other downloads get to stop, once one failed."""


class ListedFile(Protocol):
    """A file that an index lists; `sha256` may be empty."""

    @property
    def file(self) -> str:
        """Its name."""

    @property
    def url(self) -> str:
        """Where it is."""

    @property
    def sha256(self) -> str:
        """Hex digits, or empty."""


class Listing(Protocol):
    """What an index has of a package."""

    @property
    def files(self) -> Sequence[ListedFile]:
        """All of them."""


class Indexes(Protocol):
    """Package indexes by name (sources.index)."""

    def project(self, index_name: str, package: str, /) -> Listing | None:
        """A package's files, or None where the index does not have it."""


class CondaFiles(Protocol):
    """conda's channels (sources.channels), which are reached in their own way."""

    @property
    def http(self) -> Http:
        """The network, as conda's configuration has it."""

    def file_urls(self, artifact: Artifact, /) -> Iterator[str]:
        """Where a locked file may be, likeliest first."""


def _nowhere(_artifact: Artifact) -> tuple[str, ...]:
    return ()


def _unknown(_artifact: Artifact) -> str | None:
    return None


class Fetcher:
    """Downloads in parallel, big files first; each is verified before the store has it. The first failure ends the rest."""

    def __init__(
        self,
        http: Http,
        indexes: Indexes,
        *,
        fetch_only: Sequence[str] = (),
        find_links: Sequence[str] = (),
        deb_urls: Callable[[Artifact], Sequence[str]] = _nowhere,
        python_urls: Callable[[Artifact], Iterable[str]] = _nowhere,
        conda: Callable[[], CondaFiles] | None = None,
        now: Callable[[Artifact], str | None] = _unknown,
    ) -> None:
        """`fetch_only`: names that `indexes` has for this machine's extra indexes. `deb_urls`: where a Debian package may be;
        `python_urls`: a standalone Python. `conda` opens conda's channels.

        `now`: the version that an artifact's source has today, for the error that says that the locked one is gone.
        """
        self._http, self._indexes, self._fetch_only = http, indexes, tuple(fetch_only)
        self._links = FindLinks(http, find_links)
        self._deb_urls, self._python_urls, self._now = deb_urls, python_urls, now
        self._conda = conda

    def fetch(self, artifacts: Sequence[Artifact], into: BlobStore, report: Reporter) -> None:
        """Bring every artifact that is not there into the store.

        ResolveFailed: one is nowhere any more; IntegrityError: only other bytes are to be had; EnvironmentFault: network.
        """
        missing = {a.sha256: a for a in artifacts if not into.has(a.digest)}
        if not missing:
            return
        ordered = sorted(missing.values(), key=lambda a: -a.size)
        report.begin(_STAGE, sum(a.size for a in ordered))
        try:
            _in_parallel(ordered, lambda artifact, stop: self._bring(artifact, into, _Progress(artifact, report, stop)))
        finally:
            report.end(_STAGE)

    def _bring(self, artifact: Artifact, into: BlobStore, progress: "_Progress") -> None:
        """Try one place after another; where none has it, tell the most telling failure."""
        failures: list[EnvbuildError] = []
        for url in self._places(artifact, failures):
            try:
                progress.restart()
                with into.create() as writer:
                    self._http_for(artifact).download(url, writer.write, size=artifact.size or None, progress=progress)
                    writer.commit(artifact.digest)
                return
            except KeyError:
                continue
            except IntegrityError as error:
                what = f"not the file that was locked, {artifact.file} with sha256:{artifact.sha256}: {error.what}"
                failures.append(IntegrityError(what, at=f"{artifact.source} ({host_of(url)})", hint=_OTHER_BYTES))
            except StoreFault:
                raise
            except EnvironmentFault as fault:
                failures.append(fault)
        raise _worst(failures) or self._gone(artifact)

    def _http_for(self, artifact: Artifact) -> Http:
        return self._conda().http if self._conda and artifact.kind is ArtifactKind.CONDA else self._http

    def _places(self, artifact: Artifact, failures: list[EnvbuildError]) -> Iterator[str]:
        """URLs of the file, likeliest first; an index that cannot be asked is one of the failures."""
        if artifact.is_own:
            # It was built here: no index has it, whatever has the same name there.
            return
        if artifact.kind is ArtifactKind.DEB:
            yield from self._deb_urls(artifact)
            return
        if artifact.kind is ArtifactKind.CONDA:
            yield from (artifact.url,) if artifact.url else ()
            yield from self._conda().file_urls(artifact) if self._conda else ()
            return
        if artifact.kind is ArtifactKind.PYTHON:
            yield from self._links.urls(artifact.file)
            yield from self._python_urls(artifact)
            return
        if artifact.url:
            yield artifact.url
        names = (artifact.source, *self._fetch_only) if not artifact.url else self._fetch_only
        for name in names[:1]:
            yield from self._listed(name, artifact, failures)
        yield from self._links.urls(artifact.file)
        for name in names[1:]:
            yield from self._listed(name, artifact, [])

    def _listed(self, index: str, artifact: Artifact, failures: list[EnvbuildError]) -> Iterator[str]:
        """An index's files with the hash; those of the same name without any; a same name with another hash is told."""
        try:
            listing = self._indexes.project(index, artifact.name)
        except EnvbuildError as error:
            failures.append(error)
            return
        files = listing.files if listing else ()
        yield from (f.url for f in files if f.sha256 == artifact.sha256)
        yield from (f.url for f in files if not f.sha256 and f.file == artifact.file)
        others = [f for f in files if f.sha256 and f.file == artifact.file and f.sha256 != artifact.sha256]
        for other in others:
            what = f"lists other bytes as {artifact.file}: sha256:{other.sha256}, locked is sha256:{artifact.sha256}"
            failures.append(IntegrityError(what, at=index, hint=_OTHER_BYTES))

    def _gone(self, artifact: Artifact) -> ResolveFailed:
        if artifact.is_own:
            what = f"{artifact.file} was built from the project's folder, and is not in the store"
            return ResolveFailed(what, at=artifact.name, hint="build it from the folder: envbuild build DIR --project")
        now = self._now(artifact)
        today = f"; {now} is there now" if now else ""
        return ResolveFailed(
            f"{artifact.name} {artifact.version} ({artifact.file}) is not there any more{today}",
            at=artifact.source or artifact.kind.value,
            hint=f"lock the version of today: envbuild lock SPEC -P {artifact.name}",
        )


_OTHER_BYTES = "somebody replaced the file; if that is meant, lock it anew"


def _worst(failures: Sequence[EnvbuildError]) -> EnvbuildError | None:
    """Other bytes say more than a host that was not reached."""
    return next((f for f in failures if isinstance(f, IntegrityError)), failures[0] if failures else None)


class _Stopped(Exception):
    """Another download failed."""


class _Progress:
    """Reports each byte of an artifact once, over all its tries, and ends the download when it is to stop."""

    def __init__(self, artifact: Artifact, report: Reporter, stop: threading.Event) -> None:
        self._artifact, self._report, self._stop = artifact, report, stop
        self._told = self._received = 0

    def restart(self) -> None:
        """The next place is tried, from the first byte on."""
        self._received = 0

    def __call__(self, amount: int) -> None:
        if self._stop.is_set():
            raise _Stopped
        self._received += amount
        if self._received > self._told:
            self._report.advance(_STAGE, self._received - self._told)
            self._told = self._received


def _in_parallel(artifacts: Sequence[Artifact], work: Callable[[Artifact, threading.Event], None]) -> None:
    """Do all, some at a time; raise the first failure. The threads are daemons: Ctrl-C waits for no silent server."""
    todo: queue.SimpleQueue[Artifact | None] = queue.SimpleQueue()
    done: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
    stop = threading.Event()

    def worker() -> None:
        while (artifact := todo.get()) is not None and not stop.is_set():
            try:
                work(artifact, stop)
                done.put(None)
            except BaseException as error:  # noqa: BLE001 (raised where fetch was called)
                done.put(error)

    threads = [threading.Thread(target=worker, daemon=True) for _ in range(min(_THREADS, len(artifacts)))]
    for artifact in artifacts:
        todo.put(artifact)
    for thread in threads:
        todo.put(None)
        thread.start()
    try:
        for _ in artifacts:
            if (failure := done.get()) is not None:
                raise failure
    finally:
        stop.set()
        for thread in threads:
            thread.join(_PARTING)
