"""Whom TLS trusts, and the certificate that we show: the settings' authorities, and a folder a host as Docker has them."""

import ssl
from pathlib import Path

from envbuild.errors import EnvironmentFault
from envbuild.httpsettings import HttpSettings

__all__ = ["host_folder", "trust"]


def host_folder(settings: HttpSettings, host: str) -> Path | None:
    """The folder of certificates for `host` or `host:port`, where one of the settings' folders has it."""
    return next((found for folder in settings.cert_folders if (found := folder / host).is_dir()), None)


def trust(settings: HttpSettings, folder: Path | None = None) -> ssl.SSLContext:
    """The settings' authorities; with a host's `folder`, its *.crt too, and its NAME.cert with NAME.key as our own.

    EnvironmentFault where a file cannot be read.
    """
    context = _authorities(settings)
    for path in sorted(folder.glob("*.crt")) if folder else ():
        try:
            context.load_verify_locations(cafile=str(path))
        except (OSError, ssl.SSLError) as error:
            raise EnvironmentFault(f"no certificates can be read here: {error}", at=str(path)) from error
    for path in sorted(folder.glob("*.cert")) if folder else ():
        try:
            context.load_cert_chain(path, path.with_suffix(".key"), password=_no_password)
        except (OSError, ssl.SSLError) as error:
            raise EnvironmentFault(
                f"our certificate cannot be used: {error}", at=str(path), hint=f"its key is {path.stem}.key beside it"
            ) from error
    return context


def _authorities(settings: HttpSettings) -> ssl.SSLContext:
    if settings.ca_bundle is None:
        return ssl.create_default_context()
    try:
        if settings.ca_bundle.is_dir():
            return ssl.create_default_context(capath=str(settings.ca_bundle))
        return ssl.create_default_context(cafile=str(settings.ca_bundle))
    except (OSError, ssl.SSLError) as error:
        raise EnvironmentFault(
            f"no certificates can be read here: {error}", at=str(settings.ca_bundle), hint="set ENVBUILD_CA_BUNDLE"
        ) from error


def _no_password() -> str:
    """A key with a password is refused: OpenSSL would ask the terminal for it."""
    return ""
