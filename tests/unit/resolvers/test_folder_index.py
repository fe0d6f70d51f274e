"""A folder of wheels is an index like any other: for a machine without a network."""

import pytest

from envbuild.errors import EnvironmentFault
from envbuild.resolvers.folderindex import served_folder
from envbuild.resolvers.piptools import PipTools


@pytest.fixture
def wheelhouse(tmp_path, index):
    folder = tmp_path / "wheel house"
    folder.mkdir()
    index.wheel("my-alpha", "1.0", ["beta"])
    index.wheel("beta", "2.0")
    for file, body in index.bodies.items():
        (folder / file).write_bytes(body)
    (folder / "notes.txt").write_text("no package")
    return folder


@pytest.mark.parametrize("tidy", [False, True], ids=["one folder", "a folder each"])
def test_wheels_in_folders_resolve_to_the_same_lock_as_from_a_server(lab, wheelhouse, tidy):
    expected = lab.resolve("my-alpha")
    if tidy:
        for path in list(wheelhouse.glob("*.whl")):
            (wheelhouse / path.name.split("-")[0]).mkdir(exist_ok=True)
            path.rename(wheelhouse / path.name.split("-")[0] / path.name)
    lab.urls["pypi"] = wheelhouse.as_uri()
    assert lab.resolve("my-alpha") == expected
    assert len(lab.report.notices) == 2


def test_pages_of_links_are_taken_as_they_are(lab, wheelhouse, index, tmp_path):
    pages = tmp_path / "simple"
    for name, file in (("my-alpha", "my_alpha-1.0-py3-none-any.whl"), ("beta", "beta-2.0-py3-none-any.whl")):
        (pages / name).mkdir(parents=True)
        digest = index.files[name][0]["hashes"]["sha256"]
        page = f'<a href="../../wheel%20house/{file}#sha256={digest}">{file}</a>'
        (pages / name / "index.html").write_text(page)
    assert served_folder(pages.as_uri(), tmp_path / "into") == pages.as_uri()
    lab.urls["pypi"] = pages.as_uri()
    assert set(lab.resolve("my-alpha")) == {"my-alpha", "beta"}
    assert lab.report.notices == []


def test_a_folder_that_is_not_there_is_not_an_index_without_packages(tmp_path):
    with pytest.raises(EnvironmentFault, match="no such folder"):
        served_folder((tmp_path / "none").as_uri(), tmp_path / "into")


def test_pip_tools_reads_them_too(lab, wheelhouse, tmp_path, monkeypatch):
    pytest.importorskip("piptools")
    monkeypatch.setattr("envbuild.resolvers.piptools.unfit", lambda request: "")
    lab.urls["pypi"] = wheelhouse.as_uri()
    assert set(lab.resolve("my-alpha", pinner=PipTools(lab.urls, lab.environ, tmp_path / "pip"))) == {
        "my-alpha",
        "beta",
    }
