"""Where this machine has a channel: our own settings first, then conda's configuration; with tokens and logins put in place."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from envbuild.conda.channels import channel_urls
from envbuild.conda.condarc import Condarc
from envbuild.errors import EnvironmentFault
from envbuild.http.localfile import as_url
from envbuild.httpsettings import host_of, split_login
from envbuild.settings.known import channel_key

__all__ = ["TOKEN_USER", "ChannelPlaces", "Mirrors"]

TOKEN_USER = "token"  # noqa: S105 (what readers of definitions call a token that stood in a URL's path)
_SERVED = ("http:", "https:", "file:")
_HAS_TOKEN = re.compile(r"/t/[^/]")

Mirrors = tuple[str, ...]
"""URLs that all serve one channel, with logins and tokens; no slash at their end."""


@dataclass(frozen=True, slots=True)
class ChannelPlaces:
    """What this machine is told of channels."""

    condarc: Condarc
    own: Mapping[str, Sequence[str]] = field(default_factory=dict, repr=False)
    """By a channel's key (`settings.known.channel_key`), the URLs that our own settings have for it."""
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    """By host, the token that a definition's URL had in its path."""

    def members(self, channel: str) -> tuple[Mirrors, ...]:
        """Each channel that a name stands for (`defaults` are several), in order, with all places of it.

        EnvironmentFault where none of these can be asked.
        """
        if urls := self.own.get(channel_key(channel)):
            found: list[Sequence[str]] = [[as_url(url) if url.startswith(("/", "~")) else url for url in urls]]
        else:
            known = channel_urls(channel, self.condarc)
            found = [known] if channel in self.condarc.mirrored_channels else [(url,) for url in known]
        members = [
            tuple(place for url in mirrors if url.startswith(_SERVED) for place in self._places(url))
            for mirrors in found
        ]
        if not members or not all(members):
            raise EnvironmentFault(
                "where this channel is served is not known here: none of its URLs is one of https, http or file",
                at=channel,
                hint=f"set {setting_of(channel)}=URL",
            )
        return tuple(members)

    def _places(self, url: str) -> Mirrors:
        """A URL as it is asked: with the definition's token in its path, or else as a login, which some servers want."""
        token = "" if url.startswith("file:") else self.tokens.get(host_of(url), "")
        bare, login = split_login(url)
        if not token or login or _HAS_TOKEN.search(url):
            return (url.rstrip("/"),)
        scheme, _, rest = bare.rstrip("/").partition("://")
        host, slash, path = rest.partition("/")
        word = quote(token, safe="")
        return (f"{scheme}://{host}/t/{word}{slash}{path}", f"{scheme}://{TOKEN_USER}:{word}@{rest}")


def setting_of(channel: str) -> str:
    """The variable that says where a channel is served."""
    return f"ENVBUILD_CHANNEL_{channel_key(channel).upper().replace('-', '_')}"
