"""`envbuild config` and `--config`: a setting has effect where it was made, and its user sees where it came from."""

import pytest


def settings_of(cold, *before, cwd=None, env=None):
    shown = cold(*before, "config", "show", "--json", cwd=cwd, env=env).ok().json
    assert shown["schema"] == 1
    return {s["name"]: s for s in shown["settings"]}


def test_each_layer_is_seen_and_the_strongest_has_effect(cold, tmp_path):
    """Else nobody can tell why a build went to another index than they set."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text('[tool.envbuild.settings]\ntimeout = 31\nresolver = "pip-tools"\n')
    cold("config", "set", "timeout", "30").ok()
    path = cold("config", "path").ok().line
    assert settings_of(cold)["timeout"] == {"name": "timeout", "value": "30", "origin": "user", "place": path}
    in_project = settings_of(cold, cwd=project)
    assert in_project["timeout"]["value"] == "31"
    assert in_project["resolver"] == {
        "name": "resolver",
        "value": "pip-tools",
        "origin": "project",
        "place": str(project / "pyproject.toml"),
    }
    variable = settings_of(cold, cwd=project, env={"ENVBUILD_TIMEOUT": "32"})["timeout"]
    assert (variable["value"], variable["origin"], variable["place"]) == ("32", "variable", "ENVBUILD_TIMEOUT")
    flag = settings_of(cold, "--config", "timeout=33", cwd=project, env={"ENVBUILD_TIMEOUT": "32"})["timeout"]
    assert (flag["value"], flag["origin"]) == ("33", "given")
    cold("config", "unset", "timeout").ok()
    assert settings_of(cold, env={"PIP_DEFAULT_TIMEOUT": "9"})["timeout"]["place"] == "PIP_DEFAULT_TIMEOUT"


def test_one_settings_value_is_all_of_stdout(cold):
    """Scripts take it: $(envbuild config show cache)."""
    cold("config", "set", "cache", "registry.example/team/envs").ok()
    assert cold("config", "show", "cache").ok().line == "registry.example/team/envs"


def test_a_login_in_a_setting_is_never_shown(cold):
    url = "https://me:hunter2@mirror.example/simple"
    done = [
        cold("config", "set", "pypi-index", url),
        cold("config", "set", "indexes.own", f"{url}?token=hunter2"),
        cold("config", "set", "proxy", "me:hunter2@proxy.example:3128"),
        cold("config", "set", "debian-mirror", f"{url} http://other.example"),
        cold("config", "show"),
        cold("config", "show", "--json"),
        cold("config", "show", "proxy"),
        cold("--config", "pypi-index=me:hunter2@x y", "config", "show"),
    ]
    for finished in done:
        assert b"hunter2" not in finished.stdout + finished.stderr
    assert b"https://***@mirror.example/simple" in done[4].stdout
    assert b"***@proxy.example:3128" in done[6].stdout


def test_the_folder_of_the_definition_says_its_settings_wherever_the_command_is_typed(cold, tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    (project / "envbuild.toml").write_text('format = 1\npypi = ["six"]\n[settings]\nresolver = "conda"\n')
    assert "must be uv or pip-tools or conda-lock: conda" in cold.failed(2, "lock", project / "envbuild.toml")


def test_settings_in_a_definitions_file_are_no_part_of_the_definition(cold, tmp_path):
    """Who only sets a mirror would build the same image again."""
    ids = []
    for name, settings in (("a", ""), ("b", "[settings]\ntimeout = 7\n")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "envbuild.toml").write_text(f'format = 1\nname = "x"\npypi = ["six"]\n{settings}')
        ids.append(cold("show", folder / "envbuild.toml", "--json").ok().json["ids"]["definition"])
    assert ids[0] == ids[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--config", "timeout"), "NAME=VALUE"),
        (("--config", "time-out=3"), "did you mean timeout?"),
        (("--config", "timeout=soon"), "not a number of seconds: soon"),
    ],
)
def test_what_is_given_wrong_is_a_wrong_command_line(cold, words, said):
    assert said in cold.failed(2, *words, "config", "show")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("set", "time-out", "3"), "did you mean timeout?"),
        (("set", "timeout", "soon"), "not a number of seconds"),
        (("set", "home", "/x"), "ENVBUILD_HOME=/srv/envbuild"),
        (("show", "nothing"), "there is no setting"),
        (("unset", "nothing"), "there is no setting"),
    ],
)
def test_wrong_names_and_values_change_nothing(cold, home, words, said):
    assert said in cold.failed(2, "config", *words)
    assert not (home.store / "config.toml").exists()


def test_a_project_that_says_whom_to_trust_stops_the_command(cold, tmp_path):
    """Whoever clones a hostile repository would hand it their logins."""
    (tmp_path / "requirements.txt").write_text("six\n")
    (tmp_path / "pyproject.toml").write_text('[tool.envbuild.settings]\nproxy = "http://evil.example"\n')
    said = cold.failed(2, "lock", tmp_path / "requirements.txt")
    assert "a project may not set proxy" in said
    assert "envbuild config set proxy" in said


def test_a_setting_that_the_store_refuses_can_be_seen_and_taken_out_again(cold):
    """Else one typing mistake locks its user out of the very command that mends it."""
    path = cold("config", "set", "group", "no-such-group").ok() and cold("config", "path").ok().line
    assert "no-such-group" in cold("config", "show", "group").ok().line
    said = cold.failed(5, "cache", "info")
    assert path in said
    cold("config", "unset", "group").ok()
    cold("cache", "info").ok()


def test_nothing_that_steers_a_terminal_is_printed(cold, tmp_path):
    """A hostile file could rewrite what stands on the screen, or type for its reader."""
    spec = tmp_path / "envbuild.toml"
    spec.write_text('format = 1\npypi = ["de\\u001b]0;x\\u0007mo"]\n[settings]\nresolver = "\\u001b[2J"\n')
    for words in (("show", spec), ("lock", spec)):
        assert b"\x1b" not in cold(*words).stderr
