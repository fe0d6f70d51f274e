"""Conda's environments, read from conda-meta as conda, mamba and pixi write it: no conda is asked."""

import json

import pytest
from environments import Made, conda_record

from envbuild.conda.condarc import Condarc
from envbuild.errors import UsageError
from envbuild.normalize import normalize
from envbuild.platforms import LINUX_AMD64, Platform
from envbuild.sources.installed import captured
from envbuild.sources.installed.condaenvironments import conda_environment, conda_environments
from envbuild.sources.installed.condameta import channel_name
from envbuild.sources.installed.leftbehind import Left

CREATED = "# cmd: /opt/conda/bin/conda create -n train {0}\n# conda version: 24.1.0\n+x\n# update specs: [{1}]"


@pytest.fixture
def env(tmp_path):
    return Made.conda(tmp_path / "envs" / "Train_1")


def read(made, **environ):
    """What is captured; whatever it was made of, the definition holds up."""
    found = captured(made.path, environ)
    normalize(found.definition)
    return found


def pins(found):
    return [requirement.text for requirement in found.definition.pypi]


def left(found, *but):
    return {one.name: one.reason for one in found.left_behind if one.reason not in but}


def test_python_by_conda_and_all_else_by_pip_is_a_definition_without_conda(env):
    """What `conda create python=3.11` and `pip install` make needs nothing of conda: it builds as it is."""
    env.python_by_conda(requested_spec="python=3.11")
    env.history(CREATED.format("python=3.11", "'python=3.11'"))
    env.dist("requests", "2.32.0", requires=["idna"], requested=True)
    env.dist("idna", "3.7")
    found = read(env)
    assert (found.definition.python, found.definition.conda, found.definition.channels) == ("3.11", (), ())
    assert (pins(found), found.definition.name) == (["idna==3.7", "requests==2.32.0"], "train-1")
    assert left(found, Left.BASE) == dict.fromkeys(["pip", "setuptools", "wheel"], Left.TOOL)
    assert {one.name for one in found.left_behind if one.reason is Left.BASE} == {
        "openssl",
        "ca-certificates",
        "tzdata",
    }


def test_what_pip_s_packages_need_of_conda_s_python_is_pinned(env):
    env.python_by_conda(requested_spec="python=3.11")
    env.dist("torch", "2.3.0", requires=["setuptools"])
    assert pins(read(env)) == ["setuptools==75.1.0", "torch==2.3.0"]


def test_a_clone_asks_for_every_file_and_still_means_python_alone(env):
    """`conda create --clone` writes each package as asked for."""
    env.python_by_conda()
    names = ("python", "openssl", "ca-certificates", "tzdata", "pip", "setuptools", "wheel")
    specs = ", ".join(f"'conda-forge/linux-64::{name}==1.0=h1_0'" for name in names)
    env.history(CREATED.format("--clone base", specs))
    assert read(env).definition.conda == ()


def test_conda_packages_are_pinned_with_their_builds_as_conda_env_export_does(env):
    """What works there was these builds: another build of a version may be of another BLAS or CUDA."""
    env.python_by_conda()
    env.record("numpy", "1.26.4", "py311_0", depends=["python", "libopenblas"], dists=["numpy"])
    env.record("libopenblas", "0.3.27", "h_0")
    env.history(
        CREATED.format("python=3.11", "'python=3.11'"), "# cmd: conda install numpy\n# update specs: ['numpy>=1.20']"
    )
    env.dist("requests", "2.32.0", requires=["idna", "numpy"])
    env.dist("idna", "3.7")
    found = read(env)
    assert found.definition.conda == (
        "ca-certificates==2024.7.2=h3_0", "libopenblas==0.3.27=h_0", "numpy==1.26.4=py311_0", "openssl==3.3.0=h2_3",
        "pip==24.2=py311_0", "python==3.11.9=h1_0", "setuptools==75.1.0=py311_0", "tzdata==2024a=h4_0",
        "wheel==0.44.0=py311_0",
    )  # fmt: skip
    assert (found.definition.channels, pins(found)) == (("conda-forge",), ["idna==3.7", "requests==2.32.0"])
    assert found.left_behind == ()
    assert found.definition.platforms == (LINUX_AMD64,)


def test_a_removed_package_was_not_asked_for(env):
    env.python_by_conda()
    env.history(
        CREATED.format("python", "'python=3.11'"),
        "# cmd: conda install numpy\n# update specs: ['numpy']",
        "# cmd: conda remove numpy\n# remove specs: ['numpy']",
    )
    assert read(env).definition.conda == ()


@pytest.mark.parametrize(
    "spec",
    ["'numpy'", "'conda-forge::numpy=1.26'", '"numpy[version=\'>=1.20\']"', "'numpy 1.26.*'", "'defaults/linux-64::numpy==1.26.4=py311_0'",
     "'https://conda.anaconda.org/conda-forge/linux-64/numpy-1.26.4-py311_0.conda'"],
)  # fmt: skip
def test_every_form_of_a_spec_in_the_history_names_its_package(env, spec):
    env.python_by_conda()
    env.record("numpy", "1.26.4", depends=["python"])
    env.history(CREATED.format("python numpy", f"'python=3.11', {spec}"))
    assert "numpy==1.26.4=0" in read(env).definition.conda


@pytest.mark.parametrize("line", ["# update specs: python=2.7,numpy >=1.2,<2", "# install specs: ['numpy', 'python']"])
def test_the_history_of_old_condas_is_understood(env, line):
    env.python_by_conda()
    env.record("numpy", "1.26.4", depends=["python"])
    env.history(f"# cmd: conda install x\n{line}")
    assert "numpy==1.26.4=0" in read(env).definition.conda


@pytest.mark.parametrize("marks", ["requested_spec", "requested_specs", None])
def test_without_a_history_the_records_or_the_dependencies_tell_what_was_asked_for(env, marks):
    """pixi and rattler write no history."""
    numpy = {"requested_spec": {"requested_spec": "numpy"}, "requested_specs": {"requested_specs": ["numpy"]}}.get(
        marks, {}
    )
    env.python_by_conda(subdir="osx-arm64", **({"requested_spec": "python"} if marks else {}))
    env.record(
        "numpy",
        "1.26.4",
        depends=["python_abi 3.11.* *_cp311", "python", "libblas >=3.9.0,<4.0a0"],
        subdir="osx-arm64",
        **numpy,
    )
    env.record("libblas", "3.9.0", subdir="osx-arm64")
    found = read(env)
    assert found.definition.conda == ("numpy=1.26.4", "python=3.11.9")
    assert left(found)["libblas"] is Left.BY_ITSELF


@pytest.mark.parametrize(
    "text", ["", "==> 2024 <==\n# update specs: ['a\n", "# update specs: [\xff]", "# remove specs:"]
)
def test_a_broken_history_is_no_history(env, text):
    env.python_by_conda(requested_spec="python")
    (env.path / "conda-meta/history").write_bytes(text.encode("latin-1"))
    assert read(env).definition.python == "3.11"


def test_of_another_system_what_was_asked_for_is_taken_with_its_versions(env):
    """A Mac's libraries have no place on Linux; numpy's version has."""
    env.record("python", "3.11.9", subdir="osx-arm64", depends=["openssl"])
    env.record("openssl", "3.3.0", subdir="osx-arm64")
    env.record("numpy", "1.26.4", subdir="osx-arm64", depends=["python", "llvm-openmp"], dists=["numpy"])
    env.record("llvm-openmp", "18.1.6", subdir="osx-arm64")
    env.history(CREATED.format("numpy", "'numpy'"))
    env.dist("requests", "2.32.0", requires=["idna", "numpy"])
    env.dist("idna", "3.7")
    found = read(env)
    assert found.definition.conda == ("numpy=1.26.4", "python=3.11.9")
    assert pins(found) == ["requests==2.32.0"]
    assert left(found) == dict.fromkeys(["idna", "llvm-openmp", "openssl"], Left.BY_ITSELF)


def test_a_python_that_conda_alone_has_stays_conda_s(env):
    env.python_by_conda(version="3.7.12", requested_spec="python=3.7")
    env.dist("requests", "2.32.0")
    found = read(env)
    assert ("python==3.7.12=h1_0" in found.definition.conda, pins(found)) == (True, ["requests==2.32.0"])


def test_an_environment_without_python_is_conda_s_alone(tmp_path):
    env = Made.conda(tmp_path / "r")
    env.record("r-base", "4.3.1", subdir="linux-aarch64")
    found = read(env)
    assert (found.definition.conda, found.definition.pypi) == (("r-base==4.3.1=0",), ())
    assert found.definition.platforms == (Platform("linux", "arm64"),)


def test_what_pip_put_over_conda_s_package_is_pip_s(env):
    """The record still says 1.26; what is imported is 2.0."""
    env.python_by_conda()
    env.record("numpy", "1.26.4", depends=["python"], dists=["numpy"], requested_spec="numpy")
    env.record("scipy", "1.11", depends=["numpy"], dists=["scipy"], requested_spec="scipy")
    old = env.site / "numpy-1.26.4.dist-info"
    for file in old.iterdir():
        file.unlink()
    old.rmdir()
    env.dist("numpy", "2.0.0")
    found = read(env)
    assert not [spec for spec in found.definition.conda if spec.startswith("numpy")]
    assert (pins(found), left(found)) == (["numpy==2.0.0"], {"numpy": Left.OVERWRITTEN})


def test_python_s_own_metadata_is_no_package_that_pip_could_take_away(env):
    """Python 2 and old 3 have lib/python2.7/wsgiref.egg-info, setuptools has others' metadata within it."""
    env.python_by_conda(files=["lib/python3.11/wsgiref.egg-info"], requested_spec="python")
    record = conda_record(
        "more", "1.0", "0", files=["lib/python3.11/site-packages/more/_vendor/x-1.dist-info/METADATA"]
    )
    (env.path / "conda-meta/more-1.0-0.json").write_text(json.dumps(record))
    found = read(env)
    assert found.definition.python == "3.11"
    assert Left.OVERWRITTEN not in {one.reason for one in found.left_behind}


def test_a_package_of_another_channel_names_it_and_no_secret_is_kept(env):
    """The first channel hides what stands behind it; a token in a record is somebody's password."""
    env.python_by_conda()
    env.record(
        "samtools", "1.20", channel="https://me:secret@conda.corp.example/t/secret-1/bio", requested_spec="samtools"
    )
    env.record("bwa", "0.7", channel="https://conda.anaconda.org/t/secret-2/bioconda", requested_spec="bwa")
    env.record("mkl", "2024.0", channel="https://repo.anaconda.com/pkgs/main")
    found = read(env)
    assert found.definition.channels == ("conda-forge", "bioconda", "defaults", "https://conda.corp.example/bio")
    assert {"bioconda::bwa==0.7=0", "https://conda.corp.example/bio::samtools==1.20=0"} <= {*found.definition.conda}
    assert "defaults::mkl==2024.0=0" in found.definition.conda
    assert "secret" not in repr(found)


CORP = Condarc(
    channel_alias="https://mirror.example/conda",
    custom_channels={"ours": "https://intern.example"},
    mirrored_channels={"conda-forge": ("https://near.example/cf",)},
    custom_multichannels={"team": ("https://intern.example/a", "https://intern.example/b")},
)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://conda.anaconda.org/conda-forge/linux-64", "conda-forge"),
        ("https://conda.anaconda.org/conda-forge/label/dev/noarch", "conda-forge/label/dev"),
        ("https://mirror.example/conda/bioconda/linux-64", "bioconda"),
        ("https://mirror.example/conda/t/TOKEN/bioconda/linux-64/", "bioconda"),
        ("https://intern.example/ours/noarch", "ours"),
        ("https://near.example/cf/osx-arm64", "conda-forge"),
        ("https://intern.example/b/linux-64", "team"),
        ("https://repo.anaconda.com/pkgs/main/linux-64", "defaults"),
        ("https://repo.anaconda.com/pkgs/r/noarch", "defaults"),
        ("pkgs/main", "defaults"),
        ("conda-forge", "conda-forge"),
        ("https://else.example/x/linux-64?sig=TOKEN", "https://else.example/x"),
        ("", ""),
    ],
)
def test_a_channel_gets_the_name_that_it_has_everywhere(url, name):
    """A definition says which channel; only the machine says where that is."""
    assert channel_name(url, CORP) == name


def test_variables_of_the_environment_come_along(env):
    """`conda env config vars set`; conda env export has them, too."""
    env.python_by_conda(requested_spec="python")
    kept = {"MODE": "train", "GONE": "***unset***", "NO NAME": "x"}
    (env.path / "conda-meta/state").write_text(json.dumps({"env_vars": kept}))
    found = read(env)
    assert found.definition.variables == (("MODE", "train"),)
    assert left(found, Left.BASE, Left.TOOL) == {"NO NAME": Left.VARIABLE}


@pytest.mark.parametrize(
    "data",
    [b"{", b"\xff", b"[]", b"{}", b'{"name": "x"}', b'{"name": "x", "version": 1}', b'{"name":"x","version":"1","depends":7}', b"[" * 9999],
)  # fmt: skip
def test_a_record_that_is_none_is_named(env, data):
    """conda itself gives up on it: what the environment has is not known then."""
    (env.path / "conda-meta/x-1-0.json").write_bytes(data)
    with pytest.raises(UsageError) as refused:
        read(env)
    assert refused.value.at.endswith("x-1-0.json")


def test_what_macos_leaves_beside_a_record_is_passed_over(env):
    env.python_by_conda(requested_spec="python")
    (env.path / "conda-meta/._python-3.11.9-h1_0.json").write_bytes(b"\0\5\x16\7")
    assert read(env).definition.python == "3.11"


def test_a_version_that_is_none_is_left_behind(env):
    env.python_by_conda()
    env.record("odd", "1.0[x]", requested_spec="odd")
    assert left(read(env))["odd"] is Left.BROKEN


def test_what_conda_build_made_here_is_left_behind(env):
    """No other machine has that channel; what conda did not note the channel of may be anywhere."""
    env.python_by_conda()
    env.record("mine", "1.0", channel="local", requested_spec="mine")
    env.record("lost", "1.0", channel="<unknown>", requested_spec="lost")
    found = read(env)
    assert left(found)["mine"] is Left.LOCAL
    assert ("lost==1.0=0" in found.definition.conda, found.definition.channels) == (True, ("conda-forge",))


def test_records_of_windows_have_backslashes(env):
    env.python_by_conda(requested_spec="python=3.11")
    record = conda_record("requests", "2.28.2", "0", files=["Lib\\site-packages\\requests-2.28.2.dist-info\\METADATA"])
    (env.path / "conda-meta/requests-2.28.2-0.json").write_text(json.dumps(record))
    env.dist("requests", "2.28.2", installer="pip")
    assert "requests==2.28.2" not in pins(read(env))


# By name.


@pytest.fixture
def machine(tmp_path):
    """A conda with environments in each of the places that conda has."""
    places = {
        "base": "conda", "a": "conda/envs/a", "b": "home/.conda/envs/b", "c": "configured/c", "elsewhere": "work/elsewhere",
        "twice": "conda/envs/twice",
    }  # fmt: skip
    for place in (*places.values(), "home/.conda/envs/twice"):
        (tmp_path / place / "conda-meta").mkdir(parents=True)
    (tmp_path / "conda/envs/no-environment").mkdir()
    listed = [tmp_path / "work/elsewhere", tmp_path / "deleted", tmp_path / "conda"]
    (tmp_path / "home/.conda/environments.txt").write_text("".join(f"{path}\n" for path in listed) + "\n")
    (tmp_path / "home/.condarc").write_text(f"envs_dirs:\n- {tmp_path}/configured\n- ~/missing\n")
    return {name: tmp_path / place for name, place in places.items()}, {"HOME": str(tmp_path / "home")}


@pytest.mark.parametrize(
    "told",
    [
        {"CONDA_EXE": "conda/bin/conda"},
        {"MAMBA_ROOT_PREFIX": "conda"},
        {"CONDA_PREFIX": "conda"},
        {"CONDA_PREFIX": "conda/envs/a"},
        {"CONDA_PREFIX": "work/elsewhere", "CONDA_PREFIX_1": "conda"},
    ],
)
def test_environments_are_found_by_name_as_conda_finds_them(machine, tmp_path, told):
    """from_existing_conda_environment takes a name; conda need not be there to say where it is."""
    places, environ = machine
    environ = environ | {name: str(tmp_path / place) for name, place in told.items()}
    assert conda_environments(environ) == places
    assert next(iter(conda_environments(environ))) == "base"
    assert conda_environment("root", environ) == places["base"]
    assert conda_environment("c", environ) == places["c"]


def test_envs_dirs_may_be_said_by_a_variable_as_path_is(machine, tmp_path):
    _, environ = machine
    for name in ("x", "y"):
        (tmp_path / name / f"in-{name}" / "conda-meta").mkdir(parents=True)
    for variable in ("CONDA_ENVS_DIRS", "CONDA_ENVS_PATH"):
        found = conda_environments(environ | {variable: f"{tmp_path}/x:{tmp_path}/y"})
        assert {"in-x", "in-y", "c"} <= found.keys()


@pytest.mark.parametrize("name", ["typo", "", "../a", "no-environment", "deleted"])
def test_a_name_that_there_is_not_is_told_with_those_that_there_are(machine, tmp_path, name):
    """AzureML's printed a line and returned None."""
    _, environ = machine
    with pytest.raises(UsageError) as refused:
        conda_environment(name, environ | {"CONDA_EXE": str(tmp_path / "conda/bin/conda")})
    assert refused.value.hint == "known here: base, a, b, c, elsewhere, twice"


def test_without_any_conda_it_is_said_where_one_is_looked_for(tmp_path):
    with pytest.raises(UsageError) as refused:
        conda_environment("train", {"HOME": str(tmp_path)})
    assert "CONDA_EXE" in refused.value.hint
