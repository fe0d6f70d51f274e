"""Python's own project files: pyproject.toml, its extras and groups, and a script's header."""
