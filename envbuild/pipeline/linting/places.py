"""Where a finding stands: the statement of a file that it is about. What cannot be told for certain gets no line.

A definition is normal, and its file is not, so packages are found by name; where a file names one twice, by its whole text.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from envbuild.formats.conda.condaspecs import spec_name
from envbuild.pipeline.linting.codes import Finding
from envbuild.reference import Reference

__all__ = ["Statement", "placed"]


@dataclass(frozen=True, slots=True)
class Statement:
    """A line of a file that says something: the field, and the text as it stands there."""

    field: str
    item: str
    path: str
    line: int


def placed(findings: Iterable[Finding], statements: Sequence[Statement]) -> list[Finding]:
    """Findings with file and line where those are certain; those that have a line already are left as they are."""
    return [finding if finding.line else _placed(finding, statements) for finding in findings]


def _placed(finding: Finding, statements: Sequence[Statement]) -> Finding:
    key = _KEYS.get(finding.field, str)
    wanted = key(finding.item)
    if not finding.item:
        return finding
    alike = [s for s in statements if s.field == finding.field and key(s.item) == wanted]
    if len({(s.path, s.line) for s in alike}) > 1 and finding.field not in _FIRST_SERVES:
        alike = [s for s in alike if "".join(s.item.split()) == "".join(finding.item.split())]
        alike = alike if len({(s.path, s.line) for s in alike}) == 1 else []
    return replace(finding, path=alike[0].path, line=alike[0].line) if alike else finding


def _package(text: str) -> str:
    try:
        return canonicalize_name(Requirement(text).name)
    except InvalidRequirement:
        return text


def _image(text: str) -> str:
    """A reference in full, as a definition has it."""
    try:
        return str(Reference.parse(text).full)
    except ValueError:
        return text


def _nothing(_text: str) -> str:
    return ""


_KEYS: Mapping[str, Callable[[str], str]] = {
    "pypi": _package,
    "conda": spec_name,
    "base": _image,
    "python": _nothing,
}
"""What must be the same in both; of everything else it is the text."""
_FIRST_SERVES = frozenset({"login"})
"""Where it stands several times, each place is one that is meant."""
