"""The memo: saves work, and is never in the way."""

import pickle
import sqlite3
from contextlib import closing

import pytest

from envbuild.store.memo import Memo


@pytest.fixture
def memo(tmp_path):
    one = Memo(tmp_path / "memo")
    yield one
    one.close()


def again(tmp_path):
    return Memo(tmp_path / "memo")


def test_it_remembers_over_processes(memo, tmp_path):
    memo.put("key", b"value")
    memo.put("large", bytes(1 << 20))
    memo.close()
    other = again(tmp_path)
    assert other.get("key") == b"value"
    assert other.get("large") == bytes(1 << 20)
    other.forget("key")
    assert other.get("key") is None
    other.close()


def test_nothing_is_evicted(memo):
    """diskcache by itself would drop entries beyond 1 GiB, or any at all."""
    for number in range(300):
        memo.put(f"key{number}", bytes(20_000))
    assert all(memo.get(f"key{number}") for number in range(300))


def test_it_is_opened_when_first_asked(tmp_path):
    Memo(tmp_path / "memo")
    assert not (tmp_path / "memo").exists()


@pytest.mark.parametrize("garbage", [b"", b"garbage" * 1000, bytes(8192)])
def test_a_damaged_database_is_a_miss_and_made_anew_by_the_next_process(memo, tmp_path, garbage):
    memo.put("key", b"value")
    memo.close()
    for name in ("cache.db-wal", "cache.db-shm"):
        (tmp_path / "memo" / name).unlink(missing_ok=True)
    (tmp_path / "memo" / "cache.db").write_bytes(garbage)
    broken = again(tmp_path)
    assert broken.get("key") is None
    broken.put("key", b"new")
    broken.close()
    healed = again(tmp_path)
    healed.put("key", b"newer")
    assert healed.get("key") == b"newer"
    healed.close()


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_place_that_cannot_be_is_a_miss(tmp_path, place):
    (tmp_path / "file").touch()
    memo = Memo(tmp_path / place)
    memo.put("key", b"value")
    assert memo.get("key") is None
    assert not memo.works


def test_other_values_than_bytes_are_never_stored(memo):
    memo.put("key", "text")  # type: ignore[arg-type]
    assert memo.get("key") is None


class Payload:
    ran = False

    def __reduce__(self):
        return (setattr, (Payload, "ran", True))


@pytest.mark.parametrize("mode", [1, 2, 3, 4])
def test_a_planted_pickle_does_not_run(memo, tmp_path, mode):
    """diskcache unpickles what a row says is a pickle (CVE-2025-69872): whoever writes the file would run code here."""
    memo.put("key", b"value")
    memo.close()
    planted = tmp_path / "planted"
    planted.write_bytes(pickle.dumps(Payload()))
    with closing(sqlite3.connect(tmp_path / "memo" / "cache.db")) as database, database:
        value = pickle.dumps(Payload()) if mode in (1, 4) else None
        name = None if mode in (1, 4) else "../planted"
        database.execute("UPDATE Cache SET mode = ?, value = ?, filename = ?", (mode, value, name))
    other = again(tmp_path)
    assert mode == 1 or other.get("key") is None
    other.put("key", b"own")
    assert other.get("key") == b"own"
    other.close()
    assert not Payload.ran
    assert planted.exists()
