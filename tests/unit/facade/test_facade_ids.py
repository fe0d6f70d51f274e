"""One meaning, one id: what is made in code is what the file of the same meaning is, and saving loses nothing."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envbuild.azuremlform.yamltext import yaml_text
from envbuild.conda_dependencies import CondaDependencies
from envbuild.environment import DockerBuildContext, Environment
from envbuild.errors import InvalidDefinition
from envbuild.formats.nodes.yamlnodes import parse, plain
from envbuild.runconfig import RunConfiguration


def with_packages(**given):
    made = Environment("x")
    made.python.conda_dependencies = CondaDependencies.create(**given)
    return made


def with_variables():
    made = with_packages(pip_packages=["numpy"])
    made.environment_variables = {"MODE": "fast", "DEBUG": "yes"}
    return made


def with_image():
    made = with_packages(pip_packages=["numpy"])
    made.docker.base_image = "registry.example/base:1"
    return made


def with_indexes():
    made = with_packages(pip_packages=["numpy"], pip_indexurl="https://index.example/simple")
    made.python.conda_dependencies.set_pip_option("--extra-index-url https://more.example/simple")
    return made


def with_dockerfile():
    made = with_packages(pip_packages=["numpy"])
    made.docker.base_dockerfile = "FROM registry.example/base:1\n"
    return made


SAME = {
    "nothing": (lambda: Environment("x"), "environment.yml", "dependencies: [python=3.11]\n"),
    "requirements": (
        lambda: with_packages(pip_packages=["Pandas>=2.0", "numpy[extra] ; python_version < '4'"]),
        "requirements.txt",
        "numpy[Extra]; python_version<'4'\npandas>=2\n",
    ),
    "conda": (
        lambda: with_packages(conda_packages=["numpy=1.26", "pip"], pip_packages=["pandas"]),
        "environment.yml",
        "dependencies: [pip, numpy=1.26, python=3.11, {pip: [pandas]}]\nchannels: [conda-forge]\n",
    ),
    "another Python": (
        lambda: with_packages(python_version="3.13", pip_packages=["numpy"]),
        "environment.yml",
        "dependencies: ['python=3.13', pip, {pip: [numpy]}]\n",
    ),
    "variables": (with_variables, "envbuild.toml", 'format = 1\npypi = ["numpy"]\n[variables]\nMODE = "fast"\nDEBUG = "yes"\n'),
    "indexes": (
        with_indexes,
        "requirements.txt",
        "--index-url https://index.example/simple\n--extra-index-url https://more.example/simple/\nnumpy\n",
    ),
    "image": (with_image, "env.yaml", "image: registry.example/base:1\nconda_file: {dependencies: [python=3.11, {pip: [numpy]}]}\n"),
    "Dockerfile": (
        with_dockerfile,
        "envbuild.toml",
        'format = 1\npypi = ["numpy"]\n[base]\ndockerfile = "Dockerfile"\n',
    ),
    "image as it is": (
        lambda: Environment.from_docker_image("x", "registry.example/base:1"),
        "env.yaml",
        "image: registry.example/base:1\n",
    ),
    "build context as it is": (
        lambda: Environment.from_docker_build_context("x", DockerBuildContext(location="context")),
        "env.yaml",
        "build: {path: context}\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SAME.values(), ids=SAME)
def test_what_is_made_in_code_has_the_id_of_the_file_that_says_the_same(case, folder, kit):
    make, name, text = case
    (folder / name).write_text(text, encoding="utf-8")
    assert kit.id_of(make()) == kit.file_id(name)


def test_a_context_has_one_id_wherever_it_is(folder, kit, monkeypatch):
    """Two people who work from different folders share one image."""
    inside = Environment.from_docker_build_context("x", DockerBuildContext(location="context"))
    first = kit.id_of(inside)
    monkeypatch.chdir(folder / "more")
    outside = Environment.from_docker_build_context("x", DockerBuildContext(location="../context"))
    absolute = Environment.from_docker_build_context("x", DockerBuildContext(location=folder / "context"))
    assert kit.id_of(outside) == kit.id_of(absolute) == first


def test_what_is_saved_over_another_environment_has_nothing_of_it(folder):
    """Or an old Dockerfile would come back with the next load."""
    first = Environment.from_dockerfile("x", "Dockerfile", "environment.yml")
    first.save_to_directory("saved")
    second = Environment("x")
    second.save_to_directory("saved", overwrite=True)
    loaded = Environment.load_from_directory("saved")
    assert loaded == second


PACKAGES = st.lists(
    st.sampled_from(["numpy", "numpy>=1.20", "Scikit_Learn", "pandas<3", "scipy==1.11.0", "tool[x,y]"]), max_size=5
)
SPECS = st.lists(st.sampled_from(["numpy=1.26", "conda-forge::scipy", "pandas>=2,<3", "libfoo", "pip"]), max_size=4)
VARIABLES = st.dictionaries(
    st.sampled_from("ABC"), st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6)
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(pip=PACKAGES, conda=SPECS, variables=VARIABLES, shuffled=st.randoms(use_true_random=False))
def test_order_and_a_way_through_files_change_nothing(pip, conda, variables, shuffled, folder, kit):
    made = with_packages(pip_packages=pip, conda_packages=conda)
    made.environment_variables = variables
    other = Environment("other")
    packages = made.python.conda_dependencies
    again = [*packages.pip_packages], [*packages.conda_packages]
    for items in again:
        shuffled.shuffle(items)
    other.python.conda_dependencies = CondaDependencies.create(pip_packages=again[0], conda_packages=again[1])
    other.environment_variables = dict(reversed(variables.items()))
    made.save_to_directory("saved", overwrite=True)
    loaded = Environment.load_from_directory("saved")
    assert loaded == made
    assert kit.id_of(made) == kit.id_of(other) == kit.id_of(loaded) == kit.file_id("saved/azureml_environment.json")
    (folder / "environment.yml").write_text(packages.serialize_to_string(), encoding="utf-8")
    without = made.clone("without")
    without.environment_variables = {}
    assert kit.id_of(without) == kit.file_id("environment.yml")


WORDS = st.text(st.characters(codec="utf-8"), max_size=12)
ODD = st.sampled_from(
    [
        "3.10",
        "yes",
        "~",
        "",
        "- a",
        "a: b",
        "a #b",
        "# a",
        "*",
        "&a",
        "? a",
        "[a",
        "{",
        "2020-01-01",
        "---",
        "a:",
        "!x",
        "'",
        "<<",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS | ODD,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | ODD, inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(value=st.dictionaries(WORDS | ODD, VALUES, min_size=1, max_size=4))
def test_yaml_text_is_read_back_as_the_same_values(value):
    """A file that is written means what was in memory, whatever the words look like to YAML."""
    assert plain(parse(yaml_text(value))) == value


SDK_FILES = {
    "of 2019": {
        "name": "first", "version": None, "environmentVariables": {"EXAMPLE_ENV_VAR": "EXAMPLE_VALUE"},
        "python": {"userManagedDependencies": False, "interpreterPath": "python", "condaDependenciesFile": None, "baseCondaEnvironment": None},
        "docker": {
            "enabled": False, "baseImage": "registry.example/base:1", "baseDockerfile": None, "sharedVolumes": True, "gpuSupport": True,
            "shmSize": "1g", "arguments": [], "baseImageRegistry": {"address": None, "username": None, "password": None},
        },
        "spark": {"repositories": [], "packages": [], "precachePackages": True},
        "databricks": {"mavenLibraries": [], "pypiLibraries": [], "rcranLibraries": [], "jarLibraries": [], "eggLibraries": []},
        "inferencingStackVersion": None,
    },
    "of the service, with packages inline": {
        "name": "second", "version": "7", "assetId": "azureml://locations/x",
        "python": {
            "userManagedDependencies": False, "interpreterPath": "python", "baseCondaEnvironment": None,
            "condaDependencies": {"channels": ["conda-forge"], "dependencies": ["python=3.11", {"pip": ["azureml-defaults", "numpy"]}], "name": "azureml_0"},
        },
        "environmentVariables": {"EXAMPLE_ENV_VAR": "EXAMPLE_VALUE"},
        "docker": {
            "baseImage": "registry.example/base:1", "platform": {"os": "Linux", "architecture": "amd64"}, "baseDockerfile": None, "buildContext": None,
            "baseImageRegistry": {"address": None, "username": None, "password": None, "registryIdentity": None},
            "enabled": False, "arguments": [], "shmSize": None,
        },
        "spark": {"repositories": [], "packages": [], "precachePackages": True}, "r": None, "inferencingStackVersion": None,
    },
}  # fmt: skip


@pytest.mark.parametrize("value", SDK_FILES.values(), ids=SDK_FILES)
def test_files_of_the_sdk_are_loaded_without_a_warning_and_mean_what_the_reader_of_files_says(value, folder, kit):
    """Years of saved environments go on working, by either way in."""
    (folder / "saved").mkdir()
    (folder / "saved/azureml_environment.json").write_text(json.dumps(value), encoding="utf-8")
    (folder / "saved/conda_dependencies.yml").write_text(
        "name: project_environment\nchannels: [conda-forge]\ndependencies:\n- python=3.11\n- pip:\n  - azureml-defaults\n  - numpy\n",
        encoding="utf-8",
    )
    made = Environment.load_from_directory("saved")
    assert kit.id_of(made) == kit.file_id("saved/azureml_environment.json")
    assert [requirement.text for requirement in made.to_definition().pypi] == ["numpy"]
    made.save_to_directory("again")
    assert kit.id_of(Environment.load_from_directory("again")) == kit.id_of(made)


def test_a_runconfig_of_the_sdk_is_loaded(folder):
    (folder / "aml_config").mkdir()
    (folder / "aml_config/conda_dependencies.yml").write_text(
        "dependencies: [python=3.11, {pip: [numpy]}]\n", encoding="utf-8"
    )
    (folder / "aml_config/train.runconfig").write_text(
        "# The script to run.\nscript: train.py\narguments: []\ntarget: local\nframework: Python\ncommunicator: None\n"
        "autoPrepareEnvironment: true\nmaxRunDurationSeconds:\nnodeCount: 1\nenvironment:\n  environmentVariables:\n"
        "    EXAMPLE_ENV_VAR: EXAMPLE_VALUE\n  python:\n    userManagedDependencies: false\n    interpreterPath: python\n"
        "    condaDependenciesFile: aml_config/conda_dependencies.yml\n  docker:\n    enabled: true\n"
        "    baseImage: registry.example/base:0.2.4\n    sharedVolumes: true\n    gpuSupport: false\n    arguments: []\n"
        "    baseImageRegistry:\n      address:\n      username:\n      password:\n  spark:\n    repositories:\n"
        "    - https://maven.example\n    packages:\n    - group: org.example\n      artifact: lib_2.11\n      version: '0.12'\n"
        "    precachePackages: true\nhistory:\n  outputCollection: true\n  snapshotProject: true\nspark:\n  configuration:\n"
        "    spark.yarn.maxAppAttempts: 1\nhdi:\n  yarnDeployMode: cluster\nmpi:\n  processCountPerNode: 2\ndataReferences: {}\n"
        "sourceDirectoryDataStore:\namlcompute:\n  vmSize:\n  retainCluster: false\n",
        encoding="utf-8",
    )
    made = RunConfiguration.load(".", "train")
    assert made.script == "train.py" and made.mpi.process_count_per_node == 2
    assert made.environment.spark.packages[0].version == "0.12"
    assert made.environment.python.conda_dependencies.pip_packages == ["numpy"]
    assert made.spark.configuration == {"spark.yarn.maxAppAttempts": 1}


def broken():
    made = Environment("x")
    conda = made.python.conda_dependencies
    conda.add_conda_package("python=3.11.4")
    conda.set_pip_requirements(["numpy", "scipy ~> 3", "--pre", "git+https://git.example/a.git"])
    made.environment_variables["A B"] = "1"
    made.environment_variables["WORKERS"] = 4
    made.docker.base_image = "Not An Image"
    made.docker.platform.architecture = "sparc"
    made.spark.repositories.append("https://maven.example")
    return made


def test_all_that_is_wrong_is_told_together_each_with_its_attribute():
    """Otherwise one mistake is found at each try, and somewhere in a file that the user never saw."""
    with pytest.raises(InvalidDefinition) as caught:
        broken().to_definition()
    places = [fault.at for fault in caught.value.faults]
    assert {
        "spark", "docker.base_image", "docker.platform", "environment_variables.WORKERS", "environment_variables.A B",
    } <= set(places)  # fmt: skip
    assert all(place.startswith("python.conda_dependencies.") for place in places if "conda" in place)
    assert "conda_dependencies.yml" not in str(caught.value)
    assert all(fault.hint for fault in caught.value.faults)


def test_lines_of_the_pip_section_are_told_by_their_number():
    made = with_packages(pip_packages=["numpy", "scipy ~> 3", "git+https://git.example/a.git"])
    made.python.conda_dependencies.set_pip_option("--pre")
    with pytest.raises(InvalidDefinition) as caught:
        made.to_definition()
    assert [fault.at.rpartition(".")[2] for fault in caught.value.faults] == [
        "pip_options[0]",
        "pip_packages[1]",
        "pip_packages[2]",
    ]


def test_a_missing_include_is_told_where_it_is_named():
    made = Environment("x")
    made.python.conda_dependencies.set_pip_requirements(["numpy", "-r absent.txt"])
    with pytest.raises(InvalidDefinition) as caught:
        made.to_definition()
    assert caught.value.faults[0].at == "python.conda_dependencies.pip_options[0]"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"name": 3}', "name"),
        ('{"docker": {"baseImage": ["a"]}}', "docker.baseImage"),
        ('{"inferencingStackVersion": "newest"}', "inferencingStackVersion"),
        ('{"python": {"condaDependencies": {"dependencies": [3.1]}}}', "python.condaDependencies: dependencies: 3.1"),
        ('{"python": {"condaDependencies": ["numpy"]}}', "python.condaDependencies: expected a table"),
        ('{"docker": {"buildContext": {"locationType": "git", "location": "https://git.example/a"}}}', "location_type"),
        ('{"docker": {"baseImage": "a", "baseDockerfile": "FROM b"}}', "docker"),
        ('{"python": {"condaDependenciesFile": "absent.yml"}}', "condaDependenciesFile"),
        ('{"name": "a", "name": "b"}', "name"),
        ("[]", "azureml_environment.json"),
        ('{"name": ', "azureml_environment.json:1"),
    ],
)
def test_a_saved_file_that_is_wrong_is_told_by_its_place(text, place, tmp_path):
    (tmp_path / "azureml_environment.json").write_text(text, encoding="utf-8")
    with pytest.raises(InvalidDefinition) as caught:
        Environment.load_from_directory(tmp_path)
    assert place in str(caught.value)


@pytest.mark.parametrize("apart", [False, True])
def test_a_runconfig_has_no_login_in_it(apart, folder):
    """The file is shared with everybody who works on the project."""
    made = RunConfiguration("train.py")
    made.environment.python.conda_dependencies.set_pip_index_url("https://me:hunter2@index.example/simple")
    with pytest.warns(UserWarning, match="the login in an index's URL is not written"):
        made.save(".", "train", separate_environment_yaml=apart)
    written = "".join(path.read_text(encoding="utf-8") for path in (folder / ".azureml").iterdir())
    assert "hunter2" not in written and "https://index.example/simple" in written
