"""The ids stay what they are: an image that was built stays found, and a lock in version control stays valid.

tests/golden/ids.json holds, for hand-written examples, the material and the id. An id that changes here is a decision,
written down, with a new schema number; it is never corrected to make a test pass.
"""

import json
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest

from envbuild.canonical import encode
from envbuild.definition import (
    Context,
    CopyStep,
    DebianBase,
    Definition,
    DockerfileBase,
    ImageBase,
    Index,
    Project,
    Requirement,
)
from envbuild.digest import Digest
from envbuild.ids import (
    definition_material,
    identity,
    image_material,
    index_material,
    layer_material,
    lock_material,
    request_material,
)
from envbuild.lockfile import OWN_SOURCE, Artifact, ArtifactKind, ImageSettings, Lock
from envbuild.normalize import normalize
from envbuild.platforms import LINUX_AMD64, Platform

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = json.loads((ROOT / "tests" / "golden" / "ids.json").read_text(encoding="utf-8"))

PLAIN = Definition(pypi=(Requirement("numpy"), Requirement("pandas>=2"), Requirement("scikit-learn")))
FULL = Definition(
    name="training",
    description="never part of an id",
    tags=(("team", "vision"),),
    base=DebianBase("trixie", 1),
    python="3.13",
    pypi=(Requirement("torch==2.8; python_version < '4'"), Requirement("Numpy>=2.0", (f"sha256:{'a' * 64}",))),
    constraints=("scipy<2",),
    indexes=(Index("torch", "https://t.example/whl/cpu", explicit=True, packages=("torch",)),),
    conda=("cudatoolkit",),
    channels=("conda-forge", "other"),
    system=("libgomp1", "curl=7.88.1-10+deb12u5"),
    platforms=(Platform("linux", "arm64"), LINUX_AMD64),
    accelerator="cpu",
    virtual_packages=(("__cuda", "12.8"),),
    variables=(("OMP_NUM_THREADS", "4"), ("GREETING", 'a "quoted"\nélan')),
    user="envbuild",
    workdir="/work",
    entrypoint=("python", "-u"),
    run=("echo 'x'",),
    copy=(CopyStep("src", "/opt/src", f"sha256:{'b' * 64}"),),
)
DOCKERFILE = DockerfileBase(
    "FROM debian:12 AS final\nCOPY . /srv\n",
    Context("src", f"sha256:{'c' * 64}"),
    (("B", "2"), ("A", "1")),
    "final",
    "D",
)
LIBC = Artifact(
    kind=ArtifactKind.DEB, name="libc6", version="2.36-9+deb12u10", file="libc6_2.36-9+deb12u10_amd64.deb",
    size=2754572, sha256="1" * 64, source="debian:bookworm", path="pool/main/g/glibc/libc6_2.36-9+deb12u10_amd64.deb",
)  # fmt: skip
NUMPY = Artifact(
    kind=ArtifactKind.WHEEL, name="numpy", version="2.1.0", file="numpy-2.1.0-cp311-cp311-manylinux_2_17_x86_64.whl",
    size=16000000, sha256="2" * 64, source="pypi",
)  # fmt: skip
PANDAS = Artifact(
    kind=ArtifactKind.WHEEL, name="pandas", version="2.3.0", file="pandas-2.3.0-cp311-cp311-manylinux_2_17_x86_64.whl",
    size=12000000, sha256="3" * 64, source="pypi",
)  # fmt: skip
LOCK = Lock(platform=LINUX_AMD64, base=DebianBase(), base_artifacts=(LIBC,), artifacts=(NUMPY, PANDAS))
SETTINGS = ImageSettings(variables=(("A", "1"),), user="envbuild", workdir="/work", entrypoint=("python",))
ENCODER = ("stored", "1", 0)

MATERIALS = {
    "definition/empty": definition_material(normalize(Definition())),
    "definition/plain": definition_material(normalize(PLAIN)),
    "definition/full": definition_material(normalize(FULL)),
    "definition/image": definition_material(normalize(Definition(base=ImageBase("h.example/x:1")))),
    "definition/dockerfile": definition_material(normalize(Definition(base=DOCKERFILE))),
    "definition/dockerfile-alone": definition_material(normalize(Definition(base=DockerfileBase("FROM scratch\n"), python=""))),
    "definition/later-keys": definition_material(
        normalize(Definition(no_deps=True, interpreter="python3", project=Project(".", f"sha256:{'d' * 64}")))
    ),
    "request/plain": request_material(normalize(PLAIN), LINUX_AMD64),
    "request/no-deps": request_material(normalize(replace(PLAIN, no_deps=True)), LINUX_AMD64),
    "request/full": request_material(normalize(FULL), Platform("linux", "arm64")),
    "lock/small": lock_material(LOCK),
    "lock/base-only": lock_material(replace(LOCK, artifacts=())),
    "lock/own-package": lock_material(replace(LOCK, artifacts=(NUMPY, replace(PANDAS, source=OWN_SOURCE)))),
    "layer/wheel": layer_material(
        "wheel", ["2" * 64], layout=1, recipe=1, encoder=ENCODER, prefix="/opt/env", python="3.11",
        site_packages="/opt/env/lib/python3.11/site-packages",
    ),
    "layer/debs": layer_material("deb", ["1" * 64, "4" * 64], layout=1, recipe=1, encoder=("zlib-ng", "1.1.0", 6)),
    "image/plain": image_material(identity(lock_material(LOCK)), ImageSettings()),
    "image/settings": image_material(identity(lock_material(LOCK)), SETTINGS),
    "index/two": index_material([Digest("b" * 64), Digest("a" * 64)]),
}  # fmt: skip


def test_every_example_has_a_golden_vector_and_the_other_way_round():
    assert MATERIALS.keys() == GOLDEN.keys()


@pytest.mark.parametrize("name", MATERIALS)
def test_an_id_is_what_it_was(name):
    assert json.loads(encode(MATERIALS[name])) == GOLDEN[name]["material"]
    assert str(identity(MATERIALS[name])) == GOLDEN[name]["id"]


def test_no_two_kinds_of_material_can_be_taken_for_each_other():
    schemas = {name.partition("/")[0]: material["schema"] for name, material in MATERIALS.items()}
    assert len(set(schemas.values())) == len(schemas)
    assert len({identity(material) for material in MATERIALS.values()}) == len(MATERIALS)


@pytest.mark.parametrize(
    "change",
    [
        {"variables": ()},
        {"user": ""},
        {"workdir": "/other"},
        {"entrypoint": ()},
        {"run": ()},
        {"copy": ()},
        {"project": Project(".", f"sha256:{'d' * 64}")},
        {"interpreter": "python3"},
        {"bytecode": "checked"},
        {"name": "other"},
        {"description": ""},
        {"tags": ()},
        {"platforms": (LINUX_AMD64,)},
    ],
)
def test_what_resolving_does_not_depend_on_never_asks_for_a_new_lock(change):
    changed = normalize(replace(FULL, **change))
    assert request_material(changed, LINUX_AMD64) == request_material(normalize(FULL), LINUX_AMD64)


def test_the_platform_is_part_of_a_request():
    definition = normalize(FULL)
    one, other = (request_material(definition, platform) for platform in definition.platforms)
    assert identity(one) != identity(other)


@pytest.mark.parametrize("field", ["kind", "name", "version", "file", "size", "sha256"])
def test_the_content_of_an_artifact_is_part_of_its_lock(field):
    other = {"kind": ArtifactKind.CONDA, "size": 1}.get(field, "9" * 64)
    changed = replace(LOCK, artifacts=(replace(NUMPY, **{field: other}), PANDAS))
    assert identity(lock_material(changed)) != identity(lock_material(LOCK))


@pytest.mark.parametrize("field", ["source", "path", "url"])
def test_where_an_artifact_was_found_is_not(field):
    changed = replace(LOCK, artifacts=(replace(NUMPY, **{field: "elsewhere"}), PANDAS))
    assert lock_material(changed) == lock_material(LOCK)


def test_the_order_of_artifacts_says_nothing_but_their_part_does():
    assert lock_material(replace(LOCK, artifacts=(PANDAS, NUMPY))) == lock_material(LOCK)
    moved = replace(LOCK, base_artifacts=(LIBC, NUMPY), artifacts=(PANDAS,))
    assert lock_material(moved) != lock_material(LOCK)


@pytest.mark.parametrize("field", [f.name for f in fields(ImageSettings)])
def test_every_image_setting_is_part_of_the_image_id(field):
    others = {"variables": (("A", "2"),), "entrypoint": ("x",), "layout": 2}
    changed = replace(SETTINGS, **{field: others.get(field, "other")})
    lock_id = identity(lock_material(LOCK))
    assert identity(image_material(lock_id, changed)) != identity(image_material(lock_id, SETTINGS))


def test_the_order_of_artifacts_in_a_layer_is_part_of_its_id():
    def layer(*artifacts):
        return identity(layer_material("deb", artifacts, layout=1, recipe=1, encoder=ENCODER))

    assert layer("1" * 64, "2" * 64) != layer("2" * 64, "1" * 64)


def test_an_index_has_one_id_in_whatever_order_its_images_come():
    assert index_material([Digest("a" * 64), Digest("b" * 64)]) == MATERIALS["index/two"]


PROGRAM = """
import locale, sys
sys.path.insert(0, sys.argv[1])
from envbuild.definition import Definition, Requirement
from envbuild.ids import definition_material, identity
from envbuild.normalize import normalize
texts = ["pandas>=2", "scikit-learn", "numpy"]
print(identity(definition_material(normalize(Definition(pypi=tuple(map(Requirement, texts)))))))
"""


@pytest.mark.parametrize(
    "environment", [{"PYTHONHASHSEED": "1"}, {"PYTHONHASHSEED": "2", "LC_ALL": "C", "TZ": "UTC+9"}]
)
def test_the_machine_that_asks_never_enters_an_id(environment, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(ROOT)],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == GOLDEN["definition/plain"]["id"]
