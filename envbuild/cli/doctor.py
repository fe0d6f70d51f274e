"""`envbuild doctor`: a line for each thing that was looked at, what to do about it, and what works."""

import json
import os
import shutil
import sys
import textwrap
from dataclasses import replace
from typing import Any

import click

from envbuild.cli.exits import FAULT
from envbuild.cli.options import Asked, asked
from envbuild.workspace.doctor.diagnosis import Ability, Check, Diagnosis, Verdict

__all__ = ["doctor_command", "document", "summary", "words"]

_COLOURS = {
    Verdict.OK: "green", Verdict.NONE: "bright_black", Verdict.WARNING: "yellow", Verdict.FAILING: "red", Verdict.MISSING: "red",
}  # fmt: skip
_NARROWEST, _WIDEST = 60, 120
_LONGEST_NAME = 18


@click.command("doctor")
@asked("json")
def doctor_command(asked: Asked) -> int:
    r"""Look at this machine: what works, what does not, what to do about it, and what works all the same.

    Everything is asked at once and in seconds, and nothing is changed. --quiet leaves out what is well. Exit 5 where
    nothing new can be built here.

    \b
    envbuild doctor
    envbuild doctor --quiet
    envbuild doctor --json
    """
    diagnosis = asked.workspace.doctor(asked.report)
    if asked.json:
        click.echo(json.dumps(document(diagnosis)))
    else:
        # None: colours where stdout is a terminal (https://no-color.org).
        colour = False if os.environ.get("NO_COLOR") else None
        click.echo("\n".join(words(diagnosis, _width(), quiet=asked.quiet)), color=colour)
    return 0 if diagnosis.works(Ability.BUILD) else FAULT


def document(diagnosis: Diagnosis) -> dict[str, Any]:
    """For programs: schema 1."""
    return {
        "schema": 1,
        "checks": [
            {
                "name": c.name, "topic": c.topic, "verdict": c.verdict.value, "found": c.found, "remedy": c.remedy,
                "without": c.without, "stops": [ability.value for ability in c.stops],
            }
            for c in diagnosis.checks
        ],
        "abilities": [
            {"name": a.value, "works": diagnosis.works(a), "because": list(diagnosis.because(a))} for a in Ability
        ],
        "summary": summary(diagnosis),
    }  # fmt: skip


def words(diagnosis: Diagnosis, width: int = 100, *, quiet: bool = False) -> list[str]:
    """For people: a block for each topic, and a line at the end that sums up. `quiet`: only what is wrong."""
    checks = [c for c in diagnosis.checks if not quiet or c.verdict not in (Verdict.OK, Verdict.NONE)]
    name = max((len(c.name) for c in checks if len(c.name) <= _LONGEST_NAME), default=0)
    lines: list[str] = []
    topic, works = "", ""
    for check in checks:
        if check.topic != topic:
            topic = check.topic
            lines += [*([""] if lines else []), click.style(topic, bold=True)]
        # What stands above already is not said again.
        lines += _lines(replace(check, without="") if check.without == works else check, name, width)
        works = check.without or works
    return [*lines, *([""] if lines else []), summary(diagnosis)]


def summary(diagnosis: Diagnosis) -> str:
    """`1 failing, 2 warnings; building works; running in containers does not: ...`."""
    counts = [
        f"{n} {word}{'s' if plural and n > 1 else ''}"
        for verdict, word, plural in (
            (Verdict.FAILING, "failing", False), (Verdict.MISSING, "missing", False), (Verdict.WARNING, "warning", True),
        )
        if (n := diagnosis.count(verdict))
    ]  # fmt: skip
    parts = [", ".join(counts) or "all is well"]
    working = [a.value for a in Ability if diagnosis.works(a)]
    broken = [a.value for a in Ability if not diagnosis.works(a)]
    if working:
        parts.append(f"{_listed(working)} {'work' if len(working) > 1 else 'works'}")
    if broken:
        parts.append(f"{_listed(broken)} {'do' if len(broken) > 1 else 'does'} not")
    return "; ".join(parts)


def _lines(check: Check, name: int, width: int) -> list[str]:
    mark = click.style(f"{check.verdict.value:<7}", fg=_COLOURS[check.verdict])
    indent = " " * (2 + 7 + 2 + name + 2)
    found = textwrap.wrap(check.found, width - len(indent), break_on_hyphens=False, break_long_words=False) or [""]
    first = f"  {mark}  {check.name:<{name}}  "
    if len(check.name) > name:
        lines = [first.rstrip(), *(f"{indent}{line}" for line in found)]
    else:
        lines = [f"{first}{found[0]}", *(f"{indent}{line}" for line in found[1:])]
    for label, text in (("fix: ", check.remedy), ("works: ", check.without)):
        if text:
            more = textwrap.wrap(
                text, width - len(indent), initial_indent=label, subsequent_indent=" " * len(label),
                break_on_hyphens=False, break_long_words=False,
            )  # fmt: skip
            lines += [f"{indent}{line}" for line in more]
    return lines


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _width() -> int:
    columns = shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 100
    return max(_NARROWEST, min(_WIDEST, columns))
