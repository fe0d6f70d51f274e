"""Proxies as companies have them: Debian's squid, which re-signs all TLS, and a network that has no other way out."""
