"""`OnTop`: a spec's own package on top of its locks; what makes it is loaded for a spec that has one."""

from functools import cached_property
from typing import TYPE_CHECKING

from envbuild.pipeline.locking import Locked
from envbuild.pipeline.specs import Spec
from envbuild.platforms import Platform
from envbuild.ports import Reporter

if TYPE_CHECKING:
    from envbuild.pipeline.ownpackage import OwnPackages
    from envbuild.workspace.ownwheels import Parts

__all__ = ["OnTop"]


class OnTop:
    """Implements `pipeline.locking.OnTop`."""

    def __init__(self, adapters: "Parts") -> None:
        self._adapters = adapters

    def find(self, spec: Spec, platform: Platform, locked: Locked) -> Locked | None:
        """The lock with the package; itself where there is none, None where its wheel is not here."""
        return locked if spec.project is None else self._packages.find(spec, platform, locked)

    def ensure(self, spec: Spec, platform: Platform, locked: Locked, report: Reporter) -> Locked:
        """The same, with the wheel built where it is not here."""
        return locked if spec.project is None else self._packages.ensure(spec, platform, locked, report)

    @cached_property
    def _packages(self) -> "OwnPackages":
        from envbuild.workspace.ownwheels import own_packages

        return own_packages(self._adapters)
