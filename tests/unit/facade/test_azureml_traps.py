"""Where azureml-core does something else than its user means, the right thing happens here, or an error says why.

The sections are those of the list of its behaviour that the project keeps; each row quotes what happened there.
"""

from dataclasses import dataclass

import pytest

from envbuild import conda_dependencies, container_registry, databricks, environment, errors, runconfig

MODULES = (conda_dependencies, container_registry, databricks, environment, errors, runconfig)


@dataclass(frozen=True)
class Trap:
    section: str
    there: str
    here: str


TRAPS = [
    Trap(
        "0.2, 2.1",
        "order of dependencies changes the hash",
        """
one = CondaDependencies.create(conda_packages=["numpy", "scipy"], pip_packages=["b", "a"])
two = CondaDependencies.create(conda_packages=["scipy", "numpy"], pip_packages=["a", "b"])
first, second = Environment("x"), Environment("x")
first.python.conda_dependencies, second.python.conda_dependencies = one, two
assert id_of(first) == id_of(second)
two.remove_channel("conda-forge"); two.add_channel("pytorch"); two.add_channel("conda-forge")
assert id_of(first) != id_of(second), "channels have an order"
""",
    ),
    Trap(
        "0.6",
        "defaults disagree inside one release: 3.8.13 and 3.10.18",
        """
open_file("numpy.txt", "numpy")
versions = {
    Environment("x").python.conda_dependencies.get_python_version(),
    Environment.from_pip_requirements("x", "numpy.txt").python.conda_dependencies.get_python_version(),
    CondaDependencies.create().get_python_version(),
    CondaDependencies().get_python_version(),
}
assert versions == {PYTHON_DEFAULT_VERSION}
""",
    ),
    Trap(
        "0.7, 1.4",
        "a/f.txt and b/f.txt collapse to one file and the tree is flattened",
        """
both = context_digest()
remove("context/b/data.txt")
assert context_digest() != both
""",
    ),
    Trap(
        "0.7, 1.4",
        "hash covers contents only: rename of a file keeps the hash",
        """
before = context_digest()
rename("context/a/data.txt", "context/a/other.txt")
assert context_digest() != before
""",
    ),
    Trap(
        "0.7, 1.4",
        '["x","y"] and ["xy"] collide',
        """
open_file("context/a/data.txt", "x"); open_file("context/b/data.txt", "y")
two = context_digest()
open_file("context/a/data.txt", "xy"); open_file("context/b/data.txt", "")
assert context_digest() != two
""",
    ),
    Trap(
        "0.7, 1.4",
        "order is os.walk order: filesystem-dependent",
        """
before = context_digest()
remove("context/a/data.txt"); open_file("context/z.txt", ""); open_file("context/a/data.txt", "one\\n"); remove("context/z.txt")
assert context_digest() == before
""",
    ),
    Trap(
        "1.4",
        "no ignore file is honoured; file modes and links ignored",
        """
import os
before = context_digest()
os.chmod("context/a/data.txt", 0o755)
assert context_digest() != before
os.chmod("context/a/data.txt", 0o644)
open_file("context/.dockerignore", "notes.txt\\n.dockerignore\\n"); open_file("context/notes.txt", "mine")
assert context_digest() == before
os.symlink("a/data.txt", "context/link")
assert context_digest() != before
""",
    ),
    Trap(
        "1.4",
        "Git contexts are accepted but images cannot be built from them",
        """
with raises(UsageError, match="clone or download"):
    DockerBuildContext("git", "https://git.example/repository.git#main")
""",
    ),
    Trap(
        "0.8, 1.3",
        'base_image_registry = "a/b" is accepted and serialised as a bare string',
        """
for text, image, meant in (
    ("registry.example", "train:1", "registry.example/train:1"),
    ("registry.example/team", "train:1", "registry.example/team/train:1"),
    ("https://registry.example/team/", "train:1", "registry.example/team/train:1"),
    ("registry.example/train:2", None, "registry.example/train:2"),
    ("registry.example/train:2", "train:1", "registry.example/train:2"),
    ("registry.example", "registry.example/train:1", "registry.example/train:1"),
):
    first, second = Environment("x"), Environment("x")
    with warns(UserWarning, match="base_image_registry is a text"):
        first.docker.base_image_registry = text
    if image:
        first.docker.base_image = second.docker.base_image = image
    second.docker.base_image_registry = text
    assert first.to_definition().base.reference == second.to_definition().base.reference == meant
    assert id_of(Environment.from_json(first.to_json(), "")) == id_of(first)
passed = Environment.from_docker_image("x", "other:1")
passed.docker.base_image_registry = "registry.example/train:2"
with warns(UserWarning, match="registry.example/train:2 stands for docker.base_image other:1"):
    assert passed.to_definition().base.reference == "registry.example/train:2"
""",
    ),
    Trap(
        "0.8, 1.3",
        'base_dockerfile = "./Missing" is accepted as Dockerfile content',
        """
environment = Environment("x")
with raises(UsageError, match="no such file"):
    environment.docker.base_dockerfile = "./Missing"
assert environment.docker.base_dockerfile is None
environment.docker.base_dockerfile = "FROM registry.example/base:1"
assert environment.docker.base_dockerfile == "FROM registry.example/base:1"
""",
    ),
    Trap(
        "0.8",
        "types and values are not checked",
        """
environment = Environment("x")
for section, name, value in (
    (environment, "environment_variables", ["A=1"]), (environment, "environment_variables", {"A": None}), (environment, "version", 1), (environment, "python", None),
    (environment.docker, "base_image", 3), (environment.docker, "arguments", "--rm"), (environment.docker, "platform", "linux"),
    (environment.python, "user_managed_dependencies", "yes"), (environment.python, "interpreter_path", None),
):
    with raises(TypeError, match=name):
        setattr(section, name, value)
""",
    ),
    Trap(
        "1.2",
        "assigning an unknown attribute raises (and the nearest is not named)",
        """
environment = Environment("x")
with raises(AttributeError, match="did you mean environment_variables"):
    environment.enviroment_variables = {}
with raises(AttributeError, match="did you mean base_image"):
    environment.docker.base_images
""",
    ),
    Trap(
        "1.1",
        "the default image tag is baked into the SDK: upgrading it changes the default environment's hash",
        """
assert ":" not in DEFAULT_CPU_IMAGE
assert Environment("x").to_definition().base == DebianBase("bookworm", 1)
""",
    ),
    Trap(
        "1.2",
        "EXAMPLE_ENV_VAR leaks into real registered environments",
        """
assert Environment("x").environment_variables == {}
environment = Environment("x")
environment.environment_variables = {"EXAMPLE_ENV_VAR": "EXAMPLE_VALUE"}
assert id_of(environment) == id_of(Environment("x"))
assert "placeholder" in environment.to_reading().notices[0]
""",
    ),
    Trap(
        "1.2",
        "databricks is not sent by register",
        """
environment = Environment("x")
environment.databricks.jar_libraries = [JarLibrary("dbfs:/a.jar")]
with raises(InvalidDefinition, match="libraries of Databricks: not installed here"):
    environment.to_definition()
""",
    ),
    Trap(
        "1.2",
        "the whole file is the pip section, line by line, comments and blank lines included",
        """
environment = Environment.from_pip_requirements("x", "requirements.txt")
made = environment.python.conda_dependencies
assert made.pip_packages == ["numpy>=2", "scipy   >=1.11"]
assert [r.text for r in environment.to_definition().pypi] == ["joblib", "numpy>=2", "pandas", "scipy>=1.11"]
""",
    ),
    Trap(
        "1.2, conformance",
        "-r lines name a file that is not there where the image is built",
        """
environment = Environment.from_pip_requirements("x", "requirements.txt")
before = id_of(environment)
remove("more/extra.txt"); remove("more/deep/all.txt"); remove("constraints.txt"); remove("requirements.txt")
assert id_of(environment) == before and environment.to_definition().constraints == ("pandas<3",)
environment.save_to_directory("saved")
assert id_of(Environment.load_from_directory("saved")) == before
assert id_of(Environment.from_json(environment.to_json(), "")) == before
for apart in (False, True):
    made = RunConfiguration()
    made.environment = environment
    made.save(".", f"train-{apart}", separate_environment_yaml=apart)
    assert id_of(RunConfiguration.load(".", f"train-{apart}").environment) == before
import os
assert sorted(os.listdir(".azureml")) == [
    "conda_dependencies.constraints.txt", "environment.yml", "train-False.runconfig", "train-True.runconfig",
]
""",
    ),
    Trap(
        "1.2",
        "from_existing_conda_environment returns None on failure",
        """
with raises(UsageError):
    Environment.from_existing_conda_environment("x", "no-such-environment")
""",
    ),
    Trap(
        "1.2",
        "from_dockerfile without packages: the default conda section stays attached",
        """
definition = Environment.from_dockerfile("x", "Dockerfile").to_definition()
assert (definition.python, definition.pypi, definition.conda) == ("", (), ())
""",
    ),
    Trap(
        "1.2",
        "conda xor pip",
        """
for make in (Environment.from_dockerfile, Environment.from_docker_image):
    with raises(ValueError, match="both given"):
        make("x", "FROM a", conda_specification="environment.yml", pip_requirements="requirements.txt")
""",
    ),
    Trap(
        "1.3",
        "setting one resets the others: last write wins",
        """
environment = Environment("x")
environment.docker.base_dockerfile = "FROM registry.example/a:1"
with warns(UserWarning, match="base_dockerfile is set to None"):
    environment.docker.build_context = DockerBuildContext(location="context")
with warns(UserWarning, match="build_context is set to None"):
    environment.docker.base_image = "registry.example/b:1"
environment.docker.base_dockerfile = None
assert environment.to_definition().base == ImageBase("registry.example/b:1")
""",
    ),
    Trap(
        "1.5, 3 P",
        "interpreter_path is used only with user-managed dependencies",
        """
environment = Environment("x")
environment.python.interpreter_path = "/opt/python"
assert id_of(environment) == id_of(Environment("x"))
image = Environment.from_docker_image("x", "registry.example/base:1")
before = id_of(image)
image.python.interpreter_path = "/opt/python"
assert id_of(image) != before
""",
    ),
    Trap(
        "1.6, conformance",
        "`python=3.9.*` is taken for no version, and replaced",
        """
open_file("python.yml", "dependencies: ['python=3.9.*', pip, {pip: [numpy]}]")
environment = Environment.from_conda_specification("x", "python.yml")
assert environment.python.conda_dependencies.conda_packages == ["python=3.9.*", "pip"]
assert environment.to_definition().python == "3.9"
""",
    ),
    Trap(
        "1.6, conformance",
        "`conda-forge::python=3.9` is not recognised and a second python is appended",
        """
open_file("python.yml", "dependencies: ['conda-forge::python=3.9', numpy]")
environment = Environment.from_conda_specification("x", "python.yml")
assert environment.python.conda_dependencies.get_python_version() == "3.9"
assert [spec for spec in environment.to_definition().conda if "python" in spec] == ["conda-forge::python=3.9"]
""",
    ),
    Trap(
        "1.6, conformance",
        "`python==3.9.7=h123` is taken for no version, and replaced",
        """
open_file("python.yml", "dependencies: ['python==3.9.7=h123', numpy]")
environment = Environment.from_conda_specification("x", "python.yml")
assert environment.python.conda_dependencies.get_python_version() == "3.9.7"
assert any(spec.startswith("python") and "h123" in spec for spec in environment.to_definition().conda)
""",
    ),
    Trap(
        "1.6",
        "`python>=3.8,<3.11` reports 3.11",
        """
made = CondaDependencies()
made.add_conda_package("python>=3.8,<3.11")
assert made.get_python_version() is None
""",
    ),
    Trap(
        "1.6, conformance",
        "conda: exact-string dedupe only, so numpy and numpy=1.2 both stay",
        """
made = CondaDependencies.create(conda_packages=["numpy", "NumPy=1.26", "defaults::numpy=1.26"])
assert made.conda_packages == ["python=3.11", "defaults::numpy=1.26"]
""",
    ),
    Trap(
        "1.6, conformance",
        "pip: name match is case-sensitive, no PEP 503 normalisation, does not split on space or @",
        """
made = CondaDependencies.create(pip_packages=["Zope.Interface==5", "ruamel_yaml >= 0.18", "tool @ https://files.example/tool-1-py3-none-any.whl"])
for package in ("zope-interface", "ruamel.yaml", "Tool"):
    made.add_pip_package(package)
assert made.pip_packages == ["zope-interface", "ruamel.yaml", "Tool"]
""",
    ),
    Trap(
        "1.6, conformance",
        "options dedupe by first token, so only one --extra-index-url can exist",
        """
environment = Environment("x")
for url in ("https://one.example/simple", "https://two.example/simple"):
    environment.python.conda_dependencies.set_pip_option(f"--extra-index-url {url}")
environment.python.conda_dependencies.add_pip_package("numpy")
urls = [index.url for index in environment.to_definition().indexes]
assert urls == ["https://one.example/simple", "https://two.example/simple", ""]
""",
    ),
    Trap(
        "1.6",
        "create always emits a --find-links and an --extra-index-url line",
        "assert CondaDependencies.create(pip_packages=['numpy']).pip_options == []",
    ),
    Trap(
        "1.6",
        "any other key, or a non-mapping, raises",
        """
for text in ("dependencies: []\\nextra: 1\\n", "- a\\n", "", "dependencies: [python, {npm: [x]}]\\n"):
    open_file("odd.yml", text)
    with raises(InvalidDefinition, match="odd.yml"):
        CondaDependencies("odd.yml")
""",
    ),
    Trap(
        "1.7",
        "the password is sent in clear inside the definition (a Dockerfile is kept byte for byte, and told)",
        """
import os
environment = Environment.from_docker_image("x", "base:1")
registry = environment.docker.base_image_registry
registry.address, registry.username, registry.password = "registry.example", "user", "hunter2"
conda = CondaDependencies.create(pip_indexurl="https://me:hunter2@index.example/simple", pip_packages=["numpy"])
environment.python.conda_dependencies, environment.python.user_managed_dependencies = conda, False
with warns(UserWarning) as caught:
    environment.save_to_directory("saved")
assert len(caught) == 2
written = "".join(open_file(os.path.join("saved", name)) for name in os.listdir("saved"))
reading = environment.to_reading()
for text in (written, repr(environment), str(environment), repr(registry), repr(conda), repr(reading.definition), *reading.notices):
    assert "hunter2" not in text
assert reading.logins == (("index.example", "me:hunter2"),)
""",
    ),
    Trap(
        "1.9, conformance",
        "mutable default argument leaks between instances",
        """
DockerConfiguration().arguments.append("--cpus=2")
mine = ["--rm"]
made = DockerConfiguration(arguments=mine)
mine.append("--privileged")
assert DockerConfiguration().arguments == [] and made.arguments == ["--rm"]
for section in (Environment, RunConfiguration, CondaDependencies):
    first = section("x") if section is Environment else section()
    second = section("x") if section is Environment else section()
    assert first == second
first, second = RunConfiguration(), RunConfiguration()
first.environment.python.conda_dependencies.add_pip_package("numpy"); first.history.directories_to_watch.append("x")
assert second == RunConfiguration()
""",
    ),
    Trap(
        "1.9",
        "the wheel's default is use_docker=False, the documentation's is a container",
        "assert DockerConfiguration().use_docker is True and RunConfiguration().docker.use_docker is True",
    ),
    Trap(
        "2.1",
        "shm_size, arguments, shared_volumes, enabled: runtime only",
        """
environment = Environment("x")
environment.docker.shm_size, environment.docker.arguments = "16g", ["--cpus=2"]
environment.docker.shared_volumes, environment.docker.enabled = False, True
assert id_of(environment) == id_of(Environment("x"))
environment.save_to_directory("saved")
assert Environment.load_from_directory("saved").docker.shm_size == "16g"
""",
    ),
    Trap(
        "2.1",
        "user_managed_dependencies must matter: it removes the conda step",
        """
environment = Environment.from_docker_image("x", "registry.example/base:1", pip_requirements="requirements.txt")
before = id_of(environment)
environment.python.user_managed_dependencies = True
assert id_of(environment) != before and not environment.to_definition().pypi
assert "is not installed" in environment.to_reading().notices[0]
""",
    ),
    Trap(
        "3 H",
        "a login in an index's URL is part of the definition",
        """
with_login = Environment("x"); without = Environment("x")
with_login.python.conda_dependencies = CondaDependencies.create("https://me:hunter2@index.example/simple", ["numpy"])
without.python.conda_dependencies = CondaDependencies.create("https://index.example/simple", ["numpy"])
assert id_of(with_login) == id_of(without)
""",
    ),
    Trap(
        "1.7",
        "a login may stand in the address or the image's name, and is saved with it",
        """
LOGINS = ("https://user:hunter2@registry.example", "user:hunter2@registry.example/base:1", "user@registry.example/base")
def refused(give):
    with raises(ValueError, match="a login stands in it") as caught:
        give()
    assert "hunter2" not in str(caught.value) and "user" not in str(caught.value)
for login in LOGINS:
    registry, docker = ContainerRegistry(), Environment("x").docker
    refused(lambda: setattr(registry, "address", login))
    refused(lambda: setattr(docker, "base_image", login))
    refused(lambda: setattr(docker, "base_image_registry", login))
    refused(lambda: Environment.from_docker_image("x", login))
    refused(lambda: Environment.from_json({"docker": {"baseImage": login}}, ""))
    refused(lambda: Environment.from_json({"docker": {"baseImageRegistry": login}}, ""))
    refused(lambda: Environment.from_json({"docker": {"baseImageRegistry": {"address": login}}}, ""))
with raises(UsageError) as caught:
    DockerBuildContext(location="https://user:hunter2@git.example/a.git")
assert "hunter2" not in str(caught.value)
digest = "registry.example/base@sha256:" + 64 * "0"
assert Environment.from_docker_image("x", digest).to_definition().base.reference == digest
""",
    ),
    Trap(
        "1.7",
        "tokens of conda's channels and queries of URLs are in every text and file",
        """
import os
environment, run = Environment("x"), RunConfiguration()
conda = environment.python.conda_dependencies
conda.add_channel("https://conda.example/t/hunter2/team")
conda.add_channel("https://user:hunter2@conda.example/other")
conda.add_conda_package("https://conda.example/t/hunter2/team::numpy")
conda.set_pip_index_url("https://index.example/simple?token=hunter2")
environment.spark.repositories = ["https://user:hunter2@maven.example/all"]
environment.databricks.pypi_libraries = [PyPiLibrary("numpy", "https://user:hunter2@index.example/simple")]
run.environment = environment
with warns(UserWarning, match="is not written"):
    environment.save_to_directory("saved")
conda.save("alone.yml")
run.save(".", "together"); run.save(".", "apart", separate_environment_yaml=True)
written = [os.path.join(top, name) for top in ("saved", ".azureml") for name in os.listdir(top)] + ["alone.yml"]
texts = [open_file(path) for path in written]
texts += [repr(environment), repr(conda), repr(environment.docker), repr(run), str(environment.to_json()), str(run.to_json())]
assert not [text for text in texts if "hunter2" in text]
assert "https://conda.example/team" in open_file("alone.yml")
""",
    ),
    Trap(
        "1.7",
        "a login in a Dockerfile's text goes along unsaid",
        """
environment = Environment.from_dockerfile("x", "FROM registry.example/base:1\\nRUN pip install -i https://me:hunter2@index.example/simple a\\n")
assert "hunter2" not in repr(environment)
with warns(UserWarning, match="base_dockerfile: a login stands in its text, and is written"):
    environment.save_to_directory("saved")
made = RunConfiguration()
made.environment = environment
with warns(UserWarning, match="base_dockerfile: a login"):
    made.save(".", "train")
""",
    ),
    Trap(
        "1.3",
        "the text of a Dockerfile is what a file object gives, its line ends changed",
        """
data = b"\\xef\\xbb\\xbfFROM registry.example/base:1\\r\\nRUN <<EOF\\r\\nset -x\\r\\nEOF\\r\\n"
with open("Dockerfile.dos", "wb") as file:
    file.write(data)
environment = Environment.from_dockerfile("x", "Dockerfile.dos")
with open("Dockerfile.dos", "rb") as binary, open("Dockerfile.dos", encoding="utf-8") as text:
    for given in (binary, text):
        assert id_of(Environment.from_dockerfile("x", given)) == id_of(environment)
assert environment.docker.base_dockerfile.encode() == data
environment.save_to_directory("saved")
with open("saved/BaseDockerfile", "rb") as file:
    assert file.read() == data
made = RunConfiguration()
made.environment = environment
made.save(".", "train")
for loaded in (Environment.load_from_directory("saved"), RunConfiguration.load(".", "train").environment):
    assert loaded.docker.base_dockerfile.encode() == data
""",
    ),
    Trap(
        "1.3",
        "the address of a registry without an image says nothing",
        """
alone = Environment("x")
alone.docker.base_image_registry.address = "registry.example"
dockerfile = Environment.from_dockerfile("x", "Dockerfile")
dockerfile.docker.base_image_registry.address = "registry.example"
for environment in (alone, dockerfile):
    with warns(UserWarning, match="base_image_registry registry.example says nothing"):
        environment.to_definition()
full = Environment.from_docker_image("x", "registry.example/base:1")
full.docker.base_image_registry.address = "registry.example"
assert full.to_definition().base.reference == "registry.example/base:1"
""",
    ),
    Trap(
        "1.4",
        "a context's place is one from the current folder, wherever that is by then",
        """
import json, os, shutil
environment = Environment.from_docker_build_context("x", DockerBuildContext(location="context"))
before = id_of(environment)
environment.save_to_directory("project/saved")
made = RunConfiguration()
made.environment = environment
made.save("project", "train")
assert json.loads(open_file("project/saved/azureml_environment.json"))["docker"]["buildContext"]["location"] == "../../context"
os.chdir("more")
assert id_of(environment) == before
assert id_of(Environment.load_from_directory("../project/saved")) == before
assert RunConfiguration.load("../project", "train").environment == environment
os.chdir("..")
os.mkdir("moved")
shutil.move("project", "moved/project"); shutil.move("context", "moved/context")
assert id_of(Environment.load_from_directory("moved/project/saved")) == before
assert id_of(RunConfiguration.load("moved/project", "train").environment) == before
""",
    ),
    Trap(
        "1.2",
        "overwrite=True leaves the files of the environment of before (and may write over those of the user)",
        """
import os
environment = Environment.from_pip_requirements("x", "requirements.txt")
os.makedirs("saved/more")
open_file("saved/more/extra.txt", "mine")
environment.save_to_directory("saved", overwrite=True)
Environment("y").save_to_directory("saved", overwrite=True)
assert sorted(os.listdir("saved")) == ["azureml_environment.json", "conda_dependencies.yml", "more"]
assert open_file("saved/more/extra.txt") == "mine"
""",
    ),
    Trap(
        "1.2",
        "values of variables that are no texts: one more thing that fails far away",
        """
environment = Environment("x")
environment.environment_variables = {"WORKERS": 4, "RATE": 0.5, "DEBUG": True}
environment.environment_variables["MORE"] = False
assert dict(environment.to_definition().variables) == {"WORKERS": "4", "RATE": "0.5", "DEBUG": "True", "MORE": "False"}
environment.save_to_directory("saved")
assert id_of(Environment.load_from_directory("saved")) == id_of(Environment.from_json(environment.to_json(), "")) == id_of(environment)
environment.environment_variables["MORE"] = ["a"]
with raises(InvalidDefinition, match="environment_variables.MORE: expected a text, got a list"):
    environment.to_definition()
""",
    ),
    Trap(
        "1.9",
        "arguments may be numbers, and only the service says what they may not be",
        """
made = RunConfiguration("train.py", ["--rate", 0.1, "--steps", 10])
made.docker = DockerConfiguration(arguments=["--cpus", 2])
made.save(".", "train")
assert RunConfiguration.load(".", "train") == made
with raises(TypeError, match=r"RunConfiguration.arguments\\[1\\]: expected a text or a number, got a dict"):
    made.arguments = ["--rate", {}]
""",
    ),
    Trap(
        "1.6",
        "`-r FILE` among the lines of the pip section: the file is not read",
        """
environment = Environment("x")
environment.python.conda_dependencies.set_pip_requirements(["numpy", "-r requirements.txt"])
with raises(InvalidDefinition, match="from_pip_requirements"):
    environment.to_definition()
""",
    ),
    Trap(
        "0.9, 1.8, conformance",
        "wait_for_completion never raises on failure (and a version can be set to one that exists)",
        """
for name in ("build", "build_local", "register", "get_image_details", "get", "list", "label", "add_private_pip_wheel"):
    for owner in (Environment, Environment("x")):
        assert not hasattr(owner, name)
        with raises(AttributeError, match=f"Environment.{name} is not there yet"):
            getattr(owner, name)
""",
    ),
]


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: f"{trap.section}: {trap.there}")
def test_the_trap_is_none_here(trap, folder, kit):
    import os

    from envbuild.definition import DebianBase, ImageBase

    def open_file(name, text=None):
        path = folder / name
        if text is not None:
            path.write_text(text, encoding="utf-8")
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    def context_digest():
        context = environment.DockerBuildContext.from_local_directory(None, "context")
        made = environment.Environment.from_docker_build_context("x", context)
        return made.to_definition().base.context.digest

    names = {name: getattr(module, name) for module in MODULES for name in module.__all__}
    helpers = {"raises": pytest.raises, "warns": pytest.warns, "id_of": kit.id_of, "open_file": open_file}
    helpers |= {"context_digest": context_digest, "remove": os.remove, "rename": os.rename}
    assert "assert " in trap.here or "raises(" in trap.here
    kit.run(trap.here, f"<{trap.there}>", **names, **helpers, DebianBase=DebianBase, ImageBase=ImageBase)
