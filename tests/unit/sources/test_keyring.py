"""Logins from the user's keyring: had where it has one, and never a reason to fail; kept there without being seen."""

import os

import pytest

from envbuild.errors import EnvironmentFault
from envbuild.sources.keyring import Keyring, keyring_login


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Put a `keyring` on PATH that runs this shell text."""

    def write(text):
        path = tmp_path / "keyring"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    return write


def test_a_login_is_had_for_its_host(program):
    """The user is left out altogether: some keyrings take an empty one for a name."""
    program('[ "$#" = 4 ] && [ "$*" = "--mode creds get corp.example:8443" ] && echo me && echo "p:w d"')
    assert keyring_login("corp.example:8443") == "me:p:w d"


def test_where_the_user_is_known_the_keyring_is_asked_for_him(program):
    """macOS's keychain and files find nothing else."""
    program('[ "$*" = "get corp.example me" ] && echo "p:w d"')
    assert keyring_login("corp.example", "me") == "me:p:w d"
    assert Keyring({"corp.example": "me"}).login("corp.example") == "me:p:w d"
    assert keyring_login("corp.example") is None


def test_a_host_is_asked_for_once(program, tmp_path):
    """A keyring that is locked asks a person each time."""
    program(f"echo . >> {tmp_path}/calls; echo me; echo pw")
    keyring = Keyring()
    assert [keyring.login("corp.example") for _ in range(3)] == ["me:pw"] * 3
    assert (tmp_path / "calls").read_text() == ".\n"


def test_a_login_is_kept_and_erased_and_its_password_is_no_argument(program, tmp_path):
    program(f'echo "$*" >> {tmp_path}/calls; case "$1" in set) cat > {tmp_path}/got;; --mode) echo me; echo pw;; esac')
    Keyring().store("corp.example", "me", "pässwörd")
    assert (tmp_path / "got").read_text() == "pässwörd"
    assert Keyring().erase("corp.example")
    calls = (tmp_path / "calls").read_text()
    assert calls.splitlines() == ["set corp.example me", "--mode creds get corp.example", "del corp.example me"]


def test_a_keyring_that_keeps_nothing_is_told_in_its_words_without_the_password(program):
    program("echo usage >&2; echo no backend takes s3cret >&2; exit 1")
    with pytest.raises(EnvironmentFault, match=r"no backend takes \*\*\*") as told:
        Keyring().store("corp.example", "me", "s3cret")
    assert "s3cret" not in str(told.value)


@pytest.mark.parametrize("text", ["exit 1", "echo only-a-name", "echo usage: keyring; exit 2", "kill -9 $$"])
def test_no_answer_is_no_login(program, text):
    program(text)
    assert keyring_login("corp.example") is None


def test_no_program_is_no_login(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert keyring_login("corp.example") is None
    assert not Keyring().erase("corp.example")
    with pytest.raises(EnvironmentFault, match="keyring"):
        Keyring().store("corp.example", "me", "pw")


def test_a_keyring_that_waits_for_a_person_is_given_up_in_time(program, tmp_path):
    """A locked one may ask on a screen that nobody looks at; and nothing of it stays behind."""
    program(f"echo $$ > {tmp_path}/pid; exec /bin/sleep 60")
    assert Keyring(patience=0.3).login("corp.example") is None
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
