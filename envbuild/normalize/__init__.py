"""`normalize`: one spelling for all definitions that mean the same. Pure and idempotent; the ids are taken of its result.

Sorted: what has no order (packages, constraints, system packages, platforms, variables). Kept: what has one (indexes,
channels, build steps, entry point). Values of variables, commands and paths stay byte for byte.
"""

from dataclasses import replace

from envbuild.definition import NEWEST_LAYOUT, Definition, DockerfileBase, ImageBase, Requirement
from envbuild.errors import Fault, InvalidDefinition
from envbuild.normalize.fields import Fields, nfc

__all__ = ["normalize", "served"]


def normalize(definition: Definition) -> Definition:
    """The definition in its one spelling. InvalidDefinition has every fault, each with its field path."""
    check = Fields()
    d = definition
    normal = replace(
        d,
        name=check.name(d.name),
        description=nfc(d.description).strip(),
        tags=check.tags(d.tags),
        base=check.base(d.base),
        python=check.python(d.python),
        pypi=check.requirements("pypi", d.pypi),
        constraints=tuple(r.text for r in check.requirements("constraints", map(Requirement, d.constraints))),
        indexes=check.indexes(d.indexes),
        conda=tuple(sorted({" ".join(spec.split()) for spec in d.conda})),
        channels=tuple(channel.strip().rstrip("/") for channel in d.channels),
        system=check.system(d.system),
        platforms=tuple(sorted(set(d.platforms))),
        accelerator=check.accelerator(d.accelerator),
        virtual_packages=check.virtual_packages(d.virtual_packages),
        variables=check.variables(d.variables),
        user=check.user(d.user),
        workdir=check.folder("workdir", d.workdir),
        entrypoint=check.words("entrypoint", d.entrypoint),
        run=check.words("run", d.run),
        copy=tuple(check.copy(number, step) for number, step in enumerate(d.copy)),
    )
    if not d.platforms:
        check.fault("platforms", "is empty", 'name one: "linux/amd64"')
    if d.layout < 1:
        check.fault("layout", f"{d.layout} is no layout", f"the first is 1, the newest {NEWEST_LAYOUT}")
    if check.faults:
        raise InvalidDefinition(check.faults)
    return normal


def served(definition: Definition) -> None:
    """Nothing, where every key that the definition uses has a builder. InvalidDefinition names each one that has none."""
    d = definition
    asked: tuple[tuple[str, bool], ...] = (
        ("conda", bool(d.conda)),
        ("channels", bool(d.channels)),
        ("base.image", isinstance(d.base, ImageBase)),
        ("base.dockerfile", isinstance(d.base, DockerfileBase)),
        ("run", bool(d.run)),
        ("copy", bool(d.copy)),
        ("virtual-packages", bool(d.virtual_packages)),
    )
    faults = [Fault(key, "no builder serves this key yet", _INSTEAD[key]) for key, used in asked if used]
    for key, value, only in (("sdists", d.sdists, "refuse"), ("bytecode", d.bytecode, "none")):
        if value != only:
            faults.append(Fault(key, f"{value!r} is not served yet: only {only!r} is", _INSTEAD[key]))
    if d.layout > NEWEST_LAYOUT:
        what = f"layout {d.layout} needs a newer envbuild: the newest layout of this one is {NEWEST_LAYOUT}"
        faults.append(Fault("layout", what, "upgrade: pip install -U envbuild"))
    if faults:
        raise InvalidDefinition(faults)


_INSTEAD = {
    "conda": "name the packages from PyPI in `pypi`, and libraries in `system`",
    "channels": "leave it out: channels are for conda packages",
    "base.image": 'start from Debian packages: [base] debian = "bookworm"',
    "base.dockerfile": 'start from Debian packages: [base] debian = "bookworm", with what is needed in `system`',
    "run": "leave it out; Debian packages go in `system`",
    "copy": "leave it out: the project's folder is there when a script of it is run",
    "virtual-packages": "leave it out: they are for conda packages",
    "sdists": "leave it out, and name versions that have wheels",
    "bytecode": "leave it out",
}
