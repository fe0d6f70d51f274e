"""`PythonMirror`: where the archives of standalone Pythons are, and what their publisher says of their bytes.

A mirror has the folders of the builds' days, as python-build-standalone has its releases: `20241016/<file>`, with the
sums of all of them in `20241016/SHA256SUMS`, or of each in `<file>.sha256`.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import quote, urlsplit

from envbuild.errors import IntegrityError
from envbuild.http.client import Http
from envbuild.httpsettings import host_of, public_url
from envbuild.lockfile import Artifact
from envbuild.ports import BlobStore, Reporter

__all__ = ["PythonMirror"]

_SUM = re.compile(r"(?P<sha256>[0-9A-Fa-f]{64})(?:\s+\*?(?P<file>\S+))?")
_LARGEST = 4 << 20
_OK = 200


class PythonMirror:
    """The configured mirror; where none is, what the list of builds names. No other place is asked in a mirror's stead."""

    def __init__(self, http: Http, blobs: BlobStore, mirror: str, bases: Callable[[], Sequence[str]]) -> None:
        """`mirror`: a URL that `/<day>/<file>` is appended to, or nothing; `bases` are those of the listed builds."""
        self._http, self._blobs, self._mirror, self._bases = http, blobs, mirror.rstrip("/"), bases

    def urls_of(self, artifact: Artifact) -> Iterator[str]:
        """Where a locked archive may be, the likeliest place first. Any will do, as the lock has its sha256."""
        found: dict[str, None] = {}
        for url in self._places(artifact):
            if url not in found:
                found[url] = None
                yield url

    def measure(self, path: str, places: Sequence[str], sha256: str, report: Reporter) -> tuple[str, int] | None:
        """The sha256 (hex) and size in bytes of the archive at this path of the mirror; without one, at one of these URLs.

        `sha256` is what the list says, if it does. None where it is nowhere. Where nobody says the sum it is fetched, kept
        and measured. EnvironmentFault where a place cannot be asked.
        """
        own = [f"{self._mirror}/{quote(path)}"] if self._mirror else []
        for url in own or places:
            size = self._http.size(url)
            said = sha256 or (self._said(url, path) if size is not None else "")
            if said and size:
                return said, size
            measured = self._fetched(url, path, report, knows_sum=said)
            if measured is not None:
                return measured
        return None

    def _places(self, artifact: Artifact) -> Iterator[str]:
        if self._mirror:
            yield f"{self._mirror}/{quote(artifact.path)}"
            return
        if artifact.url:
            yield artifact.url
        for base in self._bases():
            yield f"{base}/{quote(artifact.path)}"

    def _said(self, url: str, path: str) -> str:
        """What stands beside the file; nothing where there is none."""
        file = path.rpartition("/")[2]
        folder = url.rpartition("/")[0]
        for beside, wanted in ((f"{folder}/SHA256SUMS", file), (f"{url}.sha256", None)):
            answer = self._http.get(beside, limit=_LARGEST)
            if answer.status != _OK:
                continue
            for line in answer.body.decode("utf-8", "replace").splitlines():
                found = _SUM.fullmatch(line.strip())
                if found and found["file"] in (file, f"./{file}", wanted):
                    return found["sha256"].lower()
        return ""

    def _fetched(self, url: str, path: str, report: Reporter, *, knows_sum: str) -> tuple[str, int] | None:
        size = 0
        with self._blobs.create() as writer:

            def take(data: bytes) -> None:
                nonlocal size
                size += len(data)
                writer.write(data)

            try:
                self._http.download(url, take)
            except KeyError:
                return None
            digest = writer.commit()
        if knows_sum and digest.hex != knows_sum:
            raise IntegrityError(
                f"{public_url(url)} is not the file that is listed: sha256:{digest.hex}, not sha256:{knows_sum}",
                at=host_of(url),
                hint="somebody replaced the file, or the mirror is another one's",
            )
        where = host_of(url) if urlsplit(url).scheme != "file" else "the mirror"
        report.notice(f"{path.rpartition('/')[2]} was fetched to take its sha256 and size: {where} does not say them")
        return digest.hex, size
