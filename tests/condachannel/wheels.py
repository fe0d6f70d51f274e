"""Wheels as conda packages: what conda-build makes of `pip install .` into an empty prefix."""

import base64
import configparser
import hashlib
import zipfile
from email.parser import BytesParser
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from condachannel import elf
from condachannel.cpython import LIBRARY, MINOR, TAG, bytecode
from condachannel.libraries import PACKAGE_OF, glibc_need, needs, stem
from condachannel.packages import PLACEHOLDER, CondaPackage, File, package

NAMES = {"tzdata": "python-tzdata"}
"""Where conda-forge's name is not the index's."""


def wheel_package(wheel: Path) -> CondaPackage:
    """The package of a wheel: noarch where the wheel is for any platform, else for this Python."""
    name, version, _, tags = parse_wheel_filename(wheel.name)
    pure = all(tag.platform == "any" for tag in tags)
    content = _Wheel(wheel, "site-packages" if pure else f"{LIBRARY}/site-packages", pure=pure)
    files = content.files()
    depends = content.depends(files)
    digest = hashlib.sha256(" ".join(depends).encode()).hexdigest()[:7]
    tag, noarch = (None, "python") if pure else (TAG.replace("cp", "py"), None)
    build = "pyhd8ed1ab_0" if pure else f"{tag}h{digest}_0"
    points = content.entry_points if pure else []
    return package(
        NAMES.get(name, name),
        str(version),
        build,
        files=files,
        depends=depends,
        noarch=noarch,
        entry_points=points,
        level=6,
    )


class _Wheel:
    """A wheel's members (PEP 427) at their places in a prefix."""

    def __init__(self, wheel: Path, site: str, *, pure: bool):
        with zipfile.ZipFile(wheel) as archive:
            members = {
                i.filename: (archive.read(i), i.external_attr >> 16) for i in archive.infolist() if not i.is_dir()
            }
        self.members = {path: found for path, found in members.items() if not _of_tests(path)}
        self.site, self.pure = site, pure
        self.info = next(path.partition("/")[0] for path in members if path.endswith(".dist-info/METADATA"))
        self.metadata = BytesParser().parsebytes(members[f"{self.info}/METADATA"][0])
        self.entry_points = self._entry_points()

    def files(self) -> dict[str, File]:
        files = {}
        for path, (content, mode) in self.members.items():
            if path != f"{self.info}/RECORD":
                placed, file = self._placed(path, content, 0o755 if mode & 0o111 else 0o644)
                files[placed] = file
        files |= {f"{self.site}/{self.info}/{name}": File(body) for name, body in _BY_PIP.items()}
        if not self.pure:
            files |= dict(bytecode((path, file.content) for path, file in files.items() if path.startswith(self.site)))
            files |= dict(map(_script, self.entry_points))
        files[f"{self.site}/{self.info}/RECORD"] = File(self._record(files))
        return files

    def depends(self, files: dict[str, File]) -> list[str]:
        wanted = [f"python {self.metadata['Requires-Python'] or '>=3.8'}".replace(" ,", ",").replace(", ", ",")]
        if not self.pure:
            upper = f"{MINOR.split('.')[0]}.{int(MINOR.split('.')[1]) + 1}"
            objects = [file.content for file in files.values() if elf.is_elf(file.content)]
            libraries = {PACKAGE_OF[stem(n)] for n in needs(objects) if stem(n) in ("libgcc_s", "libstdc++")}
            wanted = [f"python >={MINOR},<{upper}.0a0", f"python_abi {MINOR}.* *_{TAG}", glibc_need(objects)]
            wanted += sorted(libraries)
        for line in self.metadata.get_all("Requires-Dist", []):
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                name = canonicalize_name(requirement.name)
                wanted.append(f"{NAMES.get(name, name)} {requirement.specifier}".strip())
        return wanted

    def _placed(self, path: str, content: bytes, mode: int) -> tuple[str, File]:
        top, _, rest = path.partition("/")
        if not top.endswith(".data"):
            return f"{self.site}/{path}", File(content, mode)
        scheme, _, rest = rest.partition("/")
        if scheme == "scripts":
            folder = "python-scripts" if self.pure else "bin"
            if content.startswith(b"#!python"):
                _, _, body = content.partition(b"\n")
                content = f"#!{PLACEHOLDER}/bin/python".encode() + b"\n" + body
                return f"{folder}/{rest}", File(content, 0o755, "text")
            return f"{folder}/{rest}", File(content, 0o755)
        return {"data": rest, "headers": f"include/{rest}"}.get(scheme, f"{self.site}/{rest}"), File(content, mode)

    def _entry_points(self) -> list[str]:
        text = self.members.get(f"{self.info}/entry_points.txt", (b"", 0))[0].decode()
        parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read_string(text)
        sections = [s for s in ("console_scripts", "gui_scripts") if parser.has_section(s)]
        return [f"{name} = {target}" for section in sections for name, target in parser[section].items()]

    def _record(self, files: dict[str, File]) -> bytes:
        """RECORD names files from site-packages; an entry point of a noarch package is none of the package's files."""
        depth = "../" * (self.site.count("/") + 1)
        rows = []
        for path, file in sorted(files.items()):
            shown = path.removeprefix(f"{self.site}/") if path.startswith(self.site) else depth + path
            digest = base64.urlsafe_b64encode(hashlib.sha256(file.content).digest()).rstrip(b"=").decode()
            rows.append(f"{shown},sha256={digest},{len(file.content)}\n")
        return "".join([*rows, f"{self.info}/RECORD,,\n"]).encode()


_BY_PIP = {"INSTALLER": b"conda\n", "REQUESTED": b""}


def _of_tests(path: str) -> bool:
    """conda-forge gives the tests of large packages away as packages of their own."""
    return "/tests/" in path and "/testing/" not in path


def _script(line: str) -> tuple[str, File]:
    name, _, target = line.partition(" = ")
    module, _, attribute = target.partition(" ")[0].partition(":")
    text = (
        f"#!{PLACEHOLDER}/bin/python{MINOR}\nimport sys\nfrom {module} import {attribute.partition('.')[0]}\n\n"
        f'if __name__ == "__main__":\n    sys.exit({attribute}())\n'
    )
    return f"bin/{name}", File(text.encode(), 0o755, "text")
