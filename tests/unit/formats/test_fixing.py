"""Repairs of an environment.yml: nobody's comments, order or layout may be lost, and no other meaning come in."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envbuild.errors import InvalidDefinition
from envbuild.formats.conda.condaspecs import spec_name
from envbuild.formats.conda.environmentyml import read_environment_yml
from envbuild.formats.fixing import FIXES, fixed, repairs
from envbuild.formats.nodes.yamlnodes import YamlFault, parse, plain
from envbuild.formats.sourcefile import ReadRequest

HEAD = "channels: [c]\n"


@pytest.mark.parametrize(
    ("before", "after", "codes"),
    [
        ("dependencies:\n  - python=3.12\n", "channels: [conda-forge]\ndependencies:\n  - python=3.12\n", ["EB111"]),
        ("# head\nname: x  # why\n\n# below\ndependencies: [python=3.12]\n",
         "# head\nname: x  # why\nchannels: [conda-forge]\n\n# below\ndependencies: [python=3.12]\n", ["EB111"]),
        ("channels:  # later\ndependencies: [python=3.12]\n", "channels: [conda-forge]  # later\ndependencies: [python=3.12]\n",
         ["EB111"]),
        ("channels: []\ndependencies: [python=3.12]\n", "channels: [conda-forge]\ndependencies: [python=3.12]\n", ["EB111"]),
        ("  dependencies:\n  - python=3.12\n", "  channels: [conda-forge]\n  dependencies:\n  - python=3.12\n", ["EB111"]),
        (HEAD + "dependencies: [python=3.12]\nprefix: /opt/x  # mine\n# end\n", HEAD + "dependencies: [python=3.12]\n# end\n",
         ["EB112"]),
        (HEAD + "dependencies:\n  - python=3.12\n  # from PyPI\n  - pip:\n    - six\n",
         HEAD + "dependencies:\n  - python=3.12\n  # from PyPI\n  - pip\n  - pip:\n    - six\n", ["EB107"]),
        (HEAD + "dependencies:\n-   pip:\n    - six\n- python=3.12\n",
         HEAD + "dependencies:\n-   pip\n-   pip:\n    - six\n- python=3.12\n", ["EB107"]),
        (HEAD + "dependencies:\n- pip\n- pip: [six]\n", HEAD + "dependencies:\n- python=3.11\n- pip\n- pip: [six]\n", ["EB120"]),
        (HEAD + "dependencies:\n- python=3.12\n- pip\n- pip:\n  - six # 6\n  - azureml-core~=1.5 # gone\n  - azureml_sdk[x]\n",
         HEAD + "dependencies:\n- python=3.12\n- pip\n- pip:\n  - six # 6\n", ["EB123", "EB123"]),
        (HEAD + "dependencies:\n- python=3.12\n- pip\n- pip:\n  # service\n  - azureml-defaults\n",
         HEAD + "dependencies:\n- python=3.12\n- pip\n  # service\n", ["EB123"]),
        ("dependencies:\n- pip:\n  - azureml-core\n  - six\nprefix: /x\n",
         "channels: [conda-forge]\ndependencies:\n- python=3.11\n- pip\n- pip:\n  - six\n",
         ["EB112", "EB123", "EB111", "EB120", "EB107"]),
    ],
)  # fmt: skip
def test_each_repair_changes_its_lines_alone(before, after, codes):
    text, changes = fixed(before)
    assert text == after
    assert [change.code for change in changes] == codes


def test_what_is_removed_has_its_old_line_and_what_is_added_its_new_one():
    before = "name: x\ndependencies:\n- python=3.12\n- pip:\n  - azureml-core\n  - six\n  - azureml-sdk\nprefix: /x\n"
    text, changes = fixed(before)
    old, new = before.split("\n"), text.split("\n")
    told = [
        (change.code, old[change.line - 1] if change.what.startswith("removed") else new[change.line - 1])
        for change in changes
    ]
    assert told == [
        ("EB112", "prefix: /x"), ("EB123", "  - azureml-sdk"), ("EB123", "  - azureml-core"),
        ("EB111", "channels: [conda-forge]"), ("EB107", "- pip"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        "a: [b\n",
        "{dependencies: [python=3.12]}\n",
        HEAD + "dependencies: [python=3.12, {pip: [six, azureml-core]}]\n",
        HEAD + "dependencies:\n- python=3.12\n- pip\n- pip: [six, azureml-core]\n",
        HEAD + "dependencies:\n- python=3.12\n- pip\n- pip:\n  - azureml-core; sys_platform ==\n    'linux'\n  - six\n",
        HEAD + "prefix: >\n  /opt\n  /x\ndependencies: [python=3.12]\n",
        HEAD + "dependencies: [numpy]\n",
        "python: '3.11'\nbuild_dependencies: [pip]\n",
    ],
)
def test_what_the_layout_does_not_allow_is_left_as_it_is(text):
    """Half a repair would be another environment."""
    assert fixed(text) == (text, ())


PIP = st.lists(st.sampled_from(["six", "azureml-core", "azureml_defaults==1 # gone", "'x>1'", "# note"]), max_size=4)
ITEMS = st.one_of(
    st.sampled_from(
        [["- python=3.12"], ["- numpy # fast"], ["- pip"], ["# note"], ["- {pip: [six, azureml-sdk]}"], [""]]
    ),
    PIP.map(lambda lines: ["- pip:", *(f"  {line}" if line.startswith("#") else f"    - {line}" for line in lines)]),
)
SECTIONS = st.lists(ITEMS, min_size=1, max_size=4).map(
    lambda items: ["dependencies:", *(row for item in items for row in item)]
)
OTHERS = st.sampled_from(
    [
        ["name: x # y"],
        ["channels:"],
        ["channels: [] # none"],
        ["channels:", "- c"],
        ["prefix: /x"],
        ["variables:", "  A: b"],
        ["# end"],
    ]
)
DOCUMENTS = st.tuples(SECTIONS, st.lists(OTHERS, max_size=4)).flatmap(lambda made: st.permutations([made[0], *made[1]]))


def document(text):
    try:
        return plain(parse(text.removeprefix("\ufeff").replace("\r\n", "\n")))
    except YamlFault:
        return None


@settings(deadline=None)
@given(DOCUMENTS, st.sampled_from(["\n", "\r\n"]), st.sampled_from(["", "\ufeff"]))
def test_a_second_repair_finds_nothing_and_all_else_stays(parts, end, mark):
    before = mark + end.join(row for part in parts for row in part) + end
    text, changes = fixed(before)
    assert fixed(text) == (text, ())
    assert repairs(text) == frozenset()
    assert bool(changes) == bool(repairs(before))
    assert text.startswith(mark)
    assert text.count("\n") == text.count(end)
    comments = [line.strip() for line in before.split("\n") if line.strip().startswith("#")]
    assert [line.strip() for line in text.split("\n") if line.strip().startswith("#")] == comments
    if changes:
        was, now = document(before), document(text)
        kept = {key: value for key, value in was.items() if key not in ("prefix", "channels", "dependencies")}
        assert {key: value for key, value in now.items() if key not in ("prefix", "channels", "dependencies")} == kept
        assert now["channels"] == (was.get("channels") or ["conda-forge"])
        specs = [item for item in was["dependencies"] if isinstance(item, str)]
        assert [s for s in now["dependencies"] if isinstance(s, str) and s not in ("pip", "python=3.11")] == [
            s for s in specs if s != "pip"
        ]


def meaning(text):
    """What is read of it; without pip among conda's packages, which conda adds by itself."""
    definition = read_environment_yml("environment.yml", lambda _: text.encode(), ReadRequest()).definition
    return replace(definition, conda=tuple(spec for spec in definition.conda if spec_name(spec) != "pip"))


@settings(deadline=None)
@given(DOCUMENTS)
def test_the_environment_is_the_same_afterwards(parts):
    """Its image was built already."""
    before = "\n".join(row for part in parts for row in part) + "\n"
    try:
        meant = meaning(before)
    except InvalidDefinition:
        return
    assert meaning(fixed(before)[0]) == meant


def test_every_repair_has_a_code_of_its_own():
    assert set(FIXES) == {"EB107", "EB111", "EB112", "EB120", "EB123"}
