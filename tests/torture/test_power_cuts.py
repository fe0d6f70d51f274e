"""Power cuts: what was said to be done is there afterwards, and what is there is whole."""

import pytest

pytestmark = pytest.mark.usefixtures("mounts")
OPTIONS = ["defaults", "noauto_da_alloc,commit=1", "data=writeback"]


@pytest.mark.parametrize("options", OPTIONS)
def test_nothing_is_lost_or_damaged_by_a_power_cut(options, scale, torture, tally):
    """Else a package that was downloaded, an image that was built or a run that was recorded is gone, or worse, half there."""
    cuts = scale.pick(50 if options == "defaults" else 12, 334)
    seen = torture("powercuts", cuts, options, "--seed", 7)
    assert seen["wrong"] == []
    assert seen["cuts"] == cuts
    assert seen["acknowledged"] > 20 * cuts, "too little was done to lose anything"
    tally(f"power cuts, {options}", cuts, acknowledged=seen["acknowledged"], corrupt=seen["corrupt"], lost=seen["lost"])


CONTROLS = [
    ("no fsync", "noauto_da_alloc,commit=1", "corrupt", 40),
    ("no folder fsync", "defaults", "lost", 300),
    ("claim before blob", "defaults", "lost", 300),
]


@pytest.mark.parametrize(("mutant", "options", "kind", "most"), CONTROLS, ids=[row[0] for row in CONTROLS])
def test_the_method_sees_bad_writers(mutant, options, kind, most, torture):
    """Each is our store without one thing. A method that does not see them says nothing about ours."""
    seen = torture("powercuts", most, options, "--mutant", mutant)
    assert seen[kind] > 0, f"{seen['cuts']} cuts did not show a store with {mutant}"
