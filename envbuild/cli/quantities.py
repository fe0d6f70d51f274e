"""Times and sizes as people write them: `30d`, `20GB`."""

import re
from decimal import Decimal

from envbuild.errors import UsageError

__all__ = ["bytes_of", "seconds_of"]

_TIMES = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_SIZES = {"": 1, "B": 1} | {
    f"{letter}{end}": base**power for power, letter in enumerate("kMGT", 1) for end, base in (("B", 1000), ("iB", 1024))
}
_SIZES |= {"KB": 1000, "KiB": 1024}
_TIME = re.compile(r"([0-9]{1,9})([smhdw])")
_SIZE = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,3})?) ?([A-Za-z]*)")


def seconds_of(text: str, at: str) -> float:
    """The seconds of `30d`, `12h`, `45m`, `10s`, `2w`. UsageError for anything else; `at` names the option."""
    found = _TIME.fullmatch(text)
    if not found:
        raise UsageError(f"{text!r} is no length of time", at=at, hint="say 30d, 12h, 45m, 10s or 2w")
    return float(int(found[1]) * _TIMES[found[2]])


def bytes_of(text: str, at: str) -> int:
    """The bytes of `20GB` (powers of 1000), `20GiB` (of 1024), `1.5TB`, `0`. UsageError for anything else."""
    found = _SIZE.fullmatch(text)
    if not found or found[2] not in _SIZES:
        raise UsageError(f"{text!r} is no size", at=at, hint="say 20GB, 20GiB, 500MB, 1.5TB or bytes alone")
    return int(Decimal(found[1]) * _SIZES[found[2]])
