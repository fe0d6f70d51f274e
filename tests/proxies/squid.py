"""Debian's squid as a proxy that re-signs TLS (ssl-bump): one process, two ports, over a folder of its own."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from registries.certificates import Authority
from registries.debian import ended

__all__ = ["LOGIN", "PROGRAMS", "Proxy", "running"]

PROGRAMS = ("squid", "/usr/lib/squid/security_file_certgen", "/usr/lib/squid/basic_ncsa_auth")
LOGIN = ("clerk", "pr0xy-c@nary")
"""The user of the port that asks for a login; the password needs encoding in a URL."""

_USER = "proxy"
"""Debian's user for squid, which does not run as root."""
_PLAIN, _GUARDED = 3128, 3129
_SECONDS_TO_START = 20
_SETTLED = 0.2
_OWN = "400 GET /"
"""What we ask to see whether it is there."""
_CONFIG = """
http_port {address}:{plain} name=plain {bump}
http_port {address}:{guarded} name=guarded {bump}
sslcrtd_program {certgen} -s {folder}/certificates -M 4MB
sslcrtd_children 2 startup=1 idle=1
tls_outgoing_options cafile={folder}/trusted.pem
acl hello at_step SslBump1
ssl_bump peek hello
ssl_bump bump all
auth_param basic program {ncsa} {folder}/users
auth_param basic children 1 startup=1 idle=1
auth_param basic realm tests
acl known proxy_auth REQUIRED
acl of_guarded myportname guarded
http_access deny of_guarded !known
http_access allow all
hosts_file {folder}/hosts
cache deny all
logformat asked %>Hs %rm %ru
access_log stdio:{folder}/asked asked
cache_log {folder}/log
pid_filename none
pinger_enable off
netdb_filename none
max_filedescriptors 1024
shutdown_lifetime 0 seconds
coredump_dir {folder}
visible_hostname proxy.corp.test
"""


@dataclass(frozen=True, slots=True)
class Proxy:
    """One that runs. What it re-signs is by the authority of `bundle`, which no machine trusts by itself."""

    url: str
    """For whoever comes."""
    guarded: str
    """The same for those with a login, without it."""
    guarded_with_login: str
    bundle: Path
    folder: Path

    def requests(self) -> list[str]:
        """`STATUS METHOD URL` of each request so far; those inside of TLS too, by https:// URLs.

        A line is written when a connection ends, so that it is waited until no more come.
        """
        path, lines = self.folder / "asked", [""]
        while (found := path.read_text("utf-8").splitlines()) != lines:
            lines = found
            time.sleep(_SETTLED)
        return [line for line in lines if line != _OWN]


@contextmanager
def running(address: str, trusted: str, names: Mapping[str, str]) -> Iterator[Proxy]:
    """Start one on this address, and end it afterwards.

    `trusted`: certificates (PEM) of those whose servers it believes; `names`: hosts that it alone knows, by name.
    """
    folder = Path(tempfile.mkdtemp(prefix="envbuild-proxy-"))
    try:
        authority = Authority(folder / "authority", "tests of a proxy")
        config = _prepare(folder, address, authority, trusted, names)
        with (folder / "output").open("wb") as output:
            process = subprocess.Popen(
                ["squid", "-N", "-f", config], stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        try:
            _wait(process, address, folder)
            url = f"http://{address}:{_GUARDED}"
            login = f"{LOGIN[0]}:{LOGIN[1].replace('@', '%40')}@"
            yield Proxy(f"http://{address}:{_PLAIN}", url, url.replace("//", f"//{login}"), authority.bundle, folder)
        finally:
            ended(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _prepare(folder: Path, address: str, authority: Authority, trusted: str, names: Mapping[str, str]) -> Path:
    certgen, ncsa = PROGRAMS[1:]
    (folder / "trusted.pem").write_text(trusted, encoding="ascii")
    (folder / "hosts").write_text("".join(f"{ip} {name}\n" for name, ip in names.items()), encoding="ascii")
    hashed = _output("openssl", "passwd", "-apr1", LOGIN[1])
    (folder / "users").write_text(f"{LOGIN[0]}:{hashed}\n", encoding="ascii")
    _output(certgen, "-c", "-s", folder / "certificates", "-M", "4MB")
    pair = authority.pair
    bump = f"ssl-bump tls-cert={pair.certificate} tls-key={pair.key} generate-host-certificates=on"
    settings = {"folder": folder, "address": address, "bump": bump, "certgen": certgen, "ncsa": ncsa}
    config = folder / "squid.conf"
    config.write_text(_CONFIG.format(plain=_PLAIN, guarded=_GUARDED, **settings), encoding="ascii")
    (folder / "asked").touch()
    for path in (folder, *folder.rglob("*")):
        shutil.chown(path, _USER)
    folder.chmod(0o755)
    return config


def _output(*words: object) -> str:
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words[0]}: {done.stderr}"
    return done.stdout.strip()


def _wait(process: subprocess.Popen[bytes], address: str, folder: Path) -> None:
    end = time.monotonic() + _SECONDS_TO_START
    while not _answers(address):
        said = "".join(p.read_text(errors="replace")[-1000:] for p in (folder / "output", folder / "log") if p.exists())
        assert process.poll() is None, f"squid ended at once: {said}"
        assert time.monotonic() < end, f"squid does not start: {said}"
        time.sleep(0.05)


def _answers(address: str) -> bool:
    connection = HTTPConnection(address, _PLAIN, timeout=5)
    try:
        connection.request("GET", "/")
        connection.getresponse().read()
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
    return True
