"""The interpreter, uv, and the settings that envbuild runs with."""

import platform
import sys
from collections.abc import Iterator, Mapping

from envbuild.errors import EnvbuildError
from envbuild.machine import Machine
from envbuild.resolvers.uvprogram import find_uv, uv_takes
from envbuild.workspace.adapters import Adapters
from envbuild.workspace.doctor.diagnosis import Ability, Check, Verdict
from envbuild.workspace.doctor.subject import MACHINE

__all__ = ["EVERYTHING", "OLDEST", "about_settings", "python_and_uv", "python_check", "settings_check"]

OLDEST = (3, 11)
"""The oldest Python that envbuild runs on."""
EVERYTHING = tuple(Ability)
_TIME = 6.0


def python_check(version: tuple[int, ...], path: str, refused: str | None = None) -> Check:
    """Of the interpreter that runs us; `refused` is why uv does not take it, None where there is no uv to ask."""
    name = f"{platform.python_implementation()} {'.'.join(map(str, version[:3]))}, {path}"
    if version[:2] < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        return Check(
            name="python", topic=MACHINE, verdict=Verdict.FAILING, found=f"{name}: too old",
            remedy=f"install envbuild with Python {wanted} or newer", stops=EVERYTHING,
        )  # fmt: skip
    if refused:
        return Check(
            name="python", topic=MACHINE, verdict=Verdict.FAILING, found=f"{name}: uv does not take it: {refused}",
            remedy="install envbuild with another Python", without="lock with --resolver pip-tools",
            stops=(Ability.LOCK,),
        )  # fmt: skip
    return Check(
        name="python", topic=MACHINE, verdict=Verdict.OK, found=name if refused is None else f"{name}; uv takes it"
    )


def python_and_uv(environ: Mapping[str, str]) -> Iterator[Check]:
    """The interpreter that runs us and the uv that resolves."""
    version = tuple(sys.version_info[:3])
    try:
        uv = find_uv(environ, _TIME)
    except EnvbuildError as error:
        yield python_check(version, sys.executable)
        yield Check(
            name="uv", topic=MACHINE, verdict=Verdict.MISSING, found=error.what, remedy=error.hint,
            without="definitions that have a lock build; lock with --resolver pip-tools", stops=(Ability.LOCK,),
        )  # fmt: skip
        return
    yield python_check(version, sys.executable, uv_takes(uv.path, sys.executable, environ, _TIME))
    yield Check(name="uv", topic=MACHINE, verdict=Verdict.OK, found=f"{uv.version}, {uv.path}")


def about_settings(error: EnvbuildError) -> bool:
    """Whether it is a setting that is wrong, where it stands or what it says, and not the store's folder."""
    return not error.at.startswith("/") or ".toml" in error.at or ".conf" in error.at


def settings_check(adapters: Adapters) -> tuple[Machine | None, Check]:
    """The machine that the settings describe, and whether they can be read."""
    try:
        machine, place, settings = adapters.machine, adapters.places.settings, adapters.settings
    except EnvbuildError as error:
        if not about_settings(error):
            found = "not looked at: the store's folder, which may have them, cannot be used"
            return None, Check(name="settings", topic=MACHINE, verdict=Verdict.NONE, found=found)
        where = f"{error.at}: " if error.at else ""
        return None, Check(
            name="settings", topic=MACHINE, verdict=Verdict.FAILING, found=" ".join(f"{where}{error.what}".split()),
            remedy=error.hint or "mend it", stops=EVERYTHING,
        )  # fmt: skip
    tables = [*(f"indexes.{name}" for name in settings.indexes), *(f"channels.{name}" for name in settings.channels)]
    names = sorted([*settings.values, *tables])
    found = f"{place if place.is_file() else f'no file {place}'}; set: {', '.join(names) or 'nothing'}"
    if settings.unknown:
        return machine, Check(
            name="settings", topic=MACHINE, verdict=Verdict.WARNING, found="; ".join(settings.notices),
            remedy="mend the variable's name: envbuild config show has all",
        )  # fmt: skip
    return machine, Check(name="settings", topic=MACHINE, verdict=Verdict.OK, found=found)
