"""Who signed the certificate that a host shows us, trusted or not: what tells a proxy that re-signs TLS.

Nothing is sent but the question HEAD /, and no login: whoever answers may be anybody.
"""

import http.client
import ssl
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from envbuild.http.listening import clock_offset
from envbuild.http.logins import basic, decoded
from envbuild.http.proxies import proxy_for
from envbuild.http.trust import host_folder, trust
from envbuild.httpsettings import HttpSettings, host_of, split_login

__all__ = ["Presented", "Trusted", "certificate_names", "presented", "subjects_in", "trusted_in"]

_VERSION = 0xA0
_COMMON_NAME, _ORGANISATION = b"\x55\x04\x03", b"\x55\x04\x0a"
_PORTS = {"http": 80, "https": 443}
_END = "-----END CERTIFICATE-----"


@dataclass(frozen=True, slots=True)
class Presented:
    """What a host showed: the name of the authority that signed, whether that is trusted, and the host's clock."""

    host: str
    issuer: str
    refused: int = 0
    """OpenSSL's code (X509_V_ERR) where we refuse the certificate; 0: we accept it."""
    offset: float | None = None
    """Seconds by which the host's clock is ahead of ours."""


@dataclass(frozen=True, slots=True)
class Trusted:
    """A trust store: where it is, and how many authorities it holds."""

    place: str
    count: int


def presented(url: str, settings: HttpSettings, timeout: float) -> Presented | None:
    """What the host of an https URL shows, through the settings' proxy; None where no TLS connection comes about.

    EnvironmentFault where the settings' own certificates cannot be read.
    """
    refused = 0
    try:
        return _shown(url, settings, trust(settings, host_folder(settings, host_of(url))), timeout, refused)
    except ssl.SSLCertVerificationError as error:
        refused = error.verify_code or 1
    except (OSError, ValueError, http.client.HTTPException):
        return None
    anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # To see who is there, whoever it is: nothing that they say is used but their name and clock.
    anybody.check_hostname = False
    anybody.verify_mode = ssl.CERT_NONE
    try:
        return _shown(url, settings, anybody, timeout, refused)
    except (OSError, ValueError, http.client.HTTPException):
        return Presented(host_of(url), "", refused)


def trusted_in(bundle: Path | None) -> Trusted:
    """The authorities of a bundle (a file, or a folder as OpenSSL has them), else of the system's trust store."""
    paths = ssl.get_default_verify_paths()
    places = [bundle] if bundle else [Path(p) for p in (paths.cafile, paths.capath, paths.openssl_capath) if p]
    for place in places:
        if place.is_dir():
            # One link for each authority, named by the hash of its subject.
            count = sum(1 for p in place.glob("*.[0-9]") if len(p.stem) == 8)
        else:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            with suppress(OSError, ssl.SSLError):
                context.load_verify_locations(cafile=str(place))
            count = context.cert_store_stats()["x509"]
        if count:
            return Trusted(str(place), count)
    return Trusted(str(places[0]) if places else "", 0)


def subjects_in(folder: Path) -> frozenset[str]:
    """The names of the authorities whose PEM files are in a folder; what cannot be read is passed over."""
    names = set()
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        with suppress(OSError, ValueError):
            for block in path.read_text("ascii", "replace").split(_END)[:-1]:
                start = block.index("-----BEGIN CERTIFICATE-----")
                names.add(certificate_names(ssl.PEM_cert_to_DER_cert(f"{block[start:]}{_END}\n"))[1])
    return frozenset(filter(None, names))


def certificate_names(certificate: bytes) -> tuple[str, str]:
    """Issuer and subject of an X.509 certificate in DER (RFC 5280, 4.1), by common name, else organisation.

    Empty where it has neither; ValueError where it cannot be understood.
    """
    try:
        _, whole = next(_elements(certificate))
        _, signed = next(_elements(whole))
        # serialNumber, signature, issuer, validity, subject
        fields = [body for tag, body in _elements(signed) if tag != _VERSION]
        return _name(fields[2]), _name(fields[4])
    except (IndexError, StopIteration) as error:
        raise ValueError("no certificate") from error


def _name(body: bytes) -> str:
    found = {}
    for _, relative in _elements(body):
        for _, attribute in _elements(relative):
            parts = [part for _, part in _elements(attribute)]
            found[parts[0]] = parts[1].decode("utf-8", "replace")
    name = found.get(_COMMON_NAME) or found.get(_ORGANISATION) or ""
    return "".join(filter(str.isprintable, name))


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and body of each element that stands in a DER body (X.690, 8.1)."""
    at = 0
    while at < len(data):
        tag, length = data[at], data[at + 1]
        at += 2
        if length & 0x80:
            count = length & 0x7F
            length = int.from_bytes(data[at : at + count], "big")
            at += count
        yield tag, data[at : at + length]
        at += length


def _shown(url: str, settings: HttpSettings, context: ssl.SSLContext, timeout: float, refused: int) -> Presented:
    connection = _connection(url, settings, context, timeout)
    try:
        connection.connect()
        issuer, _ = certificate_names(connection.sock.getpeercert(binary_form=True) or b"")
        offset = None
        with suppress(OSError, http.client.HTTPException):
            connection.request("HEAD", "/", headers={"User-Agent": settings.user_agent})
            headers = {name.lower(): value for name, value in connection.getresponse().getheaders()}
            offset = clock_offset(headers, time.time())
        return Presented(host_of(url), issuer, refused, offset)
    finally:
        connection.close()


def _connection(
    url: str, settings: HttpSettings, context: ssl.SSLContext, timeout: float
) -> http.client.HTTPSConnection:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 443
    proxy = proxy_for(url, settings)
    if not proxy:
        return http.client.HTTPSConnection(host, port, timeout=timeout, context=context)
    address, login = split_login(proxy)
    place = urlsplit(address)
    connection = http.client.HTTPSConnection(
        place.hostname or "", place.port or _PORTS.get(place.scheme, 80), timeout=timeout, context=context
    )
    connection.set_tunnel(host, port, {"Proxy-Authorization": basic(decoded(login))} if login else {})
    return connection
