"""If this fails, two conda packages that share a path give another file here than in an environment that rattler makes."""

from hypothesis import given
from hypothesis import strategies as st
from rattler import BuildString, PackageRecord

from envbuild.plan.linkorder import Linked, dependency_name, link_order

NAMES = ("a", "b", "c", "d", "e", "f", "python", "pip")


@st.composite
def graphs(draw) -> dict[str, Linked]:
    names = draw(st.sets(st.sampled_from(NAMES), min_size=1))
    wanted = st.lists(st.sampled_from((*NAMES, "__glibc")), max_size=4, unique=True)
    return {name: Linked(tuple(draw(wanted)), draw(st.booleans())) for name in sorted(names)}


def _record(name: str, one: Linked) -> PackageRecord:
    return PackageRecord(
        name, "1.0", BuildString("0"), 0, "noarch" if one.is_noarch else "linux-64",
        noarch="generic" if one.is_noarch else None, depends=[f"{d} >=1" for d in one.depends],
    )  # fmt: skip


@given(graphs(), st.randoms())
def test_the_order_is_the_one_in_which_rattler_links(graph, random):
    records = [_record(name, one) for name, one in graph.items()]
    random.shuffle(records)
    theirs = [record.name.normalized for record in PackageRecord.sort_topologically(records)]
    assert list(link_order(graph)) == theirs


@given(graphs())
def test_every_package_is_linked_once(graph):
    assert sorted(link_order(graph)) == sorted(graph)


def test_a_long_chain_is_no_limit():
    chain = {f"p{n:05}": Linked((f"p{n + 1:05}",)) for n in range(5000)}
    assert link_order(chain)[0] == "p04999"


def test_the_name_in_a_dependency_is_read_as_rattler_reads_it():
    for spec in ("numpy", "NumPy >=1.26", "numpy>=1,<2", "numpy[version='>=1']", "__glibc >=2.17", "a=1=b_0", "x~=1"):
        theirs = PackageRecord("z", "1", BuildString("0"), 0, "linux-64", depends=[spec])
        other = PackageRecord(dependency_name(spec), "1", BuildString("0"), 0, "linux-64")
        assert [r.name.normalized for r in PackageRecord.sort_topologically([theirs, other])][-1] == "z"
