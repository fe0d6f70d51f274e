"""A folder with the files that people have, and what a snippet is run with."""

import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest

from envbuild.ids import definition_material, identity
from envbuild.workspace.reading import read_definition

DOCS = Path(__file__).resolve().parents[3] / "docs"

FILES = {
    "environment.yml": "name: train\nchannels: [conda-forge, defaults]\ndependencies:\n"
    '- python=3.11\n- numpy=1.26\n- pip\n- pip:\n  - pandas>=2\n  - azureml-defaults\nvariables:\n  MODE: "fast"\n',
    "requirements.txt": "# ours\nnumpy>=2  # fast\n\nscipy \\\n  >=1.11\n-r more/extra.txt\n-c constraints.txt\n"
    "--extra-index-url https://index.example/simple\n",
    "more/extra.txt": "pandas\n-r deep/all.txt\n",
    "more/deep/all.txt": "joblib\n",
    "constraints.txt": "pandas<3\n",
    "Dockerfile": "FROM registry.example/base:1\n",
    "context/Dockerfile": "FROM registry.example/base:1\nCOPY a b /data/\n",
    "context/a/data.txt": "one\n",
    "context/b/data.txt": "two\n",
    "train.py": "print('training')\n",
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with those files."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def id_of(environment) -> str:
    """The id of what an Environment means."""
    return str(identity(definition_material(environment.to_definition())))


def file_id(path: str) -> str:
    """The id of what a file means, as every command reads it."""
    return str(identity(definition_material(read_definition(path, load_file).definition)))


def load_file(path: str) -> bytes:
    return Path(path).read_bytes()


def run(text: str, at: str, **names) -> dict:
    """Run a snippet; its warnings are its own business, unless it asks for them."""
    space = {"__name__": "__main__", **names}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(text, at, "exec"), space)
    return space


@pytest.fixture(scope="session")
def kit():
    """What the tests of this folder share."""
    return SimpleNamespace(id_of=id_of, file_id=file_id, run=run, docs=DOCS)
