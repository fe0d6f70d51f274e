"""The layer that makes /opt/env a virtual environment over the image's interpreter (PEP 405), and says so (PEP 668).

The interpreter is the base's own, or a standalone build beside it.
"""

import posixpath
from collections.abc import Callable

from envbuild.digest import Digest
from envbuild.errors import BuildFailed
from envbuild.layers.writer import LayerWriter, ancestors
from envbuild.lockfile import Interpreter
from envbuild.members import Member, MemberKind, Segment

__all__ = ["layer_of_venv", "venv_contents", "venv_members"]

_PREFIX = "opt/env"
_HOW_TO_ADD = """\
[externally-managed]
Error=This environment is an image made by envbuild from a locked list of packages.
 A package installed here would be lost with the container.
 .
 To add a package, add it to the definition (requirements.txt or envbuild.toml)
 and build again: envbuild build FILE
"""


def layer_of_venv(interpreter: Interpreter, sink: Callable[[bytes], object], *, layer_id: Digest) -> Segment:
    """Write the layer to `sink`. Facts of its table: `python`, the interpreter's full version."""
    members, contents = venv_members(interpreter), venv_contents(interpreter)
    writer = LayerWriter(sink, ancestors(members))
    for member in members:
        if member.kind is MemberKind.LINK:
            writer.link(member.path, member.target)
        elif member.kind is MemberKind.FILE:
            writer.file(member.path, member.mode, contents[member.path])
        else:
            writer.directory(member)
    return writer.finish(layer_id, {"python": interpreter.version})


def venv_members(interpreter: Interpreter) -> tuple[Member, ...]:
    """The paths of the environment, sorted: links to the interpreter, empty folders, and the files of `venv_contents`."""
    if not interpreter.version or not interpreter.path.startswith("/"):
        raise BuildFailed(
            "a virtual environment needs an interpreter, and the base has none", hint="name a Python in the definition"
        )
    minor = interpreter.minor
    links = {
        f"{_PREFIX}/bin/python": interpreter.path,
        f"{_PREFIX}/bin/python3": "python",
        f"{_PREFIX}/bin/python{minor}": "python",
        f"{_PREFIX}/lib64": "lib",
    }
    folders = (f"{_PREFIX}/include", f"{_PREFIX}/lib/python{minor}/site-packages")
    made = [Member(path=path, kind=MemberKind.LINK, mode=0o777, target=target) for path, target in links.items()]
    made += [Member(path=path, kind=MemberKind.DIRECTORY, mode=0o755) for path in folders]
    made += [
        Member(path=path, kind=MemberKind.FILE, mode=0o644, size=len(content), sha256=Digest.of(content).hex)
        for path, content in venv_contents(interpreter).items()
    ]
    return tuple(sorted(made, key=lambda member: member.path))


def venv_contents(interpreter: Interpreter) -> dict[str, bytes]:
    """The files of the environment by path."""
    home = interpreter.path.rpartition("/")[0] or "/"
    library = posixpath.join(posixpath.dirname(home), f"lib/python{interpreter.minor}").lstrip("/")
    settings = f"home = {home}\ninclude-system-site-packages = false\nversion = {interpreter.version}\n"
    return {
        f"{_PREFIX}/pyvenv.cfg": settings.encode(),
        f"{library}/EXTERNALLY-MANAGED": _HOW_TO_ADD.encode(),
    }
