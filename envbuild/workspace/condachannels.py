"""conda's channels, reached as this machine's settings and conda's own configuration say."""

from envbuild.conda.reach import for_channels
from envbuild.http.client import Http
from envbuild.http.logins import Logins
from envbuild.settings.files import Origin
from envbuild.sources.channelplaces import TOKEN_USER, ChannelPlaces
from envbuild.sources.channels import ChannelClient
from envbuild.workspace.resolverparts import ResolverParts

__all__ = ["open_channels"]


def open_channels(adapters: ResolverParts) -> ChannelClient:
    """The channels. A token among the definition's own logins stands in the path of a URL, and is no login of its host."""
    adapters.lease.hold("tools")
    adapters.make_folder(adapters.places.tools)
    machine, condarc, logins = adapters.machine, adapters.condarc, adapters.logins
    tokens = {host: word.partition(":")[2] for host, word in logins.items() if word.startswith(f"{TOKEN_USER}:")}
    others = {host: word for host, word in logins.items() if host not in tokens}
    own = {name for name, value in machine.settings.values.items() if value.origin is not Origin.MACHINE}
    settings = for_channels(machine.http_settings(logins=others, login=adapters.keyring.login), condarc, own)
    places = ChannelPlaces(condarc, machine.channel_urls, tokens)
    http, cache = Http(adapters.heard(settings)), adapters.places.tools / "channels"
    return ChannelClient(http, places, cache, Logins(settings).find)
