"""What Tab offers, asked as the shells ask; tests/integration/test_completion_in_shells.py has the shells themselves."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete

from envbuild.canonical import encode
from envbuild.cli import candidates
from envbuild.cli.main import cli, run
from envbuild.cli.shells import SHELLS, answer, script
from envbuild.digest import Digest
from envbuild.pipeline.delivering import Destination
from envbuild.platforms import Platform
from envbuild.store.claims import Claims
from envbuild.store.places import Places

HEAVY = {
    "urllib3",
    "rich",
    "packaging",
    "diskcache",
    "envbuild.pipeline",
    "envbuild.workspace",
    "tomllib",
    "subprocess",
}


def offered(line: str) -> list[tuple[str, str]]:
    """The candidates at the end of a line, and their types."""
    words = line.split(" ")
    found = ShellComplete(cli, {}, "envbuild", "_ENVBUILD_COMPLETE").get_completions(words[:-1], words[-1])
    return [(item.value, item.type) for item in found]


def values(line: str) -> list[str]:
    return [value for value, _ in offered(line)]


@pytest.fixture
def ask(monkeypatch, capsys):
    """`ask("bash", "envbuild bui")`: what the program prints for a shell; and nothing else."""

    def ask(shell, line):
        last = line.rpartition(" ")[2]
        monkeypatch.setenv("COMP_LINE", line)
        monkeypatch.setenv("COMP_WORD", last)
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", last if shell == "fish" else str(len(line.split(" ")) - 1))
        monkeypatch.setenv("_ENVBUILD_COMPLETE", f"{shell}_complete")
        assert run([]) == 0
        captured = capsys.readouterr()
        assert captured.err == ""
        return captured.out

    return ask


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with a few files."""
    for name in ("one.tar", "two/three.tar", "two/.hidden", "four five.tar"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A store in which an image has a name."""
    monkeypatch.setenv("ENVBUILD_HOME", str(tmp_path / "home"))
    material = {"name": "envbuild/small:latest"}
    claims = Claims(Places.read(os.environ).claims)
    claims.put("name", Digest.of(encode(material)), {"image": f"sha256:{'a' * 64}"}, material)
    return tmp_path / "home"


@pytest.mark.parametrize("shell", SHELLS)
def test_the_hook_is_reached_through_the_program(ask, shell):
    """The scripts call the program itself, which then must do nothing else."""
    assert "build" in ask(shell, "envbuild bui")


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_printed(shell, capsys):
    assert run(["completion", shell]) == 0
    printed = capsys.readouterr().out
    assert printed == script(shell, cli)
    assert answer(cli, f"{shell}_source") == 0
    assert capsys.readouterr().out == printed
    assert f"_ENVBUILD_COMPLETE={shell}_complete" in printed
    assert "%" not in printed.replace("line%%,*", "").replace("printf '%s", "")


def test_commands_options_and_parts():
    assert {"build", "run", "cache", "completion"} <= set(values(""))
    assert values("cache ") == ["info", "prune", "verify"]
    assert values("build --plat") == ["--platform"]
    assert values("lock x --resolver ") == ["uv", "pip-tools", "conda-lock"]


def test_commands_have_their_summary(ask):
    assert "build\tBuild an image" in ask("fish", "envbuild bui")


@pytest.mark.parametrize(
    "line", ["build ", "lock ", "export ", "probe ", "show ", "run --env ", "run ", "run x.py ", "shell -e "]
)
def test_a_definition_is_a_file(line):
    """The shell's own completion of files goes on working."""
    assert offered(line) == [("", "file")]


def test_where_an_image_goes(folder, monkeypatch):
    """Each kind of place, and behind its colon the paths that fit."""
    monkeypatch.setattr(candidates, "_registries", tuple)
    kinds = dict(offered("build x --to "))
    assert kinds == {"store": "plain", "docker": "plain", "podman": "plain", "oci:": "part", "archive:": "part"}
    for kind in kinds:
        assert Destination.parse(kind + "x" * kind.endswith(":"))
    assert offered("build x --to oci:") == [("oci:two/", "part")]
    assert values("build x --to archive:") == ["archive:four five.tar", "archive:one.tar", "archive:two/"]
    assert values("build x --to archive:two/t") == ["archive:two/three.tar"]
    assert values("build x --to archive:two/.") == ["archive:two/.hidden"]
    assert values("build x --to archive:no/such/") == []


def test_no_argument_is_left_without_candidates():
    """Tab that stays silent looks broken. What is inside an image alone is not read for it."""
    silent = [f"{name} {what.make_metavar(click.Context(command))}" for name, command, what in arguments(cli)]
    assert silent == ["ls [PATH]", "cat PATH"]


def arguments(group: click.Group) -> Iterator[tuple[str, click.Command, click.Argument]]:
    """The arguments that offer nothing, with their commands."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from arguments(command)
            continue
        own = [p for p in command.params if isinstance(p, click.Argument)]
        within = click.Context(command)
        within.params = {"name": "engine"}
        yield from ((name, command, a) for a in own if not a.shell_complete(within, "") and a.name != "registry")


def test_platforms_are_those_that_are_served():
    assert [str(Platform.parse(value)) for value in values("build x --platform ")] == values("build x --platform ")


def test_images_of_the_store(store, folder):
    """Names, and files beside them; where there is no name only files, by the shell's own means."""
    assert values("cat envb") == ["envbuild/small:latest"]
    assert "envbuild/small:latest" in values("verify ")
    assert "one.tar" in values("verify ")
    assert offered("ls on") == [("on", "file")]
    assert values("ls archive:o") == ["archive:one.tar"]


def test_a_store_that_cannot_be_read_offers_files(monkeypatch):
    monkeypatch.setenv("ENVBUILD_HOME", "not/absolute")
    assert offered("cat ") == [("", "file")]


def test_registries_with_a_login(tmp_path, monkeypatch):
    """Those that Docker's own file names; a file that cannot be read names none."""
    for name in ("DOCKER_AUTH_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    config = tmp_path / "config.json"
    config.write_text('{"auths": {"registry.example:5000": {"auth": "bWU6Y2FuYXJ5"}, "other.example": {}}}')
    assert values("logout ") == ["other.example", "registry.example:5000"]
    assert offered("build x --to reg") == [("registry.example:5000/", "part")]
    assert values("build x --cache o") == ["other.example/"]
    config.write_text("{")
    assert values("logout ") == []
    assert "store" in values("build x --to ")


def test_settings_and_their_values(folder):
    assert values("config show pypi") == ["pypi-index"]
    assert values("config set drop-packages ") == ["on", "off"]
    assert offered("config set ca-bundle ") == [("", "file")]
    assert offered("config set home ") == [("", "dir")]
    assert values("config set timeout ") == []
    assert offered("--config resol") == [("resolver=", "part")]
    assert values("--config resolver=") == ["resolver=uv", "resolver=pip-tools", "resolver=conda-lock"]
    assert values("--config ca-bundle=o") == ["ca-bundle=one.tar"]
    assert values("--config nosuch=") == []


def test_behind_the_script_the_options_are_its_own():
    assert "--container" in values("run --")
    assert values("run --env x.txt --loc") == ["--lock", "--locked"]
    assert values("run train.py --loc") == []
    assert values("run -m pytest --loc") == []
    assert values("run -- python --loc") == []
    assert offered("run -m ") == [("", "file")]
    assert offered("run -- ") == [("", "file")]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    "line", ["envbuild nosuch x", "envbuild --version --x", "envbuild build --nosuch x --y", "envbuild 'nosuch"]
)
def test_what_is_wrong_gives_silence(ask, shell, line):
    """An error's words would stand in the line that is being typed."""
    assert ask(shell, line).strip() in {"", "file,x"}


def test_an_error_of_ours_gives_silence(ask, monkeypatch):
    monkeypatch.setattr(click.Command, "shell_complete", lambda *_: 1 / 0)
    assert ask("zsh", "envbuild build --") == ""


@pytest.mark.parametrize("instruction", ["bash_sources", "tcsh_complete", "bash", "_"])
def test_an_unknown_question_has_no_answer(instruction, capsys):
    assert answer(cli, instruction) == 1
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("line", "word", "expected"),
    [
        ("envbuild build x --to arch", "arch", "part,archive:\n"),
        ("envbuild build x --to archive:o", "o", "plain,one.tar\n"),
        ("envbuild build x --to archive:", "", "plain,four\\ five.tar\nplain,one.tar\npart,two/\n"),
        ("envbuild build x --to=archive:o", "o", "plain,one.tar\n"),
        ("envbuild build x --to=doc", "doc", "plain,docker\n"),
        ("envbuild --config resolver=u", "u", "plain,uv\n"),
        ("envbuild --config=resolver=u", "u", "plain,uv\n"),
    ],
)
def test_bash_gets_what_stands_behind_its_own_word_breaks(monkeypatch, capsys, folder, line, word, expected):
    """bash takes : and = as ends of words, and puts the candidate behind them."""
    monkeypatch.setenv("COMP_LINE", line)
    monkeypatch.setenv("COMP_WORD", word)
    assert answer(cli, "bash_complete") == 0
    assert capsys.readouterr().out == expected


def test_a_name_that_no_terminal_can_show_is_left_out(folder, ask):
    """A line end in a file's name must not become a candidate of its own."""
    (folder / "o\nplain,evil").write_text("")
    (folder / os.fsdecode(b"o\xff")).write_text("")
    (folder / "oé.tar").write_text("")
    assert values("verify archive:o") == ["archive:one.tar", "archive:oé.tar"]
    assert "oé.tar" in ask("zsh", "envbuild verify archive:o")


def test_many_files_do_not_make_typing_slow(tmp_path, monkeypatch):
    """A folder is read as far as somebody would wait for it."""
    monkeypatch.setattr(candidates, "_MOST", 10)
    for number in range(20):
        (tmp_path / str(number)).write_text("")
    assert len(candidates.paths(f"{tmp_path}/")) == 10


def test_nothing_heavy_is_loaded_for_a_command_name():
    """Tab answers as fast as the shell itself."""
    program = "import sys; from envbuild.cli.main import run; run([]); print(*sys.modules)"
    env = {**os.environ, "_ENVBUILD_COMPLETE": "bash_complete", "COMP_LINE": "envbuild bui", "COMP_WORD": "bui"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).resolve().parents[3], env=env, capture_output=True, text=True, check=True,
    )  # fmt: skip
    first, *_ = done.stdout.splitlines()
    assert first == "plain,build"
    assert not set(done.stdout.split()) & HEAVY
