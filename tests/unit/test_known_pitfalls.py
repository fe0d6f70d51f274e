"""What went wrong with other tools' keys: each pitfall that can apply here is a test, with the report of it.

A key that misses makes people wait for an image that is there; one that hits by mistake gives them somebody else's.
`ELSEWHERE` names the test files that hold those which need a builder, a registry or an engine; `NOT_HERE` the reasons why
the rest cannot happen.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from envbuild.canonical import encode
from envbuild.context.tree import ContextEntry, context_digest
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
from envbuild.errors import InvalidDefinition
from envbuild.formats.reading import read
from envbuild.ids import definition_material, identity, image_material, index_material, lock_material, request_material
from envbuild.lockfile import ImageSettings, Lock
from envbuild.normalize import normalize
from envbuild.platforms import LINUX_AMD64, Platform
from envbuild.sources.contextfiles import read_tree

ROOT = Path(__file__).resolve().parents[2]
ARM = Platform("linux", "arm64")
SHA = [f"sha256:{digit * 64}" for digit in "ab"]


def definition_id(definition):
    return identity(definition_material(normalize(definition)))


def request_id(definition, platform=LINUX_AMD64):
    return identity(request_material(normalize(definition), platform))


def of(*texts):
    return Definition(pypi=tuple(Requirement(text) for text in texts))


def id_of_file(text, path="requirements.txt", **files):
    contents = {path: text, **{name.replace("_txt", ".txt"): inner for name, inner in files.items()}}

    def load(name):
        if name not in contents:
            raise FileNotFoundError(2, "No such file or directory", name)
        content = contents[name]
        return content if isinstance(content, bytes) else content.encode()

    return identity(definition_material(read(path, load, finish=normalize).definition))


def tree_id(folder):
    return context_digest(read_tree(str(folder), "base.context"))


def test_1_a_field_that_came_later_changes_no_id_of_before():
    """https://github.com/flyteorg/flytekit/pull/2593"""
    first_keys = {
        "base", "python", "pypi", "constraints", "indexes", "conda", "channels", "system", "sdists", "accelerator",
        "virtual-packages", "layout",
    }  # fmt: skip
    material = definition_material(normalize(of("numpy")))
    assert material["request"].keys() == first_keys
    assert material.keys() == {
        "schema", "request", "platforms", "variables", "user", "workdir", "entrypoint", "run", "copy", "bytecode",
    }  # fmt: skip


def test_1_an_empty_list_is_a_list_that_is_not_there():
    """https://github.com/flyteorg/flytekit/pull/2593, and what it left: `[]` beside nothing."""
    written = 'format = 1\npypi = ["numpy"]\nsystem = []\nconstraints = []\n[variables]\n'
    assert id_of_file(written, "a.toml") == id_of_file('format = 1\npypi = ["numpy"]\n', "a.toml")


def other_pythons():
    """Those on PATH, and those that stand beside this one: each that starts."""
    named = [shutil.which(f"python3.{minor}") for minor in range(12, 16)]
    beside = map(str, Path(sys.base_prefix).parent.glob("3.1[2-9]*/bin/python3"))
    found = sorted({python for python in (*named, *beside) if python})
    return [
        python
        for python in found
        if subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0
    ]


OTHER_PYTHONS = other_pythons()


@pytest.mark.skipif(not OTHER_PYTHONS, reason="no other Python is here")
@pytest.mark.parametrize("python", OTHER_PYTHONS or [""])
def test_2_the_golden_vectors_hold_in_every_python(python, tmp_path):
    """https://github.com/conda/conda-lock/issues/432, https://github.com/alisw/alibuild/issues/378"""
    program = (
        "import json, sys\n"
        "from pathlib import Path\n"
        "from envbuild.canonical import encode\n"
        "from envbuild.digest import Digest\n"
        "from envbuild.definition import Definition, Requirement\n"
        "from envbuild.ids import definition_material\n"
        "from envbuild.normalize import normalize\n"
        "golden = json.loads(Path(sys.argv[1]).read_text())\n"
        "for vector in golden.values():\n"
        "    assert str(Digest.of(encode(vector['material']))) == vector['id'], vector\n"
        "plain = Definition(pypi=(Requirement('pandas>=2.0'), Requirement('Scikit_Learn'), Requirement('numpy')))\n"
        "assert definition_material(normalize(plain)) == golden['definition/plain']['material']\n"
        "print(len(golden))\n"
    )
    packages = [str(ROOT), *(path for path in sys.path if "site-packages" in path)]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(packages)}
    golden = str(ROOT / "tests" / "golden" / "ids.json")
    done = subprocess.run(
        [python, "-c", program, golden], env=env, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    if "unsupported" in done.stderr:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 5


def test_3_the_order_of_sets_never_shows(tmp_path):
    """https://github.com/conda/conda-lock/issues/449"""
    program = (
        "from envbuild.definition import Definition, Requirement\nfrom envbuild.ids import *\n"
        "from envbuild.normalize import normalize\n"
        "d = Definition(pypi=(Requirement('a[x,y,z,w]>=1,<9,!=2,!=3,!=4'),), system=tuple({'git', 'curl', 'zip', 'vim'}))\n"
        "print(identity(definition_material(normalize(d))))"
    )
    ids = set()
    for seed in ("0", "1", "2", "3"):
        env = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, "-c", program], env=env, cwd=tmp_path, capture_output=True, text=True, check=True
        )
        ids.add(done.stdout)
    assert len(ids) == 1


def test_4_no_version_of_ours_is_in_an_id():
    """https://github.com/conda/conda-lock/pull/797, https://github.com/modal-labs/modal-client/pull/2482"""
    import envbuild

    materials = [definition_material(normalize(of("numpy"))), request_material(normalize(of("numpy")), LINUX_AMD64)]
    assert all(envbuild.__version__ not in encode(material).decode() for material in materials)


def test_5_the_order_of_packages_is_no_meaning():
    """https://github.com/seqeralabs/wave/pull/474"""
    assert definition_id(of("numpy", "pandas")) == definition_id(of("pandas", "numpy"))


def test_5_6_the_order_of_channels_and_indexes_is_one():
    """https://github.com/conda/conda-lock/pull/102: sorting what has an order."""
    first, second = Index("a", "https://a.example/simple"), Index("b", "https://b.example/simple")
    assert request_id(replace(of("x"), indexes=(first, second))) != request_id(
        replace(of("x"), indexes=(second, first))
    )
    conda = Definition(conda=("numpy",), channels=("conda-forge", "bioconda"))
    assert request_id(conda) != request_id(replace(conda, channels=("bioconda", "conda-forge")))
    assert definition_id(replace(of("x"), run=("a", "b"))) != definition_id(replace(of("x"), run=("b", "a")))


def test_7_a_name_is_no_meaning():
    """https://github.com/nf-core/modules/pull/4080"""
    assert definition_id(replace(of("numpy"), name="a")) == definition_id(replace(of("numpy"), name="b"))
    yml = "name: {}\ndependencies:\n- python=3.11\n- pip:\n  - numpy\n"
    assert id_of_file(yml.format("a"), "environment.yml") == id_of_file(yml.format("b"), "environment.yml")


@pytest.mark.parametrize(
    "text",
    [
        "NumPy==2.0\n",
        "numpy == 2.0 # why\n",
        "# a\n\nnumpy==2.0\nnumpy==2.0\n",
        "numpy==2.0\r\n",
        "\ufeffnumpy==2.0.0\n",
    ],
)
def test_8_case_spaces_comments_duplicates_and_line_ends_are_no_meaning(text):
    """Each of them was a new tag with flytekit."""
    assert id_of_file(text) == id_of_file("numpy==2.0\n")


def test_9_no_two_fields_can_stand_for_one_another():
    """Keys that are joined texts: `ab` + `c` was `a` + `bc`."""
    assert definition_id(of("ab", "c")) != definition_id(of("a", "bc"))
    assert definition_id(replace(of("x"), entrypoint=("a b",))) != definition_id(
        replace(of("x"), entrypoint=("a", "b"))
    )
    as_variable = Definition(variables=(("A", "b"), ("C", "d")))
    assert definition_id(as_variable) != definition_id(Definition(variables=(("A", 'b","C":"d'),)))

    def tree(*files):
        return context_digest(ContextEntry(path, "file", sha256=sha) for path, sha in files)

    assert tree((b"a", "0" * 64), (b"b", "1" * 64)) != tree((b"a", "1" * 64), (b"b", "0" * 64))


def test_10_an_id_is_a_whole_sha256():
    """Keys of 32, 60 and 64 bits, and how people found them colliding: Wave, Metaflow, conda-store."""
    assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", str(one)) for one in (definition_id(of("x")), request_id(of("x"))))


def test_11_12_what_was_resolved_has_an_id_of_its_own():
    """https://github.com/seqeralabs/wave/issues/172, https://github.com/jupyterhub/repo2docker/issues/331: an upgrade that
    no key could see."""
    lock = Lock(platform=LINUX_AMD64, base=DebianBase(), base_artifacts=(), artifacts=())
    before = identity(image_material(identity(lock_material(lock)), ImageSettings()))
    after = identity(image_material(identity(lock_material(replace(lock, platform=ARM))), ImageSettings()))
    assert before != after


def test_13_a_base_by_tag_and_by_digest_are_two_requests():
    """https://github.com/zenml-io/zenml/pull/3617"""
    assert request_id(Definition(base=ImageBase("h.example/b:1"))) != request_id(
        Definition(base=ImageBase(f"h.example/b@{SHA[0]}"))
    )


def test_14_a_dockerfile_enters_by_its_content():
    """https://github.com/zenml-io/zenml/pull/3607"""
    one, other = DockerfileBase("FROM a\n", path="Dockerfile"), DockerfileBase("FROM b\n", path="Dockerfile")
    assert request_id(Definition(base=one)) != request_id(Definition(base=other))
    with pytest.raises(ValueError, match="was not read"):
        definition_material(normalize(Definition(base=DockerfileBase(path="Dockerfile"))))


def test_15_the_platform_is_in_the_request_and_has_a_fixed_default():
    """https://github.com/flyteorg/flyte/issues/6388, https://github.com/aws/aws-cdk/issues/12472"""
    both = replace(of("x"), platforms=(LINUX_AMD64, ARM))
    assert request_id(both, LINUX_AMD64) != request_id(both, ARM)
    assert Definition().platforms == (LINUX_AMD64,)


def test_16_17_the_machine_that_asks_is_in_no_id(tmp_path, monkeypatch):
    """https://github.com/flyteorg/flyte-sdk/pull/163: its Python, its settings, its folder."""
    before = id_of_file("numpy\n")
    for name, value in {
        "PIP_INDEX_URL": "https://mirror.example/simple",
        "PIP_EXTRA_INDEX_URL": "https://more.example/simple",
        "UV_INDEX_URL": "https://mirror.example/simple",
        "CONDA_CHANNELS": "bioconda",
        "ENVBUILD_RESOLVER": "pip-tools",
        "SOURCE_DATE_EPOCH": "1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    assert id_of_file("numpy\n") == before


def test_18_target_and_arguments_of_a_build_are_in_its_id():
    """https://github.com/aws/aws-cdk/issues/5683"""
    base = DockerfileBase("FROM a AS one\n")
    ids = {
        request_id(Definition(base=b))
        for b in (base, replace(base, target="one"), replace(base, arguments=(("A", "1"),)))
    }
    assert len(ids) == 3


def test_19_a_proxy_among_the_arguments_would_always_miss():
    """https://github.com/aws/aws-cdk/issues/15936"""
    with pytest.raises(InvalidDefinition, match="proxy"):
        normalize(Definition(base=DockerfileBase("FROM a\n", arguments=(("HTTP_PROXY", "http://p.example"),))))


@pytest.mark.parametrize(
    "line", ["--extra-index-url https://u:s3cret@h.example/simple", "--index-url https://u:s3cret@h.example/simple"]
)
def test_20_a_login_in_a_url_is_nowhere_but_where_logins_are(line):
    """https://github.com/Netflix/metaflow-nflx-extensions/pull/53"""
    found = read("r.txt", lambda _: f"{line}\nnumpy\n".encode(), finish=normalize)
    assert "s3cret" not in repr(definition_material(found.definition))
    assert found.logins == (("h.example", "u:s3cret"),)
    other = read("r.txt", lambda _: f"{line}\nnumpy\n".replace("s3cret", "new").encode(), finish=normalize)
    assert definition_id(other.definition) == definition_id(found.definition)


def test_21_22_times_and_owners_of_files_are_no_content(tmp_path):
    """https://github.com/nextflow-io/nextflow/issues/3652, https://github.com/moby/moby/pull/12031,
    https://github.com/jupyterhub/repo2docker/issues/508"""
    (tmp_path / "a").write_text("x")
    before = tree_id(tmp_path)
    os.utime(tmp_path / "a", (1, 1))
    (tmp_path / "a").chmod(0o600)
    if os.getuid() == 0:
        os.chown(tmp_path / "a", 1234, 1234)
    assert tree_id(tmp_path) == before


def test_23_the_order_in_which_a_folder_lists_is_no_content(tmp_path):
    """https://github.com/nextflow-io/nextflow/issues/6112"""
    names = [f"f{number}" for number in range(50)]
    for folder, order in ((tmp_path / "one", names), (tmp_path / "two", names[::-1])):
        folder.mkdir()
        for name in order:
            (folder / name).write_text(name)
    assert tree_id(tmp_path / "one") == tree_id(tmp_path / "two")


def test_24_what_may_be_executed_and_where_a_link_leads_is_content(tmp_path):
    """flytekit left both out."""
    (tmp_path / "a").write_text("x")
    (tmp_path / "l").symlink_to("a")
    before = tree_id(tmp_path)
    (tmp_path / "a").chmod(0o755)
    executable = tree_id(tmp_path)
    (tmp_path / "l").unlink()
    (tmp_path / "l").symlink_to("b")
    assert len({before, executable, tree_id(tmp_path)}) == 3


def test_25_line_ends_of_another_system_are_no_meaning():
    """https://github.com/aws/aws-cdk/issues/14555"""
    toml = 'format = 1\r\npypi = ["numpy"]\r\n'
    assert id_of_file(toml, "a.toml") == id_of_file(toml.replace("\r\n", "\n"), "a.toml")


def test_26_where_a_context_stands_is_no_content(tmp_path):
    """https://github.com/jupyterhub/repo2docker/issues/923, https://github.com/nextflow-io/nextflow/pull/5489"""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a").write_text("x")
    assert tree_id(tmp_path / "one") == tree_id(tmp_path / "two")
    base = DockerfileBase("FROM a\n", Context("here", SHA[0]), path="Dockerfile")
    moved = replace(base, context=Context("there", SHA[0]), path="docker/Dockerfile")
    assert definition_id(Definition(base=base)) == definition_id(Definition(base=moved))


def test_28_included_files_enter_by_content():
    """https://github.com/ray-project/ray/issues/47488, https://github.com/tensorchord/envd/issues/836"""
    assert id_of_file("-r more.txt\n", more_txt="six\n") == id_of_file("-r more.txt\n", more_txt="# same\nSix\n")
    assert id_of_file("-r more.txt\n", more_txt="six\n") != id_of_file("-r more.txt\n", more_txt="idna\n")
    assert id_of_file("-c more.txt\nx\n", more_txt="x<2\n") != id_of_file("-c more.txt\nx\n", more_txt="x<3\n")


def test_30_31_a_project_is_an_input_only_where_it_is_installed():
    """https://github.com/jupyterhub/binderhub/issues/746, https://github.com/prefix-dev/pixi/issues/2846"""
    with_project = replace(of("six"), project=Project(".", SHA[0]))
    assert definition_id(with_project) != definition_id(replace(with_project, project=Project(".", SHA[1])))
    assert request_id(with_project) == request_id(replace(with_project, project=Project(".", SHA[1])))
    assert definition_id(of("six")) == definition_id(replace(of("six"), project=None))


def test_36_cpu_and_gpu_are_two_requests():
    """Netflix's prebuilt images shared a tag."""
    assert len({request_id(replace(of("torch"), accelerator=one)) for one in ("", "cpu", "cu128")}) == 3


def test_41_what_a_solver_may_assume_of_the_machine_is_in_the_definition():
    """Wave overrode __cuda and __glibc of whoever built."""
    conda = Definition(conda=("numpy",), channels=("conda-forge",))
    assert request_id(conda) != request_id(replace(conda, virtual_packages=(("__cuda", "12.8"),)))


def test_43_every_material_names_its_schema():
    """conda-store keeps three versions of its keys alive."""
    normal = normalize(of("numpy"))
    lock = Lock(platform=LINUX_AMD64, base=DebianBase(), base_artifacts=(), artifacts=())
    lock_id = identity(lock_material(lock))
    materials = [
        definition_material(normal),
        request_material(normal, LINUX_AMD64),
        lock_material(lock),
        image_material(lock_id, ImageSettings()),
        index_material([lock_id]),
    ]
    schemas = [material["schema"] for material in materials]
    assert len(set(schemas)) == len(schemas)
    assert all(re.fullmatch(r"envbuild\.[a-z]+/\d+", schema) for schema in schemas)


ELSEWHERE = {
    27: "tests/unit/context",
    29: "tests/unit/resolvers",
    32: "tests/unit/sources",
    33: "tests/unit/formats",
    37: "tests/integration/test_registry_real.py",
    38: "tests/unit/registry",
    39: "tests/unit/builders",
    40: "tests/integration/test_flow_look_inside.py",
}
"""27: ignore files decide, and are content; 29: wheels by their bytes; 32: files that change while they are read; 33: an id of
what was not read yet; 37: unknown is never a hit; 38: what a registry shows late; 39: ids stand last; 40: a verified image."""

NOT_HERE = {
    34: "a lock is made before the build, and never read from its log",
    35: "a lock has the packages of all kinds, since one resolution makes it",
    42: "what runs is an image's digest: no runner has a version of its own for it",
}


def test_every_known_pitfall_is_a_test_or_has_its_reason():
    here = {int(number) for name in globals() for number in re.findall(r"_(\d+)", name) if name.startswith("test_")}
    assert here | set(ELSEWHERE) | set(NOT_HERE) == set(range(1, 44))
    assert all((ROOT / place).exists() for place in ELSEWHERE.values())


def test_copied_files_enter_by_content_and_place():
    step = CopyStep("a", "/a", SHA[0])
    ids = {
        definition_id(replace(of("x"), copy=(one,)))
        for one in (step, replace(step, digest=SHA[1]), replace(step, target="/b"))
    }
    assert len(ids) == 3
