"""What an index says is read right, and what is no index's answer is never taken for "it has none"."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.errors import EnvironmentFault, ResolveFailed
from envbuild.http.client import Http
from envbuild.http.faults import Forbidden
from envbuild.httpsettings import HttpSettings
from envbuild.sources.index import IndexClient
from envbuild.sources.indexpages import html_files, json_files
from envbuild.wheelfiles import IndexFile

PAGE = "https://index.example/simple/pkg/"
WHEEL = "pkg-1.0-py3-none-any.whl"
SHA = "a" * 64
JSON, HTML = "application/vnd.pypi.simple.v1+json", "text/html; charset=utf-8"


def page(*files, version="1.1"):
    return json.dumps({"meta": {"api-version": version}, "name": "pkg", "files": list(files)}).encode()


def entry(**more):
    return {"filename": WHEEL, "url": WHEEL, "hashes": {"sha256": SHA}} | {
        k.replace("_", "-"): v for k, v in more.items()
    }


def anchor(href, attributes="", text=WHEEL):
    return f'<a href="{href}" {attributes}>{text}</a>'


# Pages.

SAME = [
    ("relative", WHEEL, PAGE + WHEEL),
    ("up", f"../../files/{WHEEL}", f"https://index.example/files/{WHEEL}"),
    ("from the root", f"/files/{WHEEL}", f"https://index.example/files/{WHEEL}"),
    ("another host", f"https://cdn.example/{WHEEL}", f"https://cdn.example/{WHEEL}"),
    ("any scheme", f"//cdn.example/{WHEEL}", f"https://cdn.example/{WHEEL}"),
]


@pytest.mark.parametrize(("href", "url"), [case[1:] for case in SAME], ids=[case[0] for case in SAME])
def test_addresses_are_relative_to_the_page_in_both_forms(href, url):
    expected = (IndexFile(file=WHEEL, url=url, sha256=SHA),)
    assert json_files(page(entry(url=href)), PAGE) == expected
    assert html_files(anchor(f"{href}#sha256={SHA}"), PAGE) == expected


@pytest.mark.parametrize(
    ("said", "attributes", "expected"),
    [
        ({"requires_python": ">=3.9,<4"}, 'data-requires-python="&gt;=3.9,&lt;4"', {"requires_python": ">=3.9,<4"}),
        ({"requires_python": None}, "", {}),
        ({"yanked": "broken"}, 'data-yanked="broken"', {"yanked": True}),
        ({"yanked": True}, "data-yanked", {"yanked": True}),
        ({"yanked": ""}, 'data-yanked=""', {"yanked": True}),
        ({"yanked": False}, "", {}),
        ({"core_metadata": {"sha256": SHA}}, f'data-core-metadata="sha256={SHA}"', {"metadata": True}),
        ({"dist_info_metadata": True}, 'data-dist-info-metadata="true"', {"metadata": True}),
        ({"hashes": {"sha256": SHA.upper()}}, "", {}),
    ],
)
def test_what_is_said_of_a_file_is_the_same_in_both_forms(said, attributes, expected):
    """An index that speaks HTML only must give the same lock as one that speaks JSON."""
    expected = (IndexFile(file=WHEEL, url=PAGE + WHEEL, sha256=SHA, **expected),)
    assert json_files(page(entry(**said)), PAGE) == expected
    assert html_files(anchor(f"{WHEEL}#sha256={SHA}", attributes), PAGE) == expected


def test_what_only_json_says():
    [file] = json_files(page(entry(size=12, upload_time="2024-01-02T03:04:05.6Z")), PAGE)
    assert (file.size, file.uploaded) == (12, "2024-01-02T03:04:05.6Z")


@pytest.mark.parametrize("hashes", [{}, None, {"md5": "d" * 32}, {"blake2b": "e" * 64}])
def test_a_file_without_a_sha256_has_none_rather_than_another_hash(hashes):
    assert json_files(page(entry(hashes=hashes)), PAGE)[0].sha256 == ""
    assert html_files(anchor(f"{WHEEL}#md5={'d' * 32}"), PAGE)[0].sha256 == ""


def test_an_escaped_name_is_read_and_a_base_is_honoured():
    text = '<base href="https://cdn.example/p/">' + anchor("torch-2.5.1%2Bcu128-cp311-cp311-linux_x86_64.whl")
    [file] = html_files(text, PAGE)
    assert file.file == "torch-2.5.1+cu128-cp311-cp311-linux_x86_64.whl"
    assert file.url == "https://cdn.example/p/torch-2.5.1%2Bcu128-cp311-cp311-linux_x86_64.whl"


@pytest.mark.parametrize("name", ["../../x.whl", "a/b.whl", "x.whl\nInjected: y", ".whl", "a\\b.whl", ""])
def test_a_name_that_is_a_path_is_no_file(name):
    """File names go into locks, messages and folders."""
    assert json_files(page(entry(filename=name)), PAGE) == ()


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{}", b"[]", b"null", b"{", b'{"files": 1}', b'{"files": [1]}', b'{"files": [{}]}', b'{"meta": 1}', b"\xff", b"[" * 100_000,
        page(entry(), version="2.0"),
    ],
)  # fmt: skip
def test_json_of_another_kind_is_no_page(body):
    with pytest.raises(ValueError, match=r"."):
        json_files(body, PAGE)


@pytest.mark.parametrize(
    "text",
    [
        '<form action="/login"><input name="user"></form>',
        f'<form action="/login"></form>{anchor("/help", text="help")}',
        f"<h1>It works!</h1>{anchor('https://elsewhere.example/manual.html', text='manual')}",
    ],
)
def test_a_login_page_is_no_listing(text):
    with pytest.raises(ValueError, match="links to files"):
        html_files(text, PAGE)


def test_html_that_cannot_be_parsed_is_no_listing():
    with pytest.raises(ValueError, match="marked section"):
        html_files("<![spam[x]]>", PAGE)


@pytest.mark.parametrize("text", ["", "<!DOCTYPE html><html><body></body></html>", anchor("old/", text="old/")])
def test_a_package_without_files_is_an_empty_listing(text):
    assert html_files(text, PAGE) == ()


@given(st.binary(max_size=200), st.text(max_size=200))
def test_no_answer_whatever_ends_in_another_error(body, text):
    for read, answer in ((json_files, body), (html_files, text), (html_files, f"<a href='{text}'>")):
        try:
            found = read(answer, PAGE)
        except ValueError:
            continue
        assert all("/" not in file.file for file in found)


# The client.


@pytest.fixture
def client(faulty):
    def make(path="/simple", **urls):
        settings = HttpSettings(read_timeout=2.0, patience=0.0)
        return IndexClient(Http(settings, sleep=lambda _: None), {"pypi": faulty.url(path), **urls})

    return make


def test_json_is_asked_for_and_names_are_normalized(client, faulty, answers):
    faulty.at("/simple/my-pkg/", answers.reply(200, page(entry()), Content_Type=JSON))
    found = client().project("pypi", "My_Pkg")
    assert found.name == "my-pkg"
    assert [file.url for file in found.files] == [faulty.url(f"/simple/my-pkg/{WHEEL}")]
    [headers] = faulty.headers_of("/simple/my-pkg/")
    assert headers["accept"].startswith(JSON)


def test_html_is_read_where_an_index_speaks_nothing_else(client, faulty, answers):
    body = anchor(f"../../f/{WHEEL}#sha256={SHA}").encode()
    faulty.at("/simple/pkg/", answers.reply(200, body, Content_Type=HTML))
    expected = IndexFile(file=WHEEL, url=faulty.url(f"/f/{WHEEL}"), sha256=SHA)
    assert client("/simple/").project("pypi", "pkg").files == (expected,)


def test_addresses_are_relative_to_where_a_redirect_led(client, faulty, answers):
    faulty.at("/simple/pkg/", answers.reply(302, Location=faulty.url("/mirror/pkg/")))
    faulty.at("/mirror/pkg/", answers.reply(200, page(entry()), Content_Type=JSON))
    assert client().project("pypi", "pkg").files[0].url == faulty.url(f"/mirror/pkg/{WHEEL}")


@pytest.mark.parametrize("status", [404, 410])
def test_only_not_found_means_none(client, faulty, answers, status):
    faulty.at("/simple/pkg/", answers.reply(status))
    assert client().project("pypi", "pkg") is None


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, b"", HTML),
        (403, b"", HTML),
        (500, b"", HTML),
        (503, b"", HTML),
        (200, b"<form action=/login></form>", HTML),
        (200, b"<form action=/login></form>", JSON),
        (200, b"PK", "application/zip"),
        (200, b"{}", JSON),
        (200, b"{}", "application/json"),
    ],
)
def test_every_other_answer_is_the_machines_fault_and_names_the_place(client, faulty, answers, status, body, kind):
    """Taken for "none", it would send the request to the next index: a stranger's package of the same name."""
    faulty.at("/simple/pkg/", answers.reply(status, body, Content_Type=kind))
    with pytest.raises(EnvironmentFault) as failed:
        client().project("pypi", "pkg")
    assert faulty.host in failed.value.at
    assert failed.value.hint


def test_a_page_is_read_once_however_many_ask_at_once(client, faulty, answers):
    faulty.at("/simple/pkg/", answers.reply(200, page(entry()), Content_Type=JSON))
    index = client()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: index.project("pypi", "pkg"), range(32)))
    assert len({id(project) for project in found}) == 1
    assert len(faulty.headers_of("/simple/pkg/")) == 1


def test_a_failure_is_not_remembered_as_an_answer(client, faulty, answers):
    refused = answers.reply(403)
    faulty.at("/simple/pkg/", refused, answers.reply(200, page(entry()), Content_Type=JSON))
    index = client()
    with pytest.raises(EnvironmentFault):
        index.project("pypi", "pkg")
    assert index.project("pypi", "pkg").files


def test_an_index_that_nobody_knows_the_place_of_names_the_setting(client):
    with pytest.raises(EnvironmentFault, match="'our-own'") as failed:
        client().project("our-own", "pkg")
    assert "ENVBUILD_INDEX_OUR_OWN=URL" in failed.value.hint


def test_a_login_stands_in_no_message(faulty, answers):
    faulty.at("/simple/pkg/", answers.reply(200, b"<form></form>", Content_Type=HTML))
    address = faulty.url("/simple").replace("://", "://joe:s3cret@")
    with pytest.raises(EnvironmentFault) as failed:
        IndexClient(Http(), {"pypi": address}).project("pypi", "pkg")
    assert "s3cret" not in str(failed.value)


def test_a_file_is_measured_whole_and_a_missing_one_is_told(client, faulty, answers):
    body = b"wheel" * 5000
    url = faulty.at(f"/{WHEEL}", answers.reply(200, body))
    assert client().measure(url) == (hashlib.sha256(body).hexdigest(), len(body))
    with pytest.raises(ResolveFailed, match="no such file"):
        client().measure(faulty.url("/other.whl?token=s3cret"))


# Folders.


def test_folders_of_files_and_pages_are_indexes_too(client, tmp_path):
    (tmp_path / "my_pkg").mkdir()
    (tmp_path / "my_pkg" / "my_pkg-2.0.tar.gz").write_bytes(b"xx")
    (tmp_path / "my_pkg-1.0-py3-none-any.whl").write_bytes(b"x")
    (tmp_path / "my_pkg_more-1.0-py3-none-any.whl").write_bytes(b"x")
    (tmp_path / "notes.txt").write_text("my-pkg-1.0")
    (tmp_path / "paged").mkdir()
    (tmp_path / "paged" / "index.html").write_text(anchor(f"paged-1.0-py3-none-any.whl#sha256={SHA}"))
    index = client(folder=tmp_path.as_uri())
    found = index.project("folder", "my.pkg").files
    assert sorted((file.file, file.size) for file in found) == [
        ("my_pkg-1.0-py3-none-any.whl", 1),
        ("my_pkg-2.0.tar.gz", 2),
    ]
    assert index.measure(found[0].url)[1] == found[0].size
    assert [file.sha256 for file in index.project("folder", "paged").files] == [SHA]
    assert index.project("folder", "other") is None


def test_a_folder_that_is_not_mounted_is_not_an_empty_index(client, tmp_path):
    index = client(folder=(tmp_path / "gone").as_uri())
    with pytest.raises(EnvironmentFault, match="cannot be read"):
        index.project("folder", "pkg")


# Whether an index is there at all.


def test_an_index_without_anything_at_its_address_is_a_fault_and_not_an_empty_one(client, faulty, answers):
    """A slip in a private index's address would let the next one serve all its packages."""
    for path in ("/simple/pkg/", "/simple/"):
        faulty.at(path, answers.reply(404))
    index = client()
    assert index.project("pypi", "pkg") is None
    with pytest.raises(EnvironmentFault, match="nothing is at the address of the index 'pypi'") as failed:
        index.check("pypi")
    assert failed.value.at == faulty.url("/simple")


@pytest.mark.parametrize("status", [200, 401, 403, 405, 500])
def test_whatever_else_an_indexs_own_page_answers_somebody_is_there(client, faulty, answers, status):
    faulty.at("/simple/pkg/", answers.reply(404))
    faulty.at("/simple/", answers.reply(status, b"<a href=pkg/>pkg</a>", Content_Type=HTML))
    index = client()
    index.project("pypi", "pkg")
    index.check("pypi")


def test_one_that_gave_something_or_was_asked_nothing_is_not_asked_again(client, faulty, answers):
    """PyPI's own page has tens of megabytes."""
    faulty.at("/simple/pkg/", answers.reply(200, page(entry()), Content_Type=JSON))
    faulty.at("/simple/none/", answers.reply(404))
    index = client()
    index.check("pypi")
    index.project("pypi", "none")
    index.project("pypi", "pkg")
    index.check("pypi")
    assert faulty.headers_of("/simple/") == []


def test_a_folder_is_there_or_a_fault_before(client, tmp_path):
    index = client(folder=tmp_path.as_uri())
    assert index.project("folder", "pkg") is None
    index.check("folder")


def test_what_answered_for_an_index_is_known(client, faulty, answers):
    faulty.at("/simple/pkg/", answers.reply(200, page(entry()), Content_Type=JSON))
    faulty.at(
        "/simple/moved/", answers.reply(302, Location=faulty.url("/simple/pkg/").replace("127.0.0.1", "localhost"))
    )
    index = client()
    assert index.project("pypi", "pkg").host == ""
    assert index.project("pypi", "moved").host == faulty.host.replace("127.0.0.1", "localhost")


@pytest.mark.parametrize(
    ("host", "absent"),
    [("download.pytorch.org", True), ("pytorch.org.evil.example", False), ("evilpytorch.org", False)],
)
def test_an_index_known_to_forbid_what_it_lacks_lacks_it(host, absent):
    """`--extra-index-url https://download.pytorch.org/whl/cpu` beside any other package; elsewhere 403 is a failure."""

    class Forbidding:
        def get(self, url, **_):
            raise Forbidden("access is forbidden (403)", at=url)

    index = IndexClient(Forbidding(), {"torch": f"https://{host}/whl/cpu"})
    if not absent:
        with pytest.raises(EnvironmentFault):
            index.project("torch", "numpy")
        return
    assert index.project("torch", "numpy") is None
    with pytest.raises(EnvironmentFault, match="nothing is at the address"):
        index.check("torch")
