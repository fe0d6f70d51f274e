"""Whose a store may be: one's own, or a group's; nobody else may put there what others run."""

import os
import stat
import tempfile
import traceback
from pathlib import Path
from types import SimpleNamespace

import pytest

from envbuild.canonical import encode
from envbuild.digest import Digest
from envbuild.errors import Busy, EnvironmentFault
from envbuild.runners.container import bytecode_of, scratch_of
from envbuild.store.blobs import Blobs
from envbuild.store.claims import Claims
from envbuild.store.leases import Lease, Leases
from envbuild.store.memo import Memo
from envbuild.store.places import Places
from envbuild.store.records import Records
from envbuild.store.turns import one_writer

GROUP, ADA, BEN, EVE = 54321, 54001, 54002, 54003
MATERIAL = {"schema": "test/1"}
ID = Digest.of(encode(MATERIAL))
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as several users")


@pytest.fixture
def home():
    """A folder that every user can reach, in which the group's members may make things."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        team = Path(folder, "team")
        team.mkdir()
        os.chown(team, -1, GROUP)
        team.chmod(0o2770)
        yield team / "store"


def as_user(uid, work, *, groups=(GROUP,), umask=0o077):
    """What `work` returns as text when this user does it; its error is raised here."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(reading)
            os.setgroups(list(groups))
            os.setgid(uid)
            os.setuid(uid)
            os.umask(umask)
            os.write(writing, f"+{work()}".encode())
        except EnvironmentFault as fault:
            os.write(writing, f"-{fault}".encode())
        except BaseException:  # noqa: BLE001  (told to the parent, which fails)
            os.write(writing, f"!{traceback.format_exc()}".encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as stream:
        text = stream.read()
    os.waitpid(child, 0)
    assert text[:1] != "!", text
    if text[:1] == "-":
        raise EnvironmentFault(text[1:])
    return text[1:]


def open_store(home, **settings):
    return Places.read({"ENVBUILD_HOME": str(home), "ENVBUILD_GROUP": str(GROUP), **settings})


def fill(home, text):
    """Make everything that a build makes."""
    places = open_store(home)
    lease = Lease(places.locks)
    blobs = Blobs(places.blobs, lease=lease)
    with blobs.create() as writer:
        writer.write(text.encode())
        digest = writer.commit()
    Claims(places.claims, lease).put("image", ID, text, MATERIAL)
    Records(places.records).append("run", "x", {"by": text})
    memo = Memo(places.memo)
    memo.put("x", text.encode())
    assert memo.works
    memo.close()
    lease.close()
    return digest.hex


@as_root
@pytest.mark.parametrize("umask", [0o077, 0o022, 0o002])
def test_what_one_member_makes_another_reads_uses_and_makes_anew(home, umask):
    """A shared store that locks its second user out is none, whatever umask the first one has."""
    first = as_user(ADA, lambda: fill(home, "ada's"), umask=umask)

    def use():
        places = open_store(home)
        claims = Claims(places.claims, Lease(places.locks))
        with Blobs(places.blobs).open(Digest(first)) as stream:
            assert stream.read() == b"ada's"
        assert claims.get("image", ID) == "ada's"
        fill(home, "ben's")
        assert [r["by"] for r in Records(places.records).read("run", "x")] == ["ada's", "ben's"]
        Blobs(places.blobs).delete(Digest(first))
        return claims.get("image", ID)

    assert as_user(BEN, use, umask=umask) == "ben's"


@as_root
def test_what_one_member_ran_in_a_container_another_runs_too(home):
    """A second member's first run of an image must not end at a folder that is the first one's alone."""
    image = SimpleNamespace(config_digest=ID)

    def run(name):
        cache = open_store(home).cache
        with scratch_of(cache) as scratch:
            (scratch / "passwd").write_text(name)
            return (bytecode_of(cache, image) / f"{name}.pyc").write_text(name)

    assert as_user(ADA, lambda: run("ada")) == "3"
    assert as_user(BEN, lambda: run("ben")) == "3"


@as_root
def test_nobody_outside_the_group_may_read_or_write_any_of_it(home):
    as_user(ADA, lambda: fill(home, "x"), umask=0)
    made = [p for p in home.parent.rglob("*") if p.is_relative_to(home / "cache") or p.is_relative_to(home / "data")]
    assert len(made) > 10
    for path in made:
        mode = stat.S_IMODE(path.stat().st_mode)
        own = any(part.isdigit() for part in path.parts if part == str(ADA))
        assert not mode & 0o007 or own, f"{path}: {mode:o}"
        assert path.stat().st_gid == GROUP, path
    assert {stat.S_IMODE(p.stat().st_mode) for p in made if p.is_dir()} == {0o2770}


@as_root
def test_a_store_without_the_setting_stays_its_owners_below_a_shared_folder(home):
    """Private by default: a project's folder that a team shares does not make the store the team's."""

    def own():
        places = Places.read({"ENVBUILD_HOME": str(home)})
        with Blobs(places.blobs).create() as writer:
            writer.write(b"mine")
            writer.commit()
        return places.shared

    assert as_user(ADA, own, umask=0o007) == "False"
    assert stat.S_IMODE((home / "cache").stat().st_mode) & 0o077 == 0
    with pytest.raises(EnvironmentFault, match=r"not shared by its group|belongs to another user|cannot be used"):
        as_user(BEN, lambda: open_store(home))


@as_root
def test_strangers_and_forgotten_settings_are_told_what_to_do(home):
    as_user(ADA, lambda: fill(home, "x"))
    with pytest.raises(EnvironmentFault, match="you are not in the group"):
        as_user(EVE, lambda: open_store(home), groups=())
    with pytest.raises(EnvironmentFault, match=f"belongs to another user.*\n.*ENVBUILD_GROUP={GROUP}"):
        as_user(BEN, lambda: Places.read({"ENVBUILD_HOME": str(home)}))
    with pytest.raises(EnvironmentFault, match=f"belongs to the group {GROUP}"):
        as_user(BEN, lambda: open_store(home, ENVBUILD_GROUP=str(BEN)))
    (home / "cache").chmod(0o2777)
    with pytest.raises(EnvironmentFault, match="every user"):
        as_user(BEN, lambda: open_store(home))


def test_a_group_that_is_not_known_is_named(tmp_path):
    with pytest.raises(EnvironmentFault, match="no group 'no-such-group'") as caught:
        Places.read({"ENVBUILD_HOME": str(tmp_path / "s"), "ENVBUILD_GROUP": "no-such-group"})
    assert caught.value.at == "ENVBUILD_GROUP"
    assert caught.value.hint
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('group = "g-1"', True),
        ("  group='g-1' # ours", True),
        ('x = 1\n[t]\ngroup = "g-1"', False),
        ("grouped = 3", False),
    ],
)
def test_the_file_of_settings_may_name_the_group(tmp_path, text, named):
    (tmp_path / "config.toml").write_text(f"{text}\n")
    environ = {"ENVBUILD_HOME": str(tmp_path)}
    if named:
        with pytest.raises(EnvironmentFault, match="no group 'g-1'"):
            Places.read(environ)
    else:
        assert not Places.read(environ).shared


@as_root
def test_members_without_the_right_to_write_read_a_published_store(home):
    """A store that its administrator fills and the others only read needs no lock and no lease of them."""
    made = as_user(ADA, lambda: fill(home, "x"))
    for path in (home / "cache").rglob("*"):
        path.chmod(0o2750 if path.is_dir() else 0o440)
    (home / "cache").chmod(0o2750)
    (home / "data").chmod(0o2750)

    def read():
        places = open_store(home)
        lease = Lease(places.locks)
        assert Claims(places.claims, lease).get("image", ID) == "x"
        with Blobs(places.blobs, lambda: Memo(places.memo), lease).open(Digest(made)) as stream:
            assert stream.read() == b"x"
        with pytest.raises(EnvironmentFault, match="cannot be written"):
            fill(home, "y")
        return "read"

    assert as_user(BEN, read) == "read"


@as_root
def test_what_one_member_uses_another_does_not_collect(home):
    as_user(ADA, lambda: fill(home, "x"))
    ready, done = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        os.setgroups([GROUP])
        os.setuid(ADA)
        Lease(open_store(home).locks).hold("ada-uses-it")
        os.write(ready[1], b"x")
        os.read(done[0], 1)
        os._exit(0)
    os.read(ready[0], 1)

    def collect():
        with Leases(open_store(home).locks).excluded() as held:
            return ",".join(held)

    try:
        assert as_user(BEN, collect) == "ada-uses-it"
    finally:
        os.write(done[1], b"x")
        os.waitpid(child, 0)
        for descriptor in (*ready, *done):
            os.close(descriptor)
    assert as_user(BEN, collect) == ""


@as_root
def test_one_member_writes_at_a_time_and_the_other_is_told_for_what(home):
    as_user(ADA, lambda: fill(home, "x"))
    told = []

    def other():
        with pytest.raises(Busy, match=r"the store is in use by process \d+ .*\(the image ab12\)"):
            one_writer(open_store(home), told.append, 0.7).__enter__()
        return told[0]

    with one_writer(open_store(home), None, 1, "the image ab12"):
        assert "(the image ab12)" in as_user(BEN, other)
    with one_writer(open_store(home), None, 0):
        pass


def test_a_store_of_ones_own_has_no_turn_of_writers(tmp_path):
    places = Places.read({"ENVBUILD_HOME": str(tmp_path)})
    with one_writer(places, None, 0), one_writer(places, None, 0):
        assert not (places.locks / "writer.lock").exists()
