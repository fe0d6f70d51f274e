"""`envbuild lint`."""

import json
from dataclasses import asdict

import click

from envbuild.cli.candidates import files
from envbuild.cli.options import Asked, asked

__all__ = ["lint_command"]


@click.command("lint", no_args_is_help=True)
@click.argument("spec", metavar="SPEC", shell_complete=files)
@click.option("--strict", is_flag=True, help="Exit 2 where there is a finding.")
@asked("json")
def lint_command(asked: Asked, spec: str, *, strict: bool) -> int:
    r"""Tell what is likely to hurt in SPEC although it is valid: each finding with a code, its place and a remedy.

    EB101 no exact version and no lock; EB102 a base image's tag; EB103 a secret in a variable; EB104 a package from conda and
    from an index; EB105 an index that is asked before another for everything; EB106 an index over http; EB107 no pip among
    conda's packages; EB108 a Python without security fixes; EB109 a password in the file.

    \b
    envbuild lint requirements.txt
    envbuild lint environment.yml --strict
    """
    findings = asked.workspace.lint(spec)
    if asked.json:
        click.echo(json.dumps({"schema": 1, "findings": [asdict(finding) for finding in findings]}, ensure_ascii=False))
    else:
        for finding in findings:
            item = f" {finding.item}" if finding.item else ""
            click.echo(f"{finding.code} {finding.field}:{item}: {finding.what}\n  {finding.remedy}")
    return 2 if findings and strict else 0
