"""One requirement as text: PEP 508 or a direct reference to a wheel; everything else is refused by name."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Pep508
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from envbuild.definition import Requirement
from envbuild.errors import Fault
from envbuild.formats.sourcefile import LONGEST
from envbuild.formats.urls import Address, address, redacted
from envbuild.indexurl import HostNotAscii

__all__ = ["BadSpec", "Spec", "checked_hashes", "read_constraint", "read_spec"]

_VCS = re.compile(r"(git|hg|svn|bzr)(\+|://|@)|ext::", re.IGNORECASE)
_URL = re.compile(r"[a-z][a-z0-9+.-]*://|file:", re.IGNORECASE)
_ARCHIVES = (".whl", ".zip", ".tar.gz", ".tgz", ".tar", ".tar.bz2", ".tbz", ".tar.xz", ".txz", ".tar.zst")
_HASH = re.compile(r"([a-z0-9_]+)[:=]([0-9a-fA-F]*)")
_AMBIENT = re.compile(r"\$\{[A-Z0-9_]+\}")
_AS_WHEEL = "build a wheel of it, and name that: `name @ https://.../name-1.0-py3-none-any.whl`"


class BadSpec(Exception):
    """A requirement is refused: what is wrong, and what to do; the reader adds the place."""

    def __init__(self, what: str, hint: str = "") -> None:
        self.what, self.hint = redacted(what), hint
        super().__init__(self.what)

    def fault(self, at: str) -> Fault:
        """The fault at this place."""
        return Fault(at, self.what, self.hint)


@dataclass(frozen=True, slots=True)
class Spec:
    """A requirement that holds up: its text without credentials and hash fragment, its parts, and what was taken out."""

    requirement: Requirement
    parsed: Pep508
    host: str = ""
    login: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What two requirements share that must agree: the normalized name, and the marker."""
        return canonicalize_name(self.parsed.name), str(self.parsed.marker or "")


def read_spec(text: str, hashes: Sequence[str] = ()) -> Spec:
    """The requirement that `text` (and its `--hash` options) means. BadSpec says why it is refused."""
    _refuse_unserved(text)
    allowed = checked_hashes(hashes)
    if _URL.match(text):
        text = _named_wheel(text)
    try:
        parsed = Pep508(text)
    except InvalidRequirement as error:
        raise _invalid(error) from None
    if parsed.url is None:
        return Spec(Requirement(text, allowed), parsed)
    _refuse_unserved(parsed.url)
    place = _direct(parsed.url)
    if place.fragment:
        allowed = _with_fragment(allowed, place.fragment)
    if place.scheme == "http" and not allowed:
        raise BadSpec(f"{parsed.name}: a plain http URL without a hash", "use https, or add --hash=sha256:...")
    marker = f" ; {parsed.marker}" if parsed.marker else ""
    extras = f"[{','.join(sorted(parsed.extras))}]" if parsed.extras else ""
    clean = f"{parsed.name}{extras} @ {place.url}{marker}"
    return Spec(Requirement(clean, allowed), Pep508(clean), place.host, place.login)


def read_constraint(text: str, hashes: Sequence[str] = ()) -> Spec:
    """A constraint: a name and a range of versions, nothing more (as pip's -c). BadSpec says why it is refused."""
    spec = read_spec(text, hashes)
    if spec.parsed.url is not None:
        raise BadSpec(f"a constraint cannot be a URL: {spec.parsed.name}", "name the URL in the requirements")
    if spec.parsed.extras:
        raise BadSpec(f"a constraint cannot have extras: {text}", "name the extras in the requirements")
    if spec.requirement.hashes:
        raise BadSpec("a constraint cannot have hashes", "put the line, with its hashes, in the requirements (-r)")
    return spec


def checked_hashes(hashes: Sequence[str]) -> tuple[str, ...]:
    """`sha256:<hex>` for each, in order. BadSpec names any other algorithm."""
    checked = []
    for text in hashes:
        found = _HASH.fullmatch(text.strip())
        if not found:
            raise BadSpec(f"not a hash: {text!r}", "write sha256:<64 hex digits>")
        if found[1] != "sha256":
            raise BadSpec(f"hash algorithm {found[1]} is not accepted", "use sha256: pip hash FILE prints it")
        if len(found[2]) != 64:
            raise BadSpec(f"not a sha256: {len(found[2])} hex digits where 64 are needed", "pip hash FILE prints it")
        checked.append(f"sha256:{found[2].lower()}")
    return tuple(checked)


def _refuse_unserved(text: str) -> None:
    if len(text) > LONGEST:
        raise BadSpec(f"a requirement of more than {LONGEST} characters: {text[:40]}...", "is this the right file?")
    if ambient := _AMBIENT.search(text):
        what = f"{ambient[0]} would come from the environment of whoever builds"
        raise BadSpec(what, "write the value itself; credentials belong in netrc or a keyring")
    if _VCS.match(text):
        raise BadSpec("source distributions and VCS references are not built yet", _AS_WHEEL)
    if _is_local(text):
        path = text.partition(";")[0].strip()
        what = f"a local path is not a package that another machine could find: {path}"
        raise BadSpec(what, "publish it to an index, or name a wheel by its https URL")


def _is_local(text: str) -> bool:
    """As pip decides it: a file URL, something with a slash or a leading dot, or an archive's name."""
    path = text.partition(";")[0].partition("[")[0].strip()
    if path.lower().startswith("file:"):
        return True
    if _URL.match(path) or " @ " in path or "@" in path.partition("/")[0]:
        return False
    return path.startswith((".", "~", "/")) or "/" in path or path.lower().endswith(_ARCHIVES)


def _named_wheel(text: str) -> str:
    """`name @ url` of a bare URL of a wheel."""
    url, _, marker = text.partition(" ;")
    place = _direct(url.strip())
    name, *_ = parse_wheel_filename(_file_name(place))
    return f"{name} @ {url.strip()}" + (f" ; {marker.strip()}" if marker else "")


def _direct(url: str) -> Address:
    try:
        place = address(url)
    except HostNotAscii as bad:
        raise BadSpec(bad.what, bad.hint) from None
    except ValueError:
        raise BadSpec("not a URL after the @", "write `name @ https://host/path/name-1.0-py3-none-any.whl`") from None
    if place.scheme not in ("http", "https"):
        raise BadSpec(f"URLs of scheme {place.scheme!r} are not served", "use https")
    if "?" in place.url:
        hint = "give the plain URL; a login goes before its host, or into .netrc"
        raise BadSpec("a URL with a query may carry a token, and would stand in the lock", hint)
    if not place.path.endswith(".whl"):
        raise BadSpec(f"source distributions are not built yet: {place.url}", _AS_WHEEL)
    try:
        parse_wheel_filename(_file_name(place))
    except InvalidWheelFilename:
        raise BadSpec(f"not a wheel's file name: {_file_name(place)}", "keep the name that the build gave it") from None
    return place


def _file_name(place: Address) -> str:
    return place.path.rpartition("/")[2].replace("%2B", "+").replace("%2b", "+")


def _with_fragment(allowed: tuple[str, ...], fragment: str) -> tuple[str, ...]:
    for part in fragment.split("&"):
        key, _, value = part.partition("=")
        if key == "egg":
            continue
        if key == "subdirectory":
            raise BadSpec("#subdirectory= is for sources, which are not built yet", _AS_WHEEL)
        allowed = (*allowed, *(h for h in checked_hashes([f"{key}={value}"]) if h not in allowed))
    return allowed


def _invalid(error: InvalidRequirement) -> BadSpec:
    """What packaging says, and its caret lines below."""
    first, _, excerpt = str(error).partition("\n")
    example = 'such as: numpy>=2, or pandas[excel]==2.2 ; python_version < "3.12"'
    return BadSpec(f"not a requirement (PEP 508): {first}" + (f"\n{excerpt}" if excerpt else ""), example)
