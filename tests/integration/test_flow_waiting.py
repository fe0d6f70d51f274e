"""A slow network is told of, with host and proxy, so that a wait is not taken for a hang; and Ctrl-C ends it."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

SPEC = 'format = 1\nname = "tools"\nsystem = ["jq"]\n'


class Slow(ThreadingHTTPServer):
    """Asks every request to come back in `seconds`, the first time; then there is nothing here."""

    daemon_threads = True

    def __init__(self, seconds):
        self.asked: list[str] = []
        self.busy = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                first = self.path not in outer.asked
                outer.asked.append(self.path)
                self.send_response(503 if first else 404)
                self.send_header("Content-Length", "0")
                if first:
                    self.send_header("Retry-After", str(seconds))
                self.end_headers()
                outer.busy.set()

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)


@contextmanager
def slow(seconds):
    server = Slow(seconds)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "envbuild.toml"
    path.write_text(SPEC)
    return path


def test_a_wait_of_more_than_ten_seconds_is_told_with_host_proxy_reason_and_try(cold, spec):
    with slow(11) as server:
        proxy = f"127.0.0.1:{server.server_port}"
        env = {
            "ENVBUILD_PROXY": f"http://clerk:c4nary@{proxy}",
            "ENVBUILD_NO_PROXY": "none.example",
            "ENVBUILD_DEBIAN_MIRROR": "http://debian.example/debian",
            "ENVBUILD_DEBIAN_MIRROR_SECURITY": "http://debian.example/security",
        }
        told = cold("lock", spec, env=env).stderr.decode()
        quiet = cold("lock", spec, "--quiet", env=env).stderr.decode()
    assert f"note: waiting for debian.example through the proxy {proxy}: failed with 503" in told
    assert told.count("note: waiting for") == 1
    assert "(try 2 of 5)" in told
    assert "c4nary" not in told
    assert "waiting for" not in quiet


def test_ctrl_c_in_a_long_wait_ends_the_command_and_nothing_more_is_asked(cold, spec):
    """It ends as interrupted, and asks for nothing else on its way out."""
    with slow(100) as server:
        env = {**cold.env, "ENVBUILD_DEBIAN_MIRROR": f"http://127.0.0.1:{server.server_port}/debian"}
        child = subprocess.Popen(
            [sys.executable, "-m", "envbuild", "lock", spec],
            env=env,
            cwd=cold.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            assert server.busy.wait(60)
            os.kill(child.pid, signal.SIGINT)
            out, said = child.communicate(timeout=30)
        finally:
            if child.poll() is None:
                child.kill()
                child.wait(10)
    assert (child.returncode, out) == (130, b"")
    assert b"interrupted" in said
    assert b"Traceback" not in said
    assert len(server.asked) == len(set(server.asked))
