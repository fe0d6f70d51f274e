"""What is read out of a uv.lock is what uv itself would install: checked against uv, with locks that it makes here."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from uv import find_uv_bin

from envbuild.formats.reading import read
from envbuild.formats.selection import Selection
from envbuild.markersets import marker_environment
from envbuild.normalize import normalize

HEAD = '[project]\nname = "web"\nversion = "1"\nrequires-python = ">=3.11"\n'
PROJECTS = {
    "forks": HEAD
    + """dependencies = [
    "alpha", "beta[fast,more]",
    "num<2 ; python_version < '3.12'", "num>=2 ; python_version >= '3.12'",
    "omega ; sys_platform == 'win32'",
]
[project.optional-dependencies]
docs = ["tools[fast]"]
all = ["web[docs]", "late"]
[dependency-groups]
dev = ["late", { include-group = "lint" }]
lint = ["omega"]
""",
    "conflicts": HEAD
    + """dependencies = ["alpha"]
[project.optional-dependencies]
old = ["num==1.0"]
new = ["num==2.0"]
[dependency-groups]
dev = ["num==2.0"]
[tool.uv]
conflicts = [[{ extra = "old" }, { extra = "new" }], [{ extra = "old" }, { group = "dev" }]]
""",
    "overrides": HEAD
    + """dependencies = ["alpha"]
[tool.uv]
override-dependencies = ["num==1.0", "gamma ; sys_platform == 'never'"]
""",
    "machines": HEAD
    + """dependencies = [
    "num==1.0 ; platform_machine == 'x86_64'", "num==2.0 ; platform_machine != 'x86_64'", "beta[fast]",
]
[tool.uv]
environments = ["sys_platform == 'linux'"]
""",
}
CHOICES = {
    "forks": [
        {},
        {"extras": ["docs"]},
        {"extras": ["all"]},
        {"groups": ["dev"]},
        {"groups": ["lint"], "extras": ["docs"]},
    ],
    "conflicts": [{}, {"extras": ["old"]}, {"extras": ["new"]}, {"groups": ["dev"]}],
    "overrides": [{}],
    "machines": [{}],
}


@pytest.fixture
def packages(index):
    index.wheel("alpha", "1.0", ["gamma>=1", "num>=1", 'late ; python_full_version < "3.11.3"'])
    index.wheel(
        "beta", "2.0",
        ['speed ; extra == "fast" and platform_machine == "x86_64"', 'omega ; extra == "more"', 'alpha ; os_name == "nt"'],
    )  # fmt: skip
    index.wheel("gamma", "1.0", ["delta"])
    index.wheel("delta", "1.0", ["gamma", 'late ; python_version >= "3.13"'])
    index.wheel("tools", "1.0", ["beta", 'beta ; extra == "fast"', 'theme ; extra == "fast"'])
    for name in ("late", "omega", "speed", "theme"):
        index.wheel(name, "1.0")
    for version in ("1.0", "2.0"):
        index.wheel("num", version)
    return index


def uv(folder, *words):
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("UV_", "PIP_"))}
    places = {"XDG_CONFIG_HOME": str(folder), "XDG_CONFIG_DIRS": str(folder), "UV_CACHE_DIR": str(folder / "cache")}
    argv = [find_uv_bin(), *words, "--python", sys.executable, "--no-python-downloads"]
    done = subprocess.run(argv, cwd=folder, env={**environ, **places}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def installed(lines, environment):
    parsed = [Requirement(line) for line in lines]
    return {
        (r.name, str(r.specifier).removesuffix(".0"))
        for r in parsed
        if r.marker is None or r.marker.evaluate(environment)
    }


@pytest.mark.parametrize("name", PROJECTS)
def test_the_packages_are_those_that_uv_exports(name, packages, tmp_path):
    """A package too few breaks the program, one too many the promise that the lock is the environment."""
    own = f'[[tool.uv.index]]\nname = "here"\nurl = "{packages.url}"\ndefault = true\n'
    (tmp_path / "pyproject.toml").write_text(PROJECTS[name] + own)
    uv(tmp_path, "lock")
    for choice in CHOICES[name]:
        words = [word for key, names in choice.items() for one in names for word in (f"--{key.removesuffix('s')}", one)]
        plain = ("--no-hashes", "--no-annotate", "--no-header", "--no-emit-project", "--no-default-groups")
        exported = uv(tmp_path, "export", "--frozen", *plain, *words).splitlines()
        selection = Selection(tuple(choice.get("extras", ())), tuple(choice.get("groups", ())))
        reading = read(str(tmp_path / "uv.lock"), lambda p: Path(p).read_bytes(), finish=normalize, selection=selection)
        ours = [requirement.text for requirement in reading.definition.pypi]
        assert not [notice for notice in reading.notices if "older" in notice]
        for machine in ("x86_64", "aarch64"):
            for release in ("3.11.2", "3.11.9"):
                environment = marker_environment(machine, release)
                assert installed(ours, environment) == installed(exported, environment), (choice, environment)
