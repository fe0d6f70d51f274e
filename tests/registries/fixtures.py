"""Fixtures: real registries. Each is empty, on 127.0.0.1, and a test's own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from registries.certificates import Authority
from registries.debian import LOGIN, DebianRegistry, running
from registries.faulty import FaultyRegistry
from registries.tokens import TokenService


@pytest.fixture(scope="session")
def authority(program, tmp_path_factory) -> Authority:
    """A certificate authority that no machine trusts by itself."""
    program("openssl")
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def docker_registry(program) -> None:
    """Skips where the program is not installed."""
    program("docker-registry")


@pytest.fixture
def registry(docker_registry, tmp_path) -> Iterator[DebianRegistry]:
    """An open one, over plain http."""
    with running(tmp_path / "registry") as started:
        yield started


@pytest.fixture
def two_registries(docker_registry, tmp_path) -> Iterator[tuple[DebianRegistry, DebianRegistry]]:
    """Two open ones that know nothing of each other."""
    with running(tmp_path / "registry-1") as first, running(tmp_path / "registry-2") as second:
        yield first, second


@pytest.fixture
def registry_with_login(docker_registry, tmp_path) -> Iterator[DebianRegistry]:
    """One that asks for a login by Basic: `.login` is it."""
    with running(tmp_path / "registry-login", login=True) as started:
        yield started


@pytest.fixture
def token_service(authority) -> Iterator[TokenService]:
    """A token service; a test may set its `life`, `public` and `denied`."""
    service = TokenService(authority.pair, dict([LOGIN]))
    yield service
    service.close()


@pytest.fixture
def registry_with_token(docker_registry, token_service, tmp_path) -> Iterator[DebianRegistry]:
    """One that takes tokens of `.tokens` alone; `.login` is for the token service."""
    with running(tmp_path / "registry-token", tokens=token_service) as started:
        yield started


@pytest.fixture
def registry_with_tls(docker_registry, authority, tmp_path) -> Iterator[DebianRegistry]:
    """One over https, its certificate from `.authority`."""
    with running(tmp_path / "registry-tls", authority=authority, server=authority.issue("server")) as started:
        yield started


@pytest.fixture
def registry_with_client_tls(docker_registry, authority, tmp_path) -> Iterator[DebianRegistry]:
    """One over https that demands a certificate of the client: `.client` is one."""
    made = {"server": authority.issue("server"), "client": authority.issue("client")}
    with running(tmp_path / "registry-mtls", authority=authority, **made) as started:
        yield started


@pytest.fixture
def expired_registry(docker_registry, authority, tmp_path) -> Iterator[DebianRegistry]:
    """One over https whose certificate has expired."""
    server = authority.issue("expired", days=-1)
    with running(tmp_path / "registry-expired", authority=authority, server=server) as started:
        yield started


@pytest.fixture
def start_registry(docker_registry, tmp_path) -> Iterator[Callable[..., DebianRegistry]]:
    """`start_registry(login=True)`: one more, with the settings of `registries.debian.running`."""
    opened = []

    def start(**settings) -> DebianRegistry:
        context = running(Path(tmp_path) / f"registry-more-{len(opened)}", **settings)
        opened.append(context)
        return context.__enter__()

    yield start
    for context in reversed(opened):
        context.__exit__(None, None, None)


@pytest.fixture
def faulty_registry() -> Iterator[FaultyRegistry]:
    """A registry of ours that fails as `faulty_registry.fail(METHOD, PATTERN, Fault(...))` says."""
    with closing(FaultyRegistry()) as started:
        yield started


@pytest.fixture
def start_faulty_registry() -> Iterator[Callable[..., FaultyRegistry]]:
    """`start_faulty_registry(auth="token", login=("user", "password"))`: one more of them."""
    with ExitStack() as stack:
        yield lambda **settings: stack.enter_context(closing(FaultyRegistry(**settings)))
