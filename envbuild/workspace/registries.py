"""`Registries`: the registries that this machine reaches, with its logins; images are pushed to them.

Nothing here loads an HTTP client before more than one question has to be asked.
"""

from functools import cached_property
from typing import TYPE_CHECKING

from envbuild.digest import Digest
from envbuild.oci import MANIFEST_TYPE, Image
from envbuild.ports import Reporter
from envbuild.reference import Reference
from envbuild.registry.pushes import Memory, PushCount, blobs_of
from envbuild.workspace.adapters import Adapters

if TYPE_CHECKING:
    from envbuild.http.client import Http
    from envbuild.registry.auth import Login
    from envbuild.registry.client import Registry, Repository
    from envbuild.registry.loggingin import Tried

__all__ = ["Registries"]

_QUICK = 2.0
"""Seconds that the quick question may take."""
_OK = 200


class Registries:
    """Opened for one command; keeps what it pushed in `pushed`."""

    def __init__(self, adapters: Adapters) -> None:
        self._adapters = adapters
        self._open: dict[str, Registry] = {}
        self.pushed: list[PushCount] = []

    def push(self, image: Image, name: str, report: Reporter) -> str:
        """Push an image as `HOST/REPOSITORY:TAG`; its reference by digest, which every client pulls."""
        reference = Reference.parse(name)
        self.pushed.append(self._known(image, reference) or self._pushed(image, reference, report))
        return _by_digest(reference, image.digest)

    def repository(self, reference: Reference) -> "Repository":
        """The repository of a reference."""
        from envbuild.registry.client import Registry
        from envbuild.registry.dockerconfig import login_for

        host, name = reference.registry, reference.name
        if name not in self._open:
            # By repository, since a login may be for one alone.
            login = login_for(name, self._adapters.environ)
            self._open[name] = Registry(host, self._http, login, plain=host in self._plain)
        return self._open[name].repository(reference.repository)

    def try_login(self, host: str, login: "Login") -> "Tried":
        """What a registry makes of a login. EnvironmentFault where it does not take it, or cannot be asked."""
        from envbuild.registry.loggingin import try_login

        return try_login(host, self._http, login, plain=host in self._plain)

    @cached_property
    def _http(self) -> "Http":
        """Without the logins of package indexes: registries have their own."""
        from envbuild.http.client import Http

        return Http(self._adapters.heard(self._adapters.machine.http_settings()))

    @cached_property
    def memory(self) -> Memory:
        """What was pushed from this store."""
        return Memory(self._adapters.claims, self._adapters.claims.entries)

    @cached_property
    def _plain(self) -> frozenset[str]:
        """Hosts that are asked by http."""
        return frozenset(self._adapters.settings.words("insecure-registries"))

    def _known(self, image: Image, reference: Reference) -> PushCount | None:
        """What we pushed before and the registry has now, by one question; None where anything is otherwise."""
        if not self.memory.knows(reference.registry, reference.repository, image.digest):
            return None
        from envbuild.http.head import head
        from envbuild.registry.address import base_of

        base = base_of(reference.registry, plain=reference.registry in self._plain)
        url = f"{base}/v2/{reference.repository}/manifests/{reference.tag}"
        answer = head(url, {"Accept": MANIFEST_TYPE}, self._adapters.machine.http_settings(), _QUICK)
        if answer is None or answer[0] != _OK or answer[1].get("docker-content-digest") != str(image.digest):
            return None
        return PushCount(existed=len(blobs_of(image)))

    def _pushed(self, image: Image, reference: Reference, report: Reporter) -> PushCount:
        from envbuild.registry.push import push_image

        report.begin("push", image.size)
        repository, blobs = self.repository(reference), self._adapters.blobs
        count = push_image(image, repository, (reference.tag,), blobs, self.memory, lambda n: report.advance("push", n))
        report.end("push")
        return count


def _by_digest(reference: Reference, digest: Digest) -> str:
    """Without the tag: some clients take no name with both."""
    return str(Reference(reference.registry, reference.repository, "", digest))
