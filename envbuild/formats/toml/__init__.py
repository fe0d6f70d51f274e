"""TOML with the line of every value, and envbuild.toml in both directions."""
