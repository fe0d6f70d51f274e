"""`captured`: an existing Python environment as a definition, and what of it could not become part of one.

It is read from its files alone: nothing in it is run, and neither conda nor pip is needed.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from envbuild.conda.condarc import read_condarc
from envbuild.definition import DebianBase, Definition
from envbuild.errors import UsageError
from envbuild.formats.pythons import STANDALONE, is_served
from envbuild.platforms import LINUX_AMD64
from envbuild.sources.installed.condachosen import conda_owned, conda_part, overwritten
from envbuild.sources.installed.condameta import CondaMeta, read_conda_meta
from envbuild.sources.installed.dists import distributions
from envbuild.sources.installed.leftbehind import Left, LeftBehind
from envbuild.sources.installed.paths import folders_on_path
from envbuild.sources.installed.prefix import Kind, Prefix, read_prefix
from envbuild.sources.installed.sort import Sorted, sort
from envbuild.sources.installed.system import System, here, system_of_subdir, system_of_tags

__all__ = ["Captured", "captured"]

_NOT_IN_NAMES = re.compile(r"[^a-z0-9]+")
_NONE: frozenset[str] = frozenset()
_BROUGHT_WHY = "conda's Python needs it; the image's Python has its own"


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """What an environment is as a definition (as written: not yet normalized), and what was left behind."""

    definition: Definition
    left_behind: tuple[LeftBehind, ...] = ()
    """What a person can do something about stands first."""
    notices: tuple[str, ...] = ()
    prefix: str = ""
    """The folder that was read."""


def captured(prefix: str | Path, environ: Mapping[str, str] | None = None) -> Captured:
    """The environment at `prefix` (a virtual environment, conda's, or an installation of Python).

    Made for Linux: each distribution in the version that is installed. Made for another system: what a person asked
    for, in these versions; the rest comes by itself. `environ` is the process's own by default (where conda's
    configuration and the user's packages are). UsageError where `prefix` is none, or cannot be read; EnvironmentFault for
    a condarc that is none.
    """
    environ = os.environ if environ is None else environ
    try:
        return _Capture(read_prefix(Path(prefix), environ), environ).whole()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        hint = "it must be readable as a whole"
        raise UsageError(f"the environment cannot be read: {reason}", at=str(error.filename), hint=hint) from error


class _Capture:
    """One environment; what is left behind, and what there is to say, grow while it is read."""

    def __init__(self, prefix: Prefix, environ: Mapping[str, str]) -> None:
        self._prefix = prefix
        self._found = distributions((*prefix.sites, *prefix.base_sites))
        self._left, self._notices = list(self._found.left), list(self._found.notices)
        self._left += folders_on_path(prefix.sites, self._found.distributions.values(), self._left)
        self._conda: CondaMeta | None = None
        if prefix.kind is Kind.CONDA:
            meta = read_conda_meta(prefix.path, read_condarc(environ))
            self._conda, gone = overwritten(meta, self._found.distributions)
            self._left += (*gone, *meta.left)
        self._release = self._told_release()
        self._python = ".".join(self._release.split(".")[:2])
        self._system = self._told_system()

    def whole(self) -> Captured:
        """The definition, with what was left behind and what there is to say."""
        conda = self._conda
        self._tell()
        fits = is_served(self._python)
        definition = self._of_conda(conda) if conda and not (conda.only_python and fits) else self._of_pypi()
        name = _NOT_IN_NAMES.sub("-", self._prefix.name.lower()).strip("-")[:128].strip("-") or "environment"
        return Captured(
            definition=replace(definition, name=name, variables=conda.variables if conda else ()),
            left_behind=tuple(sorted(self._left, key=_in_order)),
            notices=tuple(dict.fromkeys(self._notices)),
            prefix=str(self._prefix.path),
        )

    def _of_conda(self, meta: CondaMeta) -> Definition:
        """Conda's packages, and beside them what pip installed."""
        platform = self._system.platform
        part = conda_part(meta, whole=platform is not None)
        self._left += part.left
        owned = conda_owned(meta, self._found.distributions)
        pypi = self._sorted(whole=platform is not None, elsewhere=owned) if self._python else None
        return Definition(
            conda=part.specs,
            channels=part.channels,
            pypi=pypi.requirements if pypi else (),
            accelerator=pypi.accelerator if pypi else "",
            platforms=(platform or LINUX_AMD64,),
        )

    def _of_pypi(self) -> Definition:
        """A Python, the base's own or a standalone build, with packages from indexes."""
        platform = self._system.platform
        whole = platform is not None and is_served(self._python) and self._prefix.usual
        if not self._prefix.usual:
            self._notices.append("its Python is another one than CPython with the usual threading, which images have")
        owned = conda_owned(self._conda, self._found.distributions) if self._conda else frozenset[str]()
        pypi = self._sorted(whole=whole, brought=owned)
        self._leave_condas_own()
        python = self._python if is_served(self._python) else self._nearest_python()
        return Definition(
            base=DebianBase.with_python(python),
            python=python,
            pypi=pypi.requirements,
            accelerator=pypi.accelerator,
            platforms=(platform or LINUX_AMD64,),
        )

    def _sorted(self, *, whole: bool, brought: frozenset[str] = _NONE, elsewhere: frozenset[str] = _NONE) -> Sorted:
        markers = {
            **self._system.markers,
            "python_version": self._python,
            "python_full_version": self._release,
            "implementation_name": "cpython",
            "implementation_version": self._release,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_version": "",
        }
        found = sort(self._found.distributions, markers, whole=whole, brought=brought, elsewhere=elsewhere)
        self._left += found.left
        self._notices += found.notices
        if not whole:
            self._notices.append("what was asked for is taken, in these versions; the rest comes by itself")
        return found

    def _nearest_python(self) -> str:
        """The next newer Python that there is, else the newest: old code runs on a new Python more often than not."""
        own = _number(self._python)
        python = next((one for one in STANDALONE if _number(one) > own), STANDALONE[-1])
        has = f"{STANDALONE[0]} to {STANDALONE[-1]}"
        why = f"there are {has}: {python} is taken; a version that has no wheel for it must be changed"
        self._left.append(LeftBehind("python", self._release, Left.PYTHON, why))
        return python

    def _leave_condas_own(self) -> None:
        """What conda's Python is made of; its Python distributions were told of with the others."""
        packages = self._conda.packages.values() if self._conda else ()
        told = self._found.distributions.keys() | {"python"}
        self._left += [LeftBehind(p.name, p.version, Left.BASE, _BROUGHT_WHY) for p in packages if p.name not in told]

    def _told_release(self) -> str:
        """`3.11.7`: as conda's record of Python says, else the environment's own files; empty without Python."""
        python = self._conda.packages.get("python") if self._conda else None
        return python.version if python else self._prefix.release

    def _told_system(self) -> System:
        """By what it is certain of most: conda's records, the interpreter, compiled packages, the machine we run on."""
        packages = self._conda.packages.values() if self._conda else ()
        of_conda = next((told for one in packages if (told := system_of_subdir(one.subdir))), None)
        tags = (tag for one in self._found.distributions.values() for tag in one.tags)
        return of_conda or self._prefix.system or system_of_tags(tags) or here()

    def _tell(self) -> None:
        python = f" with Python {self._release}" if self._release else ""
        self._notices.insert(0, f"{self._prefix.path}: a {self._prefix.kind}{python}, for {self._system}")
        if self._prefix.base_sites:
            where = ", ".join(map(str, self._prefix.base_sites))
            self._notices.append(f"{where}: it sees these packages, too (include-system-site-packages)")
        if self._prefix.user_site:
            self._notices.append(f"{self._prefix.user_site}: it sees these packages of the user's, too")


def _in_order(one: LeftBehind) -> tuple[int, str, str, str]:
    return list(Left).index(one.reason), one.why, one.name, one.version


def _number(python: str) -> tuple[int, ...]:
    return tuple(map(int, python.split(".")))
