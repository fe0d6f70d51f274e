"""What is written nowhere: logins, conda's tokens and queries of URLs; and attributes that may hold none of them."""

import re

from envbuild.azuremlform.kinds import OPTIONAL_TEXT, TEXTS, Kind
from envbuild.azuremlform.refusals import Refused
from envbuild.matchspec.channel import without_logins
from envbuild.reference import holds_login

__all__ = ["ADDRESS", "URL", "URLS", "no_login", "without_credentials"]

_LOGIN = re.compile(
    r"(?<=://)(?:[^/\s'\"]{0,500}@|[^/\s:'\"]{1,200}:(?!\d+(?:[/?#\s]|$))(?:[^\s'\":]|:(?!//)){0,500}@)"
)
"""A password may hold a slash, which may stand in no URL; a port is none, and `@v1` behind a path is no login."""
_TOKEN = re.compile(r"(?<=://)([^/\s?#'\"]{1,300}(?:/[^/\s?#'\"]{1,300}){0,10}?)/t/[^/\s?#'\"\]:]+")
_QUERY = re.compile(r"(?<=://)((?:[^\s?#'\":]|:(?!//)){1,2000})\?[^\s#'\"]*")


def without_credentials(text: str) -> str:
    """A text without what may be secret in its URLs: login, token (`/t/TOKEN/`) and query."""
    return _QUERY.sub(r"\1", _TOKEN.sub(r"\1", without_logins(_LOGIN.sub("", text))[0]))


def no_login(at: str, text: str) -> str:
    """The text. Refused, without showing it, where a login stands in this address or name of an image."""
    if holds_login(text):
        raise Refused("a login stands in it", at=at, hint="leave it out, and keep it with `envbuild login HOST`")
    return text


class _Address(Kind[str | None]):
    def __init__(self) -> None:
        super().__init__(
            OPTIONAL_TEXT.words, lambda value: value is None or isinstance(value, str), lambda value: value
        )

    def checked(self, at: str, value: object) -> str | None:
        found = super().checked(at, value)
        return None if found is None else no_login(at, found)


class _Url(Kind[str | None]):
    def __init__(self) -> None:
        super().__init__(
            OPTIONAL_TEXT.words, lambda value: value is None or isinstance(value, str), lambda value: value
        )

    def dumped(self, value: str | None) -> str | None:
        return None if value is None else without_credentials(value)


class _Urls(Kind[list[str]]):
    def __init__(self) -> None:
        super().__init__(TEXTS.words, TEXTS.fits, list, TEXTS.hint)

    def dumped(self, value: list[str]) -> list[str]:
        return [without_credentials(text) for text in value]


ADDRESS = _Address()
"""A registry's address or an image's name, which may hold no login."""
URL = _Url()
"""A URL; what may be secret in it is not saved."""
URLS = _Urls()
"""URLs, alike."""
