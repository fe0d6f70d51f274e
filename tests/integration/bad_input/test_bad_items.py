"""Every bad input of the list, in every form of a file, through the real command line.

What is refused: the exit code, the place, what is wrong and what to do; no traceback, nothing written, no request made,
bounded in time and memory.
"""

import os
import resource
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack

import pytest
from badinputs import (
    accepted,
    azuremlfiles,
    channelfiles,
    condafiles,
    indexfiles,
    nativefiles,
    otherfiles,
    placefiles,
    projectfiles,
    requirementfiles,
)
from badinputs.items import ITEMS, WITHOUT_ROWS
from condachannel import package, serve, write_channel
from packageindexes.scripted import scripted_site

ROWS = [
    *nativefiles.ROWS, *requirementfiles.ROWS, *condafiles.ROWS, *projectfiles.ROWS, *azuremlfiles.ROWS, *placefiles.ROWS,
    *otherfiles.ROWS, *indexfiles.ROWS, *channelfiles.ROWS,
]  # fmt: skip
SECONDS = 20
"""What is meant is 2; on a machine that does much else it may be more."""
MEMORY = 700 << 20
"""Bytes of address space: an interpreter with all that is imported has about 300 MB of it, a bomb has no end."""

POWERLESS = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all") if os.geteuid() == 0 else ()


def named(rows):
    return [pytest.param(row, id=f"{row.spec[:20].replace('/', '_') or 'nothing'}-{row.name}") for row in rows]


@pytest.fixture
def index(make_wheel, tmp_path):
    """`index(row)`: the URL of an index with the row's wheels."""
    with scripted_site() as site:

        def offered(row) -> str:
            one = site.index("own")
            for number, wheel in enumerate(row.wheels):
                made = {key: wheel[key] for key in ("tag", "metadata") if key in wheel}
                folder = tmp_path / f"wheels{number}"
                folder.mkdir()
                requires = [wheel["requires"]] if "requires" in wheel else []
                path = make_wheel(wheel["name"], wheel.get("version", "1.0"), requires=requires, folder=folder, **made)
                one.wheel(path, **{key: wheel[key] for key in ("yanked",) if key in wheel})
                if "corrupt" in wheel:
                    one.bodies[path.name] = path.read_bytes()[:-1] + b"X"
            return one.url

        yield offered


@pytest.fixture
def channels(tmp_path):
    """`channels(row)`: variables of a machine where every channel's name is below one server, which has conda-forge alone."""
    with ExitStack() as stack:

        def offered(row) -> dict[str, str]:
            made = [package(**{key: one[key] for key in one if key != "corrupt"}) for one in row.packages]
            folder = tmp_path / "channels" / "conda-forge"
            write_channel(folder, made)
            for one, asked in zip(made, row.packages, strict=True):
                if asked.get("corrupt"):
                    (folder / one.subdir / one.file).write_bytes(one.content[:-1] + b"X")
            return {"CONDA_CHANNEL_ALIAS": stack.enter_context(serve(folder)).alias}

        yield offered


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))


@pytest.mark.parametrize("row", named(ROWS))
def test_what_is_bad_is_told(row, home, project, no_network, index, channels, tree_of):
    folder = project(row.files)
    if row.prepare:
        row.prepare(folder)
    before = tree_of(folder)
    env = {**home.env, **({} if row.online else no_network)}
    if row.wheels:
        env["ENVBUILD_PYPI_INDEX"] = index(row)
    if row.packages:
        env |= channels(row)
    result = subprocess.run(
        [*(POWERLESS if row.modes_bind else ()), sys.executable, "-m", "envbuild", *row.command],
        env=env, cwd=folder, capture_output=True, text=True, check=False, timeout=120,
        preexec_fn=None if row.online else limited,
    )  # fmt: skip
    everything = result.stdout + result.stderr
    assert result.returncode == row.code, everything
    assert "Traceback" not in everything
    assert "a bug of envbuild's own" not in everything
    for words in row.said:
        assert words in result.stderr, f"{words!r} is not said:\n{everything}"
    for words in row.unsaid:
        assert words not in everything
    hints_of_all(result.stderr, each=row.code == 2)
    assert result.stdout == "", "something went to stdout, where a reference is expected"
    assert tree_of(folder) == before, "the project was changed"
    if not row.online:
        assert kept(home, tree_of, facts=row.kept) == [], "something was written to the store"


def hints_of_all(text: str, *, each: bool) -> None:
    """Each fault of a definition has a line below it, set in by two: what to do. Of what a resolver says there is one."""
    said = text[text.index("envbuild: ") :].rstrip("\n").split("\n")
    starts = [number for number, line in enumerate(said) if not line.startswith(" ")] if each else [0]
    for start, end in zip(starts, [*starts[1:], len(said)], strict=True):
        below = said[start + 1 : end]
        assert any(line[:2] == "  " and line[2:3].strip() for line in below), f"no hint below {said[start]!r}"


def kept(home, tree_of, *, facts: bool) -> list[str]:
    """What is in the store; without the `facts` of what is sound in itself, a definition or a lock."""
    claims = tuple(f"cache/claims.v1/{kind}/" for kind in ("seen", "definition", "document"))
    remembered = (
        "cache/locks.v1/use.lock",
        *((*claims, "cache/blobs.v1/", "cache/memo.v1/", "cache/locks.v1/") if facts else ()),
    )
    return [
        name
        for name, (kind, _) in tree_of(home.store).items()
        if not kind.startswith("d") and not name.startswith(remembered)
    ]


@pytest.mark.parametrize("row", named(accepted.ACCEPTED))
def test_what_only_looks_bad_is_read_as_what_it_means(row, run_cli, project, no_network):
    shown = run_cli("show", row.spec, "--json", cwd=project(row.files), env=no_network)
    assert shown.code == 0, shown.stderr
    for words in row.said:
        assert words in shown.stderr
    for words in row.unsaid:
        assert words not in shown.stdout + shown.stderr
    if row.like is not None:
        like = run_cli("show", row.spec, "--json", cwd=project(row.like), env=no_network)
        assert (like.code, like.stdout) == (0, shown.stdout)


def test_a_withdrawn_version_that_is_pinned_is_taken_with_a_note(index, run_cli, project):
    """Item 44, its other half: who pins one asked for it (PEP 592)."""
    yanked = next(row for row in ROWS if row.name == "yanked")
    folder = project({"requirements.txt": "demo==1.0\n"})
    locked = run_cli("lock", "requirements.txt", cwd=folder, env={"ENVBUILD_PYPI_INDEX": index(yanked)})
    assert locked.code == 0, locked.stderr
    assert "demo 1.0 was withdrawn (yanked) from pypi" in locked.stderr


def test_every_item_has_its_rows_or_its_reason():
    """A bad input that nobody tries is one that somebody has."""
    tried = Counter(item for row in (*ROWS, *accepted.ACCEPTED) for item in row.items)
    assert set(tried) <= set(ITEMS)
    assert {item for item in ITEMS if not tried[item]} == set(WITHOUT_ROWS)
    assert list(ITEMS) == list(range(1, 67))


def test_no_two_rows_have_one_name():
    names = Counter((row.spec, row.name) for row in (*ROWS, *accepted.ACCEPTED))
    assert [name for name, count in names.items() if count > 1] == []
