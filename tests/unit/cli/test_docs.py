"""docs/cli.md says what the commands say."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from envbuild import errors
from envbuild.cli import exits

DOCS = Path(__file__).resolve().parents[3] / "docs"


@pytest.fixture(scope="module")
def make_cli():
    spec = importlib.util.spec_from_file_location("make_cli", DOCS / "make_cli.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_says_what_the_commands_say(make_cli):
    """Somebody who reads it on the web gets the options that there are."""
    assert make_cli.PAGE.read_text(encoding="utf-8") == make_cli.text(), "docs/cli.md is old: run make docs"


def test_the_page_is_the_same_on_every_terminal(make_cli):
    """Or it would change with whoever runs `make docs`."""
    program = f"import sys; sys.path.insert(0, {str(DOCS)!r}); import make_cli; sys.stdout.write(make_cli.text())"
    narrow = {
        **os.environ,
        "COLUMNS": "40",
        "TERMINAL_WIDTH": "40",
        "LC_ALL": "C.UTF-8",
        "ENVBUILD_RESOLVER": "pip-tools",
    }
    done = subprocess.run([sys.executable, "-c", program], env=narrow, capture_output=True, text=True, check=True)
    assert done.stdout == make_cli.text()


def test_links_lead_somewhere(make_cli):
    page = make_cli.text()
    heads = {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in re.findall(r"^#+ (.+)$", page, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]+)\)", page)) <= heads


def test_every_exit_code_is_in_the_page(make_cli):
    """Scripts are written by this table."""
    text = make_cli.text().partition("## Exit codes")[2]
    own = {exits.code_of(kind.__new__(kind)) for kind in subclasses(errors.EnvbuildError)}
    for code in {0, exits.BUG, exits.MISS, exits.INTERRUPTED, exits.TERMINATED} | own:
        assert re.search(rf"^\| {code} \| \S", text, re.MULTILINE), f"{code} is not explained"


def subclasses(kind: type) -> list[type]:
    return [part for direct in kind.__subclasses__() for part in (direct, *subclasses(direct))]


def test_every_setting_and_its_variable_are_in_the_page(make_cli):
    from envbuild.settings.known import KNOWN

    page = make_cli.text()
    assert all(f"| `{s.name}` | `{s.variable}` | {s.meaning[:8]}" in page for s in KNOWN.values())
