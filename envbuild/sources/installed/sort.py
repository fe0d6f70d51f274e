"""Installed distributions sorted out: which become requirements of a definition, which are left behind, and why."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from envbuild.definition import Requirement
from envbuild.formats.conda.environmentyml import AZUREML_PACKAGES
from envbuild.normalize.accelerators import TORCH_PACKAGES
from envbuild.sources.installed.dists import Distribution
from envbuild.sources.installed.graph import Graph, reached
from envbuild.sources.installed.leftbehind import Left, LeftBehind

__all__ = ["Sorted", "sort"]

_OWN = frozenset({"envbuild"})
_SYSTEM_INSTALLERS = frozenset({"debian", "rpm", "dnf", "apk", "pacman", "portage"})
_OWN_WHY = "it made this capture, and is not needed in an image"
_AZUREML_WHY = "its service is gone, and what it did is envbuild's part"
_ONLY_FOR = "only what is left out here needs it"
_TOOL_WHY = "a tool that installs the others; name it, where your own code needs it"
_SYSTEM_WHY = "the system's package manager installed it: name it in `pypi`, or its Debian package in `system`"
_VERSION_WHY = "its version is none by PEP 440, and no index serves such"
_BY_ITSELF = "comes by itself, in the version that fits"
_ACCELERATOR = re.compile(r"cpu|xpu|cu\d+|rocm\d+(?:\.\d+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorted:
    """What is made of the distributions."""

    requirements: tuple[Requirement, ...]
    accelerator: str
    left: tuple[LeftBehind, ...]
    notices: tuple[str, ...]


def sort(
    distributions: Mapping[str, Distribution],
    markers: Mapping[str, str],
    *,
    whole: bool,
    brought: Collection[str] = (),
    elsewhere: Collection[str] = (),
) -> Sorted:
    """All of them, or (not `whole`) those that were asked for; `markers` are PEP 508's for the system.

    `brought` came with the interpreter, and count only where another one needs them; `elsewhere` is served by others.
    """
    return _Sorting({**distributions}, markers, frozenset(brought), frozenset(elsewhere)).done(whole=whole)


class _Sorting:
    def __init__(
        self,
        distributions: dict[str, Distribution],
        markers: Mapping[str, str],
        brought: frozenset[str],
        elsewhere: frozenset[str],
    ) -> None:
        self._all, self._markers, self._elsewhere = distributions, markers, elsewhere
        self._left: list[LeftBehind] = []
        self._tools = _tools(markers["python_version"]) | brought

    def done(self, *, whole: bool) -> Sorted:
        """The result."""
        rest = self._without(self._of_the_system())
        graph = Graph(rest, self._markers)
        needed = self._needed(rest, graph)
        kept = {name: one for name, one in needed.items() if name not in self._elsewhere and self._can_be_had(one)}
        asked = kept.keys() if whole else self._asked(kept)
        lost = {name: one for name, one in needed.items() if name not in kept and name not in self._elsewhere}
        accelerator, notices = _accelerator([kept[name] for name in asked])
        return Sorted(
            requirements=tuple(_requirement(kept[name]) for name in sorted(asked)),
            accelerator=accelerator,
            left=tuple(self._left),
            notices=(
                *notices,
                *(graph.misfits(kept) if whole else ()),
                *_needs_lost(kept, lost, graph),
                *_built_here([kept[name] for name in asked], accelerator),
            ),
        )

    def _leave(self, one: Distribution, reason: Left, why: str) -> None:
        origin = one.origin.url if one.origin else ""
        self._left.append(LeftBehind(one.name, one.version, reason, why, origin))

    def _without(self, names: Collection[str]) -> dict[str, Distribution]:
        return {name: one for name, one in self._all.items() if name not in names}

    def _of_the_system(self) -> frozenset[str]:
        found = [one for one in self._all.values() if _is_of_the_system(one)]
        for one in found:
            self._leave(one, Left.SYSTEM, _SYSTEM_WHY)
        return frozenset(one.name for one in found)

    def _needed(self, rest: Mapping[str, Distribution], graph: Graph) -> dict[str, Distribution]:
        """What is there for the user's sake: neither for the tools', nor for that of what is no part of an image."""
        own = (_OWN | AZUREML_PACKAGES) & rest.keys()
        asked = graph.asked(self._tools) - self._tools - self._elsewhere
        wanted = reached(asked - own, graph.needs)
        for name in sorted(rest.keys() - wanted - self._elsewhere):
            if name in own:
                self._leave(rest[name], Left.OWN, _OWN_WHY if name in _OWN else _AZUREML_WHY)
            elif name in self._tools:
                self._leave(rest[name], Left.TOOL, _TOOL_WHY)
            else:
                self._leave(rest[name], Left.OWN, _ONLY_FOR)
        return {name: one for name, one in rest.items() if name in wanted}

    def _can_be_had(self, one: Distribution) -> bool:
        if one.origin and not one.origin.requirement:
            self._leave(one, one.origin.reason, one.origin.why)
            return False
        try:
            Version(one.version)
        except InvalidVersion:
            self._leave(one, Left.BROKEN, _VERSION_WHY)
            return False
        return True

    def _asked(self, kept: Mapping[str, Distribution]) -> frozenset[str]:
        """What a person asked for, and what those needed that are left behind: nobody else brings it."""
        asked = Graph(kept, self._markers).asked(self._tools)
        for name in sorted(kept.keys() - asked):
            self._leave(kept[name], Left.BY_ITSELF, _BY_ITSELF)
        return asked


def _tools(python: str) -> frozenset[str]:
    """What `pip freeze` leaves out: setuptools and wheel only where each new environment has them."""
    old = Version(python) < Version("3.12")
    return frozenset({"pip", "setuptools", "wheel"} if old else {"pip"})


def _is_of_the_system(one: Distribution) -> bool:
    """By who installed it, or where: Debian's own packages are in python3/dist-packages, pip's never."""
    return one.installer.lower() in _SYSTEM_INSTALLERS or one.folder.parent.parts[-2:] == ("python3", "dist-packages")


def _requirement(one: Distribution) -> Requirement:
    return (one.origin and one.origin.requirement) or Requirement(one.pin)


def _needs_lost(kept: Mapping[str, Distribution], lost: Collection[str], graph: Graph) -> Iterator[str]:
    """An index may have something else under such a name."""
    for name in sorted(kept):
        for other in sorted(graph.needs(name) & {*lost}):
            yield f"{name} needs {other}, which is left behind: an index's {other} would be taken, if there is one"


def _accelerator(kept: Collection[Distribution]) -> tuple[str, list[str]]:
    """The accelerator that PyTorch's packages were built for, by their local versions; and what of others is to be said."""
    local = {one.name: one for one in kept if "+" in one.version and not one.origin}
    torch = {one.version.partition("+")[2] for name, one in local.items() if name in TORCH_PACKAGES}
    found = torch.pop() if len(torch) == 1 else ""
    accelerator = found if _ACCELERATOR.fullmatch(found) else ""
    notices = [f"accelerator {accelerator}: as PyTorch's packages say, which its own index has"] if accelerator else []
    elsewhere = sorted(one.pin for name, one in local.items() if not accelerator or name not in TORCH_PACKAGES)
    if elsewhere:
        pins = ", ".join(elsewhere)
        notices.append(f"{pins}: a local version is on no public index; name the one that has it ([[index]])")
    return accelerator, notices


def _built_here(kept: Collection[Distribution], accelerator: str) -> Iterator[str]:
    """PyPI takes no wheel that is tagged for Linux alone: such a one was built from source."""
    names = sorted(
        one.pin
        for one in kept
        if not one.origin and any(tag.rpartition("-")[2].startswith("linux_") for tag in one.tags)
        if not (accelerator and canonicalize_name(one.name) in TORCH_PACKAGES)
    )
    if names:
        yield f"{', '.join(names)}: built from source on this machine; the index may have no wheel of it"
