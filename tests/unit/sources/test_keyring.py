"""Logins from the user's keyring: had where it has one, and never a reason to fail."""

import pytest

from envbuild.sources.keyring import keyring_login


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
    program('[ "$*" = "--mode creds get corp.example:8443 " ] && echo me && echo "p:w d"')
    assert keyring_login("corp.example:8443") == "me:p:w d"


@pytest.mark.parametrize("text", ["exit 1", "echo only-a-name", "echo usage: keyring; exit 2", "kill -9 $$"])
def test_no_answer_is_no_login(program, text):
    program(text)
    assert keyring_login("corp.example") is None


def test_no_program_is_no_login(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert keyring_login("corp.example") is None
