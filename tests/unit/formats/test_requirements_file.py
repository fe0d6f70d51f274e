"""A requirements file means what it means to pip; what cannot be served is refused with line, reason and way on."""

import pytest

from envbuild.definition import Index, Requirement
from envbuild.errors import InvalidDefinition, UsageError
from envbuild.formats.pip.requirements import DEEPEST, MOST_FILES
from envbuild.formats.reading import read
from envbuild.indexurl import PUBLIC_INDEX

AA = "a" * 64
BB = "b" * 64
WHEEL = "https://files.example/numpy-2.0.0-cp311-cp311-manylinux_2_17_x86_64.whl"


def reading(files, path="p/requirements.txt", **options):
    if isinstance(files, str):
        files = {path: files}

    def load(wanted):
        if wanted not in files:
            raise FileNotFoundError(2, "No such file or directory", wanted)
        return files[wanted].encode()

    return read(path, load, **options)


def texts(files):
    return [r.text for r in reading(files).definition.pypi]


def faults_of(files, **options):
    with pytest.raises(InvalidDefinition) as caught:
        reading(files, **options)
    return caught.value.faults


def fault_of(files, **options):
    (fault,) = faults_of(files, **options)
    return fault


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("numpy\npandas\n", ["numpy", "pandas"]),
        ("numpy # why\n# all\n\n  pandas  \n", ["numpy", "pandas"]),
        ("numpy\\\n>=2\n", ["numpy>=2"]),
        ("numpy \\\n  >=2 \\\n  # the end\npandas", ["numpy   >=2", "pandas"]),
        ("numpy>=2,\\\n<3\\\n", ["numpy>=2,<3"]),
        ("\ufeffnumpy\r\npandas\r\n", ["numpy", "pandas"]),
        ("uvicorn[standard,http]>=0.3 ; python_version < '4'", ["uvicorn[standard,http]>=0.3 ; python_version < '4'"]),
        (f"numpy @ {WHEEL}", [f"numpy @ {WHEEL}"]),
        (f"{WHEEL}", [f"numpy @ {WHEEL}"]),
        (f"{WHEEL} ; python_version < '4'", [f'numpy @ {WHEEL} ; python_version < "4"']),
        (f"numpy[x]@{WHEEL}", [f"numpy[x] @ {WHEEL}"]),
        ("numpy#egg is part of nothing", None),
    ],
)
def test_lines_comments_continuations_and_forms_of_a_requirement(text, meant):
    if meant is None:
        assert "PEP 508" in fault_of(text).what
    else:
        assert texts(text) == meant


def test_includes_are_beside_the_file_that_names_them_and_constraints_do_not_install():
    files = {
        "p/requirements.txt": "-r base/all.txt\n--constraint=pins.txt\npandas\n",
        "p/base/all.txt": "-rmore.txt\nscipy\n-c ../pins.txt",
        "p/base/more.txt": "attrs",
        "p/pins.txt": "numpy<3 # not 3\n",
    }
    found = reading(files)
    assert [r.text for r in found.definition.pypi] == ["attrs", "scipy", "pandas"]
    assert set(found.definition.constraints) == {"numpy<3"}
    assert found.files == ("p/requirements.txt", "p/base/all.txt", "p/base/more.txt", "p/pins.txt")


def test_a_requirements_file_inside_a_constraints_file_is_of_requirements_as_pip_has_it():
    found = reading({"r.txt": "-c c.txt", "c.txt": "-r d.txt\nnumpy<3", "d.txt": "scipy"}, "r.txt").definition
    assert ([r.text for r in found.pypi], found.constraints) == (["scipy"], ("numpy<3",))


def test_an_included_file_may_be_empty():
    assert texts({"p/requirements.txt": "numpy\n-r e.txt", "p/e.txt": "# nothing yet\n"}) == ["numpy"]


def test_one_file_may_be_included_from_two_places():
    files = {"p/requirements.txt": "-r a\n-r b", "p/a": "-r c", "p/b": "-r c", "p/c": "numpy"}
    assert texts(files) == ["numpy", "numpy"]


@pytest.mark.parametrize(
    ("files", "at", "what"),
    [
        ({"p/requirements.txt": "-r requirements.txt"}, ":1", "p/requirements.txt -> p/requirements.txt"),
        (
            {"p/requirements.txt": "-r a.txt", "p/a.txt": "numpy\n-c b.txt", "p/b.txt": "-r a.txt"},
            "p/b.txt:1",
            "p/a.txt -> p/b.txt -> p/a.txt",
        ),
        ({"p/requirements.txt": "numpy\n-r none.txt"}, ":2", "p/none.txt: no such file"),
        (
            {"p/requirements.txt": "-r a.txt", "p/a.txt": "-r none.txt"},
            "p/a.txt:1",
            "(included by p/requirements.txt -> p/a.txt -> p/none.txt)",
        ),
        ({"p/requirements.txt": "-r ../../etc/x"}, ":1", "lies outside the folder of p/requirements.txt"),
        ({"p/requirements.txt": "-r a/../../x"}, ":1", "lies outside"),
        ({"p/requirements.txt": "-c /etc/x"}, ":1", "lies outside"),
        ({"p/requirements.txt": "-r https://host.example/r.txt"}, ":1", "remote file may change"),
        ({"p/requirements.txt": "-r a.txt -r b.txt"}, ":1", "two includes in one line"),
        ({"p/requirements.txt": "numpy\n-r"}, ":2", "--requirement needs a value"),
    ],
)
def test_an_include_that_cannot_be_followed_names_the_line_and_the_way_there(files, at, what):
    fault = fault_of(files)
    assert fault.at.endswith(at)
    assert what in fault.what


def test_includes_end_at_a_depth_and_at_a_number_of_files():
    deep = {f"p/{n}": f"-r {n + 1}" for n in range(DEEPEST + 2)} | {"p/requirements.txt": "-r 0"}
    assert f"more than {DEEPEST} files deep" in fault_of(deep).what
    # Each file includes the next one twice: 2**15 readings, were there no limit.
    wide = {f"p/{n}": f"-r {n + 1}\n-r {n + 1}" for n in range(DEEPEST - 2)} | {"p/requirements.txt": "-r 0"}
    wide[f"p/{DEEPEST - 2}"] = "numpy"
    assert f"more than {MOST_FILES} files" in faults_of(wide)[0].what


def test_the_users_own_path_missing_is_a_usage_error():
    with pytest.raises(UsageError) as caught:
        reading({}, "p/requirements.txt")
    assert caught.value.at == "p/requirements.txt"


@pytest.mark.parametrize(
    ("line", "what", "hint"),
    [
        (
            "foo bar",
            "Expected semicolon (after name with no version specifier) or end\n    foo bar\n        ^",
            "such as",
        ),
        ("numpy>=1.x", "    numpy>=1.x\n         ~~~^", "such as"),
        ("numpy; pythonversion < '3'", "marker variable", "such as"),
        ("-e .", "--editable is refused: source distributions are not built yet", "mounted when you run"),
        ("--editable=git+https://h.example/x", "--editable is refused", "leave the line out"),
        ("./numpy", "local path is not a package", "publish it"),
        ("../x/numpy-1.0-py3-none-any.whl", "local path", "publish it"),
        ("numpy-1.0-py3-none-any.whl", "local path", "publish it"),
        ("file:///x/numpy-1.0-py3-none-any.whl", "local path", "publish it"),
        ("numpy @ file:///x/numpy-1.0-py3-none-any.whl", "local path", "publish it"),
        ("numpy @ ./numpy", "local path", "publish it"),
        ("git+https://h.example/numpy", "VCS references are not built yet", "build a wheel"),
        ("numpy @ git+ssh://git@h.example/numpy@main", "VCS references are not built yet", "build a wheel"),
        ("ext::sh%20x", "VCS references are not built yet", "build a wheel"),
        ("https://h.example/numpy-1.0.tar.gz", "source distributions are not built yet", "build a wheel"),
        ("numpy @ ftp://h.example/numpy-1.0-py3-none-any.whl", "scheme 'ftp'", "https"),
        ("numpy @ http://h.example/numpy-1.0-py3-none-any.whl", "plain http URL without a hash", "--hash=sha256"),
        ("numpy @ https://h.example/numpy.whl", "not a wheel's file name: numpy.whl", "keep the name"),
        (f"numpy @ {WHEEL}#md5=aa", "hash algorithm md5", "sha256"),
        (f"numpy @ {WHEEL}#subdirectory=x", "subdirectory", "build a wheel"),
        ("numpy==1.0 --hash=md5:aa", "hash algorithm md5 is not accepted", "sha256"),
        ("numpy==1.0 --hash=sha256:aa", "2 hex digits where 64 are needed", "pip hash"),
        ("numpy==1.0 --hash", "not a hash", "64 hex digits"),
        ("numpy==${VERSION}", "${VERSION} would come from the environment of whoever builds", "the value itself"),
        ("-i https://${USER}:${PASS}@h.example/simple", "a variable would come from the environment", "netrc"),
        ("--no-index", "--no-index is refused: a definition is resolved from indexes", "leave it out"),
        ("-f https://h.example/links", "--find-links is refused: a page of links has no name", "name the wheel"),
        ("--find-links=wheels", "--find-links is refused", "name the wheel"),
        ("--no-binary :all:", "--no-binary is refused", "leave it out"),
        ("--pre", "--pre is refused: it would let pre-releases of every package in", "name>=2.0a1"),
        ("--trusted-host h.example", "--trusted-host is refused", "SSL_CERT_FILE"),
        ("numpy --config-settings a=b", "--config-settings is refused", "leave it out"),
        ("numpy --index-url https://h.example", "--index-url cannot stand behind a requirement", "line of its own"),
        ("--extra-index https://h.example", "unknown option --extra-index", "did you mean --extra-index-url?"),
        ("--hash=sha256:aa", "--hash without a requirement", "behind one"),
        ('-i "https://h.example', "no closing quotation", "one option a line"),
        ("-i nonsense", "the index is not a URL", "https://host/path/simple"),
        ("-i ssh://h.example/x", "cannot be served over 'ssh'", "https"),
    ],
)
def test_a_line_that_is_refused_says_where_what_and_what_next(line, what, hint):
    fault = fault_of(f"scipy\n{line}\n")
    assert fault.at == "p/requirements.txt:2"
    assert what in fault.what
    assert hint in fault.hint


def test_all_faults_of_all_files_come_together_in_order():
    files = {"p/requirements.txt": "foo bar\n-r a.txt\n--pre\n", "p/a.txt": "scipy\n-e .\n"}
    assert [f.at for f in faults_of(files)] == ["p/requirements.txt:1", "p/a.txt:2", "p/requirements.txt:3"]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("numpy @ https://h.example/numpy-1.0-py3-none-any.whl", "cannot be a URL"),
        ("numpy[x]<2", "cannot have extras"),
        (f"numpy==1.0 --hash=sha256:{AA}", "cannot have hashes"),
    ],
)
def test_a_constraint_is_a_name_and_a_range(line, what):
    fault = fault_of({"p/requirements.txt": "numpy\n-c c.txt", "p/c.txt": line})
    assert fault.at == "p/c.txt:1"
    assert what in fault.what


def test_pins_that_exclude_each_other_name_both_lines():
    fault = fault_of({"p/requirements.txt": "NumPy==1.5\n-c c.txt", "p/c.txt": "scipy\nnumpy>=2"})
    assert fault.at == "p/c.txt:2"
    assert fault.what == "the constraint numpy>=2 excludes the requirement NumPy==1.5 (p/requirements.txt:1)"
    second = fault_of("a-b==1\na_B==2\n")
    assert second.at == "p/requirements.txt:2"
    assert "(p/requirements.txt:1)" in second.what


def test_requirements_under_different_markers_do_not_exclude_each_other():
    assert len(texts("a==1; python_version < '3'\na==2; python_version >= '3'")) == 2


def test_hashes_are_kept_and_are_for_all_lines_or_none():
    lines = f"numpy==2.0 --hash=sha256:{AA} \\\n  --hash sha256:{BB.upper()}\n"
    found = reading(lines).definition.pypi
    assert found == (Requirement("numpy==2.0", (f"sha256:{AA}", f"sha256:{BB}")),)
    fault = fault_of(f"numpy==2.0 --hash=sha256:{AA}\nscipy==1.0\n")
    assert fault.at == "p/requirements.txt:2"
    assert fault.what == "scipy==1.0: no hash, but others have one (p/requirements.txt:1): all or none"
    assert "generate-hashes" in fault.hint


def test_a_hash_in_a_url_counts_as_one_and_is_taken_out_of_the_url():
    (first, second) = reading(f"a==1 --hash=sha256:{AA}\nnumpy @ {WHEEL}#sha256={BB}\n").definition.pypi
    assert first.hashes == (f"sha256:{AA}",)
    assert second == Requirement(f"numpy @ {WHEEL}", (f"sha256:{BB}",))


def test_require_hashes_asks_for_them_on_every_line():
    assert fault_of("--require-hashes\nnumpy==1.0").at == "p/requirements.txt:2"


def test_index_options_become_named_indexes_and_say_so():
    found = reading("--extra-index-url https://d.example/whl/cpu/\n-i https://i.example/simple/\nnumpy")
    assert found.definition.indexes == (
        Index("d.example-whl-cpu", "https://d.example/whl/cpu"),
        Index("pypi", "https://i.example/simple"),
    )
    assert "'d.example-whl-cpu', asked before pypi" in found.notices[0]
    assert "stands in for the index 'pypi'" in found.notices[1]


def test_the_public_url_of_the_default_index_is_no_other_index():
    found = reading(f"-i {PUBLIC_INDEX}/\nnumpy")
    assert found.definition.indexes == ()
    assert found.notices == ()


def test_two_default_indexes_are_refused_with_both_lines():
    fault = fault_of("-i https://a.example/simple\nnumpy\n--index-url https://b.example/simple")
    assert (fault.at, "p/requirements.txt:1" in fault.what) == ("p/requirements.txt:3", True)


def test_two_indexes_never_share_a_name():
    lines = "--extra-index-url https://a.example/x+y\n--extra-index-url https://a.example/x-y\nnumpy"
    first, other = reading(lines).definition.indexes
    assert first.name != other.name
    assert first.name.startswith("a.example-x-y-")


def test_credentials_are_taken_out_and_shown_nowhere():
    lines = (
        "-i https://ann:s%40cret@i.example:8443/simple\n"
        "--extra-index-url https://tok-s@cret@j.example/simple\n"
        "numpy @ https://bob:hush@k.example/numpy-1.0-py3-none-any.whl\n"
    )
    found = reading(lines)
    assert dict(found.logins)["i.example:8443"] == "ann:s@cret"
    assert dict(found.logins)["k.example"] == "bob:hush"
    shown = repr((found.definition, found.notices))
    assert not any(secret in shown for secret in ("cret", "hush", "ann:", "tok-"))


@pytest.mark.parametrize(
    "line",
    [
        "numpy @ https://bob:hush@k.example/numpy-1.0.tar.gz",
        "numpy https://bob:hush@k.example/numpy-1.0-py3-none-any.whl",
        "git+https://bob:hush@k.example/numpy",
        "-i ssh://bob:hush@k.example/simple",
        "-r https://bob:hush@k.example/r.txt",
        "--index-ur=https://bob:hush@k.example/simple",
        "-i https://bob:hush@k.example/simple https://bob:hush@k.example/simple",
        "./x/https://bob:hush@k.example/x",
        "https://bob:hush@k.example:port/numpy-1.0-py3-none-any.whl",
    ],
)
def test_credentials_are_in_no_message(line):
    assert not any(secret in str(fault) for fault in faults_of(f"scipy\n{line}") for secret in ("hush", "bob"))


def test_two_logins_for_one_host_are_refused():
    lines = "-i https://a:b@h.example/simple\n--extra-index-url https://c:d@h.example/other\nnumpy"
    assert "two different logins for h.example" in fault_of(lines).what


def test_options_that_ask_for_what_is_done_anyway_are_noted():
    found = reading("--only-binary :all:\n--prefer-binary\nnumpy\n")
    assert [n.partition(": ")[0] for n in found.notices] == ["p/requirements.txt:1", "p/requirements.txt:2"]
