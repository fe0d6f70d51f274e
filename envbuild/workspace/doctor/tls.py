"""Whom TLS trusts here, and whether a proxy signs what hosts show us."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from envbuild.errors import EnvbuildError
from envbuild.http.presented import Presented, Trusted, presented, subjects_in, trusted_in
from envbuild.http.trust import trust
from envbuild.httpsettings import host_of
from envbuild.workspace.doctor.diagnosis import Ability, Check, Verdict
from envbuild.workspace.doctor.subject import NETWORK, Subject
from envbuild.workspace.doctor.together import gathered

__all__ = ["signer_checks", "store_check", "tls_checks"]

_TIME = 4.0
_BOUND = 8.0
_MOST_HOSTS = 8
_NEEDS = (Ability.LOCK, Ability.BUILD)
_ADDED = (
    "/usr/local/share/ca-certificates",
    "/etc/pki/ca-trust/source/anchors",
    "/etc/ca-certificates/trust-source/anchors",
)
"""Where administrators put authorities of their own: Debian, Fedora, Arch."""
_UNKNOWN, _SELF_SIGNED, _TIMES = (2, 19, 20, 21), (18,), (9, 10)
"""X509_V_ERR codes (openssl/x509_vfy.h): no path to an authority that is trusted; the clock, or the certificate's age."""


def tls_checks(subject: Subject, urls: Sequence[str]) -> Iterator[Check]:
    """The trust store; then who signed what the hosts of these URLs show, where that is worth a line."""
    try:
        trust(subject.settings)
    except EnvbuildError as error:
        yield Check(
            name="tls", topic=NETWORK, verdict=Verdict.FAILING, found=f"{error.at}: {error.what}",
            remedy="name a PEM file of authorities: envbuild config set ca-bundle FILE", stops=_NEEDS,
            without="indexes and mirrors that are reached by http, and folders",
        )  # fmt: skip
        return
    named = subject.machine.settings.values.get("ca-bundle")
    yield store_check(trusted_in(subject.machine.ca_bundle), (named.place or "ca-bundle") if named else "")
    hosts = {host_of(url): url for url in urls if url.startswith("https:")}
    asked = list(hosts.values())[:_MOST_HOSTS]
    shown = gathered([partial(presented, url, subject.settings, _TIME) for url in asked], _BOUND)
    found = [p for p in shown if p is not None]
    for one in found:
        subject.http.hear(one.host, one.offset)
    added = frozenset(name for folder in _ADDED for name in subjects_in(Path(folder)))
    yield from signer_checks(found, added)


def store_check(store: Trusted, named_by: str) -> Check:
    """Whom TLS trusts; `named_by` is the variable or file that names the bundle, empty where it is the system's own."""
    if not store.count:
        return Check(
            name="tls", topic=NETWORK, verdict=Verdict.FAILING,
            found=f"no authority is trusted: {store.place or 'no place'} has none",
            remedy="apt-get install ca-certificates, or name a PEM file: envbuild config set ca-bundle FILE", stops=_NEEDS,
            without="indexes and mirrors that are reached by http, and folders",
        )  # fmt: skip
    whose = f"named by {named_by}" if named_by else "the system's trust store"
    found = f"{store.count} {'authority is' if store.count == 1 else 'authorities are'} trusted: {store.place}, {whose}"
    return Check(name="tls", topic=NETWORK, verdict=Verdict.OK, found=found)


def signer_checks(shown: Sequence[Presented], added: frozenset[str]) -> list[Check]:
    """What is worth knowing of who signed; `added` are authorities that this machine's administrator put there."""
    checks = []
    by_signer: dict[tuple[str, int], list[str]] = {}
    for one in shown:
        by_signer.setdefault((one.issuer, one.refused), []).append(one.host)
    for (issuer, refused), hosts in by_signer.items():
        whom = f"{hosts[0]}{f' and {len(hosts) - 1} more' if len(hosts) > 1 else ''}"
        if refused in _UNKNOWN + _SELF_SIGNED:
            checks.append(_untrusted(issuer, f"{whom} {_show(hosts)}"))
        elif refused:
            checks.append(_refused(whom, clock=refused in _TIMES))
        elif issuer in added:
            found = f"trusted: {whom} {_show(hosts)} a certificate of {issuer!r}, an authority that was added to this machine"
            found += ": a proxy that re-signs TLS, or a server of your own network"
            checks.append(Check(name="tls signer", topic=NETWORK, verdict=Verdict.OK, found=found))
    return checks


def _untrusted(issuer: str, whom: str) -> Check:
    return Check(
        name="tls signer", topic=NETWORK, verdict=Verdict.FAILING,
        found=f"{whom} a certificate of {issuer or 'an authority'!r}, whom nobody here trusts: "
        "a proxy that re-signs TLS, or a server with an authority of its own",
        remedy="get that authority's certificate (a PEM file) from whoever runs the network or the server, add it to the "
        "system's, or: envbuild config set ca-bundle FILE",
        without="what is in the store builds and runs",
    )  # fmt: skip


def _show(hosts: Sequence[str]) -> str:
    return "shows" if len(hosts) == 1 else "show"


def _refused(whom: str, *, clock: bool) -> Check:
    why = "has expired, or is not valid yet" if clock else "is not one for this host, or broken"
    return Check(
        name="tls signer", topic=NETWORK, verdict=Verdict.FAILING, found=f"the certificate of {whom} {why}",
        remedy="is this machine's clock right? else tell whoever runs the server" if clock else "is the URL right?",
    )  # fmt: skip
