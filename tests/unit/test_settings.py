"""Each setting has one value and one place where it came from; a stranger's project says nothing about trust."""

import os
import stat
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.errors import EnvironmentFault, UsageError
from envbuild.settings.editing import change
from envbuild.settings.files import Origin, Table, project_tables
from envbuild.settings.known import KNOWN, Kind
from envbuild.settings.reading import Settings, Value


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_the_strongest_word_counts_and_its_place_is_known(tmp_path):
    """Else nobody finds out why a build uses another index than they set."""
    user = write(tmp_path / "config.toml", 'cache = "u.example/r"\ntimeout = 4\nresolver = "pip-tools"\n')
    project = (Table(Origin.PROJECT, "pyproject.toml", {"lock-timeout": "3", "timeout": "3"}),)
    environ = {"ENVBUILD_CACHE": "v.example/r", "ENVBUILD_TIMEOUT": "2"}
    settings = Settings.read(environ, given={"cache": "g.example/r"}, project=project, user_file=user)
    weak = {"no-proxy": Value("a", Origin.MACHINE, "NO_PROXY"), "timeout": Value("9", Origin.MACHINE, "PIP_TIMEOUT")}
    settings = settings.over(weak)
    assert {name: (v.text, v.origin, v.place) for name, v in settings.values.items()} == {
        "cache": ("g.example/r", Origin.GIVEN, ""),
        "lock-timeout": ("3", Origin.PROJECT, "pyproject.toml"),
        "timeout": ("2", Origin.VARIABLE, "ENVBUILD_TIMEOUT"),
        "resolver": ("pip-tools", Origin.USER, str(user)),
        "no-proxy": ("a", Origin.MACHINE, "NO_PROXY"),
    }
    without = Settings.read({}, project=project, user_file=user)
    assert (without.text("cache"), without.seconds("timeout")) == ("u.example/r", 3.0)
    assert (Settings().text("resolver"), Settings().seconds("timeout"), Settings().text("cache")) == ("uv", 60.0, "")


LAYERS = st.dictionaries(st.sampled_from(["given", "variable", "project", "user"]), st.integers(1, 99))


@given(LAYERS)
def test_the_order_of_layers_holds_whichever_speak(layers):
    order = ["given", "variable", "project", "user"]
    settings = Settings.read(
        {"ENVBUILD_TIMEOUT": str(layers["variable"])} if "variable" in layers else {},
        given={"timeout": str(layers["given"])} if "given" in layers else {},
        project=(
            Table(Origin.USER, "u", {"timeout": str(layers["user"])} if "user" in layers else {}),
            Table(Origin.PROJECT, "p", {"timeout": str(layers["project"])} if "project" in layers else {}),
        ),
    )
    strongest = next((name for name in order if name in layers), None)
    assert settings.seconds("timeout") == (layers[strongest] if strongest else 60.0)


@pytest.mark.parametrize("name", [s.name for s in KNOWN.values() if not s.in_project])
def test_a_project_cannot_say_whom_this_machine_trusts(name):
    """Whoever clones a hostile repository would hand it their logins."""
    setting = KNOWN[name]
    project = (Table(Origin.PROJECT, "x/pyproject.toml", {name: setting.example}),)
    with pytest.raises(UsageError, match="a project may not set") as caught:
        Settings.read({}, project=project)
    assert caught.value.at == "x/pyproject.toml"


def test_what_a_project_may_say_decides_neither_where_anything_comes_from_nor_whom_to_trust():
    """A lock or image that one project's index or cache gave is used for every other project that asks for the same."""
    assert {name for name, s in KNOWN.items() if s.in_project} == {"resolver", "timeout", "lock-timeout"}
    with pytest.raises(UsageError, match="may not say where the index t is served"):
        Settings.read({}, project=(Table(Origin.PROJECT, "p", {"indexes.t": "https://t.example"}),))


def test_a_projects_files_are_read_up_to_its_repositorys_root_and_no_further(tmp_path):
    """A file that somebody left above the project would decide where packages come from."""
    write(tmp_path / "pyproject.toml", '[tool.envbuild.settings]\ncache = "above/r"\n')
    deep = tmp_path / "repo/a/b"
    deep.mkdir(parents=True)
    assert project_tables(deep) == ()
    (tmp_path / "repo/.git").mkdir()
    assert project_tables(deep) == ()
    found = write(
        tmp_path / "repo/pyproject.toml",
        '[tool.envbuild.settings]\ncache = "repo.example/r"\n[tool.envbuild.settings.indexes]\nt = "u"\n',
    )
    assert project_tables(deep) == (Table(Origin.PROJECT, str(found), {"cache": "repo.example/r", "indexes.t": "u"}),)
    own = write(deep / "envbuild.toml", 'format = 1\n[settings]\ncache = "b.example/r"\n')
    assert [t.place for t in project_tables(deep)] == [str(own)]
    write(deep / "pyproject.toml", "[project]\nname = 'envbuild-user'\n")
    assert [t.place for t in project_tables(deep)] == [str(own)]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of other users")
@pytest.mark.parametrize("theirs", ["repo/.git", "repo/pyproject.toml", "repo"])
def test_what_another_user_put_above_a_project_is_not_the_projects(tmp_path, theirs):
    """In /tmp anybody could say where everybody's packages come from."""
    (tmp_path / "repo/.git").mkdir(parents=True)
    write(tmp_path / "repo/pyproject.toml", '[tool.envbuild.settings]\npypi-index = "https://theirs.example"\n')
    mine = tmp_path / "repo/mine"
    mine.mkdir()
    assert len(project_tables(mine)) == 1
    os.chown(tmp_path / theirs, 54003, -1)
    assert project_tables(mine) == ()


def test_both_files_of_one_folder_count_envbuild_toml_over_pyproject(tmp_path):
    write(tmp_path / "pyproject.toml", "[tool.envbuild.settings]\ntimeout = 1\nresolver = 'pip-tools'\n")
    write(tmp_path / "envbuild.toml", "[settings]\ntimeout = 2\n")
    settings = Settings.read({}, project=project_tables(tmp_path))
    assert (settings.seconds("timeout"), settings.text("resolver")) == (2.0, "pip-tools")


def test_a_setting_beside_its_table_is_not_passed_over(tmp_path):
    write(tmp_path / "pyproject.toml", '[tool.envbuild]\ncache = "h.example/r"\n')
    with pytest.raises(UsageError, match="cache is a setting") as caught:
        project_tables(tmp_path)
    assert caught.value.hint == "[tool.envbuild.settings]"


BAD = [
    ("timeout", "soon"), ("timeout", "-1"), ("timeout", "nan"), ("timeout", "inf"), ("drop-packages", "perhaps"),
    ("resolver", "conda"), ("home", "relative"), ("pypi-index", "nonsense"), ("pypi-index", "https://a b"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text"), BAD)
def test_what_is_no_value_is_refused_where_it_stands_with_one_that_would_do(name, text):
    variable = KNOWN[name].variable
    with pytest.raises(EnvironmentFault) as caught:
        Settings.read({variable: text})
    assert caught.value.at == variable
    assert caught.value.hint == f"for example {variable}={KNOWN[name].example}"
    with pytest.raises(UsageError):
        Settings.read({}, given={name: text})


def test_a_value_that_may_hold_a_login_is_not_shown_when_it_is_refused():
    with pytest.raises(UsageError) as caught:
        Settings.read({}, given={"pypi-index": "me:hunter2@x y"})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("setting", KNOWN.values(), ids=lambda s: s.name)
def test_every_settings_own_example_and_default_are_values_of_it(setting):
    assert setting.fault(setting.example) == ""
    assert not setting.default or setting.fault(setting.default) == ""
    assert setting.meaning.endswith(".")
    assert setting.default or setting.usual


def test_names_that_are_no_setting_are_told_with_the_nearest():
    """A setting that is spelled wrong and silently without effect costs an afternoon."""
    with pytest.raises(UsageError) as caught:
        Settings.read({}, given={"time-out": "3"})
    assert caught.value.hint == "did you mean timeout?"
    settings = Settings.read({"ENVBUILD_CASHE": "x", "ENVBUILD_INDEX_T": "https://t.example", "ENVBUILD_MYTEAM": "1"})
    assert settings.notices == ("ENVBUILD_CASHE is no setting and was passed over: did you mean ENVBUILD_CACHE?",)
    assert settings.indexes["t"].text == "https://t.example"


def test_an_unknown_name_in_a_file_is_an_error_there(tmp_path):
    file = write(tmp_path / "config.toml", "time-out = 3\n")
    with pytest.raises(EnvironmentFault, match="no setting 'time-out'") as caught:
        Settings.read({}, user_file=file)
    assert caught.value.at == str(file)


def test_an_empty_word_means_the_default_and_an_empty_variable_means_nothing(tmp_path):
    user = write(tmp_path / "config.toml", 'cache = "u.example/r"\n')
    assert Settings.read({"ENVBUILD_CACHE": ""}, user_file=user).text("cache") == "u.example/r"
    assert Settings.read({}, given={"cache": ""}, user_file=user).text("cache") == ""


@pytest.mark.parametrize(("text", "value"), [("on", True), ("False", False), ("0", False), (" YES ", True), ("", True)])
def test_a_switch_is_on_or_off(text, value):
    assert Settings.read({"ENVBUILD_DROP_PACKAGES": text}).switch("drop-packages") is value


def test_a_list_may_be_written_with_commas_or_spaces():
    assert Settings.read({"ENVBUILD_NO_PROXY": "a, .b  c"}).words("no-proxy") == ("a", ".b", "c")


# config.toml is changed.


def test_a_change_keeps_comments_order_and_spelling(tmp_path):
    """Whoever keeps config.toml in a repository reads its history."""
    file = write(
        tmp_path / "config.toml", '# ours\nca_bundle = "/a" # why\ntimeout = 3\n\n[indexes]\n# t\nt = "https://t"\n'
    )
    change(file, "ca-bundle", "/b")
    change(file, "indexes.u", "https://u")
    change(file, "timeout", None)
    change(file, "cache", "h.example/r")
    assert file.read_text() == (
        '# ours\nca_bundle = "/b" # why\ncache = "h.example/r"\n\n[indexes]\n# t\nt = "https://t"\nu = "https://u"\n'
    )
    assert Settings.read({}, user_file=file).text("ca-bundle") == "/b"


@pytest.mark.parametrize("setting", [s for s in KNOWN.values() if s.in_user_file], ids=lambda s: s.name)
def test_what_was_set_is_read_again(tmp_path, setting):
    file = tmp_path / "a/b/config.toml"
    change(file, setting.name, setting.example)
    settings = Settings.read({}, user_file=file)
    assert settings.values[setting.name].place == str(file)
    if setting.kind is Kind.SECONDS:
        assert settings.seconds(setting.name) == float(setting.example)
    else:
        assert settings.text(setting.name) == setting.example
    change(file, setting.name, None)
    assert Settings.read({}, user_file=file).values == {}


def test_the_file_is_its_owners_alone_and_a_link_stays_one(tmp_path):
    """A URL in it may carry a login; dotfiles are often links into a repository."""
    real = write(tmp_path / "dotfiles/config.toml", "timeout = 1\n")
    link = tmp_path / "config/config.toml"
    link.parent.mkdir()
    link.symlink_to(real)
    change(link, "timeout", "2")
    assert link.is_symlink()
    assert real.read_text() == "timeout = 2\n"
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    assert [p.name for p in real.parent.iterdir()] == ["config.toml"]


def test_a_broken_file_is_not_overwritten(tmp_path):
    file = write(tmp_path / "config.toml", "timeout = \n")
    with pytest.raises(EnvironmentFault) as caught:
        change(file, "timeout", "2")
    assert caught.value.at == str(file)
    assert file.read_text() == "timeout = \n"
    with pytest.raises(UsageError):
        change(tmp_path / "new.toml", "timeout", "never")
    assert not (tmp_path / "new.toml").exists()


def test_settings_are_read_from_what_is_handed_in_alone(monkeypatch):
    """A library that reads the process's variables behind its caller's back cannot be used twice in one process."""
    monkeypatch.setenv("ENVBUILD_TIMEOUT", "1")
    assert Settings.read(MappingProxyType({})).seconds("timeout") == 60.0


# Where conda's channels are served.


def test_where_a_channel_is_served_is_said_by_a_variable_a_file_or_the_command(tmp_path):
    """Names of channels have signs that a variable's name cannot have."""
    user = write(
        tmp_path / "config.toml",
        '[channels]\nconda-forge = ["https://a.example/forge", "https://b.example/forge"]\n"pkgs/main" = "https://c.example/m"\n',
    )
    settings = Settings.read({}, user_file=user)
    assert {name: value.text for name, value in settings.channels.items()} == {
        "conda-forge": "https://a.example/forge https://b.example/forge",
        "pkgs-main": "https://c.example/m",
    }
    said = {"ENVBUILD_CHANNEL_PKGS_MAIN": "https://d.example/m"}
    assert Settings.read(said, user_file=user).channels["pkgs-main"].text == "https://d.example/m"
    given = {"channels.pkgs/main": "https://e.example/m"}
    assert Settings.read(said, given=given, user_file=user).channels["pkgs-main"].text == "https://e.example/m"
    assert not Settings.read(said).notices


def test_a_project_may_not_say_where_a_channel_is_served():
    """Packages of that name would come from whoever wrote the project."""
    with pytest.raises(UsageError, match="may not say where the channel conda-forge is served"):
        Settings.read({}, project=(Table(Origin.PROJECT, "p", {"channels.conda-forge": "https://t.example"}),))


def test_a_channel_is_set_and_unset_in_the_users_file(tmp_path):
    file = tmp_path / "config.toml"
    change(file, "channels.team/x", "https://t.example/x")
    assert Settings.read({}, user_file=file).channels["team-x"].text == "https://t.example/x"
    assert change(file, "channels.team/x", None)
    assert not Settings.read({}, user_file=file).channels
