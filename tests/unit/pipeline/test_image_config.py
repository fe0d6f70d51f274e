"""What an image says of itself: which environment its programs find, and what starts where nothing is named."""

import pytest

from envbuild.definition import DebianBase
from envbuild.digest import Digest
from envbuild.errors import UsageError
from envbuild.lockfile import Artifact, ArtifactKind, ImageSettings, Lock
from envbuild.pipeline.running import RunRequest, run
from envbuild.pipeline.settings import config_of
from envbuild.platforms import LINUX_AMD64
from envbuild.runners.command import Command, CommandKind

SYSTEM = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def artifact(kind, name, version, file):
    return Artifact(kind=kind, name=name, version=version, file=file, size=1, sha256="0" * 64, source="x/linux-64")


CONDA_TOOL = artifact(ArtifactKind.CONDA, "jq", "1.7", "jq-1.7-0.conda")
CONDA_PYTHON = artifact(ArtifactKind.CONDA, "python", "3.11.9", "python-3.11.9-0_cpython.conda")
STANDALONE = artifact(ArtifactKind.PYTHON, "cpython", "3.12.7", "cpython-3.12.7.tar.gz")


def lock_of(*artifacts):
    return Lock(platform=LINUX_AMD64, base=DebianBase(), base_artifacts=(), artifacts=artifacts)


def config(*artifacts, **settings):
    return config_of(lock_of(*artifacts), ImageSettings(**settings), Digest.of(b"lock"), Digest.of(b"image"))


@pytest.mark.parametrize(
    ("artifacts", "path", "variables", "command"),
    [
        ((), SYSTEM, {}, ("bash",)),
        ((STANDALONE,), f"/opt/env/bin:{SYSTEM}", {"VIRTUAL_ENV": "/opt/env"}, ("python",)),
        ((CONDA_TOOL,), f"/opt/env/bin:{SYSTEM}", {"CONDA_PREFIX": "/opt/env"}, ("bash",)),
        ((CONDA_TOOL, CONDA_PYTHON), f"/opt/env/bin:{SYSTEM}", {"CONDA_PREFIX": "/opt/env"}, ("python",)),
    ],
    ids=["system", "venv", "conda-tools", "conda-python"],
)
def test_programs_find_the_environment_that_the_image_has(artifacts, path, variables, command):
    """A conda environment that says VIRTUAL_ENV is taken for a virtual environment by pip and uv; one without PATH is none."""
    found = config(*artifacts)
    env = dict(found.env)
    assert env["PATH"] == path
    assert {n: v for n, v in env.items() if n in ("VIRTUAL_ENV", "CONDA_PREFIX")} == variables
    assert env.get("CONDA_DEFAULT_ENV") == env.get("CONDA_PREFIX")
    assert found.cmd == command


def test_the_definitions_own_variables_win():
    env = dict(config(CONDA_TOOL, variables=(("CONDA_DEFAULT_ENV", "mine"), ("MODE", "x"))).env)
    assert (env["CONDA_DEFAULT_ENV"], env["MODE"]) == ("mine", "x")


def test_activate_is_an_entry_point_before_the_definitions_own():
    """`docker run IMAGE` does what `conda activate` does, then starts what the user named."""
    assert config(CONDA_TOOL, activate=True).entrypoint == ("/opt/env/bin/envbuild-activate",)
    assert config(CONDA_TOOL, activate=True).cmd == ("bash",)
    both = config(CONDA_PYTHON, activate=True, entrypoint=("python", "-m", "serve"))
    assert both.entrypoint == ("/opt/env/bin/envbuild-activate", "python", "-m", "serve")
    assert both.cmd == ()


class _NoRuntime:
    def why_no_engine(self):
        pytest.fail("nothing was to be asked of an engine")


@pytest.mark.parametrize("kind", [CommandKind.SCRIPT, CommandKind.MODULE])
def test_a_script_needs_a_python_and_is_refused_before_anything_is_made(kind):
    request = RunRequest(spec="environment.yml", command=Command(kind, "train"))
    with pytest.raises(UsageError, match=f"no Python to run a {kind.value}"):
        run(request, "tools", lock_of(CONDA_TOOL), None, _NoRuntime(), None)
