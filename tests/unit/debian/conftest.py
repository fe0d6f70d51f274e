"""A small Debian of the tests' own: packages, suites signed with a key made here, and a mirror that serves them."""

import gzip
import hashlib
import lzma
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pysequoia
import pytest

from envbuild.debian.aptsources import DebianMirrors
from envbuild.debian.packages import PackagesIndex, Universe
from envbuild.sources.debianmirror import DebianMirror
from envbuild.store.blobs import Blobs

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ARCHIVE = "http://mirror.example/debian"
SECURITY = "http://mirror.example/debian-security"


def _stanza(name: str, version: str = "1", **fields: str) -> str:
    digest = hashlib.sha256(f"{name} {version}".encode()).hexdigest()
    usual = {
        "Package": name,
        "Version": version,
        "Architecture": "amd64",
        "Filename": f"pool/main/{name[0]}/{name}/{name}_{version.replace(':', '%3a')}_amd64.deb",
        "Size": str(100 + len(name)),
        "SHA256": digest,
        "Description": f"the package {name}\n and nothing else\n .\n Package: no-field",
    }
    given = {key.replace("_", "-"): value for key, value in fields.items()}
    return "".join(f"{key}: {value}\n" for key, value in {**usual, **given}.items())


@pytest.fixture(scope="session")
def stanza() -> Callable[..., str]:
    """`stanza("bash", "5.2", Depends="libc6", Pre_Depends=...)`: a package as a Packages file has it."""
    return _stanza


@pytest.fixture(scope="session")
def universe(stanza) -> Callable[..., Universe]:
    """`universe([stanza, ...], [stanza, ...])`: the packages of a suite, of its updates, ..."""

    def make(*suites: list[str]) -> Universe:
        names = ("debian:bookworm", "debian:bookworm-updates", "debian:bookworm-security")
        return Universe([PackagesIndex(n, "\n".join(s).encode()) for n, s in zip(names, suites, strict=False)], "amd64")

    return make


@dataclass(frozen=True, slots=True)
class Key:
    """A key pair: `public` for who checks, `sign` for who signs."""

    public: bytes
    sign: Callable[[bytes], bytes]


def _new_key(name: str) -> Key:
    secret = pysequoia.Tsk.generate(user_id=name)
    signer = secret.signer()
    public = bytes(secret.extract_certificate())
    return Key(public, lambda data: pysequoia.sign(signer, data, mode=pysequoia.SignatureMode.CLEAR))


@pytest.fixture(scope="session")
def key() -> Key:
    """The key that these tests take for Debian's."""
    return _new_key("the archive")


@pytest.fixture(scope="session")
def other_key() -> Key:
    """A key that nobody trusts."""
    return _new_key("somebody else")


@dataclass
class Site:
    """A mirror: URL -> body. `asked` lists what was read from it."""

    key: Key
    pages: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def read(self, url: str) -> bytes | None:
        self.asked.append(url)
        return self.pages.get(url)

    def publish(self, archive: str, stanzas: list[str], *, key=None, base="", drop=(), compress=".xz", **fields: str):
        """Serve one suite; `fields` change its Release, `drop` takes fields away."""
        base = base or (SECURITY if archive.endswith("-security") else ARCHIVE)
        folder = f"{base}/dists/{archive}"
        body = "\n".join(stanzas).encode()
        packed = {".xz": lzma.compress, ".gz": gzip.compress, "": bytes}[compress](body)
        path = f"main/binary-amd64/Packages{compress}"
        release = {
            "Origin": "Debian",
            "Suite": "oldstable" + archive.removeprefix("bookworm"),
            "Codename": archive,
            "Date": "Sun, 01 Mar 2026 00:00:00 UTC",
            "Valid-Until": "Sun, 08 Mar 2026 00:00:00 UTC",
            "Acquire-By-Hash": "yes",
            "SHA256": f"\n {hashlib.sha256(packed).hexdigest()} {len(packed):>8} {path}",
            **{k.replace("_", "-"): v for k, v in fields.items()},
        }
        text = "".join(f"{k}: {v}\n" for k, v in release.items() if k not in drop)
        self.pages[f"{folder}/InRelease"] = (key or self.key).sign(text.encode())
        self.pages[f"{folder}/{path}"] = packed
        self.pages[f"{folder}/main/binary-amd64/by-hash/SHA256/{hashlib.sha256(packed).hexdigest()}"] = packed


@pytest.fixture
def site(key) -> Site:
    """A mirror with the three suites of bookworm, each with a package or none."""
    site = Site(key)
    site.publish("bookworm", [_stanza("openssl", "3.0-1"), _stanza("tzdata", "2025b")])
    site.publish("bookworm-updates", [_stanza("tzdata", "2026a")])
    site.publish("bookworm-security", [_stanza("openssl", "3.0-1+deb12u1")])
    return site


@pytest.fixture
def mirror_of(tmp_path, key) -> Callable[..., DebianMirror]:
    """`mirror_of(site)`: its reader, at the time NOW, with a store of the test's own."""

    def make(site: Site, *, archive=(ARCHIVE,), security=(SECURITY,), snapshots=(), read=None) -> DebianMirror:
        return DebianMirror(
            read or site.read,
            Blobs(tmp_path / "blobs"),
            DebianMirrors(archive, security, snapshots),
            keys=[key.public],
            now=lambda: NOW,
        )

    return make
