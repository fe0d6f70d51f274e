"""`MatchSpec` (conda's CEP 29): a package by name, with what is asked of it, in one spelling that conda and rattler read.

The text is CEP 29's canonical form (its appendix A): `channel/subdir::name==1.26.4=build`, `name=1.26`,
`name[version='>=1,<2']`; what stands in brackets is sorted and in single quotes. Names are in small letters, a namespace is
left out, an asterisk that allows everything too. Builds, licences and file names keep their letters: conda and rattler do
not agree that case is nothing there. Where the specification and the programs differ (`name =1.26 build` is exact), it is
as conda and rattler read it; where these two differ, it is refused.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from envbuild.matchspec.channel import ANY_CHANNEL, SUBDIRS, Channel, channel
from envbuild.matchspec.ranges import Ranges, pin_of, range_text, ranges

__all__ = ["MatchSpec", "match_spec"]

_LONGEST = 2000
_NAME = re.compile(r"_{0,2}[a-z0-9][a-z0-9._-]{0,127}")
_PARTS = re.compile(r"(?P<name>[^\s=<>!~]*)(?P<rest>[\s=<>!~].*)?", re.DOTALL)
_BUILD = re.compile(r"(?P<version>.+?)(?<![=!|,<>~])[ =](?P<build>[^=,|<>~]+)")
_BUILD_FORM = re.compile(r"[A-Za-z0-9_.+*]+|\^[^'\"]*\$")
_FIELD = re.compile(r"""\s*([A-Za-z0-9_-]+)\s*=\s*(?:'([^'"]*)'|"([^'"]*)"|([^'",\s\]]+))\s*(?:,|$)""")
_SELECTOR = re.compile(r"\s#\s*\[[^\]]+\]$")
_COMMENT = re.compile(r"\s#.*")
_PACKAGE_URL = re.compile(
    r"(?P<channel>[a-z]+://\S+)/(?P<subdir>[^/]+)/(?P<fn>(?P<name>[^/]+)-(?P<version>[^/-]+)-(?P<build>[^/-]+)"
    r"(?:\.conda|\.tar\.bz2))(?:#(?:(?P<md5>[0-9a-fA-F]{32})|(?:sha256:)?(?P<sha256>[0-9a-fA-F]{64})))?",
    re.IGNORECASE,
)
_BY_URL = "a package's file is named by its whole URL in a channel: channel/platform/name-version-build.conda"
_HASHES = {"md5": 32, "sha256": 64}
_FIELDS = (
    "build",
    "build_number",
    "channel",
    "fn",
    "license",
    "license_family",
    "md5",
    "sha256",
    "subdir",
    "url",
    "version",
)
_NUMBER = re.compile(r"(==|>=|<=|!=|>|<|=|)\s*([0-9]+)")


@dataclass(frozen=True, slots=True)
class MatchSpec:
    """One package, and what is asked of it. `str` gives the one spelling."""

    name: str
    versions: Ranges = ()
    build: str = ""
    channel: Channel = ANY_CHANNEL
    """Its name is empty where any channel may give the package; its subdir where any platform's folder may."""
    fields: tuple[tuple[str, str], ...] = ()
    """Other fields of a package's record, sorted: build_number, fn, license, license_family, md5, sha256."""

    def __str__(self) -> str:
        pin, inside = pin_of(self.versions), dict(self.fields)
        where = f"{self.channel}::" if self.channel.name else ""
        if self.channel.subdir and not self.channel.name:
            inside["subdir"] = self.channel.subdir
        version = pin if pin.startswith("=") else f"={pin[:-2]}" if pin else ""
        if self.versions and not pin:
            inside["version"] = range_text(self.versions)
        if self.build and pin.startswith("==") and _is_word(self.build):
            version += f"={self.build}"
        elif self.build:
            inside["build"] = self.build
        more = ",".join(f"{key}='{value}'" for key, value in sorted(inside.items()))
        return f"{where}{self.name}{version}" + (f"[{more}]" if more else "")

    @property
    def is_exact(self) -> bool:
        """Whether it names one file: its version and build, or its hash."""
        given = dict(self.fields)
        exact = pin_of(self.versions).startswith("==") and bool(self.build) and _is_word(self.build)
        return exact or "sha256" in given or "md5" in given


@lru_cache(maxsize=8192)
def match_spec(text: str) -> MatchSpec:
    """What a spec's text means. ValueError says what is wrong with it, without credentials."""
    if len(text) > _LONGEST:
        raise ValueError(f"more than {_LONGEST} characters")
    plain = " ".join(text.split())
    if _SELECTOR.search(plain):
        raise ValueError("a selector is a comment here: conda-build alone reads it")
    plain = _COMMENT.sub("", plain).strip()
    _refuse(plain)
    if found := _PACKAGE_URL.fullmatch(plain):
        return _of_url(found)
    if re.match(r"[a-z]+://[^:]*$", plain, re.IGNORECASE):
        raise ValueError(_BY_URL)
    head, fields = _bracketed(plain)
    where, name, rest = _positions(head)
    version, build = _version_and_build(rest)
    given = {key: value for key, value in (("version", version), ("build", build)) if value}
    for key, value in fields.items():
        if key == "name" and value.lower() != name:
            raise ValueError(f"two names: {name} and, in brackets, {value}")
        if key in given and _one_form(key, given[key]) != _one_form(key, value):
            raise ValueError(f"the {key} is given twice: {given[key]} and, in brackets, {value}")
    given |= fields
    place = _place(where, given.pop("channel", ""), given.pop("subdir", ""))
    url = given.pop("url", "")
    more = {
        key: _field(key, value) for key, value in given.items() if key not in ("version", "build", "name", "namespace")
    }
    spec = MatchSpec(
        name, ranges(given.get("version", "*")), _build(given.get("build", "")), place, tuple(sorted(more.items()))
    )
    return _at(spec, url) if url else spec


def _refuse(text: str) -> None:
    if not text.isascii():
        raise ValueError("only ASCII letters have a place in it")
    if text.startswith("-"):
        raise ValueError("an option has no place among conda's packages")
    if " @ " in text or re.match(r"[\w.-]+@\w+(\+\w+)?://", text):
        raise ValueError("this is pip's form: it belongs below `- pip:`")
    if re.search(r"\sif\s|;", text):
        raise ValueError("conditions are not served: name the package where it is needed")


def _of_url(found: re.Match[str]) -> MatchSpec:
    """A package's file in a channel: CEP 29, appendix C."""
    if found["subdir"] not in SUBDIRS:
        raise ValueError(f"the file stands in no channel: {found['subdir']!r} is no platform's folder")
    place = Channel(channel(found["channel"]).name, found["subdir"])
    hashes = {key: _field(key, value) for key in _HASHES if (value := found[key])}
    fields = tuple(sorted({"fn": found["fn"], **hashes}.items()))
    return MatchSpec(_name(found["name"]), ranges(f"=={found['version']}"), _build(found["build"]), place, fields)


def _at(spec: MatchSpec, url: str) -> MatchSpec:
    """A spec with `url=` is the file at that URL, where nothing else that it says differs."""
    found = _PACKAGE_URL.fullmatch(url)
    if found is None:
        raise ValueError("url: no package's file in a channel")
    file = _of_url(found)
    fields = dict(file.fields) | dict(spec.fields)
    agrees = (
        spec.name == file.name
        and spec.versions in ((), file.versions)
        and spec.build in ("", file.build)
        and spec.channel.name in ("", file.channel.name)
        and spec.channel.subdir in ("", file.channel.subdir)
        and fields == dict(spec.fields) | dict(file.fields)
    )
    if not agrees:
        raise ValueError("url: names another package's file")
    return MatchSpec(file.name, file.versions, file.build, file.channel, tuple(sorted(fields.items())))


def _bracketed(text: str) -> tuple[str, dict[str, str]]:
    """What stands before the brackets, and the fields in them."""
    start = text.find("[")
    if start < 0:
        return text, {}
    head, body = text[:start], text[start + 1 :].strip()
    if not body.endswith("]"):
        raise ValueError("brackets that are not closed, or something behind them")
    inside, at, fields = body[:-1], 0, dict[str, str]()
    while inside[at:].strip():
        found = _FIELD.match(inside, at)
        if found is None:
            raise ValueError("what stands in brackets is no list of `key='value'` (extras are pip's: below `pip:`)")
        key, at = found[1], found.end()
        value = next(group for group in found.groups()[1:] if group is not None).strip()
        if key not in _FIELDS and key not in ("name", "namespace"):
            raise ValueError(f"{key}: not served in brackets: {', '.join(_FIELDS)} are")
        if fields.setdefault(key, value) != value:
            raise ValueError(f"{key}: given twice in brackets")
        if not value:
            raise ValueError(f"{key}: nothing stands behind the =")
    return head, fields


def _positions(head: str) -> tuple[str, str, str]:
    """Channel, name, and what stands behind the name. A namespace is left out (CEP 29)."""
    before, _, spec = head.strip().rpartition(":")
    where, _, namespace = before.rpartition(":")
    if before and not re.fullmatch(r"[A-Za-z0-9_-]*", namespace):
        raise ValueError("a channel stands before two colons: `channel::name`")
    found = _PARTS.fullmatch(spec.strip())
    name = found["name"] if found else ""
    return where, _name(name), ((found["rest"] if found else "") or "").strip()


def _name(text: str) -> str:
    if text == "*" or (text and "*" in text):
        raise ValueError("a package's name is needed, without an asterisk")
    if text.lower().endswith((".conda", ".tar.bz2")):
        raise ValueError(_BY_URL)
    if not _NAME.fullmatch(text.lower()):
        raise ValueError("this is no conda package")
    return text.lower()


def _version_and_build(rest: str) -> tuple[str, str]:
    """The version's expression and the build in `==1.26 py311_0` and the like, with the meaning of `=` made plain."""
    if not rest:
        return "", ""
    if "(" in rest:
        raise ValueError("conda leaves out what stands in parentheses here: write name[version='(...)']")
    found = _BUILD.fullmatch(rest)
    version, build = (found["version"], found["build"]) if found else (rest, "")
    if build.startswith(" ") or (build and version.endswith(" ")):
        raise ValueError("white space and = between version and build: write one of the two")
    version = "".join(version.split())
    if not version.strip("=<>!~"):
        raise ValueError("no version stands behind the sign")
    if build and version.startswith("==") and version.endswith("*") and version != "==*":
        start = version.strip("=*").rstrip(".")
        raise ValueError(f"`=={start}.*` before a build is read as =={start}: write ={start}.*={build}")
    if re.search(r"[,|()]", version):
        return version, build
    if version.endswith("*"):
        return version.lstrip("="), build
    # With a build behind it, `=1.26` is the version itself.
    one = build and version.startswith("=") and not version.startswith("==")
    return f"={version}" if one else version, build


def _one_form(key: str, value: str) -> object:
    return ranges(value) if key == "version" else _build(value)


def _build(text: str) -> str:
    if text and not _BUILD_FORM.fullmatch(text):
        raise ValueError(f"{text!r} is no build: letters, digits, _ . + and an asterisk are")
    return "" if not text.strip("*") else text


def _place(where: str, named: str, subdir: str) -> Channel:
    """The channel before the name and the one in brackets, which counts more but may not differ."""
    found = [_any_channel(text) for text in (where, named) if text]
    names = {one.name for one in found} - {""}
    subdirs = {one.subdir for one in found} | {subdir.lower()}
    subdirs -= {"", "*"}
    if len(names) > 1 or len(subdirs) > 1:
        raise ValueError("two channels or platforms for one package")
    if subdirs - SUBDIRS:
        raise ValueError(f"{subdir!r} is no platform of conda's")
    return Channel("".join(names), "".join(subdirs))


def _any_channel(text: str) -> Channel:
    """A channel; nothing where it is `*`."""
    name, _, subdir = text.partition("/")
    return channel(text) if name != "*" else Channel("", subdir)


def _field(key: str, value: str) -> str:
    if key in _HASHES:
        if not re.fullmatch(rf"[0-9a-fA-F]{{{_HASHES[key]}}}", value):
            raise ValueError(f"{key}: {_HASHES[key]} hex digits are needed")
        return value.lower()
    if key == "build_number":
        if not (found := _NUMBER.fullmatch(value)):
            raise ValueError(f"build_number: {value!r} is no number, and no sign and a number")
        sign = "" if found[1] in ("=", "==") else found[1]
        return f"{sign}{int(found[2])}"
    return value


def _is_word(build: str) -> bool:
    return not re.search(r"[*^$]", build)
