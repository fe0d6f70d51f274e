"""`Registries`: the registries that this machine reaches, with its logins; images are pushed to them."""

from envbuild.digest import Digest
from envbuild.oci import Image
from envbuild.ports import Reporter
from envbuild.reference import Reference
from envbuild.registry.client import Registry, Repository
from envbuild.registry.dockerconfig import login_for
from envbuild.registry.push import Memory, PushCount, push_image
from envbuild.workspace.adapters import Adapters

__all__ = ["Registries"]


class Registries:
    """Opened for one command; keeps what it pushed in `pushed`."""

    def __init__(self, adapters: Adapters) -> None:
        self._adapters = adapters
        self._open: dict[str, Registry] = {}
        self.pushed: list[PushCount] = []

    def push(self, image: Image, name: str, report: Reporter) -> str:
        """Push an image as `HOST/REPOSITORY:TAG`; its reference by digest, which every client pulls."""
        reference = Reference.parse(name)
        repository = self.repository(reference)
        claims = self._adapters.claims
        memory = Memory(claims, claims.entries)
        report.begin("push", image.size)
        count = push_image(
            image, repository, (reference.tag,), self._adapters.blobs, memory, lambda n: report.advance("push", n)
        )
        report.end("push")
        self.pushed.append(count)
        return _by_digest(reference, image.digest)

    def repository(self, reference: Reference) -> Repository:
        """The repository of a reference."""
        host = reference.registry
        if host not in self._open:
            environ = self._adapters.environ
            plain = (
                host
                in self._adapters.machine.settings.get("ENVBUILD_INSECURE_REGISTRIES", "").replace(",", " ").split()
            )
            self._open[host] = Registry(host, self._adapters.http, login_for(host, environ), plain=plain)
        return self._open[host].repository(reference.repository)


def _by_digest(reference: Reference, digest: Digest) -> str:
    """Without the tag: some clients take no name with both."""
    return str(Reference(reference.registry, reference.repository, "", digest))
