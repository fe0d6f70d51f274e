"""A spec's lock in the forms that other tools read: its PyPI packages alone, or conda's and PyPI's together."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from envbuild.formats.kinds import is_envbuild_lock
from envbuild.lockfile import ArtifactKind, Lock
from envbuild.pipeline.locking import Choice, Locked
from envbuild.platforms import Platform
from envbuild.ports import Reporter
from envbuild.workspace.adapters import Adapters
from envbuild.workspace.choosing import Chooser
from envbuild.workspace.fileplaces import wheel_urls

__all__ = ["exported"]

_OF_PYPI = frozenset({"pylock", "requirements"})
_OF_ONE_PLATFORM = _OF_PYPI | {"explicit"}
_LEFT_OUT: Mapping[ArtifactKind, str] = {
    ArtifactKind.CONDA: "conda packages (conda-lock, pixi and explicit have them)",
    ArtifactKind.DEB: "Debian packages of `system`",
}


def exported(adapters: Adapters, form: str, platform: Platform | None, choice: Choice, report: Reporter) -> str:
    """The lock of the adapters' spec as `pylock` (PEP 751), `requirements`, `conda-lock`, `pixi` or `explicit`.

    Addresses are those at which the indexes and channels are served here now, without logins. `conda-lock` and `pixi` have all
    platforms of the definition or lock file, unless one is named; the others one. UsageError where a form has no place for a lock.
    """
    found = list(_locks(adapters, form, platform, choice, report))
    kinds = {artifact.kind for _, lock in found for artifact in lock.artifacts}
    left_out = [_LEFT_OUT[kind] for kind in sorted(_LEFT_OUT) if kind in kinds and _is_left_out(kind, form)]
    if left_out:
        report.notice(f"not in the export: {', '.join(left_out)}")
    # The project's own wheel is on no index: whoever installs from this has the folder, or has not.
    locks = [(locked, _without_own(lock)) for locked, lock in found]
    if form == "requirements":
        from envbuild.formats.lockfiles.hashed import hashed_requirements

        return hashed_requirements(locks[0][1])
    if form == "pylock":
        from envbuild.formats.lockfiles.pylock import pylock_toml

        return pylock_toml(locks[0][1], wheel_urls(adapters, locks[0][1]))
    from envbuild.workspace.condaexporting import CondaExport

    export = CondaExport(adapters, _channels(adapters), report)
    return export.text(form, [(lock, locked.settings.layout) for locked, lock in locks])


def _locks(
    adapters: Adapters, form: str, platform: Platform | None, choice: Choice, report: Reporter
) -> Iterator[tuple[Locked, Lock]]:
    chooser, path = Chooser(adapters), adapters.spec_path
    if platform or form in _OF_ONE_PLATFORM:
        chosen = chooser.choose(path, platform, choice, report)
        yield chosen.locked, adapters.building.lock(chosen.locked, chosen.platform)
    elif _is_lock(adapters):
        for each in adapters.specs.lock_facts(path).sections:
            locked = chooser.choose(path, each, choice, report).locked
            yield locked, adapters.building.lock(locked, each)
    else:
        spec = chooser.spec(path, report)
        for each in spec.requests:
            locked = adapters.locking.ensure(spec, each, choice, report)
            yield locked, adapters.building.lock(locked, each)


def _is_lock(adapters: Adapters) -> bool:
    return is_envbuild_lock(adapters.spec_path) and adapters.given_definition is None


def _channels(adapters: Adapters) -> tuple[str, ...]:
    """Those of the definition, in order; a lock alone does not say."""
    if _is_lock(adapters):
        return ()
    return adapters.specs.definition(adapters.specs.open(adapters.spec_path)).definition.channels


def _is_left_out(kind: ArtifactKind, form: str) -> bool:
    if kind is ArtifactKind.CONDA:
        return form in _OF_PYPI
    # For a list of PyPI's packages it goes without saying.
    return form not in _OF_PYPI


def _without_own(lock: Lock) -> Lock:
    return replace(lock, artifacts=tuple(a for a in lock.artifacts if not a.is_own))
