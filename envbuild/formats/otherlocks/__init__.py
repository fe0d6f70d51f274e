"""Locks of other tools, taken as locks."""
