"""Fixtures: the channel with a real Python and numpy, as a folder and served."""

from collections.abc import Iterator
from pathlib import Path
from subprocess import CalledProcessError

import pytest

from condachannel.serving import Served, serve


@pytest.fixture(scope="session")
def channel_folder() -> Path:
    """A channel's folder with python, numpy, pandas, scikit-learn and what they need; do not write into it."""
    # Loading the fixtures of a test that needs no channel costs nothing.
    from condachannel.cpython import NoInterpreter
    from condachannel.forge import forge

    try:
        return forge()
    except (NoInterpreter, CalledProcessError, FileNotFoundError) as error:
        pytest.skip(f"missing component: conda channel: {error}")


@pytest.fixture(scope="session")
def channel(channel_folder) -> Iterator[Served]:
    """The same, served on loopback under the name conda-forge."""
    with serve(channel_folder) as served:
        yield served
