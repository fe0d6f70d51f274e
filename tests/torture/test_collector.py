"""The collector between the acts of others, at every point where it lets them in."""

import shutil
import tempfile
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from torture.mutants import MUTANTS

from envbuild.digest import Digest
from envbuild.ids import identity
from envbuild.store import leases, sweep
from envbuild.store.blobs import Blobs
from envbuild.store.claims import Claims
from envbuild.store.collect import Rules
from envbuild.store.leases import Lease
from envbuild.store.places import Places
from envbuild.store.sweep import Sweep

CONTENTS = [f"content {i}".encode() * (i + 1) for i in range(12)]
DIGESTS = [Digest.of(content) for content in CONTENTS]
MATERIALS = [{"made": str(digest)} for digest in DIGESTS]
KEYS = [identity(material) for material in MATERIALS]
USERS = 3
ACTS = st.tuples(
    st.sampled_from(["put", "claim", "look", "close", "die"]),
    st.integers(0, USERS - 1),
    st.integers(0, len(DIGESTS) - 1),
)
seen: Counter[str] = Counter()


class User:
    """A process, as the store sees it: a lease, and what it believes to be there."""

    def __init__(self, places):
        self._places = places
        self.begin()

    def begin(self):
        self.lease = Lease(self._places.locks)
        self.blobs, self.claims = Blobs(self._places.blobs, lease=self.lease), Claims(self._places.claims, self.lease)
        self.holds: set[str] = set()

    def put(self, number):
        with self.blobs.create() as writer:
            writer.write(CONTENTS[number])
            writer.commit(DIGESTS[number])
        self.holds.add(DIGESTS[number].hex)

    def claim(self, number):
        self.put(number)
        self.claims.put("torture", KEYS[number], {"blob": str(DIGESTS[number])}, MATERIALS[number])
        self.holds.add(f"torture/{KEYS[number].hex}")

    def look(self, number):
        """What it finds, it counts on from here."""
        if self.claims.get("torture", KEYS[number]) is not None:
            self.holds.add(f"torture/{KEYS[number].hex}")
        if self.blobs.has(DIGESTS[number]):
            self.holds.add(DIGESTS[number].hex)

    def close(self, _):
        self.lease.close()
        self.begin()

    def die(self, _):
        """Its files stay as they are; the kernel lets go of its locks."""
        for lock in (self.lease._own, self.lease._gate):
            if lock is not None:
                lock.close()
        self.lease._own = self.lease._gate = None
        self.begin()


class Collector(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.places = Places.read({"ENVBUILD_HOME": str(self.folder / "home")})
        self.users = [User(self.places) for _ in range(USERS)]
        self.blobs, self.claims = Blobs(self.places.blobs), Claims(self.places.claims)

    def teardown(self):
        for user in self.users:
            user.lease.close()
        shutil.rmtree(self.folder)

    @rule(acts=st.lists(ACTS, min_size=1, max_size=8))
    def work(self, acts):
        for act in acts:
            self._do(act)

    @rule(acts=st.lists(ACTS, max_size=20))
    def prune(self, acts):
        """One deletion a batch; an act of somebody's before the first batch and between each two."""
        # What was looked for is held, whether it was there or not.
        self.used = set().union(*(user.lease._held for user in self.users))
        waiting = list(acts)

        def let_in(*_):
            if waiting:
                seen["acts between batches"] += 1
            for act in (waiting.pop() for _ in range(min(2, len(waiting)))):
                self._do(act)
            self.all_that_is_held_is_there()

        clock = iter(range(1_000_000_000))
        removing = Sweep(self.places)
        remove = removing._leftovers.remove
        removing._leftovers = SimpleNamespace(remove=lambda: (let_in(), remove())[1])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sweep, "time", SimpleNamespace(monotonic=lambda: float(next(clock)), sleep=let_in))
            removing.run(Rules(everything=True), 0.0)
        seen["prunes"] += 1
        self._nothing_dead_is_left()

    def _do(self, act):
        verb, user, number = act
        getattr(self.users[user], verb)(number)
        if hasattr(self, "used"):
            self.used |= self.users[user].lease._held
            self.used |= (
                {DIGESTS[number].hex, f"torture/{KEYS[number].hex}"} if verb in ("look", "put", "claim") else set()
            )

    @invariant()
    def all_that_is_held_is_there(self):
        for user in self.users:
            for name in user.holds:
                kind, _, key = name.rpartition("/")
                if kind:
                    assert self.claims.get("torture", Digest(key)) is not None, (
                        f"the claim {key[:12]} that is held went"
                    )
                else:
                    assert self.blobs.has(Digest(name)), f"the blob {name[:12]} that is held went"
                    self.blobs.open(Digest(name)).close()

    def _nothing_dead_is_left(self):
        kept = {f"torture/{key.hex}" for key, _ in self.claims.entries("torture")}
        named = {DIGESTS[KEYS.index(key)].hex for key in KEYS if f"torture/{key.hex}" in kept}
        assert kept <= self.used, "a claim that nobody uses stays"
        assert {digest.hex for digest in self.blobs} <= self.used | named, "a blob that nobody uses stays"
        alive = sum(user.lease._own is not None for user in self.users)
        # A store in which nothing was ever put is not looked at.
        assert not self.places.blobs.exists() or len(list((self.places.locks / "leases").glob("*"))) <= alive, (
            "the lease of a dead process stays"
        )


def explore(examples):
    seen.clear()
    run_state_machine_as_test(
        Collector,
        settings=settings(
            max_examples=examples, stateful_step_count=20, deadline=None, print_blob=False, database=None,
            suppress_health_check=list(HealthCheck), report_multiple_bugs=False,
            phases=[Phase.generate],
        ),
    )  # fmt: skip


def test_nothing_that_is_used_goes_and_nothing_else_stays(scale, tally):
    """Else a running build finds its layers gone, or the disk fills with what nobody needs."""
    explore(scale.pick(60, 4000))
    tally("collector: interleavings", seen["acts between batches"], prunes=seen["prunes"])
    assert seen["acts between batches"] > 20


@pytest.mark.parametrize("mutant", ["no lease", "leases not read"])
def test_these_tests_see_a_collector_that_does_not_know_what_is_used(mutant, monkeypatch):
    monkeypatch.setattr(leases.Lease, "hold", leases.Lease.hold)
    monkeypatch.setattr(leases.Leases, "excluded", leases.Leases.excluded)
    MUTANTS[mutant]()
    with pytest.raises(AssertionError, match=r"that is held went|lease of a dead process stays"):
        explore(300)
