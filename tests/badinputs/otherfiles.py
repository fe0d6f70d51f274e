"""Locks of other tools, MLflow's python_env.yaml and Dockerfiles: what is no text, is empty, or is not even of its form."""

from badinputs.rows import Row

__all__ = ["ROWS"]

_DEEP = 5000
_TOML = {"cut": "[[package]\n", "twice": 'a = "x"\na = "y"\n', "deep": f"x = {'[' * _DEEP}\n"}
_YAML = {"cut": "a: [b\n", "twice": "a: x\na: y\n", "deep": f"a: {'[' * _DEEP}\n"}
_JSON = {"cut": '{"a": [\n', "twice": '{"a": 1,\n "a": 2}\n', "deep": f'{{"a": {"[" * _DEEP}\n'}
_FORMS = {
    "uv.lock": _TOML,
    "poetry.lock": _TOML,
    "pylock.toml": _TOML,
    "Pipfile.lock": _JSON,
    "pixi.lock": _YAML,
    "conda-lock.yml": _YAML,
    "python_env.yaml": _YAML,
}
_ITEMS = {"cut": (1,), "twice": (2, 34), "deep": (19,)}
_SAID = {"cut": "", "twice": "given twice", "deep": "nested too deeply"}


def _row(items, name, file, content, *said) -> Row:
    return Row(items=items, name=name, files={file: content}, spec=file, said=(file, *said))


ROWS = [
    *(_row(_ITEMS[kind], kind, file, text, _SAID[kind]) for file, form in _FORMS.items() for kind, text in form.items()),
    *(
        row
        for file in (*_FORMS, "Dockerfile")
        for row in (
            _row((3,), "empty", file, ""),
            _row((11,), "latin-1", file, b"a: x\n\xe9\n", f"{file}:2", "byte 0xe9 at offset 5"),
            _row((12,), "utf-16", file, "a: x\n".encode("utf-16"), "the file is UTF-16"),
            _row((16,), "nul", file, b"a: x\0\n", "a NUL byte at offset 4"),
        )
    ),
    _row((4,), "comments", "Dockerfile", "# later\n", "only comments"),
]  # fmt: skip
