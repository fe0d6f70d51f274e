"""What conda packages need on this machine: the extra that solves and unpacks them, and a conda for the second solver."""

from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version

from envbuild.errors import EnvironmentFault
from envbuild.resolvers.conda.condaprogram import find_conda
from envbuild.workspace.doctor.diagnosis import Check, Verdict
from envbuild.workspace.doctor.indexes import PACKAGES

__all__ = ["conda_checks", "conda_lock_check", "extra_check"]

_EXTRA = ("py-rattler", "zstandard", "msgpack")


def conda_checks(environ: Mapping[str, str]) -> Iterator[Check]:
    """The extra, and the second solver."""
    yield extra_check(_version)
    yield conda_lock_check(_version, environ)


def extra_check(version_of: Callable[[str], str]) -> Check:
    """Whether conda packages can be solved and built; `version_of` gives a distribution's version, nothing without it."""
    lacking = [name for name in _EXTRA if not version_of(name)]
    if not lacking:
        return Check(
            name="conda", topic=PACKAGES, verdict=Verdict.OK, found=f"solved by py-rattler {version_of('py-rattler')}"
        )
    found = f"not installed: {', '.join(lacking)}; only conda packages need it: pip install 'envbuild[conda]'"
    return Check(name="conda", topic=PACKAGES, verdict=Verdict.NONE, found=found)


def conda_lock_check(version_of: Callable[[str], str], environ: Mapping[str, str]) -> Check:
    """Whether `--resolver conda-lock` has what it needs."""
    only = "only --resolver conda-lock needs it"
    own = version_of("conda-lock")
    if not own:
        found = f"not installed; {only}: pip install 'envbuild[conda-lock]'"
        return Check(name="conda-lock", topic=PACKAGES, verdict=Verdict.NONE, found=found)
    try:
        program = find_conda(environ)
    except EnvironmentFault:
        found = f"{own}, and no conda, mamba or micromamba for it; {only}"
        return Check(name="conda-lock", topic=PACKAGES, verdict=Verdict.NONE, found=found)
    return Check(name="conda-lock", topic=PACKAGES, verdict=Verdict.OK, found=f"{own}, with {program}")


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""
