"""Locks of other tools are taken as they are: the same packages and files, and the same definition whoever locked them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from envbuild.definition import DebianBase, Definition, Index, Requirement
from envbuild.errors import InvalidDefinition, UsageError
from envbuild.formats.reading import read
from envbuild.formats.selection import Selection
from envbuild.formats.toml.envtomldump import envbuild_toml
from envbuild.ids import definition_material, identity
from envbuild.indexurl import PUBLIC_INDEX
from envbuild.normalize import normalize

LOCKS = Path(__file__).resolve().parents[2] / "locks"
PLAIN = ("uv/uv.lock", "pylock/pylock.toml", "poetry/poetry.lock", "poetry-1.8/poetry.lock", "pipenv/Pipfile.lock")
FORKS = ("uv/uv.lock", "pylock/pylock.toml", "poetry/poetry.lock", "poetry-1.8/poetry.lock")
HEX = "a" * 64
SHA = f"sha256:{HEX}"


def reading(path, *, extras=(), groups=(), project=False):
    selection = Selection(tuple(extras), tuple(groups), project)
    return read(str(path), lambda p: Path(p).read_bytes(), finish=normalize, selection=selection)


def definition_id(definition):
    return str(identity(definition_material(definition)))


def texts(reading):
    return [r.text for r in reading.definition.pypi]


def from_files(files, path, **chosen):
    """A reading of texts by path."""

    def load(name):
        if name not in files:
            raise FileNotFoundError(2, "No such file", name)
        return files[name].encode()

    selection = Selection(
        tuple(chosen.get("extras", ())), tuple(chosen.get("groups", ())), chosen.get("project", False)
    )
    return read(path, load, finish=normalize, selection=selection)


def faults(files, path, **chosen):
    with pytest.raises(InvalidDefinition) as invalid:
        from_files(files, path, **chosen)
    return invalid.value.faults


# One project, whoever locked it.


def test_a_project_is_one_definition_whichever_tool_locked_it():
    """Who changes from one tool to another must not build and store every image again."""
    readings = {name: reading(LOCKS / "plain" / name) for name in PLAIN}
    assert len({definition_id(one.definition) for one in readings.values()}) == 1, {
        n: texts(r) for n, r in readings.items()
    }
    one = readings["uv/uv.lock"].definition
    assert [r.text for r in one.pypi] == [
        "alpha==1",
        "beta==1.2",
        "delta==1.1",
        "gamma==1",
        "num==1.26.4",
        "speedups==1",
    ]
    assert [len(r.hashes) for r in one.pypi] == [2, 1, 1, 1, 3, 2]
    assert one.no_deps
    assert one.indexes == (Index("pypi", "http://packages.example/simple"),)
    assert (one.base, one.python) == (DebianBase("bookworm"), "3.11")


def test_what_depends_on_release_and_machine_stays_open_and_nothing_else():
    readings = {name: reading(LOCKS / "forks" / name) for name in FORKS}
    assert len({definition_id(one.definition) for one in readings.values()}) == 1, {
        n: texts(r) for n, r in readings.items()
    }
    one = readings["uv/uv.lock"]
    assert [text for text in texts(one) if ";" in text] == [
        'accel==1; platform_machine == "x86_64"',
        'timeouts==2; python_full_version < "3.11.3"',
    ]
    assert not {"winthing", "omega"} & {text.partition("=")[0] for text in texts(one)}
    assert one.definition.indexes[0] == Index(
        "corp", "http://corp.example/simple", explicit=True, packages=("corp-lib",)
    )


@pytest.mark.parametrize("name", [name for name in FORKS if "pylock" not in name])
def test_extras_and_groups_are_installed_where_they_are_asked_for(name):
    """A training image with the test tools in it, or without the documentation tools, is not what was meant."""
    plain = set(texts(reading(LOCKS / "forks" / name)))
    assert set(texts(reading(LOCKS / "forks" / name, extras=["Docs"]))) - plain == {"doctool==3", "theme==0.1"}
    assert set(texts(reading(LOCKS / "forks" / name, groups=["dev"]))) - plain == {"testtool==8", "plugin==1"}
    more = set(texts(reading(LOCKS / "forks" / name, extras=["docs"], groups=["lint"]))) - plain
    assert more == {"doctool==3", "theme==0.1", "linter==0.9"}


def test_pipenvs_develop_section_is_a_group():
    lock = LOCKS / "plain/pipenv/Pipfile.lock"
    both = {definition_id(reading(lock, groups=[name]).definition) for name in ("dev", "develop", "dev-packages")}
    assert both == {definition_id(reading(LOCKS / "plain/uv/uv.lock", groups=["dev"]).definition)}


@pytest.mark.parametrize("name", PLAIN)
def test_a_choice_that_is_not_there_is_told_with_those_that_are(name):
    with pytest.raises(InvalidDefinition) as invalid:
        reading(LOCKS / "plain" / name, groups=["nightly"])
    fault = invalid.value.faults[0]
    assert fault.what == "there is no group 'nightly'"
    there = {"pylock/pylock.toml": "the lock has no groups", "pipenv/Pipfile.lock": "there are: dev"}
    assert fault.hint == there.get(name, "there are: dev, lint")


@pytest.mark.parametrize("name", PLAIN)
def test_a_lock_that_fits_its_source_is_not_called_old(name):
    assert not [text for text in reading(LOCKS / "plain" / name).notices if "older" in text]


def test_what_a_tool_installs_unasked_and_we_do_not_is_said():
    said = reading(LOCKS / "plain/uv/uv.lock").notices
    assert "the group dev, installed by uv unasked, is left out (--group dev adds it)" in said
    assert not any("dev" in text for text in reading(LOCKS / "plain/uv/uv.lock", groups=["dev"]).notices)
    said = reading(LOCKS / "plain/poetry-1.8/poetry.lock").notices
    assert "the group dev, installed by Poetry unasked, is left out (--group dev adds it)" in said


@pytest.mark.parametrize(
    ("name", "beside", "old", "new"),
    [
        ("uv/uv.lock", "pyproject.toml", '"num<2"', '"num<3"'),
        ("uv/uv.lock", "pyproject.toml", '"linter"', '"linter", "more"'),
        ("poetry/poetry.lock", "pyproject.toml", '"num<2"', '"num<3"'),
        ("poetry-1.8/poetry.lock", "pyproject.toml", 'num = "<2"', 'num = "<3"'),
        ("pipenv/Pipfile.lock", "Pipfile", 'num = "<2"', 'num = "<3"'),
    ],
)
def test_a_lock_that_is_older_than_its_source_is_said_to_be(name, beside, old, new):
    """Else a dependency that was just added is missing, and nobody knows why."""
    folder = (LOCKS / "plain" / name).parent
    files = {path.name: path.read_text() for path in folder.iterdir()}
    assert old in files[beside]
    files[beside] = files[beside].replace(old, new)
    found = from_files(files, name.partition("/")[2])
    assert [text for text in found.notices if "older" in text], found.notices
    assert found.files == (name.partition("/")[2], beside)


def test_a_source_that_came_later_makes_the_spec_new():
    files = {"uv.lock": (LOCKS / "plain/uv/uv.lock").read_text()}
    assert from_files(files, "uv.lock").absent == ("pyproject.toml",)
    files = {"Pipfile.lock": (LOCKS / "plain/pipenv/Pipfile.lock").read_text()}
    assert set(from_files(files, "Pipfile.lock").absent) == {"pyproject.toml", "Pipfile"}


@pytest.mark.parametrize("name", FORKS)
def test_written_as_an_envbuild_toml_it_stays_the_same(name):
    """`envbuild show uv.lock --toml` is the way from another tool to ours."""
    one = reading(LOCKS / "forks" / name).definition
    text = envbuild_toml(one)
    assert definition_id(from_files({"envbuild.toml": text}, "envbuild.toml").definition) == definition_id(one)


# What `[tool.envbuild]` beside a lock adds.


def test_tool_envbuild_beside_a_lock_says_the_rest():
    """A lock and its pyproject.toml are one: base, system packages and variables come from there."""
    folder = LOCKS / "forks/uv"
    own = '[tool.envbuild]\npython = "3.13"\nbase = { debian = "trixie" }\nsystem = ["libgomp1"]\n[tool.envbuild.variables]\nA = "1"\n'
    files = {path.name: path.read_text() for path in folder.iterdir()}
    files["pyproject.toml"] += own
    found = from_files(files, "uv.lock").definition
    assert (found.python, found.base, found.system, found.variables) == (
        "3.13", DebianBase("trixie"), ("libgomp1",), (("A", "1"),),
    )  # fmt: skip
    assert {"num==2.1", "omega==1"} <= {r.text for r in found.pypi}
    assert not {"num==1.26.4", "gamma==1 "} & {r.text for r in found.pypi}


@pytest.mark.parametrize(
    ("own", "what"),
    [
        ('pypi = ["numpy"]', "tool.envbuild.pypi: the packages are those of uv.lock"),
        ('python = "3.9"', "tool.envbuild.python: the lock is for Python >=3.11, <3.15, not 3.9"),
    ],
)
def test_what_contradicts_the_lock_is_told_at_its_line(own, what):
    files = {path.name: path.read_text() for path in (LOCKS / "forks/uv").iterdir()}
    files["pyproject.toml"] += f"[tool.envbuild]\n{own}\n"
    line = files["pyproject.toml"].count("\n")
    assert [(f.at, f.what) for f in faults(files, "uv.lock")] == [(f"pyproject.toml:{line}", what)]


# What cannot be taken.

UV = f"""version = 1
requires-python = ">=3.11"

[[package]]
name = "web"
version = "1"
source = {{ editable = "." }}
dependencies = [
    {{ name = "one" }},
]

[[package]]
name = "one"
version = "1.0"
source = {{ registry = "{PUBLIC_INDEX}" }}
wheels = [
    {{ url = "https://files.example/one-1.0-py3-none-any.whl", hash = "{SHA}" }},
]
"""
PYLOCK = f"""lock-version = "1.0"
created-by = "by hand"

[[packages]]
name = "one"
version = "1.0"
index = "{PUBLIC_INDEX}"
wheels = [{{ name = "one-1.0-py3-none-any.whl", url = "https://files.example/one-1.0-py3-none-any.whl", hashes = {{ sha256 = "{HEX}" }} }}]
"""
POETRY = f"""[[package]]
name = "one"
version = "1.0"
optional = false
python-versions = "*"
groups = ["main"]
files = [
    {{file = "one-1.0-py3-none-any.whl", hash = "{SHA}"}},
]

[metadata]
lock-version = "2.1"
python-versions = "^3.11"
content-hash = "{HEX}"
"""
PIPFILE = json.dumps(
    {
        "_meta": {
            "hash": {"sha256": HEX},
            "pipfile-spec": 6,
            "requires": {"python_version": "3.11"},
            "sources": [{"name": "pypi", "url": PUBLIC_INDEX, "verify_ssl": True}],
        },
        "default": {"one": {"hashes": [SHA], "index": "pypi", "version": "==1.0"}},
        "develop": {},
    },
    indent=4,
)
SMALL = {"uv.lock": UV, "pylock.toml": PYLOCK, "poetry.lock": POETRY, "Pipfile.lock": PIPFILE}


def test_the_smallest_locks_are_one_definition():
    found = {path: from_files({path: text}, path).definition for path, text in SMALL.items()}
    assert {definition_id(one) for one in found.values()} == {
        definition_id(normalize(Definition(pypi=(Requirement("one==1.0", (SHA,)),), no_deps=True)))
    }


@pytest.mark.parametrize("path", SMALL)
def test_a_merge_that_was_not_finished_is_told_at_its_line(path):
    text = SMALL[path].replace("one", "<<<<<<< HEAD\none", 1)
    fault = faults({path: text}, path)[0]
    assert fault.at == f"{path}:{text[: text.index('<<<<<<<')].count(chr(10)) + 1}" or "not TOML" not in fault.what
    marked = f"{SMALL[path]}\n<<<<<<< HEAD\n"
    line = marked[: marked.index("<<<<<<<")].count("\n") + 1
    fault = faults({path: marked}, path)[0]
    assert (fault.at, fault.what) == (f"{path}:{line}", "a merge left its conflict marks in the lock")
    assert "git checkout --ours" in fault.hint


@pytest.mark.parametrize(
    ("path", "old", "new", "what"),
    [
        ("uv.lock", "version = 1\n", "version = 2\n", "uv.lock of version 2 needs a newer envbuild: this one reads version 1"),
        ("pylock.toml", '"1.0"\ncreated', '"2.0"\ncreated', "pylock.toml of version 2.0 needs a newer envbuild: this one reads version 1"),
        ("poetry.lock", '"2.1"', '"3.0"', "poetry.lock of version 3.0 needs a newer envbuild: this one reads up to version 2"),
        ("Pipfile.lock", '"pipfile-spec": 6', '"pipfile-spec": 7', "Pipfile.lock of pipfile-spec 7 needs a newer envbuild: this one reads pipfile-spec 6"),
    ],
)  # fmt: skip
def test_a_lock_of_a_later_format_wants_a_newer_envbuild(path, old, new, what):
    text = SMALL[path].replace(old, new, 1)
    assert text != SMALL[path]
    assert faults({path: text}, path)[0].what == what


@pytest.mark.parametrize(
    ("path", "text"),
    [("uv.lock", "[x]\n"), ("pylock.toml", "[x]\n"), ("poetry.lock", "[x]\n"), ("Pipfile.lock", "{}")],
)
def test_what_is_no_such_lock_is_said_to_be_none(path, text):
    assert faults({path: text}, path)[0].what.startswith("this is no ")
    assert faults({path: " \n"}, path)[0].what == "the lock is empty"


def test_a_file_that_is_not_there_is_a_word_about_the_call():
    with pytest.raises(UsageError, match="no such file"):
        from_files({}, "uv.lock")


REGISTRY = f'source = {{ registry = "{PUBLIC_INDEX}" }}'
WHEEL = f'    {{ url = "https://files.example/one-1.0-py3-none-any.whl", hash = "{SHA}" }},\n'


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (REGISTRY, 'source = { git = "https://git.example/one?rev=main#abc" }', "one 1.0 is from a VCS repository: only wheels are installed"),
        (REGISTRY, 'source = { directory = "../one" }', "one 1.0 is from a folder: only wheels are installed"),
        (REGISTRY, 'source = { editable = "../one" }', "one 1.0 is from a folder: only wheels are installed"),
        (REGISTRY, 'source = { path = "one-1.0-py3-none-any.whl" }', "one 1.0 is from a file of this machine: only wheels are installed"),
        (REGISTRY, 'source = { url = "https://files.example/one-1.0.tar.gz" }', "source distributions are not built yet: https://files.example/one-1.0.tar.gz"),
        (REGISTRY, 'source = { registry = "../wheels" }', "the index wheels is a folder of one machine: others could not find it"),
        (WHEEL, "", "one 1.0 has no wheel, and source distributions are not built yet"),
        (SHA, f"md5:{'a' * 32}", "one: its hashes are md5 alone"),
        ('version = "1.0"', 'version = "one"', "one: 'one' is no version (PEP 440)"),
    ],
)  # fmt: skip
def test_what_no_wheel_can_be_had_of_is_refused_at_its_line(old, new, what):
    assert UV.count(old) == 1
    found = faults({"uv.lock": UV.replace(old, new)}, "uv.lock")
    assert [(f.at, f.what) for f in found] == [("uv.lock:12", what)]
    assert found[0].hint


def test_what_is_not_installed_may_be_from_anywhere():
    """A source for Windows alone is no fault of a Linux image."""
    text = UV.replace(REGISTRY, 'source = { git = "https://git.example/one#abc" }').replace(
        '{ name = "one" }', '{ name = "one", marker = "sys_platform == \'win32\'" }'
    )
    assert from_files({"uv.lock": text}, "uv.lock").definition.pypi == ()


def test_two_versions_that_both_apply_are_refused_with_both_places():
    more = f"""
[[package]]
name = "one"
version = "2.0"
source = {{ registry = "{PUBLIC_INDEX}" }}
wheels = [
    {{ url = "https://files.example/one-2.0-py3-none-any.whl", hash = "{SHA}" }},
]
"""
    fault = faults({"uv.lock": UV + more}, "uv.lock")[0]
    assert fault.at == "uv.lock:20"
    assert fault.what == "one is in the lock twice for one image: 1.0 (uv.lock:12) and 2.0"


def test_a_hash_for_some_and_not_for_others_is_refused():
    """What has no hash could be anything."""
    more = f"""
[[package]]
name = "two"
version = "2.0"
{REGISTRY}
wheels = [
    {{ url = "https://files.example/two-2.0-py3-none-any.whl" }},
]
"""
    text = UV.replace('{ name = "one" },', '{ name = "one" },\n    { name = "two" },')
    fault = faults({"uv.lock": text + more}, "uv.lock")[0]
    assert (fault.at, fault.what) == ("uv.lock:21", "two==2.0: no sha256 in the lock, where other packages have one")


def test_a_dependency_that_the_lock_lacks_is_told():
    text = UV.replace('{ name = "one" },', '{ name = "one" },\n    { name = "two" },')
    fault = faults({"uv.lock": text}, "uv.lock")[0]
    assert (fault.at, fault.what) == ("uv.lock:4", "it needs two, which is not in the lock")


def test_credentials_of_an_index_leave_the_definition():
    """A definition goes into stores and registries: no password may be in it."""
    text = UV.replace(PUBLIC_INDEX, "https://joe:s3cret@packages.example/simple")
    found = from_files({"uv.lock": text}, "uv.lock")
    assert found.logins == (("packages.example", "joe:s3cret"),)
    assert found.definition.indexes == (Index("pypi", "https://packages.example/simple"),)
    assert "s3cret" not in repr(found.definition)
    text = PIPFILE.replace(PUBLIC_INDEX, "https://${USER}:${PASSWORD}@packages.example/simple")
    found = from_files({"Pipfile.lock": text}, "Pipfile.lock")
    assert (found.logins, found.definition.indexes) == ((), (Index("pypi", "https://packages.example/simple"),))


def test_a_direct_reference_keeps_its_url_and_hash():
    text = UV.replace(REGISTRY, 'source = { url = "https://joe:s3cret@files.example/one-1.0-py3-none-any.whl" }')
    found = from_files({"uv.lock": text}, "uv.lock")
    url = "https://files.example/one-1.0-py3-none-any.whl"
    assert found.definition.pypi == (Requirement(f"one @ {url}", (SHA,)),)
    assert found.logins == (("files.example", "joe:s3cret"),)
    archive = f'archive = {{ url = "{url}", hashes = {{ sha256 = "{HEX}" }} }}\n'
    pylock = PYLOCK[: PYLOCK.index("index =")] + archive
    poetry = POETRY.replace("[metadata]", f'[package.source]\ntype = "url"\nurl = "{url}"\n\n[metadata]')
    assert from_files({"pylock.toml": pylock}, "pylock.toml").definition.pypi == found.definition.pypi
    assert from_files({"poetry.lock": poetry}, "poetry.lock").definition.pypi == found.definition.pypi


# uv.


def test_a_lock_for_other_platforms_alone_is_refused():
    text = UV.replace("requires-python", "supported-markers = [\"sys_platform == 'darwin'\"]\nrequires-python")
    fault = faults({"uv.lock": text}, "uv.lock")[0]
    assert fault.at == "uv.lock:2"
    assert "other environments than the image's: sys_platform == 'darwin'" in fault.what


def test_members_of_a_workspace_are_its_own_and_what_they_need_is_installed():
    text = UV.replace('name = "web"', 'name = "lib"').replace('editable = "."', 'editable = "packages/lib"')
    root = '[[package]]\nname = "web"\nversion = "1"\nsource = { virtual = "." }\ndependencies = [\n    { name = "lib" },\n]\n'
    text = text.replace("[[package]]", '[manifest]\nmembers = ["lib", "web"]\n\n[[package]]', 1) + root
    found = from_files({"uv.lock": text}, "uv.lock")
    assert texts(found) == ["one==1"]
    assert found.definition.name == "web"
    assert "lib (packages/lib) is of the workspace and not installed, only what it depends on" in found.notices


def test_extras_that_exclude_each_other_are_not_chosen_together():
    extras = '\n[package.optional-dependencies]\ncpu = [{ name = "one" }]\ngpu = [{ name = "one" }]\n\n[[package]]\nname = "one"'
    conflicts = 'conflicts = [[\n    { package = "web", extra = "cpu" },\n    { package = "web", extra = "gpu" },\n]]\n'
    text = UV.replace('\n[[package]]\nname = "one"', extras).replace("requires-python", f"{conflicts}requires-python")
    assert texts(from_files({"uv.lock": text}, "uv.lock", extras=["gpu"])) == ["one==1"]
    fault = faults({"uv.lock": text}, "uv.lock", extras=["gpu", "cpu"])[0]
    assert (fault.at, fault.what) == (
        "uv.lock:2",
        "the extra cpu and the extra gpu exclude each other (tool.uv.conflicts)",
    )


def test_markers_of_conflicting_extras_mean_what_was_chosen():
    """uv writes them as extras of its own: `extra-3-web-cpu`."""
    marked = "{ name = \"one\", marker = \"extra == 'extra-3-web-cpu' or extra != 'group-3-web-dev'\" }"
    text = UV.replace('{ name = "one" }', marked.replace(" or extra != 'group-3-web-dev'", ""))
    text = text.replace(
        '\n[[package]]\nname = "one"', '\n[package.optional-dependencies]\ncpu = []\n\n[[package]]\nname = "one"'
    )
    assert texts(from_files({"uv.lock": text}, "uv.lock")) == []
    assert texts(from_files({"uv.lock": text}, "uv.lock", extras=["cpu"])) == ["one==1"]


def test_the_projects_own_package_is_a_part_where_it_is_asked_for():
    found = from_files({"uv.lock": UV}, "uv.lock", project=True)
    assert found.definition.project.path == "."
    assert not [text for text in found.notices if "own package" in text]
    virtual = UV.replace("editable", "virtual")
    assert "no package of its own" in faults({"uv.lock": virtual}, "uv.lock", project=True)[0].what


# pylock.toml.


def test_a_pylock_has_its_own_extras_and_groups():
    """PEP 751: default-groups are installed where no group is named."""
    text = PYLOCK.replace(
        "created-by", 'extras = ["x"]\ndependency-groups = ["dev", "doc"]\ndefault-groups = ["dev"]\ncreated-by'
    )
    text = text.replace("index =", "marker = \"'dev' in dependency_groups or 'x' in extras\"\nindex =")
    assert texts(from_files({"pylock.toml": text}, "pylock.toml")) == ["one==1"]
    assert texts(from_files({"pylock.toml": text}, "pylock.toml", groups=["doc"])) == []
    assert texts(from_files({"pylock.toml": text}, "pylock.toml", groups=["doc"], extras=["x"])) == ["one==1"]


def test_a_pylock_may_have_a_name():
    assert texts(from_files({"pylock.train.toml": PYLOCK}, "pylock.train.toml")) == ["one==1"]


def test_a_pylock_for_other_environments_is_refused():
    text = PYLOCK.replace("created-by", "environments = [\"sys_platform == 'win32'\"]\ncreated-by")
    assert "other environments" in faults({"pylock.toml": text}, "pylock.toml")[0].what
    text = PYLOCK.replace("created-by", "environments = [\"python_full_version == '3.11.2'\"]\ncreated-by")
    assert texts(from_files({"pylock.toml": text}, "pylock.toml")) == ["one==1"]


def test_a_pylock_of_a_later_minor_version_is_read_with_a_word():
    text = PYLOCK.replace('"1.0"', '"1.3"', 1)
    assert any("version 1.3" in notice for notice in from_files({"pylock.toml": text}, "pylock.toml").notices)


def test_a_local_file_of_a_pylock_is_taken_from_an_index_by_its_hash_and_a_folder_is_not():
    folder = 'directory = { path = "../one" }\n'
    assert "from a folder" in faults({"pylock.toml": PYLOCK[: PYLOCK.index("index")] + folder}, "pylock.toml")[0].what


# Poetry.


def test_an_old_poetry_lock_needs_the_file_that_it_was_made_from():
    text = POETRY.replace('"2.1"', '"2.0"')
    fault = faults({"poetry.lock": text}, "poetry.lock")[0]
    assert "needs its pyproject.toml beside it" in fault.what
    pyproject = '[tool.poetry]\nname = "web"\n[tool.poetry.dependencies]\npython = "^3.11"\none = "^1.0"\n'
    assert texts(from_files({"poetry.lock": text, "pyproject.toml": pyproject}, "poetry.lock")) == ["one==1"]


def test_the_oldest_poetry_locks_have_their_hashes_in_one_place():
    """Version 1.1, from before 2022: files of all packages under [metadata.files], extras without markers."""
    text = f"""[[package]]
name = "one"
version = "1.0"
category = "main"
optional = false

[package.dependencies]
two = {{version = ">=1", optional = true}}

[package.extras]
fast = ["two (>=1)"]

[[package]]
name = "two"
version = "1.0"
category = "main"
optional = true

[metadata]
lock-version = "1.1"
python-versions = "^3.11"
content-hash = "{HEX}"

[metadata.files]
one = [{{file = "one-1.0-py3-none-any.whl", hash = "{SHA}"}}]
two = [{{file = "two-1.0-py3-none-any.whl", hash = "{SHA}"}}]
"""
    head = '[tool.poetry]\nname = "web"\n[tool.poetry.dependencies]\npython = "^3.11"\n'
    plain = from_files({"poetry.lock": text, "pyproject.toml": f'{head}one = "*"\n'}, "poetry.lock")
    assert plain.definition.pypi == (Requirement("one==1", (SHA,)),)
    fast = f'{head}one = {{ version = "*", extras = ["fast"] }}\n'
    assert texts(from_files({"poetry.lock": text, "pyproject.toml": fast}, "poetry.lock")) == ["one==1", "two==1"]


def test_groups_of_a_poetry_lock_have_markers_of_their_own():
    text = POETRY.replace(
        'groups = ["main"]', 'groups = ["main", "dev"]\nmarkers = {main = "sys_platform == \'win32\'"}'
    )
    assert texts(from_files({"poetry.lock": text}, "poetry.lock")) == []
    assert texts(from_files({"poetry.lock": text}, "poetry.lock", groups=["dev"])) == ["one==1"]


def test_a_git_dependency_of_poetry_and_of_pipenv_is_refused():
    text = POETRY.replace(
        "[metadata]",
        '[package.source]\ntype = "git"\nurl = "https://git.example/one.git"\nresolved_reference = "abc"\n\n[metadata]',
    )
    assert (
        faults({"poetry.lock": text}, "poetry.lock")[0].what
        == "one 1.0 is from a VCS repository: only wheels are installed"
    )
    document = json.loads(PIPFILE)
    document["default"]["one"] = {"git": "https://git.example/one.git", "ref": "abc"}
    fault = faults({"Pipfile.lock": json.dumps(document, indent=4)}, "Pipfile.lock")[0]
    assert (fault.at, fault.what) == ("Pipfile.lock:19", "one is from a VCS repository: only wheels are installed")


# pipenv.


def test_older_pipenv_has_a_key_for_each_variable_of_a_marker():
    document = json.loads(PIPFILE)
    document["default"]["one"] |= {"sys_platform": "== 'win32'", "python_version": ">= '3.8'"}
    assert texts(from_files({"Pipfile.lock": json.dumps(document)}, "Pipfile.lock")) == []
    document["default"]["one"]["sys_platform"] = "== 'linux'"
    assert texts(from_files({"Pipfile.lock": json.dumps(document)}, "Pipfile.lock")) == ["one==1"]


def test_categories_of_a_pipfile_are_groups():
    document = json.loads(PIPFILE)
    document["gpu"] = {"two": {"hashes": [SHA], "version": "==2.0"}}
    text = json.dumps(document)
    assert texts(from_files({"Pipfile.lock": text}, "Pipfile.lock", groups=["gpu"])) == ["one==1", "two==2"]
    assert faults({"Pipfile.lock": text}, "Pipfile.lock", groups=["cpu"])[0].hint == "there are: dev, gpu"


# Indexes.


def test_a_named_index_keeps_its_name_and_only_its_packages():
    """Else a package of the company's could come from PyPI, where anybody may publish its name."""
    text = UV.replace(PUBLIC_INDEX, "https://corp.example/simple")
    pyproject = '[[tool.uv.index]]\nname = "corp"\nurl = "https://corp.example/simple/"\nexplicit = true\n'
    found = from_files({"uv.lock": text, "pyproject.toml": pyproject}, "uv.lock").definition
    assert found.indexes[0] == Index("corp", "https://corp.example/simple", explicit=True, packages=("one",))


def test_pypi_beside_another_default_index_stays_pypi():
    more = UV.replace('{ name = "one" },', '{ name = "one" },\n    { name = "two" },') + (
        '\n[[package]]\nname = "two"\nversion = "2"\nsource = { registry = "https://corp.example/simple" }\n'
        f'wheels = [\n    {{ url = "https://corp.example/two-2-py3-none-any.whl", hash = "{SHA}" }},\n]\n'
    )
    found = from_files({"uv.lock": more}, "uv.lock").definition
    assert [(i.name, i.packages) for i in found.indexes] == [("corp.example", ("two",)), ("pypi", ())]
    assert found.indexes[-1].url == ""


def test_another_projects_name_changes_no_id():
    one = from_files({"uv.lock": UV}, "uv.lock").definition
    other = from_files({"uv.lock": UV.replace('"web"', '"site"')}, "uv.lock").definition
    assert (one.name, other.name) == ("web", "site")
    assert replace(one, name="") == replace(other, name="")
