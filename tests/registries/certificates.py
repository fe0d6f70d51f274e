"""Certificates made on the spot by the openssl program: an authority, servers, clients, and what has expired."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Authority", "Pair"]


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, as PEM files."""

    certificate: Path
    key: Path


class Authority:
    """A certificate authority of one test session, in a folder of its own."""

    def __init__(self, folder: Path, name: str = "envbuild tests") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.pair = Pair(folder / "authority.pem", folder / "authority.key")
        _openssl(
            *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"),
            *("-keyout", self.pair.key, "-out", self.pair.certificate),
        )

    @property
    def bundle(self) -> Path:
        """The PEM file that a client is told to trust."""
        return self.pair.certificate

    def issue(self, name: str, *, hosts: str = "IP:127.0.0.1,DNS:localhost", days: int = 2) -> Pair:
        """A certificate for these hosts (subjectAltName), or for a client; `days=-1`: it has expired."""
        made = Pair(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        request, extensions = self._folder / f"{name}.csr", self._folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={hosts}\nextendedKeyUsage=serverAuth,clientAuth\n", encoding="ascii")
        _openssl(
            *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}"),
            *("-keyout", made.key, "-out", request),
        )
        _openssl(
            *("x509", "-req", "-in", request, "-CA", self.pair.certificate, "-CAkey", self.pair.key),
            *("-CAcreateserial", "-days", days, "-extfile", extensions, "-out", made.certificate),
        )
        return made


def _openssl(*words: object) -> None:
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"openssl {words[0]}: {done.stderr}"
