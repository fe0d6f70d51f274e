"""What chooses standalone Pythons, opened with this machine's list and mirror."""

from envbuild.resolvers.pythons import StandalonePythons
from envbuild.workspace.resolverparts import ResolverParts

__all__ = ["open_pythons"]


def open_pythons(adapters: ResolverParts) -> StandalonePythons:
    """Nothing is listed or asked before a definition needs one."""
    places = adapters.python_places
    return StandalonePythons(lambda: places.builds, places.mirror, is_own_list=places.is_own_list)
