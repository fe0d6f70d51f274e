"""The interpreter that runs the tests as the conda package `python`, with what stands around it on conda-forge."""

import hashlib
import importlib.util
import marshal
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from condachannel import elf
from condachannel.libraries import PACKAGE_OF, found, glibc_need, needs, stem
from condachannel.packages import PLACEHOLDER, TIMESTAMP, CondaPackage, File, package

VERSION = platform.python_version()
MINOR = ".".join(VERSION.split(".")[:2])
TAG = f"cp{MINOR.replace('.', '')}"
LIBRARY = f"lib/python{MINOR}"
_LEFT_OUT = re.compile(
    r"(test|tests|ensurepip|idlelib|tkinter|turtledemo|site-packages|dist-packages|__pycache__|config-.*)"
    r"|.*/(tests?|idle_test)|lib-dynload/(_test|_tkinter|_xx|xx).*|EXTERNALLY-MANAGED|.*\.(pyc|a)"
)


class NoInterpreter(Exception):
    """This interpreter cannot be made a package; the text says why."""


def cpython_package() -> tuple[CondaPackage, dict[str, Path]]:
    """The package, and where the machine has the libraries that it needs. NoInterpreter where it cannot start elsewhere.

    The program finds its library and its modules from its own place; the prefix that it was compiled with stays in it as a
    string that is never used. Text that holds that prefix holds a placeholder.
    """
    base = Path(sys.base_prefix)
    modules = {p.relative_to(base).as_posix(): p for p in sorted((base / LIBRARY).rglob("*")) if _kept(base, p)}
    programs = {f"bin/python{MINOR}": base / f"bin/python{MINOR}"}
    programs |= {f"lib/{p.name}": p for p in (base / "lib").glob("libpython*.so*") if not p.is_symlink()}
    objects = programs | {path: p for path, p in modules.items() if p.suffix == ".so"}
    places = found(objects.values())
    files = {path: File(p.read_bytes(), 0o644) for path, p in modules.items() if path not in objects}
    files = {path: _with_placeholder(base, path, file) for path, file in files.items()}
    files |= _objects(objects)
    files |= dict(_bytecode(files))
    files |= {f"bin/{name}": File(link=f"python{MINOR}") for name in ("python", "python3")}
    files |= {f"{LIBRARY}/site-packages/README.txt": File(b"Packages of this environment.\n")} | _scripts(base)
    return _package(files), places


def python_abi_package() -> CondaPackage:
    """The marker that platform packages pin."""
    return package("python_abi", MINOR, f"8_{TAG}", noarch="generic", constrains=[f"python {MINOR}.* *_cpython"])


def _kept(base: Path, path: Path) -> bool:
    relative = path.relative_to(base / LIBRARY)
    names = [relative.as_posix(), *(p.as_posix() for p in relative.parents)]
    return (
        path.is_file() and not any(_LEFT_OUT.fullmatch(name) for name in names) and "__pycache__" not in relative.parts
    )


def _objects(objects: dict[str, Path]) -> dict[str, File]:
    """Programs and modules that find their libraries in the prefix. A module whose library no package has is left out."""
    made = {}
    for path, place in objects.items():
        content = _stripped(place)
        missing = {n for n in needs([content]) if stem(n) not in PACKAGE_OF and not n.startswith("libpython")}
        if missing and path.endswith(".so"):
            continue
        up = "../.." if "lib-dynload" in path else "../lib"
        moved = elf.with_library_path(content, f"$ORIGIN/{up}")
        if moved is None and needs([content]) and path.startswith("bin/"):
            raise NoInterpreter(f"{place} needs libraries and has no library path that can be set")
        made[path] = File(moved or content, 0o755)
    return made


def _stripped(place: Path) -> bytes:
    """Without symbols for debuggers, as build tools leave it, where the machine has `strip`."""
    strip = shutil.which("strip")
    if not strip:
        return place.read_bytes()
    with tempfile.NamedTemporaryFile() as made:
        subprocess.run([strip, "--strip-unneeded", "-o", made.name, str(place)], check=True)
        return Path(made.name).read_bytes()


def _with_placeholder(base: Path, path: str, file: File) -> File:
    """Only the build's own variables hold the prefix on purpose; elsewhere the words may be anything, as `/usr` is."""
    if not Path(path).name.startswith("_sysconfigdata"):
        return file
    return File(file.content.replace(str(base).encode(), PLACEHOLDER.encode()), file.mode, "text")


def _scripts(base: Path) -> dict[str, File]:
    """Scripts of the interpreter itself: their first line names it."""
    found = {}
    for name in (f"pydoc{MINOR}", f"2to3-{MINOR}"):
        if (base / "bin" / name).is_file():
            _, _, rest = (base / "bin" / name).read_bytes().partition(b"\n")
            first = f"#!{PLACEHOLDER}/bin/python{MINOR}\n".encode()
            found[f"bin/{name}"] = File(first + rest, 0o755, "text")
    return found


def _bytecode(files: dict[str, File]) -> Iterable[tuple[str, File]]:
    """Bytecode beside each module, as conda-build leaves it: valid by the time of the source in the package."""
    return bytecode((path, file.content) for path, file in files.items() if file.placeholder is None)


def bytecode(sources: Iterable[tuple[str, bytes]]) -> Iterable[tuple[str, File]]:
    """`__pycache__` files (PEP 3147) for these modules; a source that this Python cannot compile has none."""
    for path, content in sources:
        if not path.endswith(".py"):
            continue
        try:
            code = compile(content, path, "exec", dont_inherit=True, optimize=0)
        except (SyntaxError, ValueError):
            continue
        head = importlib.util.MAGIC_NUMBER + bytes(4) + (TIMESTAMP // 1000).to_bytes(4, "little")
        made = head + (len(content) & 0xFFFFFFFF).to_bytes(4, "little") + marshal.dumps(code)
        folder, _, name = path.rpartition("/")
        yield f"{folder}/__pycache__/{name[:-3]}.{sys.implementation.cache_tag}.pyc", File(made)


def _package(files: dict[str, File]) -> CondaPackage:
    contents = [file.content for file in files.values() if elf.is_elf(file.content)]
    names = sorted({PACKAGE_OF[stem(name)] for name in needs(contents) if stem(name) in PACKAGE_OF})
    depends = [glibc_need(contents), *names]
    digest = hashlib.sha256(" ".join(depends).encode()).hexdigest()[:7]
    more = {"python_site_packages_path": f"{LIBRARY}/site-packages", "license": "Python-2.0"}
    constrains = [f"python_abi {MINOR}.* *_{TAG}"]
    return package(
        "python", VERSION, f"h{digest}_0_cpython", files=files, depends=depends, constrains=constrains, level=6, **more
    )
