"""Files of a store that something else changed."""

import pytest


def test_damage_is_found_before_use(scale, torture, tally):
    """Else bad bytes go into an image that looks right."""
    count = scale.pick(1000, 10_000)
    seen = torture("damage", "objects", count)
    assert seen["wrong"] == [], seen["said"]
    # Chance decides which claims still parse with another value: those prove themselves by the blobs that they name.
    assert seen["blob refused"] + seen["material refused"] + seen["claim missed"] > count * 0.9
    tally(
        "damaged objects", count, **{k.replace(" ", "_"): v for k, v in seen.items() if "refused" in k or "claim" in k}
    )


def test_a_damaged_store_heals(scale, torture, tally):
    """The image that comes out is the same to the byte; verify finds all and repairs what can be had again."""
    stores = scale.pick(24, 1000)
    seen = torture("damage", "healed", stores)
    assert seen["wrong"] == [], seen["said"]
    tally("damaged stores", seen["stores"], files=seen["damaged"], repairs=seen["repairs"])


def test_the_index_can_be_lost(scale, torture, tally):
    """It only saves time: without it, or with an old or broken one, everything is found."""
    count = scale.pick(12, 100)
    seen = torture("damage", "index", count)
    assert seen["wrong"] == [], seen["said"]
    tally("losses of the index", count)


@pytest.mark.parametrize("mutant", ["no digest check"])
def test_these_tests_see_a_store_that_trusts_names(mutant, torture):
    seen = torture("damage", "objects", 200, "--mutant", mutant)
    assert "served damaged bytes" in "".join(seen["wrong"])
