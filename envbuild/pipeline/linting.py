"""What is likely to hurt in a definition that is valid: each finding with a code, its field and a remedy."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlsplit

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envbuild.definition import Definition, ImageBase
from envbuild.formats.condaspecs import names_a_version, spec_name
from envbuild.reference import Reference

__all__ = ["RULES", "Finding", "lint"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One finding. `field` is a key of the definition, `item` the text in it that is meant."""

    code: str
    field: str
    item: str
    what: str
    remedy: str


_END_OF_LIFE = {
    "3.7": date(2023, 6, 27),
    "3.8": date(2024, 10, 7),
    "3.9": date(2025, 10, 31),
    "3.10": date(2026, 10, 31),
    "3.11": date(2027, 10, 31),
    "3.12": date(2028, 10, 31),
    "3.13": date(2029, 10, 31),
}
"""Python Developer's Guide, "Status of Python versions"; the last day of the month where no day is named."""

_SECRET_NAME = re.compile(
    r"(?i)(^|_)(password|passwd|pwd|secret|token|api_?key|access_?key|private_?key|credentials?)($|_)"
)
_SECRET_VALUE = re.compile(
    r"(?x) gh[pousr]_[A-Za-z0-9]{30,} | github_pat_[A-Za-z0-9_]{30,} | glpat-[A-Za-z0-9_-]{20,} | (?:AKIA|ASIA)[A-Z0-9]{16}"
    r" | xox[abprs]-[A-Za-z0-9-]{10,} | hf_[A-Za-z0-9]{30,} | pypi-[A-Za-z0-9_-]{50,} | -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----"
    r" | AccountKey=[A-Za-z0-9+/=]{40,} | [a-z][a-z0-9+.-]*://[^/\s:@]+:[^/\s:@]+@"
)
_LOGIN = "envbuild login URL, or .netrc: whoever may read the file has the password"


def lint(definition: Definition, *, locked: bool, today: date, login_hosts: Iterable[str] = ()) -> tuple[Finding, ...]:
    """All findings of a normalized definition, by code.

    `locked`: exact versions are kept in a lock file; `login_hosts`: those whose login stands in the file.
    """
    findings = [finding for rule in RULES for finding in rule(definition)]
    findings += _end_of_life(definition, today)
    if not locked:
        findings += _unpinned(definition)
    findings += [
        Finding(code="EB109", field="login", item=host, what="its password stands in the file", remedy=_LOGIN)
        for host in login_hosts
    ]
    return tuple(sorted(findings, key=lambda found: (found.code, found.field, found.item)))


def _unpinned(d: Definition) -> Iterator[Finding]:
    """EB101: without a lock, tomorrow's build of the same file is another environment."""
    remedy = "keep the exact versions: envbuild lock SPEC"
    for requirement in d.pypi:
        parsed = Requirement(requirement.text)
        exact = any(s.operator in ("==", "===") and not s.version.endswith(".*") for s in parsed.specifier)
        if not exact and not parsed.url:
            yield Finding(
                code="EB101",
                field="pypi",
                item=requirement.text,
                what="no exact version, and no lock file",
                remedy=remedy,
            )
    for spec in d.conda:
        if not names_a_version(spec) and spec_name(spec) != "pip":
            yield Finding(
                code="EB101", field="conda", item=spec, what="no exact version, and no lock file", remedy=remedy
            )


def _floating_base(d: Definition) -> Iterator[Finding]:
    """EB102: the tag of a base image may be another image tomorrow."""
    if not isinstance(d.base, ImageBase):
        return
    try:
        reference = Reference.parse(d.base.reference)
    except ValueError:
        return
    if not reference.digest:
        what = f"the tag {reference.tag or 'latest'} may be another image tomorrow"
        yield Finding(
            code="EB102", field="base", item=d.base.reference, what=what, remedy="name its digest: IMAGE@sha256:..."
        )


def _secrets(d: Definition) -> Iterator[Finding]:
    """EB103: a variable is in the image for everybody who can pull it."""
    for name, value in d.variables:
        if value and (_SECRET_NAME.search(name) or _SECRET_VALUE.search(value)):
            what = "looks like a secret, and would be in the image for everybody who can pull it"
            yield Finding(
                code="EB103", field="variables", item=name, what=what, remedy="give it to the run, not to the image"
            )


def _two_sources(d: Definition) -> Iterator[Finding]:
    """EB104: conda and an index both install into the same folder, and the last one wins."""
    conda = {canonicalize_name(spec_name(spec)) for spec in d.conda}
    for requirement in d.pypi:
        if canonicalize_name(Requirement(requirement.text).name) in conda:
            what = "is asked of conda and of an index: one would overwrite the other"
            yield Finding(code="EB104", field="pypi", item=requirement.text, what=what, remedy="keep one of them")


def _index_order(d: Definition) -> Iterator[Finding]:
    """EB105: whoever may publish on the index that is asked first can stand in for any package of the others."""
    open_indexes = [index for index in d.indexes if not index.explicit]
    for index in open_indexes[:-1]:
        what = (
            f"is asked for every package before {open_indexes[-1].name}: whoever may publish there can stand in for any"
        )
        remedy = "explicit = true, and packages = [...] that it gives"
        yield Finding(code="EB105", field="index", item=index.name, what=what, remedy=remedy)


def _plain_index(d: Definition) -> Iterator[Finding]:
    """EB106: over http anybody on the way can answer."""
    for index in d.indexes:
        host = urlsplit(index.url)
        if host.scheme == "http" and (host.hostname or "") not in ("localhost", "127.0.0.1", "::1"):
            what = "is asked over http: anybody on the way can answer"
            yield Finding(code="EB106", field="index", item=index.name, what=what, remedy="use https")


def _no_pip(d: Definition) -> Iterator[Finding]:
    """EB107: conda adds pip by itself then, with a warning, in whatever version."""
    if d.conda and d.pypi and not any(spec_name(spec) == "pip" for spec in d.conda):
        what = "packages from an index, but no pip among conda's"
        yield Finding(code="EB107", field="conda", item="", what=what, remedy="add pip to conda's packages")


def _end_of_life(d: Definition, today: date) -> Iterator[Finding]:
    """EB108: no security fixes any more."""
    over = _END_OF_LIFE.get(d.python)
    if over is not None and over < today:
        what = f"Python {d.python} has had no security fixes since {over.isoformat()}"
        yield Finding(code="EB108", field="python", item=d.python, what=what, remedy="use a newer one")


RULES: tuple[Callable[[Definition], Iterator[Finding]], ...] = (
    _floating_base,
    _secrets,
    _two_sources,
    _index_order,
    _plain_index,
    _no_pip,
)
"""The rules that need nothing but the definition."""
