"""pyproject.toml and scripts with a header (PEP 723): what is wrong with them, where, and what to do."""

from badinputs.rows import in_file

__all__ = ["ROWS"]

row = in_file("pyproject.toml")
script = in_file("run.py")

_NAMED = '[project]\nname = "x"\nversion = "0"\n'


def _header(text: str) -> str:
    return (
        "# /// script\n" + "".join(f"# {line}\n" if line else "#\n" for line in text.split("\n")) + "# ///\nprint()\n"
    )


ROWS = [
    row(1, "no-toml", "[project\n", "pyproject.toml:1", "not TOML"),
    row(34, "comma", _NAMED + "dependencies = [,]\n", "pyproject.toml:4", "not TOML"),
    row((2, 34), "key-twice", _NAMED + 'name = "y"\n', "pyproject.toml:4", "given twice", "keep one"),
    row((2, 34), "table-twice", _NAMED + "[project]\n", "pyproject.toml:4", "given twice"),
    row(3, "empty", "", "pyproject.toml", "neither [project] nor [tool.envbuild]"),
    row(4, "only-comments", "# later\n", "pyproject.toml", "neither [project] nor [tool.envbuild]"),
    row(6, "project-list", "project = []\n", "pyproject.toml:1", "project: expected a table"),
    row(8, "not-a-list", _NAMED + 'dependencies = "numpy"\n', "pyproject.toml:4", "dependencies: expected a list"),
    row(8, "number-in-list", _NAMED + "dependencies = [7]\n", "pyproject.toml:4", "expected a string"),
    row(9, "python-float", _NAMED + "requires-python = 3.10\n", "pyproject.toml:4", "expected a string, got a float"),
    row(9, "own-python-float", "[tool.envbuild]\npython = 3.10\n", "pyproject.toml:2", "expected a string, got a float", "quote it"),
    row(10, "date", _NAMED + "dependencies = [2024-01-01]\n", "pyproject.toml:4", "expected a string"),
    row(34, "nan", "[tool.envbuild]\nlayout = nan\n", "pyproject.toml:2", "expected an integer, got a float"),
    row(7, "own-unknown", "[tool.envbuild]\npakages = []\n", "pyproject.toml:2", "unknown key", "did you mean"),
    row(11, "latin-1", b"# caf\xe9\n[project]\n", "pyproject.toml:1", "byte 0xe9 at offset 5"),
    row(12, "utf-16", "[project]\n".encode("utf-16"), "pyproject.toml", "the file is UTF-16"),
    row(16, "nul", b"[project]\0\n", "pyproject.toml", "a NUL byte at offset 9"),
    row(19, "deep", "x = " + "[" * 5000 + "\n", "pyproject.toml", "nested too deeply"),
    row(20, "too-large", b"#" * (10 << 20), "pyproject.toml", "the file has 10485760 bytes"),
    row(27, "own-name", '[tool.envbuild]\nname = "../x"\n', "pyproject.toml", "is not accepted"),
    row(35, "syntax", _NAMED + 'dependencies = [\n  "six",\n  "pandas>>2",\n]\n', "pyproject.toml:6", "not a requirement (PEP 508)", "^"),
    row(36, "version", _NAMED + 'dependencies = ["six==abc"]\n', "pyproject.toml:4", "not a requirement"),
    row(36, "requires-python", _NAMED + 'requires-python = "three"\n', "pyproject.toml:4", "not a version specifier"),
    row(46, "nothing-has-it", _NAMED + 'requires-python = ">=3.99"\n', "pyproject.toml:4", ">=3.99 allows none", "3.8 to 3.14"),
    row(37, "marker", _NAMED + "dependencies = [\"six; os_nmae == 'x'\"]\n", "pyproject.toml:4", "Expected a marker variable"),
    row(42, "pins", _NAMED + 'dependencies = ["six==1", "SIX==2"]\n', "pyproject.toml:4", "excludes"),
    row(52, "option", _NAMED + 'dependencies = ["-e ."]\n', "pyproject.toml:4", "not a requirement (PEP 508)"),
    row(52, "file-url", _NAMED + 'dependencies = ["x @ file:///tmp/x-1-py3-none-any.whl"]\n', "pyproject.toml:4", "local path"),
    row(53, "vcs", _NAMED + 'dependencies = ["x @ git+https://h.example/x.git@main"]\n', "pyproject.toml:4"),
    row(54, "vcs-ext", _NAMED + 'dependencies = ["x @ ext::sh"]\n', "pyproject.toml:4"),
    row(60, "apt-shell", '[tool.envbuild]\nsystem = ["curl; id"]\n', "pyproject.toml", "is not accepted"),
    row((), "dynamic", '[project]\nname = "x"\ndynamic = ["dependencies"]\n', "pyproject.toml:3", "the build backend alone"),
    script(1, "script-no-toml", _header("dependencies = ["), "run.py:", "not TOML"),
    script((2, 34), "script-key-twice", _header('dependencies = []\ndependencies = ["six"]'), "run.py:3", "given twice"),
    script(3, "script-no-header", "print()\n", "run.py", "no header", "# /// script"),
    script(3, "script-empty", "", "run.py", "no header"),
    script(33, "script-two-headers", _header("dependencies = []") + _header("dependencies = []"), "run.py:5", "a second header"),
    script(7, "script-unknown", _header("dependecies = []"), "run.py:2", "unknown key", "did you mean dependencies?"),
    script(8, "script-not-a-list", _header('dependencies = "numpy"'), "run.py:2", "expected a list"),
    script(9, "script-python", _header("requires-python = 3.10\ndependencies = []"), "run.py:2", "expected a string, got a float"),
    script(11, "script-latin-1", b"# caf\xe9\n", "run.py:1", "byte 0xe9 at offset 5"),
    script(12, "script-utf-16", "x".encode("utf-16"), "run.py", "the file is UTF-16"),
    script(16, "script-nul", b"x\0", "run.py", "a NUL byte at offset 1"),
    script(19, "script-deep", _header("x = " + "[" * 5000), "run.py", "nested too deeply"),
    script(20, "script-too-large", b"#" * (10 << 20), "run.py", "the file has 10485760 bytes"),
    script(35, "script-syntax", _header('dependencies = [\n  "six",\n  "pandas>>2",\n]'), "run.py:4", "not a requirement (PEP 508)"),
    script(36, "script-version", _header('dependencies = ["six==abc"]'), "run.py:2", "not a requirement"),
    script(37, "script-marker", _header("dependencies = [\"six; os_nmae == 'x'\"]"), "run.py:2", "Expected a marker variable"),
    script(42, "script-pins", _header('dependencies = ["six==1", "six==2"]'), "run.py:2", "excludes"),
    script(46, "script-python-nowhere", _header('requires-python = ">=3.99"\ndependencies = []'), "run.py:2", "allows none"),
    script(52, "script-editable", _header('dependencies = ["-e ."]'), "run.py:2", "not a requirement (PEP 508)"),
    script(53, "script-vcs", _header('dependencies = ["x @ git+https://h.example/x.git"]'), "run.py:2"),
]  # fmt: skip
