"""The Tab key in real shells: what a person sees and gets is what the command line takes."""

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

TAB, START_OF_LINE, CLEAR = "\t", "\x01", "\x15"
LONGEST = 60
"""Seconds for an answer, after which the test has failed."""
SETTINGS = {
    # Candidates are listed at the first Tab.
    "bash": "bind 'set show-all-if-ambiguous on'; bind 'set bell-style none'",
    "zsh": "bindkey -e; setopt no_beep; autoload -Uz compinit && compinit -u -D",
}
START = {"bash": ("--norc", "--noprofile", "-i"), "zsh": ("-f", "-i")}

WHOLE_WORDS = {
    "a command": ("bui\tX", ["build", "X"]),
    "a command of a group": ("cache ver\tX", ["cache", "verify", "X"]),
    "an option": ("build --plat\tX", ["build", "--platform", "X"]),
    "a choice": ("lock --resolver pip\tX", ["lock", "--resolver", "pip-tools", "X"]),
    "a choice behind =": ("lock --resolver=pip\tX", ["lock", "--resolver=pip-tools", "X"]),
    "a platform": ("build --platform linux/arm\tX", ["build", "--platform", "linux/arm64", "X"]),
    "a file": ("build req\tX", ["build", "requirements.txt", "X"]),
    "a file with a space in its folder": ("build my\tdeep\tX", ["build", "my folder/deep.tar", "X"]),
    "a file in quotes": ('build "my fo\tdeep\tX', ["build", "my folder/deep.tar", "X"]),
    "a place": ("build . --to dock\tX", ["build", ".", "--to", "docker", "X"]),
    "a place behind =": ("build . --to=dock\tX", ["build", ".", "--to=docker", "X"]),
    "a place that goes on": ("build . --to arc\tima\tX", ["build", ".", "--to", "archive:image.tar", "X"]),
    "a folder for a layout": ("build . --to=oci:lay\tX", ["build", ".", "--to=oci:layout/X"]),
    "a setting": ("config show pypi\tX", ["config", "show", "pypi-index", "X"]),
    "a setting with its value": ("--config resol\tpip\tX", ["--config", "resolver=pip-tools", "X"]),
    "a setting's value": ("config set drop-packages of\tX", ["config", "set", "drop-packages", "off", "X"]),
    "an image": ("verify envb\tX", ["verify", "envbuild/small:latest", "X"]),
    "an environment to run in": ("run --env req\tX", ["run", "--env", "requirements.txt", "X"]),
    "a script": ("run --env requirements.txt tra\tX", ["run", "--env", "requirements.txt", "train.py", "X"]),
    "a file for a module": ("run -m pytest req\tX", ["run", "-m", "pytest", "requirements.txt", "X"]),
    "a registry with a port": ("build . --to reg\tX", ["build", ".", "--to", "registry.example:5000/X"]),
    "a registry with a port, begun": ("logout registry.example:5\tX", ["logout", "registry.example:5000", "X"]),
    "a file for the script": ("run train.py --data ima\tX", ["run", "train.py", "--data", "image.tar", "X"]),
    "no option of ours for the script": ("run train.py --plat\tX", ["run", "train.py", "--platX"]),
    "nothing for an unknown command": ("nosuch o\tX", ["nosuch", "oX"]),
    "no version in between": ("--version b\tX", ["--version", "build", "X"]),
}
LISTS = {
    "": {"build", "lock", "run", "cache", "config", "completion"},
    "cache ": {"info", "verify", "prune"},
    "config ": {"show", "set", "path"},
    "build --": {"--to", "--tag", "--platform", "--frozen"},
    "build . --to ": {"store", "docker", "podman", "oci:", "archive:"},
    "build . --platform linux/a": {"linux/amd64", "linux/arm64"},
    "completion ": {"bash", "zsh", "fish"},
}


class Terminal:
    """A shell on a terminal of its own, in which the completion was installed as its help says."""

    def __init__(self, name: str, path: str, folder: Path, env: dict[str, str], install: str = "") -> None:
        self._end, other = pty.openpty()
        self._process = subprocess.Popen(
            [path, *START[name]], stdin=other, stdout=other, stderr=other, cwd=folder, env=env, start_new_session=True
        )
        os.close(other)
        self._number = 0
        # On a narrow terminal lines are redrawn in pieces.
        self._run(f"stty cols 240 rows 60; {install or ':'}; {SETTINGS[name]}")
        if not install:
            self._run(f'eval "$(envbuild completion {name})"')

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._end)

    def words(self, typed: str) -> list[str]:
        """What the program's arguments are after these keys."""
        self._type(f"envbuild {typed}")
        shown = self._run(f"{START_OF_LINE}printf '{{%s}}\\n' ")
        found = re.findall(r"^ *\{(.*)\} *$", shown, re.MULTILINE)
        assert found[:1] == ["envbuild"], shown
        return found[1:]

    def lists(self, typed: str, wanted: set[str]) -> None:
        """These words, and perhaps others, come onto the screen when Tab is pressed."""
        self._type(f"envbuild {typed}{TAB}")
        # No key before they are there: zsh lists nothing while keys are waiting.
        self._until(lambda text: wanted <= set(text.split()))
        self._run(CLEAR)

    def _run(self, command: str) -> str:
        """What a command, or the keys before it, put on the screen."""
        self._number += 1
        # What is typed is on the screen too: the mark must not be found there.
        self._type(f"{command}\r" + f"echo '<end' '{self._number}>'\r")
        return self._until(lambda text: f"<end {self._number}>" in text)

    def _type(self, keys: str) -> None:
        os.write(self._end, keys.encode())

    def _until(self, seen: Callable[[str], bool]) -> str:
        text, plain = "", ""
        end = time.monotonic() + LONGEST
        while not seen(plain):
            assert time.monotonic() < end, f"this is not what was waited for: {text!r}"
            if select.select([self._end], [], [], 0.2)[0]:
                text += os.read(self._end, 65536).decode(errors="replace")
                plain = re.sub(r"\x1b(\[[0-9;?]*[a-zA-Z]|[=>]|\][^\x07]*\x07)|\r", " ", text)
        return plain


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A folder with files to complete, and the commands as a person has them, in bin/."""
    folder = tmp_path_factory.mktemp("complete")
    for name in (
        "requirements.txt",
        "train.py",
        "image.tar",
        "my folder/deep.tar",
        "layout/index.json",
        "bin/envbuild",
    ):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("")
    (folder / "bin/envbuild").write_text(f'#!/bin/sh\nexec {sys.executable} -m envbuild "$@"\n')
    (folder / "bin/envbuild").chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def environment(place, tmp_path_factory) -> dict[str, str]:
    """A user's environment over a store in which an image has a name."""
    from envbuild.canonical import encode
    from envbuild.digest import Digest
    from envbuild.store.claims import Claims
    from envbuild.store.places import Places

    home = tmp_path_factory.mktemp("complete-home")
    env = {"HOME": str(home), "ENVBUILD_HOME": str(home / "envbuild"), "TERM": "xterm", "LC_ALL": "C.UTF-8"}
    material = {"name": "envbuild/small:latest"}
    claims = Claims(Places.read(env).claims)
    claims.put("name", Digest.of(encode(material)), {"image": f"sha256:{'a' * 64}"}, material)
    (home / ".docker").mkdir()
    (home / ".docker/config.json").write_text('{"auths": {"registry.example:5000": {}}}')
    return {**env, "PATH": f"{place / 'bin'}:{os.environ['PATH']}"}


@pytest.fixture(scope="module", params=["bash", "zsh"])
def terminal(request, program, place, environment) -> Iterator[Terminal]:
    found = Terminal(request.param, program(request.param).command[0], place, environment)
    yield found
    found.close()


@pytest.mark.engine
def test_zsh_finds_the_script_in_its_folder_of_functions(program, place, environment):
    """As a package of a distribution installs it: loaded at the first Tab, and there at the second."""
    install = "mkdir -p fp; envbuild completion zsh > fp/_envbuild; fpath=($PWD/fp $fpath)"
    terminal = Terminal("zsh", program("zsh").command[0], place, environment, install)
    try:
        assert terminal.words("bui\tX") == ["build", "X"]
        assert terminal.words("cache ver\tX") == ["cache", "verify", "X"]
    finally:
        terminal.close()


@pytest.fixture(scope="module")
def fish(program, place, environment) -> Callable[[str], list[str]]:
    """fish's own list of candidates for a line."""
    tool = program("fish")

    def complete(line: str) -> list[str]:
        done = subprocess.run(
            [*tool.command, "--no-config", "-c", "envbuild completion fish | source; complete -C $argv[1]", line],
            cwd=place, env=environment, capture_output=True, text=True, timeout=LONGEST, check=True,
        )  # fmt: skip
        assert done.stderr == ""
        return [candidate.partition("\t")[0] for candidate in done.stdout.splitlines()]

    return complete


@pytest.mark.engine
@pytest.mark.parametrize("what", WHOLE_WORDS)
def test_tab_makes_the_word_whole(terminal, what):
    """What is put into the line is a whole word, with a space behind it or not, and quoted as that shell needs it."""
    typed, words = WHOLE_WORDS[what]
    assert terminal.words(typed) == words


@pytest.mark.engine
@pytest.mark.parametrize("typed", LISTS)
def test_tab_lists_what_there_is(terminal, typed):
    """Somebody who knows nothing yet finds every command and option by Tab."""
    terminal.lists(typed, LISTS[typed])


@pytest.mark.engine
@pytest.mark.parametrize("what", [w for w in WHOLE_WORDS if not w.startswith("no") and '"' not in WHOLE_WORDS[w][0]])
def test_fish_offers_the_whole_word(fish, what):
    """The same in fish, which takes a candidate only if it is the whole word."""
    typed, words = WHOLE_WORDS[what]
    first, *more = typed.split(TAB)[:-1]
    start = first.rpartition(" ")[0]
    offered = fish(f"envbuild {first}")
    for typed_then in more:
        (chosen,) = offered
        offered = fish(f"envbuild {start} {chosen}{typed_then}".replace("my folder", "my\\ folder"))
    assert offered == [words[-2] if words[-1] == "X" else words[-1].removesuffix("X")]


@pytest.mark.engine
@pytest.mark.parametrize("typed", LISTS)
def test_fish_lists_what_there_is(fish, typed):
    assert LISTS[typed] <= set(fish(f"envbuild {typed}"))


@pytest.mark.engine
@pytest.mark.parametrize("typed", ["run train.py --plat", "nosuch o", "build --nosuch"])
def test_fish_offers_nothing_where_nothing_is_ours(fish, typed):
    """Not even an error's words, which would be taken for candidates."""
    assert fish(f"envbuild {typed}") == []
