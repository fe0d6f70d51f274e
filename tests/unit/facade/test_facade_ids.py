"""One meaning, one id: what is made in code is what the file of the same meaning is, and saving loses nothing."""

import json
import posixpath

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envbuild.conda_dependencies import CondaDependencies
from envbuild.environment import DEFAULT_CPU_IMAGE, DockerBuildContext, Environment
from envbuild.errors import InvalidDefinition
from envbuild.formats.nodes.yamlnodes import parse, plain
from envbuild.formats.nodes.yamltext import yaml_text
from envbuild.runconfig import RunConfiguration

FILES = {"requirements.txt": "numpy\n"}


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
    "Dockerfile as it is": (
        lambda: Environment.from_dockerfile("x", "Dockerfile"),
        "env/Dockerfile",
        "FROM registry.example/base:1\n",
    ),
    "the default base by its name": (
        lambda: Environment.from_docker_image("x", DEFAULT_CPU_IMAGE, pip_requirements="requirements.txt"),
        "requirements.txt",
        FILES["requirements.txt"],
    ),
    "a Python in full": (
        lambda: with_packages(python_version="3.11.9", pip_packages=["numpy"]),
        "environment.yml",
        "dependencies: ['python=3.11.9', pip, {pip: [numpy]}]\n",
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
    (folder / name).parent.mkdir(exist_ok=True)
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


NAMES = ["one.txt", "two.txt", "in/three.txt", "in/deep/four.txt"]
LINES = {
    "-r": [
        "numpy",
        "Pandas>=1 # fast",
        "scipy \\\n  >=1.5",
        "--extra-index-url https://one.example/simple",
        "# ours",
        "",
    ],
    "-c": ["numpy<9", "pandas<9", "--extra-index-url https://two.example/simple"],
}


@st.composite
def included_files(draw):
    """Files that include those behind them in the list, so that none includes itself, and the lines of the first."""
    kinds = {name: draw(st.sampled_from(["-r", "-c"])) for name in NAMES}
    found = {}
    for number, name in enumerate(NAMES):
        lines = draw(st.lists(st.sampled_from(LINES[kinds[name]]), min_size=1, max_size=4))
        for other in draw(st.lists(st.sampled_from(NAMES[number + 1 :] or [""]), max_size=2, unique=True)):
            if other:
                way = draw(
                    st.sampled_from([f"{kinds[other]} {{}}", "--requirement={}" if kinds[other] == "-r" else "-c{}"])
                )
                lines.append(way.format(relative(other, name)))
        found[name] = draw(st.permutations(lines))
    used = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True))
    return found, ["joblib", *(f"{kinds[name]} {name}" for name in used)]


def relative(target, of):
    return posixpath.relpath(target, posixpath.dirname(of) or ".")


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80)
@given(made=included_files())
def test_one_document_means_what_it_meant_with_its_files(made, folder, kit):
    """Who keeps an environment as JSON or in a run configuration gets another image, or none, from it later."""
    files, lines = made
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("\n".join(text), encoding="utf-8")
    (folder / "top.txt").write_text("\n".join(lines), encoding="utf-8")
    environment = Environment.from_pip_requirements("x", "top.txt")
    again = Environment.from_json(json.loads(json.dumps(environment.to_json())), "")
    (folder / "one").mkdir(exist_ok=True)
    (folder / "one/azureml_environment.json").write_text(json.dumps(environment.to_json()), encoding="utf-8")
    assert kit.id_of(again) == kit.id_of(environment) == kit.file_id("top.txt")
    assert (
        kit.file_id("one/azureml_environment.json")
        == kit.id_of(Environment.load_from_directory("one"))
        == kit.id_of(again)
    )
    assert not [option for option in again.python.conda_dependencies.pip_options if option.startswith("-r")]
    assert Environment.from_json(again.to_json(), "") == again
    environment.save_to_directory("saved", overwrite=True)
    assert Environment.load_from_directory("saved") == again


def test_an_include_that_is_not_there_stays_a_line_and_is_told(folder):
    """Left out in silence, its packages would be missing in the image."""
    made = Environment("x")
    made.python.conda_dependencies.set_pip_requirements(["numpy", "-r absent.txt", "-r ../outside.txt", "-c more.txt"])
    saved = made.to_json()["python"]["condaDependencies"]["dependencies"][-1]["pip"]
    assert saved == ["numpy", "-r absent.txt", "-r ../outside.txt", "-c more.txt"]
    with pytest.raises(InvalidDefinition) as caught:
        Environment.from_json(made.to_json(), "").to_definition()
    assert "absent.txt" in str(caught.value) and "outside.txt" in str(caught.value)


def test_files_that_include_each_other_are_told_after_saving_too(folder):
    """What goes round in a circle is never written without end."""
    (folder / "a.txt").write_text("-r b.txt\n", encoding="utf-8")
    (folder / "b.txt").write_text("numpy\n-r a.txt\n", encoding="utf-8")
    (folder / "odd.yml").write_text("dependencies: [python=3.11, {pip: [-r a.txt]}]\n", encoding="utf-8")
    made = Environment("x")
    made.python.conda_dependencies = CondaDependencies("odd.yml")
    for environment in (made, Environment.from_json(made.to_json(), "")):
        with pytest.raises(InvalidDefinition, match=r"a\.txt"):
            environment.to_definition()


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
        "name": "second", "version": 7, "assetId": "azureml://locations/x",
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


@pytest.mark.filterwarnings("ignore:.*(is a text|stands for):UserWarning")
@pytest.mark.parametrize(
    ("docker", "reference"),
    [
        ({"baseImage": "train:1", "baseImageRegistry": {"address": "https://registry.example/"}}, "registry.example/train:1"),
        ({"baseImage": "registry.example/train:1", "baseImageRegistry": {"address": "registry.example"}},
         "registry.example/train:1"),
        ({"baseImage": "train:1", "baseImageRegistry": "registry.example/team"}, "registry.example/team/train:1"),
        ({"baseImage": "train:1", "baseImageRegistry": "registry.example/other:2"}, "registry.example/other:2"),
        ({"baseImage": None, "baseImageRegistry": "registry.example/other:2"}, "registry.example/other:2"),
        ({"baseImage": DEFAULT_CPU_IMAGE}, None),
    ],
)  # fmt: skip
def test_an_image_and_its_registry_mean_the_same_in_a_file_and_in_code(docker, reference, folder, kit):
    """Or one environment would be built twice, upon different images."""
    value = {"name": "x", "docker": docker, "python": {"condaDependencies": {"dependencies": ["python=3.11"]}}}
    (folder / "azureml_environment.json").write_text(json.dumps(value), encoding="utf-8")
    made = Environment.from_json(value, "")
    assert getattr(made.to_definition().base, "reference", None) == reference
    assert kit.id_of(made) == kit.file_id("azureml_environment.json") == kit.id_of(Environment.load_from_directory("."))


def test_no_dockerfile_starts_from_the_name_of_the_default_base(folder, kit):
    """No registry has such an image: the build would fail after minutes, or take somebody else's."""
    text = f"# ours\nFROM --platform=linux/amd64 docker.io/{DEFAULT_CPU_IMAGE}:latest AS base\nRUN true\n"
    (folder / "context/Dockerfile").write_text(text, encoding="utf-8")
    for make in (
        lambda: Environment.from_dockerfile("x", text).to_definition(),
        lambda: Environment.from_docker_build_context("x", DockerBuildContext(location="context")).to_definition(),
        lambda: kit.file_id("context/Dockerfile"),
    ):
        with pytest.raises(InvalidDefinition, match=":2: FROM"):
            make()
    (folder / "Dockerfile").write_text(f"FROM registry.example/{DEFAULT_CPU_IMAGE}:1\n", encoding="utf-8")
    assert kit.file_id("Dockerfile")


def test_variables_of_a_saved_file_have_the_words_that_stand_there(folder, kit):
    """The program reads `true` or `1e5` from its environment, and compares it with what somebody wrote."""
    text = '{"name": "x", "environmentVariables": {"DEBUG": true, "WORKERS": 4, "RATE": 1.50, "MODE": "yes", "NONE": null}}'
    (folder / "azureml_environment.json").write_text(text, encoding="utf-8")
    made = Environment.load_from_directory(".")
    assert made.environment_variables == {"DEBUG": "true", "WORKERS": "4", "RATE": "1.50", "MODE": "yes", "NONE": ""}
    assert kit.id_of(made) == kit.file_id("azureml_environment.json")
    again = Environment.from_json({"environmentVariables": {"DEBUG": True, "NONE": None, "WORKERS": 4}}, "")
    assert again.environment_variables == {"DEBUG": "true", "NONE": "", "WORKERS": "4"}
    (folder / "train.runconfig").write_text(
        "script: train.py\nenvironment:\n  name: x\n  environmentVariables:\n    DEBUG: yes\n    NCCL_DEBUG: 1\n"
        "environmentVariables:\n  RATE: 0.10\n",
        encoding="utf-8",
    )
    run = RunConfiguration.load("train.runconfig")
    assert run.environment.environment_variables == {"DEBUG": "yes", "NCCL_DEBUG": "1"}
    assert run.environment_variables == {"RATE": "0.10"}


def test_a_warning_names_the_line_that_can_be_mended(folder):
    """However deep inside it was found."""
    made = Environment("x")
    made.environment_variables["A"] = "1"
    made.docker.base_image_registry.username = "user"
    with pytest.warns(UserWarning) as caught:
        Environment.from_json({"docker": {"odd": 1, "baseImageRegistry": {"password": "hunter2"}}, "odd": 2}, "")
        Environment.from_docker_image("x", "registry.example/base:1").docker.base_dockerfile = "FROM a"
        made.save_to_directory("saved")
        made.docker.base_image_registry = "registry.example/base:1"
    assert len(caught) >= 5 and {warning.filename for warning in caught} == {__file__}


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


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ("absent.yml", "absent.yml: no such file"),
        ("../environment.yml", ""),
        ("conda/own.yml", ""),
        ("../../outside.yml", "lies outside the project"),
        ("../link.yml", "lies outside the project"),
        (3, "expected a file's path"),
    ],
)
def test_the_conda_file_of_a_runconfig_is_one_of_the_project(named, words, folder):
    """A run configuration of somebody else must not have a file of mine read, and its lines told."""
    project = folder / "project"
    for name in ("project/.azureml/x", "project/conda/own.yml", "project/environment.yml", "outside.yml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("dependencies: [python=3.11, {pip: [numpy]}]\n", encoding="utf-8")
    (project / "link.yml").symlink_to(folder / "outside.yml")
    text = f"environment:\n  python:\n    condaDependenciesFile: {named}\n"
    (project / ".azureml/train.runconfig").write_text(text, encoding="utf-8")
    if words:
        with pytest.raises(InvalidDefinition, match=words):
            RunConfiguration.load(project, "train")
    else:
        made = RunConfiguration.load(project, "train")
        assert made.environment.python.conda_dependencies.pip_packages == ["numpy"]


def test_a_file_that_a_link_takes_from_elsewhere_is_not_included(folder):
    """Its lines would stand in an error, or in what is saved."""
    (folder / "secret.txt").write_text("machine index.example login me password hunter2\n", encoding="utf-8")
    (folder / "own").mkdir()
    (folder / "own/more.txt").symlink_to(folder / "secret.txt")
    (folder / "own/environment.yml").write_text("dependencies: [python=3.11, {pip: [-r more.txt]}]\n", encoding="utf-8")
    made = Environment("x")
    made.python.conda_dependencies = CondaDependencies("own/environment.yml")
    assert "hunter2" not in str(made.to_json())
    with pytest.raises(InvalidDefinition) as caught:
        made.to_definition()
    assert "hunter2" not in str(caught.value)


def broken():
    made = Environment("x")
    conda = made.python.conda_dependencies
    conda.add_conda_package("python=3.11.4")
    conda.set_pip_requirements(["numpy", "scipy ~> 3", "--pre", "git+https://git.example/a.git"])
    made.environment_variables["A B"] = "1"
    made.environment_variables["WORKERS"] = ["4"]
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
