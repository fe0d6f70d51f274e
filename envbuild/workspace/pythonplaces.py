"""Where this machine finds standalone Pythons: the list of builds, read once, and the mirror that has them."""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from envbuild.errors import EnvironmentFault
from envbuild.http.client import Http
from envbuild.http.localfile import as_url
from envbuild.httpsettings import public_url
from envbuild.machine import Machine
from envbuild.ports import BlobStore
from envbuild.sources.pythonmirror import PythonMirror

if TYPE_CHECKING:
    from envbuild.resolvers.pythoncatalog import PythonBuild

__all__ = ["PythonPlaces"]

_OK = 200


class PythonPlaces:
    """Opened for one workspace."""

    def __init__(self, machine: Machine, http: Http, blobs: BlobStore, environ: Mapping[str, str]) -> None:
        self._machine, self._http, self._environ = machine, http, environ
        self.mirror = PythonMirror(http, blobs, as_url(machine.python_mirror), self._bases)

    @property
    def is_own_list(self) -> bool:
        """Whether the list is the one that uv brings with it."""
        return not self._machine.python_catalog

    @cached_property
    def builds(self) -> "tuple[PythonBuild, ...]":
        """The builds that are listed, the newest first. EnvironmentFault where a configured list cannot be had."""
        from envbuild.resolvers.pythoncatalog import listed_pythons

        return listed_pythons(self._environ, self._other_list())

    def _bases(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(build.base for build in self.builds))

    def _other_list(self) -> bytes | None:
        url = as_url(self._machine.python_catalog)
        if not url:
            return None
        answer = self._http.get(url)
        if answer.status != _OK:
            raise EnvironmentFault(
                "the list of Pythons is not there", at=public_url(url), hint="check the setting python-catalog"
            )
        return answer.body
