"""Nothing of another tool's lock is passed over in silence: a package goes into the definition, or something is said."""

import copy
import json
import time
import tomllib
from pathlib import Path

import pytest
import tomlkit
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement as PypiRequirement

from envbuild.definition import Requirement
from envbuild.errors import EnvbuildError, InvalidDefinition
from envbuild.formats.otherlocks.lockedfiles import wrong_file
from envbuild.formats.reading import read
from envbuild.indexurl import PUBLIC_INDEX, PYPI_FILES
from envbuild.markersets import MarkerSets
from envbuild.normalize import normalize

LOCKS = Path(__file__).resolve().parents[2] / "locks"
FORGE = "https://conda.anaconda.org/conda-forge"
PYTHON = f"{FORGE}/linux-64/python-3.11.6-h1_0.conda"
A, B, C = ("a" * 64, "b" * 64, "c" * 64)


def reading(name, text, **beside):
    files = {name: text, **beside}

    def load(path):
        if path not in files:
            raise FileNotFoundError(2, "No such file", path)
        return files[path].encode()

    return read(name, load, finish=normalize)


def said(name, text):
    with pytest.raises(InvalidDefinition) as invalid:
        reading(name, text)
    return "\n".join(fault.what for fault in invalid.value.faults)


def pylock(*packages):
    return 'lock-version = "1.0"\ncreated-by = "x"\n' + "".join(f"[[packages]]\n{one}\n" for one in packages)


def wheel(name="one", version="1.0", sha=A, marker="", file=""):
    file = file or f"{name}-{version}-py3-none-any.whl"
    more = f"marker = '{marker}'\n" if marker else ""
    return (
        f'name = "{name}"\nversion = "{version}"\nindex = "{PUBLIC_INDEX}"\n{more}'
        f'wheels = [{{url = "https://f.example/{file}", hashes = {{sha256 = "{sha}"}}}}]\n'
    )


X86, ARM = 'platform_machine == "x86_64"', 'platform_machine == "aarch64"'


def test_the_hashes_of_one_machine_do_not_serve_another():
    """Else a file that was locked for arm64 alone would be taken on amd64."""
    found = reading("pylock.toml", pylock(wheel(sha=A, marker=X86), wheel(sha=B, marker=ARM))).definition.pypi
    assert set(found) == {
        Requirement(f"one==1; {X86}", (f"sha256:{A}",)),
        Requirement(f"one==1; {ARM}", (f"sha256:{B}",)),
    }


def test_the_same_files_on_two_machines_are_one_pin():
    found = reading("pylock.toml", pylock(wheel(marker=X86), wheel(marker=ARM))).definition.pypi
    assert found == (Requirement("one==1", (f"sha256:{A}",)),)


def test_one_version_with_two_sets_of_hashes_for_one_image_is_refused():
    assert "twice for one image: 1.0 (pylock.toml:3) and 1.0, with other hashes" in said(
        "pylock.toml", pylock(wheel(sha=A), wheel(sha=B))
    )


CONDA = f"""version: 1
metadata:
  channels: [{{url: conda-forge, used_env_vars: []}}]
  platforms: [linux-64, linux-aarch64]
  sources: []
package:
- {{name: python, version: 3.11.6, manager: conda, platform: linux-64, url: "{PYTHON}", hash: {{sha256: {A}}}, category: main}}
- {{name: python, version: 3.11.6, manager: conda, platform: linux-aarch64, url: "{FORGE}/linux-aarch64/python-3.11.6-h2_0.conda", hash: {{sha256: {B}}}, category: main}}
- {{name: one, version: '1.0', manager: pip, platform: linux-64, url: "{PYPI_FILES}/one-1.0-py3-none-any.whl", hash: {{sha256: {A}}}, category: main}}
- {{name: one, version: '1.0', manager: pip, platform: linux-aarch64, url: "{PYPI_FILES}/one-1.0-py3-none-any.whl", hash: {{sha256: {B}}}, category: main}}
"""


def test_the_hashes_of_one_platform_of_a_conda_lock_do_not_serve_another():
    found = reading("conda-lock.yml", CONDA).definition.pypi
    assert {(one.text, one.hashes) for one in found} == {
        (f"one==1; {X86}", (f"sha256:{A}",)),
        (f"one==1; {ARM}", (f"sha256:{B}",)),
    }


POETRY = f"""[[package]]
name = "one"
version = "1.0"
optional = false
python-versions = "*"
groups = ["main"]
files = [
    {{file = "one-1.0-py3-none-any.whl", hash = "sha256:{A}"}},
]

[package.source]
type = "legacy"
url = "https://corp.example/simple"
reference = "corp"

[metadata]
lock-version = "2.1"
python-versions = "^3.11"
content-hash = "{A}"
"""
UV = f"""version = 1
requires-python = ">=3.11"

[[package]]
name = "web"
version = "1"
source = {{ virtual = "." }}
dependencies = [{{ name = "one", extra = ["fast"] }}]

[[package]]
name = "one"
version = "1.0"
source = {{ registry = "{PUBLIC_INDEX}" }}
wheels = [{{ url = "https://f.example/one-1.0-py3-none-any.whl", hash = "sha256:{A}" }}]

[package.optional-dependencies]
fast = [{{ name = "two" }}]

[[package]]
name = "two"
version = "2.0"
source = {{ registry = "{PUBLIC_INDEX}" }}
wheels = [{{ url = "https://f.example/two-2.0-py3-none-any.whl", hash = "sha256:{B}" }}]
"""
PIXI = f"""version: 6
environments:
  default:
    channels:
    - url: {FORGE}/
    indexes:
    - https://corp.example/api/1/simple
    - https://corp.example/api/2/simple
    packages:
      linux-64:
      - conda: {PYTHON}
      - pypi: https://corp.example/api/2/files/one-1.0-py3-none-any.whl
packages:
- conda: {PYTHON}
  sha256: {A}
- pypi: https://corp.example/api/2/files/one-1.0-py3-none-any.whl
  name: one
  version: '1.0'
  sha256: {B}
"""
PIPFILE = json.dumps(
    {
        "_meta": {
            "hash": {"sha256": A},
            "pipfile-spec": 6,
            "requires": {"python_version": "3.11"},
            "sources": [{"name": "pypi", "url": PUBLIC_INDEX, "verify_ssl": True}],
        },
        "default": {"one": {"hashes": [f"sha256:{A}"], "index": "pypi", "version": "==1.0"}},
        "develop": {},
    }
)
EXPLICIT = f"""@EXPLICIT
{PYTHON}#{A}
# pip one @ {PYPI_FILES}/one-1.0-py3-none-any.whl --hash=sha256:{B}
"""
TEXTS = {
    "poetry.lock": POETRY, "uv.lock": UV, "pixi.lock": PIXI, "Pipfile.lock": PIPFILE, "conda-linux-64.lock": EXPLICIT,
    "conda-lock.yml": CONDA, "pylock.toml": pylock(wheel()),
}  # fmt: skip


@pytest.mark.parametrize("name", TEXTS)
def test_the_locks_of_this_table_are_taken(name):
    """Else none of the refusals below would mean anything."""
    assert {one.text.partition("=")[0] for one in reading(name, TEXTS[name]).definition.pypi} >= {"one"}


@pytest.mark.parametrize(
    ("name", "old", "new", "what"),
    [
        # An index that is not named would be PyPI.
        ("poetry.lock", 'url = "https://corp.example/simple"\n', "", "source: expected its type and its url"),
        ("poetry.lock", 'type = "legacy"\n', "", "source: expected its type and its url"),
        ("poetry.lock", 'groups = ["main"]\n', "", "groups: none for one"),
        ("poetry.lock", 'groups = ["main"]\n', 'groups = ["main"]\nmarkers = {dev = "os_name"}\n', "the group dev, which one is not in"),
        ("poetry.lock", 'groups = ["main"]\n', 'groups = ["main"]\nmarkers = 1\n', "expected a marker"),
        ("poetry.lock", POETRY[: POETRY.index("[metadata]")], "", "package: missing"),
        ("poetry.lock", 'file = "one-', 'file = "two-', "two-1.0-py3-none-any.whl is no file of one"),
        ("uv.lock", f'registry = "{PUBLIC_INDEX}" }}\nwheels = [{{ url = "https://f.example/one', 'registry = "" }\nwheels = [{ url = "https://f.example/one', "source: expected one of registry"),
        ("uv.lock", f'registry = "{PUBLIC_INDEX}" }}\nwheels = [{{ url = "https://f.example/one', 'torrent = "x" }\nwheels = [{ url = "https://f.example/one', "source: expected one of registry"),
        ("uv.lock", "one-1.0-py3", "one-1.1-py3", "one-1.1-py3-none-any.whl is not of version 1.0"),
        ("uv.lock", '{ url = "https://f.example/one-1.0-py3-none-any.whl", hash', "{ hash", "url: missing"),
        ("uv.lock", '-any.whl", hash = "sha256:' + A, '-any.whl" }, { url = "x/one-1.0-py3-none-any.whl", hash = "sha256:' + A, "no sha256 in the lock, where other files have one"),
        ("pylock.toml", "[[packages]]", "[[package]]", "packages: missing"),
        ("pylock.toml", "one-1.0-py3", "six-1.0-py3", "six-1.0-py3-none-any.whl is no file of one"),
        ("pylock.toml", f', hashes = {{sha256 = "{A}"}}', "", "hashes: missing"),
        ("pylock.toml", 'name = "one"\n', "", "without a name"),
        ("Pipfile.lock", '"hashes": ["sha256', '"hashes": "x", "h": ["sha256', "default.one: hashes: expected a list"),
        ("Pipfile.lock", '"default": {', '"defaults": {', "default: missing"),
        ("Pipfile.lock", '"develop": {}', '"develop": []', "develop: expected a table of packages"),
        ("Pipfile.lock", '"sources": [', '"source": [', "_meta.sources: expected a list"),
        ("Pipfile.lock", f'"url": "{PUBLIC_INDEX}"', '"uri": "x"', "_meta.sources[0]: expected a name of its own, and a url"),
        ("pixi.lock", f"      linux-64:\n      - conda: {PYTHON}\n      - pypi", "      linux-64: {}\n      a:\n      - pypi", "linux-64: expected a list"),
        ("pixi.lock", f"      - conda: {PYTHON}\n", "      - wheel: x\n", "expected a table that names a package"),
        ("pixi.lock", "- pypi: https://corp.example/api/2/files/one-1.0-py3-none-any.whl\n  name", "- wheel: x\n  name", "kind: it is none of conda"),
        ("pixi.lock", "api/2/files", "files", "may be of https://corp.example/api/1/simple or of https://corp.example/api/2/simple"),
        ("pixi.lock", "  name: one\n", "  name: other\n", "one-1.0-py3-none-any.whl is no file of other"),
        ("pixi.lock", f"  sha256: {B}\n", "", "one has no hash in the lock"),
        ("conda-lock.yml", "package:\n- {name: p", "package: {}\nother:\n- {name: p", "package: expected a list"),
        ("conda-lock.yml", "{name: one,", "{name: two,", "one-1.0-py3-none-any.whl is no file of two"),
        ("conda-lock.yml", f"sha256: {B}}}, category: main}}\n- {{name: one, version: '1.0', manager: pip, platform: linux-64", f"sha256: {B}}}, category: 7}}\n- {{name: one, version: '1.0', manager: pip, platform: linux-64", "category"),
        ("conda-lock.yml", "- {name: one, version: '1.0', manager: pip, platform: linux-64", f"- {{name: python, version: 3.11.6, manager: conda, platform: linux-64, url: \"{PYTHON}\", hash: {{sha256: {C}}}, category: main}}\n- {{name: one, version: '1.0', manager: pip, platform: linux-64", "python is in the lock twice"),
        ("conda-linux-64.lock", "# pip one @", "# pip one==1.0 @", "a package of pip's without a sha256, or not as NAME @ URL"),
        ("conda-linux-64.lock", "# pip one @", "# pip six @", "one-1.0-py3-none-any.whl is no file of six"),
        ("conda-linux-64.lock", f"sha256:{B}", f"sha256:{B} --hash=sha256:{A}", "a package of pip's"),
    ],
)  # fmt: skip
def test_what_would_be_lost_or_taken_from_elsewhere_is_refused(name, old, new, what):
    """A package that is passed over is missed at run time; one from another place may be anybody's."""
    assert old in TEXTS[name]
    assert what in said(name, TEXTS[name].replace(old, new))


def test_a_file_is_of_the_index_whose_path_it_shares():
    """One host may serve the indexes of many teams: the name of a package of one is no business of another."""
    found = reading("pixi.lock", PIXI).definition
    assert [index.url for index in found.indexes] == ["https://corp.example/api/2/simple"]


def test_what_pixi_builds_from_sources_is_told_without_its_login():
    text = PIXI.replace(f"conda: {PYTHON}", "conda_source: git+https://alice:SECRET@h.example/c").replace(
        f"  sha256: {A}\n", ""
    )
    found = said("pixi.lock", text)
    assert "built from its sources" in found
    assert "SECRET" not in found


def test_a_package_that_nothing_in_a_lock_needs_is_told():
    """An edit by hand that cut a line left out what hung on it."""
    [notice] = reading("uv.lock", UV.replace(', extra = ["fast"]', "")).notices
    assert "nothing in the lock needs two" in notice


def test_a_lock_without_any_hash_is_told():
    """Whoever reads the image's definition would take its packages for checked ones."""
    text = UV.replace(f', hash = "sha256:{A}"', "").replace(f', hash = "sha256:{B}"', "")
    assert any("no sha256 of any package" in notice for notice in reading("uv.lock", text).notices)


def test_a_pylock_that_names_no_index_for_a_file_from_elsewhere_says_who_is_asked():
    """A package of a company would else be asked of PyPI, where its name may be anybody's."""
    [notice] = reading("pylock.toml", pylock(wheel()).replace(f'index = "{PUBLIC_INDEX}"\n', "")).notices
    assert "names no index for one" in notice


@pytest.mark.parametrize(
    ("file", "wrong"),
    [
        ("a_b-1.0-py3-none-any.whl", False), ("A.b-1-1build-py3-none-any.whl", False), ("a-b-1.0.tar.gz", False),
        ("a_b-1.0.0.zip", False), ("a-b-1.0-src.tar.gz", False), ("v1.0.zip", False), ("a_b-1.0.exe", False),
        ("a_c-1.0-py3-none-any.whl", True), ("a_b-1.1-py3-none-any.whl", True), ("a_b.whl", True),
        ("a-c-1.0.tar.gz", True), ("a_b-1.0.1.tar.gz", True), ("a_b-1.0+cpu-py3-none-any.whl", True),
        (f"a_b-1.0-{'x' * 300}.whl", True),
    ],
)  # fmt: skip
def test_which_files_are_of_a_package(file, wrong):
    """A name that is read too strictly refuses a good lock, and one that is not read lets another package in."""
    assert bool(wrong_file("a-b", "1.0", file)) == wrong


@pytest.mark.parametrize(
    "text",
    [
        "extra" + " " * 10**6 + "x", "'x'" + " " * 10**6, "(" * 10**6, ("extra" + " " * 90_000 + "x"),
        ("'a' not" + " " * 90) * 1000, "extra==" * 14_000, "'\"" * 49_000,
    ],
)  # fmt: skip
def test_a_marker_of_any_length_is_read_or_refused_at_once(text):
    """Else one line of a lock keeps a build server busy for hours. (Before, these took minutes.)"""
    before = time.process_time()
    with pytest.raises(ValueError, match=r"."):
        MarkerSets("3.11", [text]).of(text)
    assert time.process_time() - before < 10


@pytest.mark.parametrize("tail", ["/a-" * 300_000, "a-" * 500_000 + ".whl", "-" * 10**6 + ".tar.gz"])
def test_a_wheels_name_of_any_length_is_refused_at_once(tail):
    text = EXPLICIT.replace("one-1.0-py3-none-any.whl", tail)
    before = time.process_time()
    assert said("conda-linux-64.lock", text)
    assert time.process_time() - before < 10


# Any key gone, any type changed, any entry twice.

FIXTURES = {
    **{f"{name}": text for name, text in TEXTS.items() if name != "conda-linux-64.lock"},
    **{
        str(path.relative_to(LOCKS)): path.read_text()
        for path in sorted(LOCKS.rglob("*"))
        if path.name in ("uv.lock", "poetry.lock", "pylock.toml", "Pipfile.lock")
    },
}


def loaded(name, text):
    if name.endswith("Pipfile.lock"):
        return json.loads(text)
    return yaml.safe_load(text) if name.endswith((".yml", "pixi.lock")) else tomllib.loads(text)


def dumped(name, document):
    if name.endswith("Pipfile.lock"):
        return json.dumps(document, indent=4)
    return (
        yaml.safe_dump(document, sort_keys=False) if name.endswith((".yml", "pixi.lock")) else tomlkit.dumps(document)
    )


def places(value, path=()):
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, key)
        yield from places(inner, (*path, key))


DOCUMENTS = {name: loaded(name, text) for name, text in FIXTURES.items()}
PLACES = {name: list(places(document)) for name, document in DOCUMENTS.items()}


def names_in(found):
    return {PypiRequirement(one.text).name for one in found.definition.pypi} | set(found.definition.conda)


@settings(max_examples=250, deadline=None)
@given(st.data())
def test_no_package_is_lost_in_silence(data):
    name = data.draw(st.sampled_from(sorted(FIXTURES)))
    path = data.draw(st.sampled_from(PLACES[name]))
    lock, document = Path(name).name, copy.deepcopy(DOCUMENTS[name])
    parent = document
    for key in path[:-1]:
        parent = parent[key]
    change = data.draw(st.sampled_from(["delete", "type", "twice"]))
    if change == "delete" and (isinstance(parent, list) or (lock == "Pipfile.lock" and len(path) == 2)):
        return  # A list with fewer packages in it is another good lock.
    if change == "delete":
        del parent[path[-1]]
    elif change == "twice" and isinstance(parent, list):
        parent.append(copy.deepcopy(parent[path[-1]]))
    else:
        old = parent[path[-1]]
        parent[path[-1]] = data.draw(
            st.sampled_from([one for one in ({"x": 1}, [7], 7, True, "x") if type(one) is not type(old)])
        )
    folder = (LOCKS / name).parent
    beside = {p.name: p.read_text() for p in folder.iterdir() if p.name != lock} if "/" in name else {}
    whole = reading(lock, FIXTURES[name], **beside)
    try:
        found = reading(lock, dumped(name, document), **beside)
    except EnvbuildError:
        return
    lost = names_in(whole) - names_in(found)
    assert not lost or set(found.notices) - set(whole.notices), (name, change, path, lost)
