"""envbuild's client on a registry of the tests, with a clock that does not wait; and things to push."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field

from envbuild.digest import Digest
from envbuild.http.client import Http
from envbuild.httpsettings import HttpSettings
from envbuild.oci import CONFIG_TYPE, LAYER_GZIP_TYPE, MANIFEST_TYPE
from envbuild.registry.client import Login, Registry, Repository

__all__ = ["Client", "Thing", "artifact", "image_manifest"]


@dataclass
class Client:
    """A registry's client; `slept` are the pauses that it asked for, in seconds."""

    host: str
    login: Login | None = None
    settings: HttpSettings = field(default_factory=lambda: HttpSettings(read_timeout=5.0))
    slept: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        http = Http(self.settings, sleep=self.slept.append)
        self.registry = Registry(self.host, http, lambda: self.login)

    def repository(self, name: str = "team/app") -> Repository:
        """A repository of it."""
        return self.registry.repository(name)


@dataclass(frozen=True, slots=True)
class Thing:
    """Bytes to push: their digest and how they are opened."""

    data: bytes

    @property
    def digest(self) -> Digest:
        return Digest.of(self.data)

    @property
    def opened(self) -> Callable[[], io.BytesIO]:
        return lambda: io.BytesIO(self.data)


def image_manifest(config: bytes, layer: bytes, **more: object) -> bytes:
    """The manifest of an image with one layer; `subject=...` and the like may be added."""

    def described(kind: str, data: bytes) -> dict[str, object]:
        return {"mediaType": kind, "digest": str(Digest.of(data)), "size": len(data)}

    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": described(CONFIG_TYPE, config),
        "layers": [described(LAYER_GZIP_TYPE, layer)],
        **more,
    }
    return json.dumps(document).encode()


def artifact(config: bytes, layer: bytes, subject: bytes, kind: str = "application/vnd.tests.v1+json") -> bytes:
    """The manifest of an artifact that points at another manifest."""
    of = {"mediaType": MANIFEST_TYPE, "digest": str(Digest.of(subject)), "size": len(subject)}
    return image_manifest(config, layer, artifactType=kind, subject=of)
