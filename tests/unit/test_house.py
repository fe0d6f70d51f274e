"""The house rules, held by tests: what a reader and a user may rely on in every module."""

import ast
import io
import re
import subprocess
import sys
import tokenize
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "envbuild"
MODULES = sorted(PACKAGE.rglob("*.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

CODE_LINES = 250
FUNCTION_LINES = 60
USUAL_FUNCTION_LINES = 35
HEAVY = {"click", "diskcache", "hashlib", "installer", "isal", "json", "packaging", "pysequoia", "rich", "sqlite3"}
HEAVY |= {"ssl", "subprocess", "tomllib", "urllib3", "uv", "zipfile", "zlib_ng"}
ONE_PLATFORM = {"fcntl", "pwd", "grp", "resource", "termios"}


def dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def functions(module: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (n for n in ast.walk(module) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))


def docstring_lines(module: ast.Module) -> set[int]:
    owners = (n for n in ast.walk(module) if isinstance(n, ast.Module | ast.ClassDef | ast.FunctionDef))
    texts = [owner.body[0] for owner in owners if owner.body and ast.get_docstring(owner, clean=False) is not None]
    return {line for text in texts for line in range(text.lineno, (text.end_lineno or text.lineno) + 1)}


def code_lines(path: Path) -> int:
    """Lines that carry code: neither comments, docstrings nor blank lines."""
    silent = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING}
    lines: set[int] = set()
    for token in tokenize.tokenize(io.BytesIO(path.read_bytes()).readline):
        if token.type not in silent | {tokenize.ENDMARKER}:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines - docstring_lines(tree(path)))


def public(module: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """The names that others may use: top-level functions and classes, and the methods of those classes."""
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node.name, node
            if isinstance(node, ast.ClassDef):
                methods = (n for n in node.body if isinstance(n, ast.FunctionDef) and not n.name.startswith("_"))
                yield from ((f"{node.name}.{method.name}", method) for method in methods)


def tracked() -> list[Path]:
    """The project's own files: what version control has or would take."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout")
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    return [ROOT / name for name in names.split("\0") if name and (ROOT / name).is_file()]


def imported(program: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{program}\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_every_module_imports_alone_so_that_no_order_of_imports_breaks_a_program():
    program = """
import importlib, sys, traceback
sys.path.insert(0, sys.argv[1])
failed = 0
for name in sys.argv[2:]:
    for loaded in [m for m in sys.modules if m.partition(".")[0] == "envbuild"]:
        del sys.modules[loaded]
    try:
        importlib.import_module(name)
    except BaseException:
        failed = 1
        print(name, traceback.format_exc())
sys.exit(failed)
"""
    names = [dotted(path) for path in MODULES if path.name != "__main__.py"]
    done = subprocess.run(
        [sys.executable, "-I", "-c", program, str(ROOT), *names], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_importing_the_package_stays_light_so_that_a_cache_hit_stays_fast():
    assert not (imported("import envbuild") - imported("")) & HEAVY


def test_every_public_name_of_the_root_can_be_had():
    imported("import envbuild\nfor name in envbuild.__all__: getattr(envbuild, name)")


def test_no_module_is_a_dumping_ground():
    assert not {p.stem for p in MODULES} & {"utils", "util", "helpers", "helper", "common", "misc", "base"}


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_a_module_fits_into_a_head(path):
    """250 lines of code, and one thing."""
    assert code_lines(path) <= CODE_LINES


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_a_module_and_its_public_names_say_what_they_give(path):
    module = tree(path)
    if path.name != "__init__.py" or module.body:
        assert ast.get_docstring(module), f"{dotted(path)} has no docstring"
    silent = [name for name, node in public(module) if not ast.get_docstring(node)]
    assert not silent, f"without a docstring: {', '.join(silent)}"


def test_functions_are_short():
    lengths = {
        f"{dotted(path)}:{f.name}": (f.end_lineno or f.lineno) - f.lineno + 1
        for path in MODULES
        for f in functions(tree(path))
    }
    assert not {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES}
    usual = sorted(lengths.values())[int(len(lengths) * 0.9)]
    assert usual <= USUAL_FUNCTION_LINES


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_nothing_but_host_and_filelock_needs_one_kind_of_system(path):
    """Else envbuild does not even start on another one."""
    names = {
        name.partition(".")[0]
        for node in ast.walk(tree(path))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    allowed = ONE_PLATFORM if dotted(path) in ("envbuild.host", "envbuild.filelock") else set()
    assert not names & ONE_PLATFORM - allowed


def test_no_file_names_the_machine_that_it_was_written_on():
    """A path or a mirror of one machine works on no other one."""
    # Written so that this file does not match itself.
    private = re.compile(
        "|".join(["/wor" + "k/", "file:///" + "opt", "/hom" + r"e/(?!envbuild\b)\w+/", r"/roo" + r"t/\w"])
    )
    found = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [
            f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
            for number, line in enumerate(text.splitlines(), 1)
            if private.search(line)
        ]
    assert not found, "\n".join(found)


def test_only_one_module_knows_where_the_public_index_is():
    """A machine's own index is then the only thing to change, and nothing asks past it."""
    public = ["pypi" + ".org", "files.python" + "hosted.org", "deb.debian" + ".org"]
    found = [
        f"{path.relative_to(ROOT)}: {host}"
        for path in tracked()
        for host in public
        if host.encode() in path.read_bytes() and path != PACKAGE / "indexurl.py"
    ]
    assert not found, "\n".join(found)


def test_every_dependency_has_its_reason_written_down():
    extras = PROJECT["project"]["optional-dependencies"]
    lists = [PROJECT["project"]["dependencies"], *extras.values(), *PROJECT["dependency-groups"].values()]
    names = {re.split(r"[\[<>=!~; ]", entry)[0] for entries in lists for entry in entries} - {"envbuild"}
    reasons = (ROOT / "docs/decisions/0002-dependencies.md").read_text(encoding="utf-8")
    assert not names - {cell.strip() for line in reasons.splitlines() for cell in line.split("|")}


def test_decisions_are_numbered_without_gaps():
    numbers = sorted(int(path.name[:4]) for path in (ROOT / "docs/decisions").glob("*.md"))
    assert numbers == list(range(1, len(numbers) + 1))
