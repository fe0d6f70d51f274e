"""The resolver of conda packages, with the solver that is set: rattler, or conda-lock over a program of conda's family."""

from typing import TYPE_CHECKING

from envbuild.errors import MissingExtra
from envbuild.resolvers.conda.condaresolver import CondaResolver
from envbuild.workspace.resolverparts import ResolverParts

if TYPE_CHECKING:
    from envbuild.resolvers.conda.request import CondaSolver

__all__ = ["open_conda"]

_CONDA_LOCK = "conda-lock"


def open_conda(adapters: ResolverParts) -> CondaResolver:
    """The resolver of the adapters' own definition. MissingExtra where the solver is not installed."""
    return CondaResolver(_solver(adapters), adapters.channels, adapters.condarc.notices)


def _solver(adapters: ResolverParts) -> "CondaSolver":
    if adapters.settings.text("resolver") == _CONDA_LOCK:
        from envbuild.workspace.condalocking import open_condalock

        return open_condalock(adapters)
    try:
        from envbuild.resolvers.conda.rattlersolver import RattlerSolver
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "rattler":
            raise
        raise MissingExtra("conda", "solving conda packages") from error
    return RattlerSolver(adapters.channels)
