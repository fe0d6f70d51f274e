"""`faulty`: a web server on this machine whose every answer a test decides, wrong ones too."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

Answer = Callable[[BaseHTTPRequestHandler], None]


class FaultyServer:
    """`at(path, answer, ...)`: one answer a request, the last one for all that follow. `requests`: (path, headers)."""

    def __init__(self):
        self.requests: list[tuple[str, dict[str, str]]] = []
        self._answers: dict[str, list[Answer]] = {}
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                with outer._lock:
                    outer.requests.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
                    answers = outer._answers.get(self.path, [])
                    answer = answers.pop(0) if len(answers) > 1 else answers[0] if answers else reply(404)
                answer(self)

            def log_message(self, *arguments):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, request, client_address):
                """A client that went away is part of the tests."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def url(self, path: str) -> str:
        return f"http://{self.host}{path}"

    def at(self, path: str, *answers: Answer) -> str:
        self._answers[path] = list(answers)
        return self.url(path)

    def headers_of(self, path: str) -> list[dict[str, str]]:
        return [headers for asked, headers in self.requests if asked == path]

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def reply(status=200, body=b"", **headers) -> Answer:
    """A whole answer; header names with _ for -."""

    def answer(handler):
        handler.send_response(status)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in {"Content-Length": str(len(body)), **names}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def cut(body, after, **headers) -> Answer:
    """Promises all of the body, gives only a part, and goes away."""

    def answer(handler):
        reply(200, body[:after], **{"Content_Length": str(len(body)), **headers})(handler)
        handler.wfile.flush()
        handler.close_connection = True

    return answer


def ranged(body, *, stop=None, **headers) -> Answer:
    """Serves ranges as RFC 9110 says; gives at most `stop` bytes an answer and then goes away."""

    def answer(handler):
        asked = handler.headers.get("Range", "")
        start = int(asked.removeprefix("bytes=").partition("-")[0]) if asked else 0
        if asked and start >= len(body):
            reply(416, b"", Content_Range=f"bytes */{len(body)}")(handler)
            return
        part = body[start:]
        status = 206 if asked else 200
        more = {"Content_Range": f"bytes {start}-{len(body) - 1}/{len(body)}"} if asked else {}
        sent = part if stop is None else part[:stop]
        reply(status, sent, **{"Content_Length": str(len(part)), **more, **headers})(handler)
        handler.wfile.flush()
        if len(sent) < len(part):
            handler.close_connection = True

    return answer


def silent(seconds) -> Answer:
    """Says nothing for a while, then goes away."""

    def answer(handler):
        threading.Event().wait(seconds)
        handler.close_connection = True

    return answer


class Answers:
    """The kinds of answer, for tests that cannot import this file."""

    reply, cut, ranged, silent = staticmethod(reply), staticmethod(cut), staticmethod(ranged), staticmethod(silent)


@pytest.fixture
def answers() -> type[Answers]:
    return Answers


@pytest.fixture
def faulty() -> Iterator[FaultyServer]:
    server = FaultyServer()
    yield server
    server.close()


@pytest.fixture
def another_host() -> Iterator[FaultyServer]:
    server = FaultyServer()
    yield server
    server.close()
