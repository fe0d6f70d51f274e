"""AzureML's own files: a definition that the service knew keeps its meaning, and what cannot be kept is said with its line."""

import json

import pytest

from envbuild.definition import Context, DebianBase, Definition, DockerfileBase, ImageBase, Requirement
from envbuild.errors import InvalidDefinition
from envbuild.formats.reading import read
from envbuild.normalize import normalize
from envbuild.platforms import Platform

CONDA = "name: inner\nchannels: [conda-forge]\ndependencies:\n- python=3.11\n- pip\n- pip:\n  - numpy==2.1\n"
IMAGE = "registry.example/team/base@sha256:" + "a" * 64


def reading(files, path="environment.yml", **asked):
    texts = {name: text if isinstance(text, bytes) else text.encode() for name, text in files.items()}

    def load(name):
        if name not in texts:
            raise FileNotFoundError(2, "No such file or directory", name)
        return texts[name]

    return read(path, load, **asked)


def faults(files, path="environment.yml", **asked):
    with pytest.raises(InvalidDefinition) as refused:
        reading(files, path, **asked)
    return [(fault.at, fault.what) for fault in refused.value.faults]


def v2(text, **files):
    return reading({"environment.yml": text, **{name.replace("_yml", ".yml"): t for name, t in files.items()}})


def test_the_image_and_the_packages_of_the_conda_file_become_one_definition():
    found = v2(
        f"$schema: https://azuremlschemas.example/environment.json\nname: My_Env\nversion: 3\nimage: {IMAGE}\n"
        "conda_file: conda.yml\ndescription: for training\ntags: {team: vision}\n",
        conda_yml=CONDA,
    )
    assert found.definition == Definition(
        name="my_env",
        description="for training",
        tags=(("team", "vision"),),
        base=ImageBase(IMAGE),
        pypi=(Requirement("numpy==2.1"),),
    )
    assert found.files == ("environment.yml", "conda.yml")
    assert "version 3" in found.notices[0]


def test_the_environment_may_stand_in_the_place_of_the_file():
    inner = "".join(f"  {line}\n" for line in CONDA.splitlines())
    assert v2(f"image: {IMAGE}\nconda_file:\n{inner}").definition.pypi == (Requirement("numpy==2.1"),)


def test_a_version_that_yaml_takes_for_a_number_is_the_version_that_was_written():
    assert "version 1.10" in v2(f"image: {IMAGE}\nversion: 1.10\n").notices[0]


def test_a_build_context_is_a_dockerfile_with_its_folder():
    assert v2("name: x\nbuild:\n  path: docker\n").definition.base == DockerfileBase(
        path="docker/Dockerfile", context=Context("docker")
    )


def test_a_fault_in_the_conda_file_names_that_file():
    files = {
        "environment.yml": f"image: {IMAGE}\nconda_file: sub/conda.yml\n",
        "sub/conda.yml": "dependencies:\n- a b c d\n",
    }
    ((at, _),) = faults(files)
    assert at == "sub/conda.yml:2"


@pytest.mark.parametrize(
    ("text", "at", "what"),
    [
        ("image: a\nbuild: {path: .}\n", "environment.yml:2", "build: given beside an image"),
        ("$schema: x\nname: x\n", "environment.yml:1", "image: missing"),
        ("image: 'a b'\n", "environment.yml:1", "image: a b is no image's reference"),
        ("image: azureml:curated:1\n", "environment.yml:1", "azureml:curated:1 is no image's reference"),
        ("build: {path: .}\nconda_file: c.yml\n", "environment.yml:2", "conda_file: belongs to an `image`"),
        ("image: a\nconda_file: ../c.yml\n", "environment.yml:2", "conda_file: ../c.yml lies outside"),
        ("image: a\nconda_file: /etc/c.yml\n", "environment.yml:2", "lies outside"),
        ("image: a\nconda_file: c.yml\n", "environment.yml:2", "conda_file: c.yml: no such file"),
        ("image: a\nconda_file: [c.yml]\n", "environment.yml:2", "expected a file's path"),
        ("image: a\nos_type: windows\n", "environment.yml:2", "only linux images are built"),
        ("image: a\nimages: b\n", "environment.yml:2", "images: unknown field"),
        ("build: {path: 'https://git.example/x.git'}\n", "environment.yml:1", "only a folder here"),
        ("build: {dockerfile: x}\n", "environment.yml:1", "build.dockerfile: unknown field"),
        ("build: docker\n", "environment.yml:1", "build: expected a table"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_line(text, at, what):
    found = faults({"environment.yml": text})
    assert any(place == at and what in said for place, said in found), found


def v1(document, **files):
    named = {name.replace("_yml", ".yml"): text for name, text in files.items()}
    return reading({"azureml_environment.json": json.dumps(document, indent=1), **named}, "azureml_environment.json")


def v1_faults(document, **files):
    named = {name.replace("_yml", ".yml"): text for name, text in files.items()}
    named["azureml_environment.json"] = json.dumps(document, indent=1)
    lines = named["azureml_environment.json"].splitlines()
    found = faults(named, "azureml_environment.json", finish=normalize)
    placed = ((at, int(at.rpartition(":")[2]), what) for at, what in found)
    return [(lines[line - 1].strip() if at.startswith("azureml") else at, what) for at, line, what in placed]


SAVED = {
    "name": "Train-Env",
    "version": None,
    "environmentVariables": {"EXAMPLE_ENV_VAR": "EXAMPLE_VALUE", "OMP_NUM_THREADS": "4"},
    "python": {
        "interpreterPath": "python",
        "userManagedDependencies": False,
        "baseCondaEnvironment": None,
        "condaDependencies": {"name": "project_environment", "dependencies": ["python=3.11", {"pip": ["numpy==2.1"]}]},
    },
    "docker": {
        "baseImage": IMAGE,
        "platform": {"os": "Linux", "architecture": "amd64"},
        "baseDockerfile": None,
        "baseImageRegistry": {"address": None, "username": None, "password": None, "registryIdentity": None},
        "enabled": False,
        "arguments": [],
        "sharedVolumes": True,
        "shmSize": "2g",
    },
    "spark": {"repositories": [], "packages": [], "precachePackages": True},
    "databricks": {
        "mavenLibraries": [],
        "pypiLibraries": [],
        "rcranLibraries": [],
        "jarLibraries": [],
        "eggLibraries": [],
    },
    "r": None,
    "inferencingStackVersion": None,
    "assetId": None,
}


def changed(*path, to):
    document = json.loads(json.dumps(SAVED))
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = to
    return document


def test_a_saved_environment_is_the_definition_that_it_was_without_the_placeholder_variable():
    assert v1(SAVED).definition == Definition(
        name="train-env",
        base=ImageBase(IMAGE),
        pypi=(Requirement("numpy==2.1"),),
        variables=(("OMP_NUM_THREADS", "4"),),
    )


def test_packages_and_dockerfile_may_stand_in_files_beside_it():
    document = changed("python", "condaDependencies", to=None)
    document["docker"]["baseImage"] = None
    found = v1(document, conda_dependencies_yml=CONDA, BaseDockerfile="FROM debian\n")
    assert found.definition.base == DockerfileBase("FROM debian\n")
    assert found.definition.pypi == (Requirement("numpy==2.1"),)
    assert set(found.files) == {"azureml_environment.json", "conda_dependencies.yml", "BaseDockerfile"}


def test_a_registry_is_the_first_part_of_the_reference_and_its_login_is_nowhere():
    document = changed("docker", "baseImage", to="team/base:1")
    document["docker"]["baseImageRegistry"] = {"address": "registry.example", "username": "u", "password": "s3cret"}
    found = v1(document)
    assert found.definition.base == ImageBase("registry.example/team/base:1")
    assert "s3cret" not in repr(found)
    assert "envbuild login registry.example" in found.notices[0]


def test_an_empty_login_of_a_registry_is_none():
    document = changed("docker", "baseImageRegistry", to={"address": "", "username": "", "password": ""})
    assert v1(document).notices == ()


@pytest.mark.parametrize(
    ("registry", "image", "reference"),
    [
        ("registry.example", "team/base:1", "registry.example/team/base:1"),
        ("registry.example/other:2", "base:1", "registry.example/other:2"),
        ("registry.example/team/base:1", None, "registry.example/team/base:1"),
    ],
)
def test_a_registry_that_is_a_text_is_address_and_image(registry, image, reference):
    document = changed("docker", "baseImageRegistry", to=registry)
    document["docker"]["baseImage"] = image
    assert v1(document).definition.base == ImageBase(reference)


def test_json_is_read_as_json_where_yaml_would_differ():
    """The service writes characters as two escapes, and people indent with tabs."""
    document = changed("environmentVariables", to={"FACE": "\U0001f600 \\ud83d", "DEL": "\x7f"})
    text = json.dumps(document, indent="\t")
    assert "\\ud83d\\ude00" in text
    found = reading({"azureml_environment.json": text}, "azureml_environment.json")
    assert dict(found.definition.variables) == {"FACE": "\U0001f600 \\ud83d", "DEL": "\x7f"}


def test_packages_that_the_user_manages_leave_the_image_as_it_is():
    document = changed("python", "userManagedDependencies", to=True)
    document["python"]["interpreterPath"] = "/opt/py/bin/python"
    found = v1(document).definition
    assert (found.interpreter, found.python, found.pypi, found.conda) == ("/opt/py/bin/python", "", (), ())


def test_without_a_docker_section_the_base_is_the_default_one():
    assert v1({"name": "x", "python": SAVED["python"]}).definition.base == DebianBase()


@pytest.mark.parametrize(
    ("path", "to", "what"),
    [
        (("spark", "packages"), [{"group": "g", "artifact": "a", "version": "1"}], "spark: packages for Spark"),
        (("r",), {"rVersion": "3.6"}, "r: R is not installed"),
        (("databricks", "pypiLibraries"), [{"package": "x"}], "databricks: libraries"),
        (("inferencingStackVersion",), "latest", "inferencingStackVersion"),
        (("python", "baseCondaEnvironment"), "base", "baseCondaEnvironment"),
        (("docker", "buildContext"), {"locationType": "git"}, "docker.buildContext"),
        (("docker", "platform", "os"), "Windows", "only Linux"),
        (("docker", "baseDockerfile"), "FROM x", "docker.baseDockerfile: given beside baseImage"),
        (("docker", "baseImage"), "a b", "no image's reference"),
        (("docker", "bseImage"), "a", "docker.bseImage: unknown field"),
        (("python", "condaDependency"), {}, "python.condaDependency: unknown field"),
        (("python", "condaDependencies"), "conda.yml", "python.condaDependencies: expected an object"),
        (("docker", "platform", "architecture"), "riscv", "docker.platform.architecture: unknown platform"),
        (("environmentVariables",), {"A": [1]}, "environmentVariables.A: expected a text, got a list"),
        (("nam",), "a", "nam: unknown field"),
        (("python", "userManagedDependencies"), "yes", "expected true or false"),
    ],
)
def test_what_a_saved_environment_asks_for_in_vain_is_refused(path, to, what):
    with pytest.raises(InvalidDefinition) as refused:
        v1(changed(*path, to=to))
    assert what in str(refused.value)
    assert refused.value.faults[0].at.startswith("azureml_environment.json:")


def without_packages(**docker):
    """A saved environment whose packages stand in a file beside it, with these keys in its section `docker`."""
    document = changed("python", "condaDependencies", to=None)
    document["docker"] |= docker
    return document


def test_what_the_sdk_wrote_of_itself_is_read():
    """It pins the release of Python, and a saved environment was refused for that."""
    document = without_packages(baseImage=None)
    conda = "channels: [anaconda, conda-forge]\ndependencies:\n- python=3.8.13\n- pip:\n  - azureml-defaults\nname: azureml_1\n"
    found = v1(document | {"version": 3, "description": "d", "tags": {"team": "x"}}, conda_dependencies_yml=conda)
    assert (found.definition.python, found.definition.pypi, found.definition.conda) == ("3.8.13", (), ())
    assert (found.definition.description, found.definition.tags) == ("d", (("team", "x"),))


def test_the_conda_file_that_a_saved_environment_names_is_read():
    """It was passed over, and the environment had no packages."""
    document = without_packages()
    document["python"]["condaDependenciesFile"] = "sub/environment.yml"
    files = {"sub/environment.yml": CONDA, "sub/apt.txt": "curl\n", "conda_dependencies.yml": "dependencies: [a]\n"}
    found = reading({"azureml_environment.json": json.dumps(document), **files}, "azureml_environment.json")
    assert (found.definition.pypi, found.definition.system) == ((Requirement("numpy==2.1"),), ())
    assert found.files == ("azureml_environment.json", "sub/environment.yml", "sub/apt.txt")
    assert "sub/apt.txt beside it is not read" in found.notices[-1]
    del files["sub/apt.txt"]
    found = reading({"azureml_environment.json": json.dumps(document), **files}, "azureml_environment.json")
    assert found.absent == ("sub/apt.txt",)


def test_a_conda_file_that_is_missing_or_elsewhere_is_told_in_the_line_that_names_it():
    for name, what in (("c.yml", "no such file"), ("../c.yml", "outside"), ("/c.yml", "outside")):
        document = without_packages()
        document["python"]["condaDependenciesFile"] = name
        ((line, said),) = v1_faults(document)
        assert line.startswith('"condaDependenciesFile"')
        assert what in said


@pytest.mark.parametrize(
    ("docker", "base"),
    [
        (
            {"baseImage": "registry.example/b:1", "baseImageRegistry": {"address": "registry.example"}},
            ImageBase("registry.example/b:1"),
        ),
        ({"baseImage": "envbuild/default-base", "baseImageRegistry": {"address": "registry.example"}}, DebianBase()),
        ({"baseImage": "b:1", "baseImageRegistry": "registry.example/team"}, ImageBase("registry.example/team/b:1")),
        (
            {"baseImage": None, "buildContext": {"location": "ctx", "dockerfilePath": "D/x", "locationType": None}},
            DockerfileBase(path="ctx/D/x", context=Context("ctx")),
        ),
    ],
)
def test_what_a_saved_environment_starts_from(docker, base):
    assert v1(without_packages(**docker), conda_dependencies_yml=CONDA).definition.base == base


def test_a_saved_platform_is_the_definition_s():
    """An environment for arm64 was saved, and refused when it was read."""
    document = without_packages(platform={"os": "Linux", "architecture": "arm64"})
    assert v1(document).definition.platforms == (Platform("linux", "arm64"),)


def test_a_python_that_the_user_manages_needs_an_image_that_has_it():
    """Refused like the object is: the default base would have no packages at all."""
    document = without_packages(baseImage=None)
    document["python"]["userManagedDependencies"] = True
    ((line, what),) = v1_faults(document)
    assert line.startswith('"userManagedDependencies"')
    assert "no image that has it" in what


@pytest.mark.parametrize(
    ("docker", "key"),
    [
        ({"baseImage": "u:S3CRET@registry.example/b:1"}, "baseImage"),
        ({"baseImageRegistry": "https://u:S3CRET@registry.example/b:1"}, "baseImageRegistry"),
        ({"baseImageRegistry": {"address": "https://u:S3CRET@registry.example", "password": "x"}}, "address"),
    ],
)
def test_a_login_in_the_name_of_an_image_is_refused_and_not_shown(docker, key):
    """What is shown and stored of a definition would hold the password."""
    ((line, what),) = v1_faults(without_packages(**{"baseImage": "b:1", **docker}), conda_dependencies_yml=CONDA)
    assert line.startswith(f'"{key}"')
    assert "login" in what
    assert "S3CRET" not in what


def test_a_fault_is_told_in_the_file_in_which_the_wrong_value_stands():
    """A variable of the JSON was told to be wrong in conda_dependencies.yml, where nobody finds it."""
    document = without_packages() | {"environmentVariables": {"A B": "1"}}
    conda = CONDA + "variables:\n  C: '1'\n"
    assert v1_faults(document, conda_dependencies_yml=conda)[0][0].startswith('"A B"')
    document = without_packages(buildContext={"location": "/abs"}, baseImage=None)
    ((line, what),) = v1_faults(document, conda_dependencies_yml=CONDA)[:1]
    assert line.startswith('"buildContext"')
    assert "outside" in what
    files = {"environment.yml": f"image: {IMAGE}\nconda_file: c.yml\ntags: {{'': x}}\n", "c.yml": CONDA}
    assert [at for at, _ in faults(files, finish=normalize)] == ["environment.yml:3"]


def test_variables_are_what_is_written_whatever_json_takes_them_for():
    document = changed("environmentVariables", to={"A": 1, "B": True, "C": 1.50, "D": "x"})
    assert dict(v1(document).definition.variables) == {"A": "1", "B": "true", "C": "1.5", "D": "x"}


def test_the_default_base_may_be_named_as_an_image():
    """It is no image of a registry: whoever took the name there would be in every environment."""
    found = v2("image: envbuild/default-base\nconda_file: c.yml\n", c_yml=CONDA.replace("3.11", "3.13")).definition
    assert (found.base, found.python) == (DebianBase("trixie"), "3.13")
    assert v2("image: envbuild/default-base\n").definition == Definition(name="environment")


def test_what_the_service_adds_to_an_environment_is_left_out_and_said():
    """`az ml environment show` writes it, and its output was refused."""
    found = v2(
        f"image: {IMAGE}\nid: azureml:/x\ncreation_context: {{created_by: me}}\nresourceGroup: r\nlatest_version: '3'\nstage: D\n"
    )
    assert [notice.split(": ")[1] for notice in found.notices] == [
        "creation_context", "id", "resourceGroup", "latest_version", "stage",
    ]  # fmt: skip


def test_debian_packages_beside_a_conda_file_are_said_not_to_be_read():
    """The environment.yml alone would have them: whoever names it as a conda_file expects them."""
    found = reading(
        {"env.yml": f"image: {IMAGE}\nconda_file: environment.yml\n", "environment.yml": CONDA, "apt.txt": "curl\n"},
        "env.yml",
    )
    assert found.definition.system == ()
    assert "apt.txt beside it is not read" in found.notices[-1]


def test_a_login_in_an_image_of_the_second_version_is_not_shown():
    ((at, what),) = faults({"environment.yml": "image: u:S3CRET@registry.example/b:1\n"})
    assert (at, "login" in what, "S3CRET" in what) == ("environment.yml:1", True, False)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"name": "a", "name": "b"}', "\0", "nonsense"])
def test_what_is_no_environment_is_refused(text):
    faults({"azureml_environment.json": text}, "azureml_environment.json")


def test_python_env_of_mlflow_has_the_python_that_the_model_was_made_with():
    text = "python: 3.11.4\nbuild_dependencies:\n- pip==23.1\n- setuptools\ndependencies:\n- -r requirements.txt\n"
    found = reading({"python_env.yaml": text, "requirements.txt": "numpy==2.1\n"}, "python_env.yaml")
    assert found.definition == Definition(name="python-env", python="3.11.4", pypi=(Requirement("numpy==2.1"),))
    assert found.files == ("python_env.yaml", "requirements.txt")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("python: 3.11\ndependencies: []\n", "a number to YAML"),
        ("python: x\n", "no Python version"),
        ("python:\n", "missing"),
    ],
)
def test_python_env_without_a_python_is_refused(text, what):
    ((_, said),) = faults({"python_env.yaml": text}, "python_env.yaml")
    assert what in said


def test_the_conda_yaml_of_a_model_has_the_python_that_it_was_made_with():
    text = (
        "name: mlflow-env\nchannels: [conda-forge]\ndependencies:\n- python=3.11.4\n- pip<=24\n- pip:\n  - numpy==2.1\n"
    )
    found = reading({"conda.yaml": text}, "conda.yaml")
    assert (found.definition.python, found.definition.pypi) == ("3.11.4", (Requirement("numpy==2.1"),))


def test_a_python_decides_the_base_that_has_it():
    found = reading({"environment.yml": "dependencies: [python=3.13, pip]\n"})
    assert found.definition.base == DebianBase("trixie")


@pytest.mark.parametrize("name", ["requirements.txt", "environment.yml"])
def test_debian_packages_beside_a_definition_are_part_of_it(name):
    text = "numpy==2.1\n" if name.endswith("txt") else CONDA
    found = reading({name: text, "apt.txt": "libgomp1 # for it\n\n# none\ncurl=7.88.1-10\n"}, name)
    assert found.definition.system == ("libgomp1", "curl=7.88.1-10")
    assert found.files == (name, "apt.txt")
    assert "2 Debian packages" in found.notices[-1]


def test_a_runtime_beside_requirements_decides_the_python():
    found = reading({"requirements.txt": "six\n", "runtime.txt": "python-3.12.2\n"}, "requirements.txt")
    assert (found.definition.python, found.definition.base) == ("3.12.2", DebianBase())
    assert "Python 3.12.2" in found.notices[-1]


def test_files_that_are_not_there_are_remembered_since_their_coming_changes_the_meaning():
    assert set(reading({"requirements.txt": "six\n"}, "requirements.txt").absent) == {"apt.txt", "runtime.txt"}
    assert reading({"other.txt": "six\n", "apt.txt": "libgomp1\n"}, "other.txt").definition.system == ()


@pytest.mark.parametrize(
    ("name", "text", "at"),
    [
        ("apt.txt", "ok1\nlib;rm\n", "apt.txt:2"),
        ("apt.txt", "--allow-downgrades\n", "apt.txt:1"),
        ("runtime.txt", "r-4.1-2022-01-01\n", "runtime.txt:1"),
        ("runtime.txt", "python-3.11\npython-3.13\n", "runtime.txt:2"),
        ("runtime.txt", "python-3.6\n", "runtime.txt:1"),
        ("runtime.txt", b"\xff\xfe", "runtime.txt"),
    ],
)
def test_what_stands_beside_it_and_means_nothing_is_refused(name, text, at):
    assert faults({"requirements.txt": "six\n", name: text}, "requirements.txt")[0][0] == at
