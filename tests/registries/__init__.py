"""Registries for the tests: Debian's docker-registry in several settings, and one of ours that fails on purpose."""
