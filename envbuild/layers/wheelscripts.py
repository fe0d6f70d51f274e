"""Programs that a wheel brings: entry points become launchers, `#!python` becomes the environment's interpreter.

The launchers are those of the `installer` library; this is the one door to it.
"""

import configparser
import re

from installer.scripts import Script
from installer.utils import parse_entrypoints

from envbuild.layers.wheelfault import bad_wheel

__all__ = ["check_script_name", "launchers", "placeholder", "with_interpreter"]

placeholder = b"#!python"
"""What the first line of a script begins with that is to run with the environment's interpreter."""

_INTERPRETERS = re.compile(r"(?:python|pythonw|pypy|graalpy|ipy|jython)[\d.]*(?:t|d|td|w)?(?:\.exe)?", re.IGNORECASE)
_UNSAFE = re.compile(r"[/\\\0-\x1f\x7f]|^\.{0,2}$|^\.wh\.")


def check_script_name(name: str) -> None:
    """IntegrityError for a program that would leave its folder or stand in for an interpreter."""
    if _UNSAFE.search(name) or len(name.encode()) > 255:
        raise bad_wheel(f"the wheel has a program named {name!r}, which is no file name")
    if _INTERPRETERS.fullmatch(name):
        raise bad_wheel(f"the wheel has a program named {name!r}, which would replace an interpreter")


def launchers(entry_points: bytes, interpreter: str) -> dict[str, bytes]:
    """Programs by name for the console and gui scripts of an entry_points.txt (PyPA, entry points specification)."""
    found: dict[str, bytes] = {}
    try:
        for name, module, attribute, section in parse_entrypoints(entry_points.decode()):
            check_script_name(name)
            if not all(part.isidentifier() for part in f"{module}.{attribute}".split(".")):
                raise bad_wheel(f"the entry point {name!r} names no object: {module}:{attribute}")
            content = Script(name, module, attribute, section).generate(interpreter, "posix")[1]
            if found.setdefault(name, content) != content:
                raise bad_wheel(f"the wheel has two programs named {name!r}")
    except (configparser.Error, UnicodeDecodeError, AssertionError, AttributeError) as error:
        raise bad_wheel(f"entry_points.txt cannot be read: {str(error) or 'an entry names no object'}") from None
    return found


def with_interpreter(script: bytes, interpreter: str) -> bytes:
    """A script that begins with `#!python`, its first line replaced."""
    return _first_lines(interpreter) + script.partition(b"\n")[2]


def _first_lines(interpreter: str) -> bytes:
    """What a launcher begins with: one line, or three for /bin/sh where the kernel would not take the path."""
    return Script("x", "x", "x", "console").generate(interpreter, "posix")[1].partition(b"# -*-")[0]
