"""A Debian mirror, as it serves today: signed suites, their packages, and where a package of a lock may be had.

Nothing that a mirror says counts before Debian's signature on it is checked. No apt, no gpg, no root.
"""

import gzip
import lzma
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from urllib.parse import quote

from envbuild.debian.aptsources import MIRROR_SETTING, SECURITY_SETTING, DebianMirrors
from envbuild.debian.baselist import SUITES, Suite
from envbuild.debian.packages import PackagesIndex, Universe
from envbuild.debian.release import IndexEntry, Release, check, claimed_origin, parse
from envbuild.debian.signature import debian_keys, verify_inline
from envbuild.digest import Digest
from envbuild.errors import EnvbuildError, EnvironmentFault, IntegrityError, ProxyFault
from envbuild.httpsettings import public_url
from envbuild.lockfile import Artifact
from envbuild.platforms import Platform
from envbuild.ports import BlobStore

__all__ = ["DebianMirror"]

_COMPRESSIONS: tuple[tuple[str, Callable[[bytes], bytes]], ...] = (
    (".xz", lzma.decompress),
    (".gz", gzip.decompress),
    ("", bytes),
)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class DebianMirror:
    """The suites that this machine's mirrors serve.

    `read` gives the body at a URL, None where there is nothing (404, 410), and raises EnvironmentFault where the host cannot
    be reached. Indexes are kept in `blobs` by their digest, so a second resolution reads the small InRelease files only.
    """

    def __init__(
        self,
        read: Callable[[str], bytes | None],
        blobs: BlobStore,
        mirrors: DebianMirrors,
        *,
        keys: Sequence[bytes] | None = None,
        now: Callable[[], datetime] = _utc_now,
    ) -> None:
        self._read, self._blobs, self._mirrors, self._now = read, blobs, mirrors, now
        self._keys = tuple(debian_keys() if keys is None else keys)
        self._universes: dict[tuple[str, str], Universe] = {}
        self._lock = threading.Lock()

    def universe(self, suite: Suite, platform: Platform) -> Universe:
        """The packages of a suite with its updates and security suites. Read once for each instance.

        EnvironmentFault: no mirror is known or reached, or it lacks the suite. IntegrityError: signature, time or hash.
        """
        with self._lock:
            key = (suite.name, platform.architecture)
            if key not in self._universes:
                with ThreadPoolExecutor(len(suite.archives)) as pool:
                    indexes = list(pool.map(lambda archive: self._index(archive, platform), suite.archives))
                self._universes[key] = Universe(indexes, platform.architecture)
            return self._universes[key]

    def url_of(self, artifact: Artifact) -> tuple[str, ...]:
        """Where the file of a locked package may be, best first: the mirrors, then the snapshots. Empty: no Debian package.

        Any of them will do, as the lock has the file's sha256. Asks nobody.
        """
        if not artifact.source.startswith("debian:"):
            return ()
        secure = artifact.source.endswith("-security")
        places = [(base, artifact.path) for base in (self._mirrors.security if secure else self._mirrors.archive)]
        if secure:
            # A point release takes over what the security suite had, under the archive's own path.
            taken_over = artifact.path.replace("pool/updates/main/", "pool/main/", 1)
            places += [(base, taken_over) for base in self._mirrors.archive]
        for snapshot in self._mirrors.snapshots:
            if secure:
                places.append((snapshot.replace("/debian/", "/debian-security/"), artifact.path))
            places.append((snapshot, artifact.path))
        return tuple(dict.fromkeys(_url(base, path) for base, path in places))

    def version_now(self, artifact: Artifact) -> str | None:
        """The version of a locked package that its suite has now; None: it has none, or nobody can say."""
        suite = SUITES.get(artifact.source.removeprefix("debian:").partition("-")[0])
        architecture = artifact.file.removesuffix(".deb").rpartition("_")[2]
        if suite is None:
            return None
        try:
            universe = self.universe(suite, Platform("linux", "amd64" if architecture == "all" else architecture))
        except EnvbuildError:
            return None
        candidates = universe.candidates(artifact.name)
        return candidates[0].version if candidates else None

    def release(self, archive: str) -> tuple[str, Release]:
        """The first candidate that serves Debian's `archive` (`bookworm-updates`), and its Release, checked.

        EnvironmentFault: no mirror is known or reached, or none has it. IntegrityError: signature or time.
        """
        secure = archive.endswith("-security")
        setting = SECURITY_SETTING if secure else MIRROR_SETTING
        passed_over = []
        faults: list[EnvironmentFault] = []
        advice: dict[str, None] = {}
        for base in self._mirrors.security if secure else self._mirrors.archive:
            try:
                data = self._read(f"{base}/dists/{archive}/InRelease")
            except EnvironmentFault as fault:
                faults.append(fault)
                passed_over.append(f"{public_url(base)}: {fault.what}")
                advice |= {f"\n  {fault.hint}": None} if fault.hint else {}
                continue
            origin = claimed_origin(data) if data else ""
            if data and origin == "Debian":
                at = f"{public_url(base)}, {archive}"
                release = parse(verify_inline(data, self._keys, at=at), at=at)
                check(release, archive, self._now(), at=at)
                return base, release
            passed_over.append(f"{public_url(base)}: " + (f"Origin is {origin}" if origin else f"it has no {archive}"))
        if passed_over and len(faults) == len(passed_over) and all(isinstance(f, ProxyFault) for f in faults):
            # No setting of a mirror mends that.
            raise faults[0]
        tried = "; ".join(passed_over) or "there is no setting, and apt's source lists name none"
        raise EnvironmentFault(
            f"no Debian mirror with {archive}: {tried}",
            hint=f"Set {setting} to the URL of one (its folder has dists/).{''.join(advice)}",
        )

    def _index(self, archive: str, platform: Platform) -> PackagesIndex:
        base, release = self.release(archive)
        for suffix, decompress in _COMPRESSIONS:
            entry = release.entries.get(f"main/binary-{platform.architecture}/Packages{suffix}")
            if entry:
                data = self._content(f"{base}/dists/{archive}", entry, by_hash=release.by_hash)
                return PackagesIndex(f"debian:{archive}", decompress(data))
        raise EnvironmentFault(
            f"{archive} has no packages for {platform}",
            at=public_url(base),
            hint=f"Name another mirror in {MIRROR_SETTING}.",
        )

    def _content(self, folder: str, entry: IndexEntry, *, by_hash: bool) -> bytes:
        kept = self._kept(entry.digest)
        if kept is not None:
            return kept
        seen = False
        for path in (entry.by_hash, entry.path) if by_hash else (entry.path,):
            data = self._read(f"{folder}/{path}")
            if data is not None and Digest.of(data) == entry.digest:
                with self._blobs.create() as writer:
                    writer.write(data)
                    writer.commit(entry.digest)
                return data
            seen = seen or data is not None
        where = public_url(f"{folder}/{entry.path}")
        if seen:
            raise IntegrityError(
                "the index is not the one that the suite's signed Release names",
                at=where,
                hint="The mirror may be in the middle of an update: try again, or name another mirror.",
            )
        raise EnvironmentFault("the index is missing", at=where, hint="Try again, or name another mirror.")

    def _kept(self, digest: Digest) -> bytes | None:
        try:
            with self._blobs.open(digest) as stream:
                return stream.read()
        except (KeyError, IntegrityError):
            return None


def _url(base: str, path: str) -> str:
    return f"{base}/{path}" if base.startswith("file:") else f"{base}/{quote(path)}"
