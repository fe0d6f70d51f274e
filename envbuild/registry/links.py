"""The next page of a list: the Link header (RFC 8288) with rel="next"."""

import re
from collections.abc import Mapping

__all__ = ["next_page"]

_LINK = re.compile(r"\s*<([^>]*)>((?:\s*;[^;,=\"]*(?:=\s*(?:\"[^\"]*\"|[^;,\"]*))?)*)\s*(?:,|$)")
_REL = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^;,\s]*))", re.IGNORECASE)


def next_page(headers: Mapping[str, str]) -> str:
    """The address as it is written, or nothing."""
    text, at = headers.get("link", ""), 0
    while link := _LINK.match(text, at):
        rel = _REL.search(link[2] or "")
        if rel and "next" in (rel[1] or rel[2] or "").lower().split():
            return link[1]
        if link.end() == at:
            break
        at = link.end()
    return ""
