"""What the flows share: the command line over the session's warm store, and the example's image in it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Finished:
    """How a process ended; output as bytes."""

    code: int
    stdout: bytes
    stderr: bytes

    @property
    def line(self) -> str:
        """The one line that it printed."""
        text = self.stdout.decode()
        assert text.count("\n") == 1, f"not one line: {text!r}"
        assert text.endswith("\n")
        return text[:-1]

    @property
    def json(self) -> Any:
        """What it printed, as JSON."""
        return json.loads(self.stdout)

    def ok(self) -> "Finished":
        """Itself, where it ended well."""
        assert self.code == 0, f"exit {self.code}\n{self.stderr.decode()}{self.stdout.decode(errors='replace')[:2000]}"
        return self


@dataclass(frozen=True, slots=True)
class Envbuild:
    """envbuild as a real process over one store: call it with arguments. Every image that it makes is checked."""

    env: Mapping[str, str]
    folder: Path
    sound: Callable[[str], None]

    def __call__(self, *arguments, env=None, cwd=None, input=b"", prefix=()) -> Finished:  # noqa: A002
        settings = {**self.env, **(env or {})}
        done = subprocess.run(
            [*prefix, sys.executable, "-m", "envbuild", *map(str, arguments)],
            env=settings,
            cwd=cwd or self.folder,
            input=input,
            capture_output=True,
            timeout=600,
            check=False,
        )
        if done.returncode == 0:
            self.sound(settings["ENVBUILD_HOME"])
        return Finished(done.returncode, done.stdout, done.stderr)

    def failed(self, code, *arguments, **options) -> str:
        """The words of a call that must end with this code, without a traceback and with nothing on stdout."""
        done = self(*arguments, **options)
        words = done.stderr.decode()
        assert done.code == code, f"exit {done.code}, not {code}: {words}"
        assert "Traceback" not in words
        assert done.stdout == b""
        return words


@pytest.fixture(scope="session")
def warm(warm_home, tmp_path_factory, sound) -> Envbuild:
    """envbuild over the store that all tests share."""
    return Envbuild(warm_home.env, tmp_path_factory.mktemp("flow"), sound)


@pytest.fixture
def cold(home, tmp_path, sound) -> Envbuild:
    """envbuild over an empty store."""
    folder = tmp_path / "cold"
    folder.mkdir()
    return Envbuild(home.env, folder, sound)


@dataclass(frozen=True, slots=True)
class Example:
    """The example's definition in a folder of its own, and what its build said as JSON."""

    spec: Path
    script: Path
    said: Mapping[str, Any]


@pytest.fixture(scope="session")
def classify(warm, tmp_path_factory) -> Example:
    """examples/classify, built into the warm store."""
    folder = tmp_path_factory.mktemp("project") / "classify"
    shutil.copytree(ROOT / "examples" / "classify", folder)
    said = warm("build", folder / "requirements.txt", "--to", "store", "--json").ok().json
    return Example(folder / "requirements.txt", folder / "train.py", said)


@pytest.fixture
def project(tmp_path) -> Callable[..., Path]:
    """`project("pypi = []")`: the path of an envbuild.toml with these lines, in a folder of its own."""

    def write(lines: str, name: str = "small") -> Path:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        path = folder / "envbuild.toml"
        path.write_text(f'format = 1\nname = "{name}"\n{lines}\n')
        return path

    return write
