"""The codes of `envbuild lint`: what each is for, what to do about it, and whether it is mended by itself."""

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["CODES", "Finding", "Rule", "found"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What one code is for. `fix` is what `--fix` does; where it does nothing `by_hand` says why."""

    what: str
    remedy: str
    fix: str = ""
    by_hand: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One finding. `field` is a key of the definition or its file, `item` the text in it that is meant."""

    code: str
    field: str
    item: str
    what: str
    remedy: str
    path: str = ""
    """The file that it stands in; nothing where the definition is from no file, or where it is not known which one."""
    line: int = 0
    """0 where it is not known, or where nothing stands: what is missing has no line."""
    fixable: bool = False
    """Whether `--fix` mends it."""


def found(code: str, field: str, item: str, what: str, *, remedy: str = "", path: str = "", line: int = 0) -> Finding:
    """A finding with its code's remedy, unless there is a better one."""
    remedy = remedy or CODES[code].remedy
    return Finding(code=code, field=field, item=item, what=what, remedy=remedy, path=path, line=line)


_WHICH = "which version is right, you know"
_WHERE = "where else it may be kept, you know"
_WHOSE = "the address is another one, and may not be served"

CODES: Mapping[str, Rule] = {
    "EB101": Rule(
        what="no exact version, and no lock file", remedy="keep the exact versions: envbuild lock SPEC", by_hand=_WHICH
    ),
    "EB102": Rule(
        what="a base image by its tag",
        remedy="name its digest: IMAGE@sha256:...",
        by_hand="the registry would have to be asked",
    ),
    "EB103": Rule(
        what="what looks like a secret: in a variable, a build argument, a Dockerfile, a command",
        remedy="give it to the run, not to the image",
        by_hand=_WHERE,
    ),
    "EB104": Rule(what="a package from conda and from an index", remedy="keep one of them", by_hand=_WHICH),
    "EB105": Rule(
        what="an index that is asked for everything before another",
        remedy="explicit = true, and packages = [...] that it gives",
        by_hand="which packages it gives, you know",
    ),
    "EB106": Rule(what="an index or a channel over plain http", remedy="use https", by_hand=_WHOSE),
    "EB107": Rule(
        what="packages from an index, and no pip among conda's",
        remedy="add pip to conda's packages",
        fix="adds `- pip`",
    ),
    "EB108": Rule(what="a Python without security fixes", remedy="use a newer one", by_hand=_WHICH),
    "EB109": Rule(
        what="a password in the file",
        remedy="envbuild login URL, or .netrc: whoever may read the file has the password",
        by_hand=_WHERE,
    ),
    "EB110": Rule(
        what="conda's pip has no version, and no lock file keeps it", remedy="name one: pip=24.0", by_hand=_WHICH
    ),
    "EB111": Rule(
        what="an environment.yml without channels",
        remedy="name what is meant: channels: [conda-forge]",
        fix="adds `channels:` with conda-forge, which is meant without it",
    ),
    "EB112": Rule(
        what="`prefix:`, a folder of the machine that wrote the file", remedy="remove it", fix="removes the line"
    ),
    "EB113": Rule(
        what="a name that begins with Microsoft or AzureML",
        remedy="choose another name",
        by_hand="others may know it by this name",
    ),
    "EB114": Rule(
        what="a repository without a commit",
        remedy="name the commit: git+https://host/repo@40 hex digits",
        by_hand="the repository would have to be asked",
    ),
    "EB115": Rule(
        what="a base image of a service that has ended: nobody mends it any more",
        remedy='a Debian base: [base] debian = "bookworm"; or an image that is maintained',
        by_hand="another base is another environment",
    ),
    "EB116": Rule(
        what="a registry's user without a password, or a password without a user",
        remedy="envbuild login REGISTRY, and neither of them in the file",
        by_hand=_WHERE,
    ),
    "EB117": Rule(
        what="a Dockerfile of more than 100 KB",
        remedy="keep scripts and data in the build context, and COPY them",
        by_hand="what belongs where, you know",
    ),
    "EB118": Rule(
        what="a field of AzureML's that was deprecated", remedy="leave it out", by_hand="each has its own successor"
    ),
    "EB119": Rule(
        what="a variable that a run sets, kept in the image",
        remedy="leave it out: what starts the run sets it",
        by_hand="a program may read it",
    ),
    "EB120": Rule(
        what="no Python is named",
        remedy="name one: python=3.11",
        fix="adds `- python=3.11` where that is meant without it; where conda would choose, it does nothing",
    ),
    "EB121": Rule(what="Python is named more than once", remedy="keep one", by_hand=_WHICH),
    "EB122": Rule(what="a Python whose version cannot be read", remedy="as conda writes it: python=3.11", by_hand=_WHICH),
    "EB123": Rule(
        what="azureml-defaults, azureml-core or azureml-sdk, which are left out",
        remedy="remove it: its service has ended, and what it did is envbuild's part",
        fix="removes the line",
    ),
    "EB124": Rule(
        what="the channels defaults and conda-forge together: their packages are not built for each other",
        remedy="keep conda-forge",
        by_hand="packages may be in one of them alone",
    ),
    "EB125": Rule(
        what="a registry given as a text, where AzureML has a table",
        remedy='write it as a table: {"address": "registry.example"}; its login: envbuild login',
        by_hand="it may be a registry or an image's name",
    ),
    "EB126": Rule(
        what="a version with < or > outside quotes in a command: the shell redirects there",
        remedy='quote it: pip install "numpy>=2"',
        by_hand="the command may do both",
    ),
    "EB127": Rule(
        what="a name of more than 255 characters, which AzureML's service refused",
        remedy="choose a shorter one: images are named with at most 128",
        by_hand="others may know it by this name",
    ),
    "EB128": Rule(
        what='channel-priority = "disabled" with several channels',
        remedy="leave it out, and write channel::package where another channel than the first is meant",
        by_hand="which channel gives what, you know",
    ),
    "EB129": Rule(
        what="conda's packages for CUDA, and no CUDA declared",
        remedy='in an envbuild.toml (envbuild show --toml writes one): [virtual-packages] __cuda = "12.4"',
        by_hand="which CUDA the machines have, you know",
    ),
}  # fmt: skip
"""By code. A code is never given to another rule; one that is gone stays free."""
