"""docs/azureml_surface.toml is true: who comes from AzureML reads it to know what will run."""

import importlib
import importlib.util
import sys
import tomllib
from pathlib import Path

import pytest

from envbuild.azuremlform.refusals import Gone

DOCS = Path(__file__).resolve().parents[3] / "docs"
sys.path.insert(0, str(DOCS))
try:
    import make_from_azureml
finally:
    sys.path.remove(str(DOCS))

ROWS = [row for _, row in make_from_azureml.rows()]
MODULES = ("envbuild.environment", "envbuild.conda_dependencies", "envbuild.container_registry", "envbuild.databricks",
           "envbuild.runconfig", "envbuild.errors")  # fmt: skip


def exists(module: str, path: str) -> bool:
    """Whether a program could use the name."""
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError:
        return False
    first, *rest = path.split(".")
    if first not in getattr(found, "__all__", ()):
        return False
    found = getattr(found, first)
    for part in rest:
        if not hasattr(found, part):
            return False
        found = getattr(found, part)
    return True


def public_names():
    return {
        name: getattr(importlib.import_module(m), name) for m in MODULES for name in importlib.import_module(m).__all__
    }


@pytest.mark.parametrize("row", [r for r in ROWS if r["status"] in ("works", "differs")], ids=lambda row: row["name"])
def test_what_works_or_differs_does_what_the_row_says(row, folder, kit):
    helpers = {"raises": pytest.raises, "warns": pytest.warns, "id_of": kit.id_of, "file_id": kit.file_id}
    assert "assert" in row["check"] or "raises" in row["check"], "a check that cannot fail"
    kit.run(row["check"], f"<{row['name']}>", **public_names(), **helpers)


@pytest.mark.parametrize("row", [r for r in ROWS if r["status"] in ("gone", "open")], ids=lambda row: row["name"])
def test_what_is_gone_or_not_there_yet_is_no_stub(row, kit):
    """A name that exists and does nothing would fail far from the place where it is called."""
    if "raises" in row:
        with pytest.raises(Gone) as caught:
            kit.run(row["raises"], f"<{row['name']}>", **public_names())
        assert caught.value.what == row["words"]
        assert caught.value.hint
    else:
        assert not exists(row["module"], row["name"])
        assert row["words"]


def test_every_public_class_of_the_facade_and_its_attributes_have_a_row():
    """Or somebody would miss what there is."""
    told = " ".join(row["name"] + row["words"] for row in ROWS)
    ours = {name for module in MODULES[:-1] for name in importlib.import_module(module).__all__}
    assert not {name for name in ours if name not in told}
    for owner in ("Environment", "DockerSection", "PythonSection"):
        found = public_names()[owner]
        public = {f"{owner}.{name}" for name in vars(found) if not name.startswith("_")}
        assert public - {r["name"] for r in ROWS} <= set()


def test_a_row_is_complete():
    table = tomllib.loads(make_from_azureml.TABLE.read_text(encoding="utf-8"))
    known = {"name", "each", "signature", "status", "words", "check", "module", "raises"}
    for section in table["section"]:
        for row in section.get("row", []):
            assert row.keys() <= known and row["status"] in make_from_azureml.WORDS
            assert ("check" in row) == (row["status"] in ("works", "differs")), row
            assert row["words"] or row["status"] == "works", row
    found = [row["name"] for row in ROWS]
    assert len(found) == len(set(found))


def test_the_page_says_what_the_table_says():
    assert make_from_azureml.PAGE.read_text(encoding="utf-8") == make_from_azureml.text(), "run make docs"
