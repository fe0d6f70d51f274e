"""What is installed by a lock is what its own tool would install, in each environment."""

from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.markers import Marker

from envbuild.formats.otherlocks.lockgraph import reached
from envbuild.markersets import MarkerSets, marker_environment
from envbuild.platforms import MACHINES

MARKERS = (
    "",
    "python_full_version < '3.11.3'",
    "python_full_version >= '3.11.3'",
    "python_version >= '3.12'",
    "platform_machine == 'x86_64'",
    "platform_machine != 'x86_64' or python_full_version < '3.11.1'",
    "sys_platform == 'win32'",
)
NODES = 8
edges = st.lists(st.tuples(st.integers(0, NODES - 1), st.integers(0, NODES - 1), st.sampled_from(MARKERS)), max_size=24)


def walked(rows, environment):
    """The plain walk, in one environment."""
    found, waiting = set(), [0]
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting += [b for a, b, m in rows if a == node and (not m or Marker(m).evaluate(environment))]
    return found


@settings(max_examples=300)
@given(edges)
def test_in_each_environment_the_walk_reaches_what_a_walk_there_would(rows):
    """A marker that is lost on a path installs too much, one that is doubled too little: either breaks somebody's program."""
    sets = MarkerSets("3.11", MARKERS)
    found = reached({0: sets.all}, lambda node: ((b, sets.of(m)) for a, b, m in rows if a == node))
    texts = {node: sets.text(where) for node, where in found.items()}
    for machine in MACHINES:
        for patch in range(6):
            environment = marker_environment(machine, f"3.11.{patch}")
            ours = {node for node, text in texts.items() if not text or Marker(text).evaluate(environment)}
            assert ours == walked(rows, environment), environment


def test_a_circle_ends():
    sets = MarkerSets("3.11", MARKERS)
    circle = {"a": "b", "b": "c", "c": "a"}
    assert reached({"a": sets.all}, lambda node: [(circle[node], sets.all)]) == dict.fromkeys("abc", sets.all)


def test_markers_that_are_all_different_do_not_multiply():
    """With 60 forks in a row, written out as ways, the walk would never end."""
    sets = MarkerSets("3.11", [f"python_full_version < '3.11.{n}'" for n in range(60)])

    def needs(node):
        for choice in ("a", "b"):
            yield (
                (node[0] + 1, choice),
                sets.of(f"python_full_version {'<' if choice == 'a' else '>='} '3.11.{node[0]}'"),
            )

    found = reached({(0, "a"): sets.all}, lambda node: needs(node) if node[0] < 60 else ())
    assert len(found) <= 121
