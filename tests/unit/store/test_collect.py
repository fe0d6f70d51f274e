"""What may go is worked out from values alone: nothing that somebody needs, whatever the store looks like."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envbuild.store.collect import DAY, Rules, choose, doomed
from envbuild.store.reach import Reach
from envbuild.store.snapshot import Blob, Claim, Folder, Snapshot

NOW = 1_000 * DAY


def named(*claims):
    return {claim.name: claim for claim in claims}


def hexes(prefix, count):
    return [f"{prefix}{number:x}".rjust(64, "0") for number in range(count)]


PACKAGES, LAYERS, DOCS, LOCKS, IMAGES, LOOSE = (hexes(p, 4) for p in ("a1", "b2", "c3", "d4", "e5", "f6"))
CONFIGS = hexes("e6", 4)


def environment(number, *, used, packages, names=(), age_of_parts=500 * DAY, segments=None):
    """An image of one layer that is made of these packages, with its lock and document, and a layer for each package."""
    old = NOW - age_of_parts
    made = frozenset(PACKAGES[p] for p in packages)
    layer, table = LAYERS[number], LAYERS[number].replace("b2", "b7")
    claims = [
        Claim(kind="image", id=IMAGES[number], used=used, size=5, refers=LOCKS[number], blobs=frozenset({layer, CONFIGS[number]})),
        Claim(kind="locked", id=LOCKS[number], used=old, size=5, covers=made, blobs=frozenset({DOCS[number]})),
        Claim(kind="lock", id=LOCKS[number].replace("d4", "d5"), used=old, size=5, blobs=frozenset({DOCS[number]})),
        Claim(kind="document", id=LOCKS[number].replace("d4", "d6"), used=old, size=5, blobs=frozenset({DOCS[number]}), covers=frozenset({LOCKS[number]})),
        Claim(kind="layer", id=LAYERS[number].replace("b2", "b3"), used=old, size=5, blobs=frozenset({layer, table}), covers=made),
    ]  # fmt: skip
    blobs = dict.fromkeys([layer, table, DOCS[number], CONFIGS[number]], Blob(100, old))
    for package in packages if segments is None else segments:
        own = PACKAGES[package].replace("a1", "a2")
        claims.append(
            Claim(kind="layer", id=own, used=old, size=5, blobs=frozenset({own}), covers=frozenset({PACKAGES[package]}))
        )
        blobs[own] = Blob(50, old)
    blobs |= {PACKAGES[p]: Blob(40, old) for p in packages}
    for title, lasting in names:
        claims.append(
            Claim(kind="name", id=f"{title.encode().hex()}{number}".ljust(64, "0")[:64], used=old, size=5, refers=IMAGES[number], title=title, lasting=lasting)
        )  # fmt: skip
    return named(*claims), blobs


def store(*parts, folders=None, other=0):
    claims, blobs = {}, {}
    for some, more in parts:
        claims |= some
        blobs |= more
    return Snapshot(claims=claims, blobs=blobs, folders=folders or {}, other=other)


def judged(snapshot, rules=None, held=frozenset(), now=NOW):
    return doomed(snapshot, choose(snapshot, rules or Rules(), now, held), held)


def left(snapshot, gone):
    return snapshot.without(set(gone.claims), set(gone.blobs), set(gone.folders))


def test_an_image_that_latest_means_stays_with_all_that_its_next_build_needs():
    """A project that is looked at twice a year finds its image, its lock and its layers; the wheels alone are gone."""
    snapshot = store(environment(0, used=NOW - 400 * DAY, packages=[0, 1], names=[("envbuild/a:latest", True)]))
    gone = judged(snapshot)
    assert gone.claims == ()
    assert set(gone.blobs) == {PACKAGES[0], PACKAGES[1]}


def test_a_name_that_is_made_of_the_id_alone_keeps_nothing_for_ever():
    """Every build gives such a name: were they kept, no store would ever shrink."""
    snapshot = store(environment(0, used=NOW - 31 * DAY, packages=[0], names=[("envbuild/a:0123456789ab", False)]))
    gone = judged(snapshot)
    assert gone.environments == (IMAGES[0],)
    assert left(snapshot, gone).blobs == {}
    assert gone.freed(snapshot) == snapshot.size


def test_a_recent_image_stays_and_shares_its_layers_with_the_old_one_that_goes():
    """Removing last month's image does not damage today's."""
    old = environment(0, used=NOW - 90 * DAY, packages=[0, 1])
    new = environment(1, used=NOW - DAY, packages=[1, 2])
    snapshot = store(old, new)
    rest = left(snapshot, judged(snapshot))
    image = snapshot.claims[f"image/{IMAGES[1]}"]
    assert image.name in rest.claims
    assert image.blobs <= rest.blobs.keys()
    assert PACKAGES[1].replace("a1", "a2") in rest.blobs
    assert PACKAGES[0].replace("a1", "a2") not in rest.blobs
    assert f"image/{IMAGES[0]}" not in rest.claims


def test_a_package_without_a_layer_stays_as_its_lock_does():
    """What was just downloaded for an image that is being made is not downloaded twice."""
    snapshot = store(
        environment(0, used=NOW, packages=[0, 1], segments=[0], names=[("mine:1", True)]),
    )
    assert set(judged(snapshot).blobs) == {PACKAGES[0]}


def test_packages_can_be_kept_for_work_without_a_network():
    snapshot = store(environment(0, used=NOW, packages=[0, 1]))
    assert judged(snapshot, Rules(keep_packages=True)).blobs == ()


def test_what_a_lease_holds_stays_even_when_everything_goes():
    """`prune --all` beside a build takes nothing from under it."""
    snapshot = store(
        environment(0, used=NOW - 90 * DAY, packages=[0]),
        environment(1, used=NOW - 90 * DAY, packages=[1]),
        folders={"prefix/x": Folder(7, 0), "prefix/y": Folder(7, 0)},
    )
    held = frozenset({f"image/{IMAGES[0]}", PACKAGES[1], "prefix/x"})
    rest = left(snapshot, judged(snapshot, Rules(everything=True), held))
    assert f"image/{IMAGES[0]}" in rest.claims
    assert snapshot.claims[f"image/{IMAGES[0]}"].blobs <= rest.blobs.keys()
    assert PACKAGES[1] in rest.blobs
    assert set(rest.folders) == {"prefix/x"}
    assert f"image/{IMAGES[1]}" not in rest.claims


def test_a_size_is_reached_from_the_least_recently_used_on():
    """A disk quota costs the images that were used longest ago, and no more of them than needed."""
    parts = [environment(n, used=NOW - (n + 1) * DAY, packages=[n]) for n in range(4)]
    snapshot = store(*parts)
    one = sum(b.size for b in parts[0][1].values()) + sum(c.size for c in parts[0][0].values())
    gone = judged(snapshot, Rules(keep_bytes=2 * one))
    assert set(gone.environments) == {IMAGES[2], IMAGES[3]}
    assert left(snapshot, gone).size <= 2 * one


def test_a_size_never_costs_what_a_lasting_name_means_unless_told():
    snapshot = store(environment(0, used=NOW - 90 * DAY, packages=[0], names=[("mine:1", True)]))
    assert judged(snapshot, Rules(keep_bytes=0)).environments == ()
    assert judged(snapshot, Rules(keep_bytes=0, everything=True)).environments == (IMAGES[0],)


@pytest.mark.parametrize("ahead", [1, 400 * DAY])
def test_times_in_the_future_count_as_now(ahead):
    """A clock that was wrong for a day, and was set back, makes nothing old and nothing eternal."""
    snapshot = store(environment(0, used=NOW + ahead, packages=[0]))
    assert judged(snapshot).environments == ()
    assert judged(snapshot, now=NOW + ahead + 31 * DAY).environments == (IMAGES[0],)


def test_bytecode_goes_with_its_image_and_unreadable_claims_go_at_once():
    snapshot = store(
        environment(0, used=NOW, packages=[0]),
        folders={f"bytecode/{CONFIGS[0]}": Folder(9, NOW), f"bytecode/{CONFIGS[1]}": Folder(9, NOW)},
    )
    damaged = Claim(kind="image", id="0" * 64, used=NOW, readable=False)
    snapshot = Snapshot(
        claims={**snapshot.claims, damaged.name: damaged}, blobs=snapshot.blobs, folders=snapshot.folders
    )
    gone = judged(snapshot)
    assert gone.claims == (damaged.name,)
    assert gone.folders == (f"bytecode/{CONFIGS[1]}",)


def test_an_unknown_kind_of_claim_keeps_the_blobs_that_it_names():
    """A newer envbuild may share the store: what it claims is not garbage."""
    claim = Claim(kind="later", id="1" * 64, used=NOW, blobs=frozenset({LOOSE[0]}))
    snapshot = Snapshot(claims=named(claim), blobs={LOOSE[0]: Blob(9, 0), LOOSE[1]: Blob(9, 0)})
    assert judged(snapshot).blobs == (LOOSE[1],)


TIMES = st.integers(0, 100).map(lambda days: NOW - days * DAY)
NAMES = st.sampled_from(
    [(), (("envbuild/x:latest", True),), (("envbuild/x:0123456789ab", False),), (("mine:2", True),)]
)
STORES = st.lists(
    st.tuples(TIMES, st.sets(st.integers(0, 3), min_size=1), NAMES, st.booleans()), min_size=1, max_size=4
).map(
    lambda rows: store(
        *(
            environment(n, used=used, packages=sorted(packages), names=names, segments=None if made else [])
            for n, (used, packages, names, made) in enumerate(rows)
        ),
        (named(Claim(kind="seen", id="9" * 64, used=NOW - 3 * DAY, size=3)), {LOOSE[0]: Blob(11, NOW - 40 * DAY)}),
        folders={"prefix/x": Folder(13, NOW - 20 * DAY), "memo/v1": Folder(3, NOW)},
        other=17,
    )
)
RULES = st.builds(
    Rules,
    older_than=st.none() | st.integers(0, 120).map(lambda days: float(days * DAY)),
    keep_bytes=st.none() | st.integers(0, 2500),
    everything=st.booleans(),
    keep_packages=st.booleans(),
)


@settings(max_examples=300, deadline=None)
@given(snapshot=STORES, rules=RULES, data=st.data())
def test_for_any_store_and_rules_nothing_that_is_needed_goes(snapshot, rules, data):
    """Laws: held things and all that a kept image reaches stay; sums are right; a second prune finds nothing."""
    things = sorted([*snapshot.claims, *snapshot.blobs, *snapshot.folders])
    held = frozenset(data.draw(st.sets(st.sampled_from(things), max_size=5)))
    gone = judged(snapshot, rules, held)
    rest = left(snapshot, gone)
    assert held.isdisjoint([*gone.claims, *gone.blobs, *gone.folders])
    for claim in rest.claims.values():
        assert claim.blobs <= rest.blobs.keys(), claim
    for image in rest.of_kind("image"):
        lock = rest.claims[f"locked/{image.refers}"]
        for package in lock.covers:
            assert package in rest.blobs or package in Reach(rest).made_of
    if not rules.everything:
        kept = {c.refers for c in snapshot.of_kind("name") if c.lasting}
        assert kept <= {c.id for c in rest.of_kind("image")}
    assert gone.freed(snapshot) == snapshot.size - rest.size
    assert judged(rest, rules, held).freed(rest) == 0


@settings(max_examples=100, deadline=None)
@given(snapshot=STORES)
def test_a_longer_age_never_frees_more(snapshot):
    """--older-than 60d is the gentler one of two."""
    freed = [judged(snapshot, Rules(older_than=days * DAY)).freed(snapshot) for days in (0, 10, 30, 60, math.inf)]
    assert freed == sorted(freed, reverse=True)


def test_own_bytes_are_what_only_one_environment_reaches():
    both = store(environment(0, used=NOW, packages=[0, 1]), environment(1, used=NOW, packages=[1]))
    reach = Reach(both)
    first, second = (reach.blobs(e) for e in reach.environments.values())
    assert PACKAGES[1] in first & second
    assert PACKAGES[0] in first - second
