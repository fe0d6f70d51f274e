"""What is likely to hurt in the packages of a definition, and in where they come from."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from envbuild.definition import Definition
from envbuild.formats.conda.condaspecs import names_a_version, spec_name
from envbuild.matchspec.spec import match_spec
from envbuild.pipeline.linting.codes import Finding, found

__all__ = ["any_channel", "indexes", "no_cuda", "no_pip", "repositories", "two_sources", "unpinned"]

_OPEN = "no exact version, and no lock file"
_DEFAULTS = ("defaults", "anaconda", "main", "pkgs/main", "pkgs/r", "pkgs/free")
_COMMIT = re.compile(r"@[0-9a-fA-F]{40}(?:[0-9a-fA-F]{24})?$")


def unpinned(d: Definition) -> Iterator[Finding]:
    """EB101 and EB110: without a lock, tomorrow's build of the same file is another environment."""
    for requirement in d.pypi:
        parsed = Requirement(requirement.text)
        exact = any(s.operator in ("==", "===") and not s.version.endswith(".*") for s in parsed.specifier)
        if not exact and not parsed.url:
            yield found("EB101", "pypi", requirement.text, _OPEN)
    for spec in d.conda:
        if names_a_version(spec):
            continue
        if spec_name(spec) == "pip":
            yield found("EB110", "conda", spec, "which pip installs the other packages is not said")
        else:
            yield found("EB101", "conda", spec, _OPEN)


def repositories(d: Definition) -> Iterator[Finding]:
    """EB114: a branch, a tag or nothing means another commit tomorrow."""
    for requirement in d.pypi:
        parsed = Requirement(requirement.text)
        address = urlsplit(parsed.url or "")
        if "+" in address.scheme and not _COMMIT.search(address.path):
            what = "a repository without a commit: what is there may be something else tomorrow"
            yield found("EB114", "pypi", parsed.name, what)


def two_sources(d: Definition) -> Iterator[Finding]:
    """EB104 and EB124: conda's packages and an index's are one environment; two channels do not know of each other."""
    conda = {canonicalize_name(spec_name(spec)) for spec in d.conda}
    for requirement in d.pypi:
        parsed = Requirement(requirement.text)
        if canonicalize_name(parsed.name) in conda:
            item = parsed.name if parsed.url else requirement.text
            yield found(
                "EB104",
                "pypi",
                item,
                "is asked of conda and of an index: conda's is installed, and has to be what both ask for",
            )
    theirs = [c for c in d.channels if c in _DEFAULTS or "repo.anaconda.com" in c]
    if theirs and any(c.rstrip("/").endswith("conda-forge") for c in d.channels):
        yield found("EB124", "channels", theirs[0], "its packages and conda-forge's are not built for each other")


def indexes(d: Definition) -> Iterator[Finding]:
    """EB105 and EB106: whoever may publish on the first index stands in for all others; over http, whoever is on the way."""
    open_indexes = [index for index in d.indexes if not index.explicit]
    for index in open_indexes[:-1]:
        after = open_indexes[-1].name
        what = f"is asked for every package before {after}: whoever may publish there can stand in for any"
        yield found("EB105", "index", index.name, what)
    asked = [("index", index.name, index.url) for index in d.indexes]
    for field, name, url in (*asked, *(("channels", channel, channel) for channel in d.channels)):
        host = urlsplit(url)
        if host.scheme == "http" and (host.hostname or "") not in ("localhost", "127.0.0.1", "::1"):
            yield found("EB106", field, name, "is asked over http: anybody on the way can answer")


def any_channel(d: Definition) -> Iterator[Finding]:
    """EB128: with strict priority a name that the first channel has is nobody else's."""
    if d.channel_priority == "disabled" and len(d.channels) > 1:
        what = "any of the channels may give any package: whoever may publish on one can stand in for all"
        yield found("EB128", "channel-priority", d.channel_priority, what)


def no_cuda(d: Definition) -> Iterator[Finding]:
    """EB129: conda asks the machine whether it has CUDA; here the definition says it, and without is none."""
    if d.accelerator.startswith("cu") or any(name == "__cuda" for name, _ in d.virtual_packages):
        return
    for spec in d.conda:
        if spec_name(spec).endswith("-gpu") or "cuda" in _build_of(spec):
            yield found("EB129", "conda", spec, "a package for CUDA, and no CUDA is declared: it will not be found")


def _build_of(spec: str) -> str:
    try:
        return match_spec(spec).build
    except ValueError:
        return ""


def no_pip(d: Definition) -> Iterator[Finding]:
    """EB107: conda adds pip by itself then, with a warning, in whatever version."""
    if d.conda and d.pypi and not any(spec_name(spec) == "pip" for spec in d.conda):
        yield found("EB107", "conda", "", "packages from an index, but no pip among conda's")
