"""The second solver of conda packages, conda-lock, with an environment that this machine's configuration gives it."""

from envbuild.resolvers.conda.condalocksolver import CondaLockSolver
from envbuild.workspace.packages import tool_environment
from envbuild.workspace.resolverparts import ResolverParts

__all__ = ["open_condalock"]


def open_condalock(adapters: ResolverParts) -> CondaLockSolver:
    """The solver over the adapters' own channels. Whether a conda is here, is asked when it solves."""
    machine = adapters.machine
    environ = {
        name: value
        for name, value in tool_environment(machine, {}, adapters.environ, {}).items()
        if not name.startswith(("UV_", "PIP_"))
    }
    # curl, which mamba asks channels with, knows http_proxy in small letters alone.
    environ |= {name.lower(): value for name, value in environ.items() if name.endswith("_PROXY")}
    if machine.ca_bundle is not None:
        environ |= {"REQUESTS_CA_BUNDLE": str(machine.ca_bundle), "CONDA_SSL_VERIFY": str(machine.ca_bundle)}
    return CondaLockSolver(adapters.channels, environ, adapters.environ)
