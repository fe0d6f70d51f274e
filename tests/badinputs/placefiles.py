"""What is no file, cannot be read, or is one file too many."""

import os

from badinputs.rows import Row

__all__ = ["ROWS"]

_FILES = (
    "requirements.txt",
    "envbuild.toml",
    "environment.yml",
    "pyproject.toml",
    "run.py",
    "azureml_environment.json",
)


def _row(items, name, spec, *said, prepare=None, files=None, **more) -> Row:
    return Row(
        items=items, name=name, files=files or {"there.txt": "six\n"}, spec=spec, said=said, prepare=prepare, **more
    )


def _linked(name: str, target: str):
    return lambda folder: (folder / name).symlink_to(target)


def _made(name: str, make):
    return lambda folder: make(folder / name)


def _closed(name: str):
    return lambda folder: (folder / name).chmod(0)


ROWS = [
    *(_row((24,), f"missing-{name}", name, name, "no such file", "current folder") for name in _FILES),
    _row((24,), "missing-lock", "no.lock", "no.lock", "no such file"),
    _row((24,), "below-a-file", "there.txt/x", "there.txt/x", "not a folder"),
    _row((24,), "no-name", "", "no such file"),
    _row((24,), "long-name", "x" * 300, "the path is too long"),
    _row((24,), "empty-folder", ".", "no definition is in this folder"),
    *(_row((22,), f"fifo-{name}", name, name, "not a regular file", prepare=_made(name, os.mkfifo)) for name in _FILES),
    *(_row((22,), f"folder-{name}", f"{name}/", name, prepare=_made(name, os.mkdir)) for name in _FILES),
    _row((22,), "device", "/dev/zero", "/dev/zero", "not a regular file"),
    *(_row((25,), f"loop-{name}", name, name, "a loop of symbolic links", prepare=_linked(name, name)) for name in _FILES),
    *(_row((24,), f"dangling-{name}", name, name, "no such file", prepare=_linked(name, "nowhere")) for name in _FILES),
    _row((22,), "include-fifo", "requirements.txt", "requirements.txt:1", "not a regular file",
         files={"requirements.txt": "-r pipe.txt\n"}, prepare=_made("pipe.txt", os.mkfifo)),
    _row((25,), "include-loop", "requirements.txt", "requirements.txt:1", "a loop of symbolic links",
         files={"requirements.txt": "-r loop.txt\n"}, prepare=_linked("loop.txt", "loop.txt")),
    *(
        _row((23,), f"closed-{name}", name, name, "permission denied", "chmod u+r",
             files={name: ""}, prepare=_closed(name), modes_bind=True)
        for name in _FILES
    ),
    _row((33,), "two-of-one-rank", ".", "environment.yml", "environment.yaml",
         files={"environment.yml": "dependencies: [python=3.11]\n", "environment.yaml": "dependencies: [python=3.11]\n"}),
]  # fmt: skip
