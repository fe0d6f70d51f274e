"""Two package indexes, and a name on both: no package ever comes from another index than the definition says.

What fails here is how an attack begins: whoever may publish on the second index would get code into somebody's image.
"""

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import pytest
from packageindexes.pypiserver import PROGRAM, pypiserver
from packageindexes.scripted import ScriptedIndex, scripted_site
from packageindexes.wheels import write_wheel

TEAM = '[[index]]\nname = "team"\nurl = "{team}"\n'
AT_ONCE = 4


def definition(*asked: str, indexes: str = TEAM) -> str:
    return f'format = 1\nname = "confused"\npypi = {json.dumps(asked)}\n{indexes}'


@dataclass(slots=True)
class Scene:
    """Two indexes of one row, each with its own `ours`: 1.0 on the team's, 99.0 on the other."""

    folder: Path
    team: ScriptedIndex
    pypi: ScriptedIndex
    other_host: ScriptedIndex
    """On another port."""
    env: dict[str, str] = field(default_factory=dict)
    urls: dict[str, str] = field(default_factory=dict)

    def wheel(self, index: ScriptedIndex, name: str, version: str, requires=(), **more) -> str:
        """List a wheel whose bytes say on which index it is."""
        folder = self.folder / re.sub(r"\W", "-", index.url)
        folder.mkdir(exist_ok=True)
        path = write_wheel(folder, name, version, {f"{name}.py": f"of = {index.url!r}"}, requires=requires)
        return index.wheel(path, **more)


def as_it_is(_: Scene) -> None:
    """Nothing more than the two indexes."""


@dataclass(frozen=True, slots=True)
class Row:
    """One scenario. It fails with `code` and `words`, or gives `found`: version and index by package."""

    name: str
    arrange: Callable[[Scene], object] = as_it_is
    spec: str = definition("ours")
    code: int = 0
    words: tuple[str, ...] = ()
    found: tuple[tuple[str, str, str], ...] = ()
    resolver: str = "uv"
    told_to_pypi: bool = False
    """Whether the other index may hear the name of `ours`."""

    def __str__(self) -> str:
        return f"{self.resolver}: {self.name}"


# The first index, which has `ours`, does not answer as it should.


def answers(status: int) -> Callable[[Scene], None]:
    def arrange(scene: Scene) -> None:
        scene.team.status = status

    return arrange


def goes_silent(scene: Scene) -> None:
    scene.team.silent = True


def is_down(scene: Scene) -> None:
    scene.urls["team"] = "http://127.0.0.1:9/simple"


def asks_to_log_in(scene: Scene) -> None:
    scene.team.page = b"<html><form action='/login'><input name=user></form></html>"


def sends_to_a_login(scene: Scene) -> None:
    scene.other_host.page = b"<html><form action='/login'><input name=user></form></html>"
    scene.team.status, scene.team.headers = 302, {"Location": f"{scene.other_host.url}/login"}


def moved_away(scene: Scene) -> None:
    scene.team.status = 404
    scene.wheel(scene.pypi, "theirs", "1.0")


def lost_ours(scene: Scene) -> None:
    del scene.team.files["ours"]


def withdrew_ours(scene: Scene) -> None:
    scene.team.files["ours"][0]["yanked"] = "leaked a key"


def has_only_a_source(scene: Scene) -> None:
    entry = scene.team.files["ours"][0]
    entry |= {"filename": "ours-1.0.tar.gz", "url": "../../files/ours-1.0.tar.gz"}


def has_loose(scene: Scene) -> None:
    scene.wheel(scene.team, "loose", "1.0")


def is_only_known_to_the_machine(scene: Scene) -> None:
    scene.env |= {
        "PIP_EXTRA_INDEX_URL": scene.team.url,
        "UV_INDEX": scene.team.url,
        "UV_EXTRA_INDEX_URL": scene.team.url,
    }
    del scene.pypi.files["ours"]


NO_OTHER = "no other index is asked in its place"
PINNED = TEAM + 'packages = ["ours"]\n'
EXPLICIT = TEAM + 'explicit = true\npackages = ["ours"]\n'
TWICE = TEAM + '[[index]]\nname = "again"\nurl = "{team}/"\n'
ALONE = TEAM.replace("team", "pypi", 1)
"""The team's index in the place of the default one: all that pip-tools is asked for."""

FAILURES = [
    Row("fails with 500", answers(500), code=5, words=("500", NO_OTHER)),
    Row("fails, asked for what is the other's", answers(500), definition("theirs"), 5, ("500", NO_OTHER)),
    Row("goes silent", goes_silent, code=5, words=(NO_OTHER,)),
    Row("is down", is_down, code=5, words=("127.0.0.1:9", NO_OTHER)),
    Row("wants a login", answers(401), code=5, words=("401", "netrc")),
    Row("forbids it", answers(403), code=5, words=("403",)),
    Row("shows a login page with 200", asks_to_log_in, code=5, words=("no package index's", "login page")),
    Row("sends to a login on another host", sends_to_a_login, code=5, words=("no package index's", "login page")),
    Row("is not there: 404 for all", moved_away, code=5, words=("'team'", NO_OTHER), told_to_pypi=True),
    Row(
        "is not there, asked for what is the other's", moved_away, definition("theirs"), 5, ("'team'", NO_OTHER)
    ),
    Row("lost a pinned package", lost_ours, definition("ours", indexes=PINNED), 3, ("ours is not on team",)),
    Row("lost an explicit package", lost_ours, definition("ours", indexes=EXPLICIT), 3, ("ours is not on team",)),
    Row("withdrew its release", withdrew_ours, code=3, words=("withdrawn", "no other index is asked for it")),
    Row("lacks the version", spec=definition("ours>=2"), code=3, words=("team has ours 1.0", 'packages = ["ours"]')),
    Row("has only a source", has_only_a_source, code=3, words=("source distribution",)),
    Row("is explicit, the package not pinned", has_loose, definition("loose", indexes=EXPLICIT), 3, ("loose is not on pypi",)),
    Row("is only the machine's", is_only_known_to_the_machine, definition("ours", indexes=""), 3, ("add: --extra-index-url",), told_to_pypi=True),
    Row("is named twice", spec=definition("ours", indexes=TWICE), code=2, words=("'team'", "one index has one name")),
    Row("a misspelt name", spec=definition("ours", "ourss"), code=3, words=("ourss is not on team, pypi", "ours?")),
    Row("two indexes", code=2, words=("pip mixes several indexes", "team, pypi"), resolver="pip-tools"),
    Row("fails with 500", answers(500), definition("ours", indexes=ALONE), 5, ("failed with 500",), resolver="pip-tools"),
    Row("wants a login", answers(401), definition("ours", indexes=ALONE), 5, ("401",), resolver="pip-tools"),
    Row("forbids it", answers(403), definition("ours", indexes=ALONE), 5, ("403",), resolver="pip-tools"),
    Row("shows a login page with 200", asks_to_log_in, definition("ours", indexes=ALONE), 5, ("login page",), resolver="pip-tools"),
    Row("is not there: 404 for all", answers(404), definition("ours", indexes=ALONE), 3, ("nothing is at the address",), resolver="pip-tools"),
    Row("is only the machine's", is_only_known_to_the_machine, definition("ours", indexes=""), 3, ("add: --extra-index-url",), resolver="pip-tools", told_to_pypi=True),
]  # fmt: skip

# Both answer as they should.


def both_extra(scene: Scene) -> None:
    scene.env |= {"PIP_EXTRA_INDEX_URL": scene.other_host.url, "UV_INDEX": scene.other_host.url}
    scene.wheel(scene.other_host, "ours", "100.0")


def asks_a_mirror(scene: Scene) -> None:
    """What a forge does with names that it does not know, unless it is told not to."""
    scene.wheel(scene.other_host, "ours", "3.0")
    scene.team.status, scene.team.headers = 302, {"Location": f"{scene.other_host.url}/{{name}}/"}


def links_to_the_other(scene: Scene) -> None:
    entry = scene.team.files["ours"][0]
    scene.pypi.bodies["elsewhere.whl"] = scene.team.bodies[entry["filename"]]
    entry["url"] = scene.pypi.url.replace("/simple", "/files/elsewhere.whl")


def tracks_the_other(scene: Scene) -> None:
    """PEP 708: the repository itself says that the project is the same as another repository's."""
    scene.team.meta = {"tracks": [f"{scene.pypi.url}/ours/"], "alternate-locations": [f"{scene.pypi.url}/ours/"]}
    scene.pypi.meta = {"alternate-locations": [f"{scene.team.url}/ours/"]}


OURS = (("ours", "1.0", "team"),)
REVERSED = '[[index]]\nname = "pypi"\n' + TEAM

FOUND = [
    Row("the first that has it gives it", found=OURS, words=("note: packages by index: team: ours; pypi: none",)),
    Row("the machine's extra indexes decide nothing", both_extra, found=OURS),
    Row("the other way round", spec=definition("ours", indexes=REVERSED), found=(("ours", "99.0", "pypi"),), told_to_pypi=True),
    Row("a release that was withdrawn, by its number", withdrew_ours, definition("ours==1.0"), found=OURS, words=("withdrawn (yanked) from team",)),
    Row("the page is another host's", asks_a_mirror, found=(("ours", "3.0", "team"),), words=("team sends what it is asked for on to 127.0.0.1:",)),
    Row("the file is another index's", links_to_the_other, found=OURS),
    Row("PEP 708", tracks_the_other, found=OURS),
    Row("one index, another's name", spec=definition("ours", indexes=ALONE), resolver="pip-tools", found=(("ours", "1.0", "pypi"),)),
    Row("the machine's extra indexes decide nothing", both_extra, definition("ours", indexes=ALONE), resolver="pip-tools", found=(("ours", "1.0", "pypi"),)),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a row's `envbuild lock` ended."""

    scene: Scene
    code: int
    words: str
    found: dict[str, tuple[str, str]]
    lock: Path


@pytest.fixture(scope="module")
def sites() -> Iterator[tuple]:
    with scripted_site() as site, scripted_site() as other:
        yield site, other


@pytest.fixture(scope="module", autouse=True)
def outcome(request, warm, sites, tmp_path_factory) -> Iterator[Callable[[Row], Outcome]]:
    """Runs all rows that were chosen, some at a time: most of them wait."""
    chosen = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    rows = [params["row"] for params in chosen if isinstance(params.get("row"), Row)]

    def run(row: Row) -> Outcome:
        scene = _scene(row, sites, tmp_path_factory.mktemp("row"))
        row.arrange(scene)
        text = row.spec.format(**{"team": scene.team.url, **scene.urls})
        (scene.folder / "envbuild.toml").write_text(text)
        env = {"ENVBUILD_PYPI_INDEX": scene.pypi.url, "ENVBUILD_TIMEOUT": "2", **scene.env}
        command = ("lock", "envbuild.toml", "--json", "--resolver", row.resolver)
        done = warm(*command, cwd=scene.folder, env=env)
        changes = done.json["changes"] if done.code == 0 else []
        found = {c["name"]: (c["new"], c["source"]) for c in changes if c["kind"] == "wheel"}
        return Outcome(scene, done.code, done.stderr.decode(), found, scene.folder / "envbuild.envbuild.lock")

    with ThreadPoolExecutor(AT_ONCE) as pool:
        futures: dict[Row, Future[Outcome]] = {row: pool.submit(run, row) for row in rows}
        yield lambda row: futures[row].result()


def _scene(row: Row, sites, folder: Path) -> Scene:
    key = sha256(str(row).encode()).hexdigest()[:8]
    site, other = sites
    scene = Scene(folder, site.index(f"team-{key}"), site.index(f"pypi-{key}"), other.index(key))
    scene.wheel(scene.team, "ours", "1.0")
    scene.wheel(scene.pypi, "ours", "99.0")
    return scene


# The real server: many names at once.

WORLD = {
    # name: what is asked, versions on team's index, on the other, what is to be found
    "higher": ("higher", ["1.0"], ["99.0"], "1.0 team"),
    "lower": ("lower", ["2.0"], ["1.0"], "2.0 team"),
    "samebytes": ("samebytes", ["1.0"], ["1.0"], "1.0 team"),
    "post": ("post==1.0", ["1.0"], ["1.0", "1.0.post1"], "1.0 team"),
    "epoch": ("epoch", ["1.0"], ["1!0.1"], "1.0 team"),
    "local": ("local", ["1.0+corp"], ["1.0"], "1.0+corp team"),
    "pre": ("pre", ["1.0rc1"], ["1.0"], "1.0rc1 team"),
    "theirs": ("theirs", [], ["1.0"], "1.0 pypi"),
    "foo-bar": ("Foo.Bar", ["1.0"], ["99.0"], "1.0 team"),
    "squatted": ("squatted", ["1.0"], [], "1.0 team"),
    "squated": ("", [], ["99.0"], ""),
    "deep": ("deep[more]", ["1.0"], ["99.0"], "1.0 team"),
    "needed-far": ("", [], ["1.0"], "1.0 pypi"),
    "wants-both": ("wants-both", [], ["1.0"], "1.0 pypi"),
    "needed-both": ("", ["1.0"], ["99.0"], "1.0 team"),
    "platform": ("platform", ["1.0"], ["1.0"], "1.0 team"),
}
NEEDS = {"deep": ["needed-far; extra == 'more'"], "wants-both": ["needed-both>=1"]}
FILES = {"foo-bar": {"team": "foo_bar", "pypi": "Foo.Bar"}}


@dataclass(frozen=True, slots=True)
class World:
    """Both real servers, and the sha256 of each file on each."""

    team: str
    pypi: str
    bytes: dict[tuple[str, str, str], str]


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Iterator[World]:
    if not PROGRAM.exists():
        pytest.skip("missing component: pypiserver: not installed: make setup")
    folder, known = tmp_path_factory.mktemp("world"), {}
    for name, (_, ours, theirs, _) in WORLD.items():
        for index, versions in (("team", ours), ("pypi", theirs)):
            (folder / index).mkdir(exist_ok=True)
            for version in versions:
                path = _wheel_of(folder / index, index, name, version)
                known[name, version, index] = sha256(path.read_bytes()).hexdigest()
    with ExitStack() as stack:
        team, pypi = (stack.enter_context(pypiserver(folder / index)) for index in ("team", "pypi"))
        yield World(team, pypi, known)


def _wheel_of(folder: Path, index: str, name: str, version: str) -> Path:
    own = FILES.get(name, {}).get(index, name.replace("-", "_"))
    tag = "cp311-cp311-manylinux_2_28_x86_64" if (name, index) == ("platform", "pypi") else "py3-none-any"
    extras = "Provides-Extra: more\n" if name == "deep" else ""
    files = {f"{own}.py": f"of = {index!r}"}
    return write_wheel(folder, own, version, files, requires=NEEDS.get(name, ()), tag=tag, metadata=extras)


ASKED = tuple(asked for asked, *_ in WORLD.values() if asked)


def _wheels(lock: Path) -> dict[str, dict]:
    sections = json.loads(lock.read_text())["sections"].values()
    return {a["name"]: a for section in sections for a in section["artifacts"]}


@dataclass(frozen=True, slots=True)
class Locked:
    """A lock of the world, and what was said on the way to it."""

    wheels: dict[str, dict]
    request: str
    words: str
    spec: Path


def _locked(warm, world: World, folder: Path, file: str, text: str) -> Locked:
    (folder / file).write_text(text)
    done = warm("lock", file, "--json", cwd=folder, env={"ENVBUILD_PYPI_INDEX": world.pypi}).ok()
    lock = folder / done.json["path"]
    [section] = json.loads(lock.read_text())["sections"].values()
    return Locked(_wheels(lock), section["request"], done.stderr.decode(), folder / file)


@pytest.fixture(scope="module")
def in_order(warm, world, tmp_path_factory) -> Locked:
    """Asked for in a requirements.txt, where the team's index is an extra one."""
    text = "\n".join([f"--extra-index-url {world.team}/", *ASKED])
    return _locked(warm, world, tmp_path_factory.mktemp("in-order"), "requirements.txt", text)


@pytest.fixture(scope="module")
def reversed_order(warm, world, tmp_path_factory) -> Locked:
    team = world.team.partition("://")[2].removesuffix("/simple").replace(":", "-")
    text = definition(*ASKED, indexes=f'[[index]]\nname = "pypi"\n[[index]]\nname = "{team}"\nurl = "{world.team}"\n')
    return _locked(warm, world, tmp_path_factory.mktemp("reversed"), "envbuild.toml", text)


@pytest.mark.parametrize("name", WORLD)
def test_of_a_name_on_two_real_indexes_the_first_serves_version_and_bytes(in_order, world, name):
    expected = WORLD[name][3]
    artifact = in_order.wheels.get(name)
    if not expected:
        assert artifact is None, "nobody asked for it"
        return
    version, _, index = expected.partition(" ")
    assert (artifact["version"], artifact["sha256"]) == (version, world.bytes[name, version, index])
    assert (artifact["source"] == "pypi") == (index == "pypi")


def test_one_line_says_which_index_served_what(in_order):
    [line] = [line for line in in_order.words.splitlines() if "packages by index" in line]
    assert line.endswith(": 12 others; pypi: needed-far, theirs, wants-both")


def test_another_order_of_indexes_is_another_request_with_another_answer(in_order, reversed_order, world):
    """An answer that was kept for one order must never serve the other."""
    assert in_order.request != reversed_order.request
    assert reversed_order.wheels["higher"]["version"] == "99.0"
    assert reversed_order.wheels["samebytes"]["sha256"] == world.bytes["samebytes", "1.0", "pypi"]
    assert reversed_order.wheels["squatted"]["sha256"] == world.bytes["squatted", "1.0", "team"]


UV_PROJECT = """[project]
name = "confused"
version = "1"
dependencies = ["higher", "wants-both", "lower", "theirs"]
[[tool.uv.index]]
url = "{pypi}"
default = true
[[tool.uv.index]]
name = "Team"
url = "{team}"
explicit = true
[tool.uv.sources]
higher = {{ index = "Team" }}
Needed_Both = [{{ index = "Team", marker = "sys_platform == 'linux'" }}]
"""


def test_pins_of_a_uv_project_hold_for_what_others_need_and_an_explicit_index_gives_nothing_else(warm, world, tmp_path):
    text = UV_PROJECT.format(team=world.team, pypi=world.pypi)
    found = _locked(warm, world, tmp_path, "pyproject.toml", text).wheels
    assert {name: (a["version"], a["source"]) for name, a in found.items()} == {
        "higher": ("1.0", "team"),
        "wants-both": ("1.0", "pypi"),
        "needed-both": ("1.0", "team"),
        "lower": ("1.0", "pypi"),
        "theirs": ("1.0", "pypi"),
    }


def test_with_all_in_the_store_a_locked_build_asks_no_index(warm, world, tmp_path):
    """A private index that is down stops nobody who has what the lock names."""
    folder = tmp_path / "down"
    folder.mkdir()
    text = definition("higher", "theirs", indexes=TEAM.format(team=world.team))
    locked = _locked(warm, world, folder, "envbuild.toml", text)
    command = ("build", locked.spec, "--locked", "--to", "store", "--json")
    up = warm(*command, env={"ENVBUILD_PYPI_INDEX": world.pypi}).ok().json
    closed = "http://127.0.0.1:9/simple"
    down = warm(*command, env={"ENVBUILD_PYPI_INDEX": closed, "ENVBUILD_INDEX_TEAM": closed}).ok().json
    assert down["digest"] == up["digest"]


# The rows: last, since they are run beside what stands above.


@pytest.mark.parametrize("row", FAILURES, ids=str)
def test_an_index_that_does_not_give_what_is_its_own_is_a_failure(outcome, row):
    """And no reason to take the other's; unless it must be so, the other does not even hear the name."""
    ended = outcome(row)
    assert (ended.code, ended.found) == (row.code, {}), ended.words
    assert all(word in ended.words for word in row.words), ended.words
    assert "Traceback" not in ended.words
    assert not ended.lock.exists()
    assert row.told_to_pypi or "ours" not in ended.scene.pypi.asked


@pytest.mark.parametrize("row", FOUND, ids=str)
def test_what_is_found_comes_from_the_first_index_that_has_it(outcome, row):
    ended = outcome(row)
    assert ended.code == 0, ended.words
    assert ended.found == {name: (version, source) for name, version, source in row.found}
    assert all(word in ended.words for word in row.words), ended.words
    assert row.told_to_pypi or "ours" not in ended.scene.pypi.asked
