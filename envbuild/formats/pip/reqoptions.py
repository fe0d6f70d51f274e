"""What each option of a requirements file means here: followed, accepted with a notice, or refused with the reason."""

from collections.abc import Mapping

__all__ = ["ACCEPTED", "FLAGS", "FOLLOWED", "LONG_NAMES", "REFUSED", "SHORTS"]

LONG_NAMES: Mapping[str, str] = {
    "-r": "--requirement",
    "-c": "--constraint",
    "-i": "--index-url",
    "--pypi-url": "--index-url",
    "-f": "--find-links",
    "-e": "--editable",
    "-C": "--config-settings",
    "--config-setting": "--config-settings",
    "--requirements": "--requirement",
    "--constraints": "--constraint",
}
"""Other names of options, by which pip and people know them."""

SHORTS = frozenset(name for name in LONG_NAMES if len(name) == 2)
FLAGS = frozenset({"--no-index", "--pre", "--prefer-binary", "--require-hashes"})
"""Long options without a value."""

FOLLOWED = frozenset(
    {"--requirement", "--constraint", "--index-url", "--extra-index-url", "--hash", "--require-hashes"}
)

ACCEPTED: Mapping[str, str] = {
    "--prefer-binary": "wheels are all that is used, so it says nothing more",
    "--only-binary": "wheels are all that is used, so it says nothing more",
}
"""Options that ask for what is done anyway, with the words of the notice."""

_NO_SOURCES = "source distributions are not built yet"
REFUSED: Mapping[str, tuple[str, str]] = {
    "--no-index": ("a definition is resolved from indexes", "leave it out; the indexes are those that the file names"),
    "--find-links": (
        "a page of links has no name that a lock could give as a source",
        "name the wheel directly: `name @ https://.../name-1.0-py3-none-any.whl`",
    ),
    "--editable": (
        _NO_SOURCES,
        "leave the line out: the project's folder is mounted when you run a script in it",
    ),
    "--no-binary": (_NO_SOURCES, "leave it out, or name a wheel by its URL"),
    "--pre": (
        "it would let pre-releases of every package in",
        "name the pre-release of the package that needs one: `name>=2.0a1`",
    ),
    "--trusted-host": (
        "an index is never reached without checking its certificate",
        "give its certificate authority: SSL_CERT_FILE=/path/to/ca.pem",
    ),
    "--config-settings": (_NO_SOURCES, "leave it out: wheels have no build settings"),
    "--global-option": (_NO_SOURCES, "leave it out: wheels have no build settings"),
    "--install-option": (_NO_SOURCES, "leave it out: wheels have no build settings"),
    "--use-feature": ("it changes how pip works, and pip is not used", "leave it out"),
}
"""Options that are refused: the reason, and what to do."""
