"""A conda channel of the tests' own: packages in both forms, a channel's index, and a server on loopback.

`package()` makes one package, `write_channel()` puts packages into a folder and indexes it, `serve()` gives it over http.
"""

from condachannel.channels import changed_channel, write_channel
from condachannel.packages import PLACEHOLDER, CondaPackage, File, package
from condachannel.serving import Served, serve

__all__ = ["PLACEHOLDER", "CondaPackage", "File", "Served", "changed_channel", "package", "serve", "write_channel"]
