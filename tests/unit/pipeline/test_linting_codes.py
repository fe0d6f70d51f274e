"""docs/lint.md says what the codes say: whoever looks one up finds it, with what --fix does."""

import re
from pathlib import Path

from envbuild.formats.fixing import FIXES
from envbuild.pipeline.linting.codes import CODES

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "lint.md").read_text(encoding="utf-8")


def table() -> str:
    rows = ["| code | what | remedy | `--fix` |", "|---|---|---|---|"]
    for code, rule in CODES.items():
        rows.append(f"| {code} | {rule.what} | {rule.remedy} | {rule.fix or f'nothing: {rule.by_hand}'} |")
    return "\n".join(rows) + "\n"


def test_the_page_has_the_codes():
    assert table() in PAGE, f"docs/lint.md is old: it must have\n{table()}"


def test_the_page_speaks_of_no_other_code():
    assert set(re.findall(r"EB\d+", PAGE)) == set(CODES)


def test_a_code_is_mended_or_says_why_not():
    assert {code for code, rule in CODES.items() if rule.fix} == set(FIXES)
    assert all(bool(rule.fix) != bool(rule.by_hand) for rule in CODES.values())
