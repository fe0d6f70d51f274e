"""The conda packages of an environment as specs and channels of a definition; and those that pip overwrote."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from envbuild.sources.installed.condameta import CondaMeta, CondaPackage
from envbuild.sources.installed.dists import Distribution
from envbuild.sources.installed.leftbehind import Left, LeftBehind

__all__ = ["CondaPart", "conda_owned", "conda_part", "overwritten"]

_DEFAULT_CHANNEL = "conda-forge"
_BY_ITSELF = "comes by itself, in the version that fits"


@dataclass(frozen=True, slots=True)
class CondaPart:
    """`conda` and `channels` of a definition, and the packages that are in neither."""

    specs: tuple[str, ...]
    channels: tuple[str, ...]
    left: tuple[LeftBehind, ...]


def conda_part(meta: CondaMeta, *, whole: bool) -> CondaPart:
    """All packages as `name=version=build` (as `conda env export`), or (not `whole`) those that were asked for, without builds.

    The channel that most of them are from stands first, and a package from another one names it: what stands first would
    hide it elsewise.
    """
    asked = meta.packages.keys() if whole else meta.asked | ({"python"} & meta.packages.keys())
    kept = [package for name, package in sorted(meta.packages.items()) if name in asked]
    counts = Counter(package.channel for package in kept if package.channel)
    channels = tuple(sorted(counts, key=lambda channel: (-counts[channel], channel)))
    rest = [meta.packages[name] for name in sorted(meta.packages.keys() - asked)]
    return CondaPart(
        specs=tuple(_spec(package, channels[:1], whole=whole) for package in kept),
        channels=channels or ((_DEFAULT_CHANNEL,) if kept else ()),
        left=tuple(LeftBehind(one.name, one.version, Left.BY_ITSELF, _BY_ITSELF) for one in rest),
    )


def conda_owned(meta: CondaMeta, distributions: Mapping[str, Distribution]) -> frozenset[str]:
    """The names of the distributions that conda installed."""
    folders = {folder for package in meta.packages.values() for folder in package.metadata}
    return frozenset(
        one.name for one in distributions.values() if one.folder.name in folders or one.installer == "conda"
    )


def overwritten(meta: CondaMeta, distributions: Mapping[str, Distribution]) -> tuple[CondaMeta, tuple[LeftBehind, ...]]:
    """Without the packages whose metadata is gone, and these: pip put its own in their place (as conda's PrefixData has it)."""
    there = {one.folder.name: one for one in distributions.values()}
    gone = [one for one in meta.packages.values() if one.metadata and not one.metadata & there.keys()]
    left = tuple(LeftBehind(one.name, one.version, Left.OVERWRITTEN, _why(one, distributions)) for one in gone)
    names = {one.name for one in gone}
    return replace(meta, packages={name: one for name, one in meta.packages.items() if name not in names}), left


def _why(package: CondaPackage, distributions: Collection[str]) -> str:
    names = {folder.partition("-")[0].lower().replace("_", "-") for folder in package.metadata}
    if names & {*distributions}:
        return "pip put its own version in the place of conda's: pip's is taken"
    return "its files are gone from the environment, although conda's records have it"


def _spec(package: CondaPackage, first: Collection[str], *, whole: bool) -> str:
    pin = f"{package.name}={package.version}"
    if whole and package.build:
        pin = f"{package.name}=={package.version}={package.build}"
    return pin if not package.channel or package.channel in first else f"{package.channel}::{pin}"
