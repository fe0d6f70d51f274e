"""`unserved`: what a definition may say, and no builder can make yet."""

from envbuild.definition import NEWEST_LAYOUT, Definition, DockerfileBase, ImageBase
from envbuild.errors import Fault

__all__ = ["unserved"]


def unserved(definition: Definition) -> tuple[Fault, ...]:
    """A fault for each key of a normalized definition that no builder serves yet."""
    d = definition
    asked: tuple[tuple[str, bool], ...] = (
        ("channels", bool(d.channels) and not d.conda),
        ("channel-priority", d.channel_priority != "strict" and not d.conda),
        ("activate", d.activate and not d.conda),
        ("base.image", isinstance(d.base, ImageBase)),
        ("base.dockerfile", isinstance(d.base, DockerfileBase)),
        ("run", bool(d.run)),
        ("copy", bool(d.copy)),
        ("interpreter", bool(d.interpreter)),
        ("virtual-packages", bool(d.virtual_packages) and not d.conda),
    )
    faults = [Fault(key, "no builder serves this key yet", _INSTEAD[key]) for key, used in asked if used]
    for key, value, only in (("sdists", d.sdists, "refuse"), ("bytecode", d.bytecode, "none")):
        if value != only:
            faults.append(Fault(key, f"{value!r} is not served yet: only {only!r} is", _INSTEAD[key]))
    if d.layout > NEWEST_LAYOUT:
        what = f"layout {d.layout} needs a newer envbuild: the newest layout of this one is {NEWEST_LAYOUT}"
        faults.append(Fault("layout", what, "upgrade: pip install -U envbuild"))
    return tuple(faults)


_INSTEAD = {
    "activate": "leave it out: only conda packages have anything to activate",
    "channels": "leave it out: channels are for conda packages",
    "channel-priority": "leave it out: it is for conda's channels",
    "base.image": 'start from Debian packages: [base] debian = "bookworm"',
    "base.dockerfile": 'start from Debian packages: [base] debian = "bookworm", with what is needed in `system`',
    "run": "leave it out; Debian packages go in `system`",
    "copy": "leave it out: the project's folder is there when a script of it is run",
    "interpreter": "leave it out: it is for base images",
    "virtual-packages": "leave it out: they are for conda packages",
    "sdists": "leave it out, and name versions that have wheels",
    "bytecode": "leave it out",
}
