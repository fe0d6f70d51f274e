"""Whatever a file holds, it is read, and looked at for what hurts, in seconds: a line of its writer's cannot stop a machine.

Each text is of such a size that an expression which tries every way to read it would take minutes.
"""

import subprocess
import sys

import pytest

from envbuild.formats.reading import read
from envbuild.normalize import normalize

CHILD = """
import resource, sys
resource.setrlimit(resource.RLIMIT_CPU, (8, 8))
from envbuild.errors import EnvbuildError
from envbuild.formats.reading import read
from envbuild.normalize import normalize
from importlib import import_module
statements, bases, python, secrets, dockerfile = (
    import_module(f"envbuild.pipeline.linting.{name}") for name in "statements bases python secrets dockerfile".split()
)
exec(sys.stdin.read())
"""
READ = """
text = {text}
def load(path):
    if path != {path!r}:
        raise FileNotFoundError(2, "no such file", path)
    return text.encode()
try:
    read({path!r}, load, finish=normalize)
except EnvbuildError as error:
    str(error)
list(statements.statements({path!r}, text))
"""
BLANKS = "'a' + ' ' * {n} + '== 1.0a1'"
FILES = [
    ("requirements.txt", BLANKS.format(n=9_000)),
    ("requirements.txt", BLANKS.format(n=400_000)),
    ("requirements.txt", "'a' + ' ' * 400_000 + 'b'"),
    ("requirements.txt", "'a' * 900_000"),
    ("requirements.txt", "'-i ' + 'a' * 900_000"),
    ("requirements.txt", "'x ; ' + '(' * 400_000"),
    ("requirements.txt", "'x ' + '--hash=sha256:' + 'a' * 64 + ' --hash=b' * 90_000"),
    ("requirements.txt", "'\\n'.join(['--extra-index-url https://h%d.example/simple' % n for n in range(5_000)] + ['x'])"),
    ("requirements.txt", "'\\n'.join('a>=0.%d' % n for n in range(8_000)) + '\\n' + '\\n'.join('a==%d' % n for n in range(8_000))"),
    ("requirements.txt", "'\\n'.join('a[b%d]' % n for n in range(8_000))"),
    ("environment.yml", f"'dependencies:\\n  - pip:\\n    - \"' + {BLANKS.format(n=9_000)} + '\"'"),
    ("environment.yml", "'dependencies:\\n  - \"a' + ' #[a' * 100_000 + '\"'"),
    ("environment.yml", "'dependencies:\\n  - \"a' + ' #[a' * 2_400 + '\"'"),
    ("environment.yml", "'channels:\\n  - \"' + 'a' * 400_000 + '\"\\ndependencies: [python]'"),
    ("environment.yml", "'dependencies: [numpy, python=3.' + '1' * 60 + 'x]'"),
    ("environment.yml", "'dependencies:\\n' + '\\n'.join('- a>=%d' % n for n in range(4_000))"),
    ("environment.yml", "'dependencies:\\n- python\\nvariables:\\n  X: \"' + 'a' * 400_000 + '\"'"),
    ("envbuild.toml", f"'format = 1\\npypi = [\"' + {BLANKS.format(n=9_000)} + '\"]'"),
    ("envbuild.toml", "'format = 1\\npypi = [\"x\"]\\nvariables.X = \"' + 'a' * 900_000 + '\"'"),
    ("envbuild.toml", "'format = 1\\nx = \"' + '\\\\\\\\\\\"' * 300_000"),
    ("pyproject.toml", f"'[project]\\nname = \"x\"\\ndependencies = [\"' + {BLANKS.format(n=9_000)} + '\"]'"),
    ("script.py", f"'# /// script\\n# dependencies = [\"' + {BLANKS.format(n=9_000)} + '\"]\\n# ///'"),
    ("azureml_environment.json", "'{\"name\": \"' + 'a' * 900_000 + '\"}'"),
]  # fmt: skip
LINT = {
    "a login": "statements._LOGIN.findall('a' * 300_000)",
    "a login's end": "statements._LOGIN.findall('a://' + 'b' * 300_000)",
    "an install": "bases._redirected('pip ' * 200_000)",
    "a Python": "python._MINOR.fullmatch('3.' + '1' * 60 + 'x')",
    "a long Python": "python._MINOR.fullmatch('3.' + '1' * 300_000 + 'x')",
    "a secret": "secrets._VALUE.search('a' * 300_000)",
    "a pair": "dockerfile.Instruction('ENV', 'a' * 300_000, 1).pairs()",
}


def run(code):
    return subprocess.run([sys.executable, "-c", CHILD], input=code, text=True, capture_output=True, check=False)


@pytest.mark.parametrize(("path", "text"), FILES)
def test_no_text_takes_long_to_read(path, text):
    done = run(READ.format(path=path, text=text))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("code", LINT.values(), ids=LINT)
def test_no_text_takes_long_to_be_looked_at(code):
    """`envbuild lint` reads what nobody has checked yet."""
    done = run(code)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("requirements.txt", "six==1 " + " ".join("--hash=sha256:" + f"{n:064x}" for n in range(300))),
        ("envbuild.toml", 'format = 1\npypi = ["six"]\nvariables.X = """' + "a line of many\n" * 2_000 + '"""'),
    ],
)
def test_what_people_write_is_not_too_long(path, text):
    """A package of many wheels has a hash for each, and pipenv writes them all on one line; texts may have many lines."""

    def load(wanted):
        if wanted != path:
            raise FileNotFoundError(2, "no such file", wanted)
        return text.encode()

    assert read(path, load, finish=normalize).definition.pypi
