"""What is likely to hurt in a definition that is valid: each finding with a code, its place and a remedy."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date

from envbuild.definition import Definition
from envbuild.formats.fixing import repairs
from envbuild.pipeline.linting.bases import bases, commands
from envbuild.pipeline.linting.codes import CODES, Finding, found
from envbuild.pipeline.linting.files import own_forms
from envbuild.pipeline.linting.packages import (
    any_channel,
    indexes,
    no_cuda,
    no_pip,
    repositories,
    two_sources,
    unpinned,
)
from envbuild.pipeline.linting.places import placed
from envbuild.pipeline.linting.python import end_of_life, pythons
from envbuild.pipeline.linting.runs import run_variables
from envbuild.pipeline.linting.secrets import secrets
from envbuild.pipeline.linting.statements import statements

__all__ = ["CODES", "RULES", "Finding", "lint"]

RULES: tuple[Callable[[Definition], Iterator[Finding]], ...] = (
    any_channel,
    bases,
    commands,
    indexes,
    no_cuda,
    no_pip,
    pythons,
    repositories,
    run_variables,
    secrets,
    two_sources,
)
"""The rules that need nothing but the definition."""


def lint(
    definition: Definition,
    *,
    locked: bool,
    today: date,
    login_hosts: Iterable[str] = (),
    files: Sequence[tuple[str, str]] = (),
    also: Iterable[Finding] = (),
) -> tuple[Finding, ...]:
    """All findings of a normalized definition, by code, with their places in `files` (path and text).

    `locked`: exact versions are kept in a lock file; `login_hosts`: those whose login stands in the file; `also`: what
    whoever made the definition found by itself.
    """
    # No conda reads an envbuild.toml: the warning that it would give is nobody's there.
    unread = {no_pip} if files and all(path.endswith(".toml") for path, _ in files) else set()
    findings = [finding for rule in RULES if rule not in unread for finding in rule(definition)]
    findings += end_of_life(definition, today)
    if not locked:
        findings += unpinned(definition)
    findings += [found("EB109", "login", host, "its password stands in the file") for host in login_hosts]
    findings = placed(_in_dockerfile(findings, definition, files), [s for file in files for s in statements(*file)])
    own = [finding for file in files for finding in own_forms(*file)]
    return _ordered([*own, *findings, *also], files)


def _in_dockerfile(
    findings: Iterable[Finding], definition: Definition, files: Sequence[tuple[str, str]]
) -> list[Finding]:
    """A line in a Dockerfile's text belongs to the file that has this text; of a text that is from no file it says nothing."""
    text = getattr(definition.base, "dockerfile", "").removeprefix("\ufeff").replace("\r\n", "\n").rstrip()
    path = next((path for path, content in files if text and content.rstrip() == text), "")
    return [
        replace(finding, path=path, line=finding.line if path else 0) if finding.field == "base.dockerfile" else finding
        for finding in findings
    ]


def _ordered(findings: Iterable[Finding], files: Sequence[tuple[str, str]]) -> tuple[Finding, ...]:
    """Each once, with its file where that can be no other one, and with whether it can be mended."""
    only = files[0][0] if len(files) == 1 else ""
    mended = {path: repairs(text) for path, text in files}
    told = []
    for finding in _once(findings):
        path = finding.path or only
        possible = mended.get(path, frozenset())
        fixable = (finding.code, finding.line) in possible or (finding.code, 0) in possible
        told.append(replace(finding, path=path, fixable=fixable))
    return tuple(sorted(told, key=lambda one: (one.code, one.path, one.line, one.field, one.item)))


def _once(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Where a file's own form and the definition have the same finding, that with the line."""
    alike: dict[tuple[str, str, str], dict[int, Finding]] = {}
    for one in findings:
        alike.setdefault((one.code, one.field, "".join(one.item.split())), {}).setdefault(one.line, one)
    for lines in alike.values():
        yield from (one for line, one in lines.items() if line or len(lines) == 1)
