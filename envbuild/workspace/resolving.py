"""What resolves a definition, opened with its indexes and logins: one resolver for each kind of artifact."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from envbuild.lockfile import ArtifactKind, Lock
from envbuild.ports import Reporter, Resolver
from envbuild.resolvers.debianbase import DebianBaseResolver
from envbuild.resolvers.locks import LockResolver, Resolvers
from envbuild.resolvers.pins import Provided
from envbuild.resolvers.pypi import PypiResolver
from envbuild.workspace.packages import open_packages
from envbuild.workspace.resolverparts import ResolverParts

if TYPE_CHECKING:
    from envbuild.resolvers.conda.condaresolver import CondaResolver
    from envbuild.resolvers.pythons import StandalonePythons

__all__ = ["open_resolver"]


def open_resolver(adapters: ResolverParts) -> Resolver:
    """The resolver of the adapters' own definition."""
    adapters.lease.hold("tools")
    adapters.make_folder(adapters.places.tools)
    return LockResolver(
        Resolvers(
            base=DebianBaseResolver(adapters.debian),
            packages=_packages(adapters),
            python=lambda: _python(adapters),
            conda=lambda: _conda(adapters),
            provided=lambda lock, report: _provided(adapters, lock, report),
        )
    )


def _packages(adapters: ResolverParts) -> PypiResolver:
    return open_packages(
        adapters.settings.text("resolver"),
        adapters.machine,
        adapters.index,
        adapters.index_urls,
        adapters.environ,
        adapters.places.tools,
        logins=adapters.logins | adapters.asked_logins,
    )


def _python(adapters: ResolverParts) -> "StandalonePythons":
    from envbuild.workspace.pythons import open_pythons

    return open_pythons(adapters)


def _conda(adapters: ResolverParts) -> "CondaResolver":
    from envbuild.workspace.condasolving import open_conda

    return open_conda(adapters)


def _provided(adapters: ResolverParts, lock: Lock, report: Reporter) -> Sequence[Provided]:
    """What a lock's conda packages bring of Python distributions: they are fetched and made layers, as the build needs them."""
    from envbuild.resolvers.conda.distributions import provided_by

    packages = lock.of_kind(ArtifactKind.CONDA)
    # A direct run that follows links the packages themselves: what was fetched just now stays for it.
    segments = adapters.assembler.segments(lock, packages, adapters.layout, report, drop=False)
    return provided_by([segments[package.sha256].table.facts for package in packages])
