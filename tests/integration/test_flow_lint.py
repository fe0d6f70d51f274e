"""`envbuild lint` as a person and as CI use it: places to jump to, and repairs that keep what the file means."""

import json
import os
import stat

import pytest

MESSY = """\
# ours
name: train   # the model
dependencies:
  - python=3.11
  # from PyPI
  - pip:
      - azureml-defaults  # left over
      - six==1.16.0
prefix: /opt/conda/envs/train
"""
MENDED = """\
# ours
name: train   # the model
channels: [conda-forge]
dependencies:
  - python=3.11
  # from PyPI
  - pip
  - pip:
      - six==1.16.0
"""


def test_findings_stand_where_an_editor_jumps_to(run_cli, tmp_path):
    (tmp_path / "environment.yml").write_text(MESSY)
    done = run_cli("lint", "environment.yml", cwd=tmp_path)
    assert done.code == 0
    assert done.stdout.split("\n")[::2][:-1] == [
        "environment.yml:6: EB107 conda: packages from an index, but no pip among conda's",
        "environment.yml: EB111 channels: no channel is named: conda-forge is meant",
        "environment.yml:9: EB112 prefix: /opt/conda/envs/train: a folder of the machine that wrote the file",
        "environment.yml:7: EB123 pypi: azureml-defaults: it is left out: its service has ended",
    ]
    assert done.stdout.count("(--fix does it)") == 4
    assert run_cli("lint", "environment.yml", "--strict", cwd=tmp_path).code == 2


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_fix_mends_the_file_and_keeps_its_meaning_comments_and_mode(end, run_cli, tmp_path):
    """The image that was built before is found afterwards, too."""
    file = tmp_path / "environment.yml"
    file.write_bytes(MESSY.replace("\n", end).encode())
    file.chmod(0o640)
    before = run_cli("show", "environment.yml", "--json", cwd=tmp_path)
    done = run_cli("lint", "environment.yml", "--fix", "--json", cwd=tmp_path)
    assert file.read_bytes() == MENDED.replace("\n", end).encode()
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    told = json.loads(done.stdout)
    assert [(one["path"], one["line"], one["code"]) for one in told["fixed"]] == [
        ("environment.yml", 9, "EB112"),
        ("environment.yml", 7, "EB123"),
        ("environment.yml", 3, "EB111"),
        ("environment.yml", 7, "EB107"),
    ]
    assert told["findings"] == []
    after = run_cli("show", "environment.yml", "--json", cwd=tmp_path)
    assert json.loads(after.stdout)["ids"] == json.loads(before.stdout)["ids"]
    again = run_cli("lint", "environment.yml", "--fix", "--strict", cwd=tmp_path)
    assert (again.code, again.stdout) == (0, "")


def test_a_file_that_cannot_be_read_is_not_mended(run_cli, tmp_path):
    file = tmp_path / "environment.yml"
    file.write_text(MESSY + "other: 1\n")
    done = run_cli("lint", "environment.yml", "--fix", cwd=tmp_path)
    assert done.code == 2
    assert "environment.yml:10" in done.stderr
    assert file.read_text() == MESSY + "other: 1\n"


def test_a_folder_that_cannot_be_written_is_told(cold, tmp_path):
    """The file is whole afterwards, as it was."""
    folder = tmp_path / "closed"
    folder.mkdir()
    (folder / "environment.yml").write_text(MESSY)
    folder.chmod(0o500)
    # Root is bound by modes, too, without these two rights.
    powerless = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all")
    prefix = powerless if os.geteuid() == 0 else ()
    assert "environment.yml" in cold.failed(5, "lint", "environment.yml", "--fix", cwd=folder, prefix=prefix)
    assert (folder / "environment.yml").read_text() == MESSY


def test_what_no_builder_serves_is_linted(run_cli, tmp_path):
    """A person sees what hurts before anything of it can be built."""
    (tmp_path / "environment.yml").write_text("channels: [conda-forge]\ndependencies:\n- python=3.9\n- numpy\n")
    (tmp_path / "envbuild.toml").write_text('format = 1\n[base]\nimage = "mcr.microsoft.com/azureml/x:1"\n')
    conda = json.loads(run_cli("lint", "environment.yml", "--json", cwd=tmp_path).stdout)["findings"]
    image = json.loads(run_cli("lint", "envbuild.toml", "--json", cwd=tmp_path).stdout)["findings"]
    assert [(one["code"], one["line"]) for one in conda] == [("EB101", 4), ("EB108", 3)]
    assert [(one["code"], one["line"]) for one in image] == [("EB102", 3), ("EB115", 3)]


def test_an_included_file_is_named(run_cli, tmp_path):
    (tmp_path / "requirements.txt").write_text("-r more.txt\nsix==1\n")
    (tmp_path / "more.txt").write_text("\nnumpy\n")
    told = json.loads(run_cli("lint", "requirements.txt", "--json", cwd=tmp_path).stdout)
    assert [(one["path"], one["line"], one["item"]) for one in told["findings"]] == [("more.txt", 2, "numpy")]


def test_python_gives_the_same_findings_for_a_file_and_for_its_value(tmp_path, home, monkeypatch):
    """A library's user has no file."""
    from envbuild.definition import Definition
    from envbuild.workspace import Workspace

    monkeypatch.chdir(tmp_path)
    (tmp_path / "envbuild.toml").write_text('format = 1\npython = "3.9"\n')
    workspace = Workspace.open(home.env)
    (of_file,) = workspace.lint("envbuild.toml")
    (of_value,) = workspace.lint(Definition(python="3.9"))
    assert (of_file.code, of_file.path, of_file.line) == ("EB108", "envbuild.toml", 2)
    assert (of_value.code, of_value.path, of_value.line) == ("EB108", "", 0)
