"""What only an index, a mirror or a lock can tell to be wrong."""

import tempfile
from functools import cache
from pathlib import Path

from torture.smallenv import small_env

from badinputs.rows import Row

__all__ = ["ROWS"]


@cache
def _lock() -> str:
    with tempfile.TemporaryDirectory() as folder:
        return small_env(Path(folder)).lock.read_text()


def _other_digit(text: str) -> str:
    at = text.index('"size":') + len('"size":')
    return f"{text[:at]}{(int(text[at]) % 9) + 1}{text[at + 1 :]}"


def _wanted(items, name, text, *said, wheels=({"name": "demo"},), **more) -> Row:
    """Of an index with these wheels."""
    more = {"code": 3, "kept": True, "online": True, **more}
    files = {"requirements.txt": text}
    return Row(items=items, name=name, files=files, spec="requirements.txt", said=said, wheels=wheels, **more)


def _locked(items, name, text, *said, **more) -> Row:
    return Row(items=items, name=name, files={"x.lock": text}, spec="x.lock", said=said, **more)


ROWS = [
    _wanted((42,), "exclude-each-other", "demo>1\ndemo<1\n", "demo"),
    _wanted((42,), "pins-of-a-dependency", "demo==1.0\nother==1.0\n", "demo", "other",
            wheels=({"name": "demo"}, {"name": "demo", "version": "2.0"}, {"name": "other", "requires": "demo>1"})),
    _wanted((43,), "not-there", "dmeo\n", "dmeo", "is not on pypi"),
    _wanted((43,), "version-not-there", "demo==9\n", "demo==9"),
    _wanted((45,), "other-platform", "demo\n", "demo", "wheel", wheels=({"name": "demo", "tag": "cp311-cp311-win_amd64"},)),
    _wanted((46,), "other-python", "demo\n", "demo", "3.12", "3.11",
            wheels=({"name": "demo", "metadata": "Requires-Python: >=3.12\n"},)),
    _wanted((48,), "no-file-has-the-hash", f"demo==1.0 --hash=sha256:{'0' * 64}\n", "demo-1.0-py3-none-any.whl: its sha256 is", "expected " + "0" * 64, code=6),
    _wanted((48,), "other-bytes", "demo==1.0\n", "demo-1.0-py3-none-any.whl", code=6, wheels=({"name": "demo", "corrupt": "yes"},)),
    _wanted((44,), "yanked", "demo\n", "demo", wheels=({"name": "demo", "yanked": "broken"},)),
    Row(items=(60,), name="debian-unknown", files={"envbuild.toml": 'format = 1\nsystem = ["libgomp9"]\n'}, spec="envbuild.toml",
        said=("there is no package libgomp9", "Did you mean libgomp1"), code=3, online=True, kept=True),
    Row(items=(61,), name="debian-version", files={"envbuild.toml": 'format = 1\nsystem = ["libgomp1=1.2-3"]\n'}, spec="envbuild.toml",
        said=("libgomp1 1.2-3 is not in the mirror", "There now: 12"), code=3, online=True, kept=True),
    Row(items=(64,), name="stale-lock", files={"envbuild.toml": 'format = 1\nsystem = ["git"]\n', "envbuild.envbuild.lock": _lock()},
        spec="envbuild.toml", words=("build", "envbuild.toml", "--locked"), code=3, kept=True,
        said=("envbuild.envbuild.lock", "does not answer what envbuild.toml asks", "envbuild lock envbuild.toml")),
    Row(items=(64,), name="no-lock", files={"envbuild.toml": "format = 1\n"}, spec="envbuild.toml", code=3, kept=True,
        words=("build", "envbuild.toml", "--locked"), said=("envbuild.envbuild.lock", "there is no lock", "envbuild lock")),
    _locked((65,), "edited-lock", _other_digit(_lock()), "x.lock", "was changed by hand", "restore the file", code=6),
    _locked((66,), "merged-lock", f"<<<<<<< HEAD\n{_lock()}", "x.lock:1", "a merge left its conflict marks", "git checkout"),
    _locked((66,), "merged-lock-inside", _lock().replace("\n", "\n=======\n", 1), "x.lock:2", "a merge left its conflict marks"),
    _locked((28,), "lock-of-the-future", _lock().replace('"format": 1', '"format": 2'), "x.lock", "needs a newer envbuild"),
    _locked((1,), "cut-lock", _lock()[: len(_lock()) // 2], "x.lock:", "not a lock", "envbuild lock"),
    _locked((2, 34), "lock-key-twice", _lock().replace('"format": 1', '"format": 1, "format": 1'), "x.lock", "given twice"),
    _locked((3,), "empty-lock", "", "x.lock", "not a lock"),
    _locked((6,), "list-lock", "[]", "x.lock", "not a lock"),
    _locked((7,), "unknown-field-lock", _lock().replace('"format": 1', '"x": 1, "format": 1'), "x.lock", "x: unknown field"),
    _locked((11,), "latin-1-lock", b'{"caf\xe9": 1}', "x.lock", "not UTF-8"),
    _locked((16,), "nul-lock", f"{_lock()}\0", "x.lock"),
    _locked((19,), "deep-lock", "[" * 100_000, "x.lock", "nested too deeply"),
    _locked((34,), "lock-nan", _lock().replace('"format": 1', '"format": NaN'), "x.lock", "NaN is no value"),
]  # fmt: skip
