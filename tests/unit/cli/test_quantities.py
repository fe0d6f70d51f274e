"""Times and sizes: what is not one of the forms is refused, never guessed."""

import pytest

from envbuild.cli.quantities import bytes_of, seconds_of
from envbuild.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"), [("30d", 2_592_000), ("12h", 43_200), ("45m", 2700), ("0s", 0), ("2w", 1_209_600)]
)
def test_times(text, seconds):
    assert seconds_of(text, "--older-than") == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [("20GB", 20 * 1000**3), ("20GiB", 20 * 1024**3), ("1.5TB", 1_500_000_000_000), ("500MB", 500_000_000), ("7 kB", 7000),
     ("1KiB", 1024), ("0", 0), ("12B", 12)],
)  # fmt: skip
def test_sizes(text, size):
    assert bytes_of(text, "--keep-bytes") == size


@pytest.mark.parametrize(
    "text", ["", "30", "d", "-1d", "1.5d", "30 d", "30D", "1mo", "1d12h", "\u0663d", "9" * 30 + "d"]
)
def test_no_times(text):
    """A month that is taken for 30 seconds would empty a store."""
    with pytest.raises(UsageError, match="no length of time") as caught:
        seconds_of(text, "--older-than")
    assert "30d" in caught.value.hint


@pytest.mark.parametrize("text", ["", "GB", "-1GB", "20gb", "20 gigs", "1,5GB", "1e9", "20GBB", "\u0661GB", "0x10"])
def test_no_sizes(text):
    with pytest.raises(UsageError, match="is no size") as caught:
        bytes_of(text, "--keep-bytes")
    assert "20GiB" in caught.value.hint
