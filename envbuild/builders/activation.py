"""What an image of conda packages sets without `conda activate`: their variables go into the image's config."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from envbuild.builders.layerids import PREFIX
from envbuild.layers.conda.activateprogram import ACTIVATE_PROGRAM
from envbuild.layers.conda.activation import Activation, activation
from envbuild.lockfile import ArtifactKind, Lock
from envbuild.members import MemberKind, MemberTable
from envbuild.oci import ImageConfig
from envbuild.ports import Reporter

__all__ = ["activated", "activation_of", "tell_of_unread"]


def activation_of(lock: Lock, tables: Mapping[str, MemberTable]) -> Activation:
    """What activating a lock's environment sets, and what nobody carries out; `tables` by the artifacts' sha256."""
    packages = lock.of_kind(ArtifactKind.CONDA)
    start = f"{PREFIX.strip('/')}/"
    paths: dict[str, MemberKind] = {}
    for artifact in lock.artifacts:
        for member in tables[artifact.sha256].members:
            path = member.path.removeprefix(start)
            if path == member.path:
                continue
            paths[path] = member.kind
            while (path := path.rpartition("/")[0]) and path not in paths:
                paths[path] = MemberKind.DIRECTORY
    return activation([(package.name, tables[package.sha256].facts) for package in packages], paths)


def activated(config: ImageConfig, lock: Lock, tables: Mapping[str, MemberTable], report: Reporter) -> ImageConfig:
    """The config with the packages' variables; what it sets already stays. Tells of scripts that are not carried out."""
    if not lock.has_conda:
        return config
    found = activation_of(lock, tables)
    if config.entrypoint[:1] != (f"{PREFIX}/{ACTIVATE_PROGRAM}",):
        tell_of_unread(found, report)
    return replace(config, env=tuple(sorted({**found.at(PREFIX), **dict(config.env)}.items())))


def tell_of_unread(found: Activation, report: Reporter) -> None:
    """A notice for each package that does more than to set variables."""
    packages: dict[str, list[str]] = {}
    for one in found.unread:
        packages.setdefault(one.package, []).append(f"{one.script} ({one.line})")
    for package, scripts in packages.items():
        report.notice(
            f"{package} does more at activation than to set variables, which is left out: "
            f"{', '.join(_shown(scripts))}; `activate = true` runs it"
        )


def _shown(scripts: Sequence[str]) -> Sequence[str]:
    return scripts if len(scripts) <= 2 else [*scripts[:2], f"and {len(scripts) - 2} more"]
