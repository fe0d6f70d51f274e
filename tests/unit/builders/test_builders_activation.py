"""If this fails, what a conda package sets at activation is missing in the image, or goes before what the user set."""

import json

from envbuild.builders.activation import activated
from envbuild.definition import DebianBase
from envbuild.lockfile import Artifact, ArtifactKind, Lock
from envbuild.members import Member, MemberKind, MemberTable
from envbuild.oci import ImageConfig
from envbuild.pipeline.quiet import Quiet
from envbuild.platforms import LINUX_AMD64


class Told(Quiet):
    def __init__(self) -> None:
        self.notices: list[str] = []

    def notice(self, text: str) -> None:
        self.notices.append(text)


def artifact(kind: ArtifactKind, name: str) -> Artifact:
    return Artifact(
        kind=kind, name=name, version="1", file=f"{name}-1-0", size=1, sha256=name[0] * 64, source="x/noarch"
    )


PROJ = artifact(ArtifactKind.CONDA, "proj")
DATA = artifact(ArtifactKind.CONDA, "data")
SCRIPTS = {
    "activate-scripts": json.dumps(
        {
            "proj.sh": 'if [ -f "$CONDA_PREFIX/share/all.csv" ]; then export PROJ_NETWORK=OFF; fi\nexport PROJ=$CONDA_PREFIX/x\n',
            "rest.sh": "mkdir $CONDA_PREFIX/x",
        }
    )
}
TABLES = {
    PROJ.sha256: MemberTable((), SCRIPTS),
    DATA.sha256: MemberTable((Member(path="opt/env/share/all.csv", kind=MemberKind.FILE, mode=0o644),), {}),
}
LOCK = Lock(platform=LINUX_AMD64, base=DebianBase(), base_artifacts=(), artifacts=(DATA, PROJ))


def test_scripts_are_read_with_the_files_of_all_packages():
    config = activated(ImageConfig(platform=LINUX_AMD64, env=(("PATH", "/x"),)), LOCK, TABLES, Told())
    assert dict(config.env) == {"PATH": "/x", "PROJ": "/opt/env/x", "PROJ_NETWORK": "OFF"}
    assert list(config.env) == sorted(config.env)


def test_what_the_user_set_stays():
    given = ImageConfig(platform=LINUX_AMD64, env=(("PROJ", "/mine"),))
    assert dict(activated(given, LOCK, TABLES, Told()).env)["PROJ"] == "/mine"


def test_what_nobody_carries_out_is_told_with_what_to_do():
    told = Told()
    activated(ImageConfig(platform=LINUX_AMD64), LOCK, TABLES, told)
    (notice,) = told.notices
    assert "proj does more at activation" in notice
    assert "rest.sh (mkdir $CONDA_PREFIX/x)" in notice
    assert "activate = true" in notice


def test_an_entry_point_that_runs_the_scripts_needs_no_notice():
    told = Told()
    config = ImageConfig(platform=LINUX_AMD64, entrypoint=("/opt/env/bin/envbuild-activate", "serve"))
    assert dict(activated(config, LOCK, TABLES, told).env)["PROJ"] == "/opt/env/x"
    assert told.notices == []


def test_an_image_without_conda_packages_is_left_alone():
    wheel = artifact(ArtifactKind.WHEEL, "wheel")
    config = ImageConfig(platform=LINUX_AMD64)
    lock = Lock(platform=LINUX_AMD64, base=DebianBase(), base_artifacts=(), artifacts=(wheel,))
    assert activated(config, lock, {wheel.sha256: MemberTable((), {})}, Told()) is config
