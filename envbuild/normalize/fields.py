"""`Fields`: makes one field of a definition normal at a time, and collects what is wrong with its field path."""

import posixpath
import re
import unicodedata
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from packaging.utils import canonicalize_name

from envbuild.definition import (
    Base,
    Context,
    CopyStep,
    DebianBase,
    DockerfileBase,
    ImageBase,
    Index,
    Project,
    Requirement,
)
from envbuild.errors import Fault
from envbuild.indexurl import HostNotAscii, holds_token, index_url, is_pypi
from envbuild.normalize.imagebases import image_base
from envbuild.normalize.requirements import merged
from envbuild.reference import holds_login

__all__ = ["Fields", "nfc"]

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}")
_SYSTEM = re.compile(r"([a-z0-9][a-z0-9+.-]+)(?:=([A-Za-z0-9.+:~-]+))?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PYTHON = re.compile(r"[1-9][0-9]*(\.(0|[1-9][0-9]*)){1,2}((a|b|rc)[0-9]+)?")
_ACCELERATOR = re.compile(r"cpu|xpu|cu[0-9]+|rocm[0-9]+(\.[0-9]+)*")
_TAG = re.compile(r"[^\0\n]+")
_VIRTUAL = re.compile(r"__[a-z0-9_]+")
_ARCHSPEC = "__archspec"
"""The one whose value is a build (conda documentation, "Managing virtual packages"): its version is always 1."""
_VIRTUAL_VALUE = re.compile(r"(?=.*[0-9])[0-9A-Za-z_.!+]+")
_MICROARCHITECTURE = re.compile(r"[0-9A-Za-z_]+")
_USER = re.compile(r"([A-Za-z_][A-Za-z0-9_.-]*|[0-9]+)(:([A-Za-z_][A-Za-z0-9_.-]*|[0-9]+))?")
_SUITE = re.compile(r"[a-z][a-z0-9-]*")
_STAGE = re.compile(r"[a-z][a-z0-9_.-]*|[0-9]+")
_PROGRAM = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
_PROXIES = frozenset({"all_proxy", "ftp_proxy", "http_proxy", "https_proxy", "no_proxy"})
"""Arguments that every Dockerfile has (Docker documentation, "Predefined ARGs"); an address there may hold a password."""


def nfc(text: str) -> str:
    """The text in Unicode's composed form (UAX 15), so that what looks the same is the same."""
    return unicodedata.normalize("NFC", text)


class Fields:
    """Makes one field normal at a time, and collects what is wrong."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def fault(self, at: str, what: str, hint: str = "") -> None:
        """Note what is wrong at a field."""
        self.faults.append(Fault(at, what, hint))

    def form(self, at: str, value: str, rule: re.Pattern[str], words: str) -> str:
        """A value that is empty or matches its rule."""
        if value and not rule.fullmatch(value):
            self.fault(at, f"{value!r} is not accepted", f"it must be {words}")
        return value

    def name(self, value: str) -> str:
        """A definition's name."""
        rule = "1 to 128 of a-z 0-9 . _ -, the first a letter or digit"
        return self.form("name", nfc(value), _NAME, f"{rule} ({_NAME.pattern})")

    def accelerator(self, value: str) -> str:
        """An accelerator, never `auto`: that would ask the machine."""
        return self.form("accelerator", value, _ACCELERATOR, "cpu, xpu, cu128, rocm6.3 and the like")

    def user(self, value: str) -> str:
        """An image's user, and its group."""
        return self.form("user", value, _USER, "a name or number, or two with a colon: envbuild, 1000:1000")

    def tags(self, pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """Tags, sorted."""
        return self.pairs("tags", [(nfc(key), nfc(value)) for key, value in pairs], _TAG)

    def variables(self, pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """Environment variables, sorted by name, values as they are."""
        return self.pairs("variables", pairs, _VARIABLE)

    def virtual_packages(self, pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """Conda's virtual packages, sorted: each with its version, `__archspec` with its build."""
        found = self.pairs("virtual-packages", pairs, _VIRTUAL)
        for name, value in found:
            at = f"virtual-packages.{name}"
            if name == _ARCHSPEC and not _MICROARCHITECTURE.fullmatch(value):
                self.fault(at, f"{value!r} is not accepted", "the microarchitecture's name: x86_64_v3")
            elif name != _ARCHSPEC and not _VIRTUAL_VALUE.fullmatch(value):
                self.fault(at, f"{value!r} is not accepted", 'a version: "12.4"')
        return found

    def channel_priority(self, value: str) -> str:
        """Which of several channels may give a package."""
        if value not in ("strict", "disabled"):
            hint = "strict: the first that has it; disabled: any of them; conda's flexible is neither, and not served"
            self.fault("channel-priority", f"{value!r} is not accepted", hint)
        return value

    def python(self, value: str) -> str:
        """A minor version: `3.11`, or one of its releases: `3.11.9`."""
        if value and not _PYTHON.fullmatch(value):
            self.fault("python", f"{value!r} is no Python version", 'write python = "3.11", or a release: "3.11.9"')
        return value

    def base(self, base: Base) -> Base:
        """A base whose words can be meant."""
        if isinstance(base, DebianBase):
            self.form("base.debian", base.suite or "?", _SUITE, "a suite's code name, such as bookworm")
        elif isinstance(base, ImageBase):
            return self.image(base)
        else:
            return self.dockerfile(base)
        return base

    def image(self, base: ImageBase) -> Base:
        """An image by its reference in full."""
        at = "base.image"
        if holds_login(base.reference):
            self.fault(at, "holds a login", "leave it out: envbuild login HOST keeps it")
            return base
        try:
            return image_base(base.reference)
        except ValueError:
            hint = "NAME@sha256:..., or NAME:TAG: registry.example/team/base:1"
            self.fault(at, f"{base.reference!r} is not accepted: it is no image's reference", hint)
            return base

    def dockerfile(self, base: DockerfileBase) -> DockerfileBase:
        """A Dockerfile: its text byte for byte, its arguments sorted, its target in lower case (Docker compares it so)."""
        at = "base.arguments"
        for name, _ in base.arguments:
            if name.lower() in _PROXIES:
                self.fault(
                    f"{at}.{name}", "a proxy is the machine's, not the definition's", "leave it out: it is a setting"
                )
        if not base.dockerfile and not base.path:
            self.fault("base.dockerfile", "is empty", "name a Dockerfile, or write its text")
        context = base.context
        return DockerfileBase(
            dockerfile=self.text("base.dockerfile", base.dockerfile),
            context=context and Context(self.place("base.context", context.folder, context.digest), context.digest),
            arguments=self.pairs(at, base.arguments, _VARIABLE),
            target=self.form("base.target", base.target.lower(), _STAGE, "the name or number of a stage"),
            path=self.place("base.dockerfile", base.path, base.dockerfile) if base.path else "",
        )

    def pairs(self, at: str, pairs: Iterable[tuple[str, str]], rule: re.Pattern[str]) -> tuple[tuple[str, str], ...]:
        """Names that match a rule, each once, with values that a program can be given."""
        found: dict[str, str] = {}
        for key, value in pairs:
            if not rule.fullmatch(key):
                self.fault(f"{at}.{key}", f"{key!r} is not accepted as a name", f"names are {rule.pattern}")
            elif found.setdefault(key, value) != value:
                self.fault(f"{at}.{key}", "is given twice, with different values", "keep one")
            self.text(f"{at}.{key}", value)
        return tuple(sorted(found.items()))

    def text(self, at: str, value: str) -> str:
        """A value, untouched; NUL and lone surrogates are faults."""
        if "\0" in value:
            self.fault(at, f"holds a NUL character, at {value.index(chr(0))}", "no program could be given it")
        elif not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
            self.fault(at, "holds half a surrogate pair, which has no UTF-8 form", "write the character itself")
        return value

    def words(self, at: str, words: Sequence[str]) -> tuple[str, ...]:
        """The words of commands, in order."""
        if words and not words[0].strip():
            self.fault(f"{at}[0]", "is empty", "name a program")
        return tuple(self.text(f"{at}[{number}]", word) for number, word in enumerate(words))

    def folder(self, at: str, value: str) -> str:
        """An absolute path in the image, or nothing."""
        if not value:
            return value
        if not value.startswith("/") or ".." in value.split("/") or "\n" in value:
            self.fault(at, f"{value!r} is not accepted", "write an absolute path without .., such as /work")
        return self.text(at, "/" + posixpath.normpath(value).lstrip("/"))

    def inside(self, at: str, value: str) -> str:
        """A path that stays below the definition's folder."""
        path = posixpath.normpath(value) if value else ""
        if not path or path.startswith(("/", "~", "../")) or path == "..":
            self.fault(at, f"{value!r} lies outside the project", "name a path relative to this file's folder")
        return self.text(at, path)

    def place(self, at: str, value: str, content: str) -> str:
        """Where content is from: below the definition's folder, but for a value that was read from wherever it was."""
        return self.text(at, posixpath.normpath(value)) if content else self.inside(at, value)

    def copy(self, number: int, step: CopyStep) -> CopyStep:
        """One copy step."""
        target = self.folder(f"copy[{number}].to", step.target)
        if not target:
            self.fault(f"copy[{number}].to", "is empty", "write an absolute path without .., such as /opt/app")
        return CopyStep(self.place(f"copy[{number}].from", step.source, step.digest), target, step.digest)

    def project(self, project: Project | None) -> Project | None:
        """The folder of the project that is installed."""
        return project and Project(self.place("project", project.path, project.digest), project.digest)

    def interpreter(self, value: str) -> str:
        """A program on the base image's PATH, or its path there; `python` is what is meant where nothing is said."""
        if value == "python":
            return ""
        if "/" in value:
            return self.folder("interpreter", value)
        return self.form("interpreter", value, _PROGRAM, "a program such as python3, or an absolute path")

    def system(self, packages: Iterable[str]) -> tuple[str, ...]:
        """Debian packages: only what the allow-list of characters has, so that none can be an option or a command."""
        found: dict[str, str] = {}
        for number, package in enumerate(packages):
            form = _SYSTEM.fullmatch(package)
            if not form:
                rule = "a Debian package name (a-z 0-9 + - .), or name=version"
                self.fault(f"system[{number}]", f"{package!r} is not accepted", f"it must be {rule}")
            elif found.get(form[1]) and form[2] and found[form[1]] != form[2]:
                self.fault(f"system[{number}]", f"{form[1]} is given with two versions", "keep one")
            else:
                found[form[1]] = form[2] or found.get(form[1], "")
        return tuple(sorted(name + (f"={version}" if version else "") for name, version in found.items()))

    def indexes(self, indexes: Sequence[Index]) -> tuple[Index, ...]:
        """In order, with `pypi` written out as the last where it is not named; nothing where only `pypi` is meant."""
        normal: list[Index] = []
        owners: dict[str, str] = {}
        names: set[str] = set()
        places: dict[str, str] = {}
        for number, index in enumerate(indexes):
            at = f"index[{number}]"
            if index.name in names:
                self.fault(f"{at}.name", f"a second index named {index.name!r}", "names are for one index each")
            self.form(f"{at}.name", index.name or "?", _NAME, f"lower-case: {_NAME.pattern}")
            packages = tuple(sorted({canonicalize_name(package) for package in index.packages}))
            for package in packages:
                if owners.setdefault(package, index.name) != index.name:
                    self.fault(f"{at}.packages", f"{package} is pinned to two indexes", "keep one")
            if index.explicit and not packages:
                self.fault(f"{at}.packages", "an explicit index gives only packages pinned to it", "name them here")
            url = self.url(f"{at}.url", index)
            names.add(index.name)
            if url and (twin := places.setdefault(url, index.name)) != index.name:
                hint = "keep one, with the packages of both"
                self.fault(f"{at}.url", f"the address of the index {twin!r} too: one index has one name", hint)
            normal.append(Index(index.name, url, index.explicit, packages))
        if normal and "pypi" not in names:
            normal.append(Index("pypi"))
        return () if normal == [Index("pypi")] else tuple(normal)

    def url(self, at: str, index: Index) -> str:
        """An index's URL in its one spelling; nothing for PyPI's own."""
        if not index.url:
            if index.name != "pypi":
                self.fault(at, "an index needs a url", "only pypi has one of its own")
            return ""
        try:
            url = index_url(index.url)
            scheme, place, _, query, _ = urlsplit(url)
        except HostNotAscii as bad:
            self.fault(at, bad.what, bad.hint)
            return ""
        except ValueError:
            url = scheme = place = query = ""
        if scheme not in ("http", "https", "file") or not (place or scheme == "file"):
            self.fault(at, "not a URL that an index can have", "write https://host/path/simple")
        if "@" in place:
            self.fault(at, "holds credentials", "leave them out; netrc or a keyring serve them")
        if query:
            hint = "give the plain URL; a login: envbuild login URL, or .netrc"
            self.fault(at, "a URL with a query may carry a token, and would stand in the lock", hint)
        if holds_token(url):
            setting = f"ENVBUILD_INDEX_{index.name.upper().replace('-', '_')}"
            hint = f"write the URL without it, and say on the machine where it is served: {setting}=URL"
            self.fault(at, "the path holds a token, and would stand in the lock", hint)
        if is_pypi(url) and index.name != "pypi":
            self.fault(at, "the address of pypi itself: one index has one name", 'write name = "pypi", without a url')
        return "" if is_pypi(url) else url

    def requirements(self, at: str, requirements: Iterable[Requirement]) -> tuple[Requirement, ...]:
        """One for each name and marker; those that cannot hold together are faults."""
        found, faults = merged(requirements)
        for number, bad in faults:
            self.fault(f"{at}[{number}]", bad.what, bad.hint)
        return found
