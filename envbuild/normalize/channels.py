"""conda's channels in one spelling, in their order: the first that has a package gives it.

`nodefaults` is left out: nothing is ever added to what a definition names. `defaults` stays the word that it is. A platform
behind a channel (`conda-forge/linux-64`: that folder and noarch) is left out where it is the definition's only platform.
"""

from collections.abc import Iterable

from envbuild.matchspec.channel import Channel, channel, subdir_of
from envbuild.normalize.fields import Fields
from envbuild.platforms import Platform

__all__ = ["DEFAULT_CHANNEL", "NODEFAULTS", "conda_channels"]

DEFAULT_CHANNEL = "conda-forge"
"""What is meant where conda packages are asked for and no channel is named."""
NODEFAULTS = "nodefaults"
"""conda's word for: add nothing of the machine's."""


def conda_channels(check: Fields, channels: Iterable[str], platforms: Iterable[Platform]) -> tuple[str, ...]:
    """The channels in their one spelling, each once; `check` gets a fault for each that is none."""
    only = set(map(subdir_of, platforms))
    found: dict[str, None] = {}
    for number, text in enumerate(channels):
        if text.strip() == NODEFAULTS:
            continue
        try:
            place = channel(text)
        except ValueError as error:
            check.fault(
                f"channels[{number}]", str(error), "a name such as conda-forge, or its https URL without a login"
            )
        else:
            found[str(Channel(place.name) if {place.subdir} == only else place)] = None
    return tuple(found)
