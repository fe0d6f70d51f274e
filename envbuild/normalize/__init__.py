"""`normalize`: one spelling for all definitions that mean the same. Pure and idempotent; the ids are taken of its result.

Sorted: what has no order (packages, constraints, system packages, platforms, variables). Kept: what has one (indexes,
channels, build steps, entry point). Values of variables, commands and paths stay byte for byte.
"""

from dataclasses import replace

from envbuild.definition import NEWEST_LAYOUT, Definition, Requirement
from envbuild.errors import InvalidDefinition
from envbuild.normalize.channels import DEFAULT_CHANNEL, conda_channels
from envbuild.normalize.fields import Fields, nfc
from envbuild.normalize.matchspecs import conda_specs, with_python
from envbuild.normalize.unserved import unserved

__all__ = ["normalize", "unserved"]


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
        python="" if d.conda else check.python(d.python),
        interpreter=check.interpreter(d.interpreter),
        pypi=check.requirements("pypi", d.pypi),
        constraints=tuple(r.text for r in check.requirements("constraints", map(Requirement, d.constraints))),
        project=check.project(d.project),
        indexes=check.indexes(d.indexes),
        conda=conda_specs(check, with_python(d.conda, check.python(d.python) if d.conda else ""), d.platforms),
        channels=conda_channels(check, d.channels, d.platforms) or ((DEFAULT_CHANNEL,) if d.conda else ()),
        channel_priority=check.channel_priority(d.channel_priority),
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
