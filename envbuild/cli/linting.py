"""`envbuild lint`."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from envbuild.cli.candidates import files
from envbuild.cli.options import Asked, asked
from envbuild.cli.saying import say, say_data, shown

if TYPE_CHECKING:
    from envbuild.pipeline.linting import Finding
    from envbuild.workspace.linting import FixedFile

__all__ = ["lint_command"]


@click.command("lint", no_args_is_help=True)
@click.argument("spec", metavar="SPEC", shell_complete=files)
@click.option("--strict", is_flag=True, help="Exit 2 where there is a finding.")
@click.option("--fix", is_flag=True, help="Mend in the file what can be mended safely; what is left is told.")
@asked("selection", "json")
def lint_command(asked: Asked, spec: str, *, strict: bool, fix: bool) -> int:
    r"""Tell what is likely to hurt in SPEC although it is valid: each finding with a code, its place and a remedy.

    Such as: packages without a version and no lock, a base image by its tag, what looks like a secret, an index that can
    stand in for another, a Python without security fixes, fields of AzureML's that mean nothing any more. docs/lint.md
    has all codes, and which of them --fix mends.

    \b
    envbuild lint requirements.txt
    envbuild lint environment.yml --strict
    envbuild lint environment.yml --fix
    """
    workspace = asked.workspace
    mended = workspace.fix(spec, selection=asked.selection) if fix else ()
    findings = workspace.lint(spec, selection=asked.selection)
    if asked.json:
        told = [{**asdict(finding), "line": finding.line or None} for finding in findings]
        fixed = [{"path": file.path, **asdict(change)} for file in mended for change in file.changes]
        say_data({"schema": 1, "findings": told, "fixed": fixed})
    else:
        _tell(mended, findings)
    return 2 if findings and strict else 0


def _tell(mended: "tuple[FixedFile, ...]", findings: "tuple[Finding, ...]") -> None:
    for file in mended:
        for change in file.changes:
            say(f"{file.path}:{change.line}: {change.what} ({change.code})")
    for finding in findings:
        place = f"{finding.path}:{finding.line}: " if finding.line else f"{finding.path}: " if finding.path else ""
        item = f": {finding.item}" if finding.item else ""
        mends = " (--fix does it)" if finding.fixable else ""
        text = f"{place}{finding.code} {finding.field}{item}: {finding.what}\n  {finding.remedy}{mends}"
        say(shown(text))
