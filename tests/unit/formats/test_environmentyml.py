"""conda's environment.yml: what it means for us, and what is wrong with it told in the line where it stands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.definition import Definition
from envbuild.errors import InvalidDefinition
from envbuild.formats.conda.condaspecs import is_only_python, python_of, spec_name, spec_text
from envbuild.formats.conda.environmentyml import read_environment_yml
from envbuild.formats.sourcefile import ReadRequest
from envbuild.normalize import normalize


def read(text, **files):
    documents = {"environment.yml": text, **{name.replace("_", "."): body for name, body in files.items()}}

    def load(path):
        if path not in documents:
            raise FileNotFoundError(2, "No such file", path)
        return documents[path].encode()

    return read_environment_yml(
        "environment.yml",
        load,
        ReadRequest(name="folder", finish=normalize),
    )


def faults(text, **files):
    with pytest.raises(InvalidDefinition) as caught:
        read(text, **files)
    return [(fault.at.removeprefix("environment.yml").removeprefix(":"), fault.what) for fault in caught.value.faults]


PIP_ONLY = """\
name: Train Env
channels: [conda-forge, defaults]
dependencies:
  - python=3.11
  - pip=23.0
  - pip:
    - Requests>=2
    - numpy==2.0  # a comment
    - -r more.txt
variables:
  OMP_NUM_THREADS: 4
  DEBUG: yes
"""


def test_python_and_pip_alone_are_packages_from_an_index():
    """Most of AzureML's environments are these: they need no conda, and build at once."""
    reading = read(PIP_ONLY, more_txt="six\n")
    definition = reading.definition
    assert (definition.conda, definition.channels, definition.python) == ((), (), "3.11")
    assert [r.text for r in definition.pypi] == ["numpy==2", "requests>=2", "six"]
    assert definition.variables == (("DEBUG", "yes"), ("OMP_NUM_THREADS", "4"))
    assert definition.name == "folder"
    assert set(reading.files) == {"environment.yml", "more.txt"}


def test_it_is_the_same_definition_as_the_requirements_say():
    from envbuild.formats.pip.requirements import read_requirements

    text = "dependencies:\n  - pip\n  - python=3.11\n  - pip:\n    - numpy==2.0\n"
    other = read_requirements(
        "requirements.txt", lambda _: b"numpy==2.0\n", ReadRequest(name="folder", finish=normalize)
    )
    assert read(text).definition == other.definition


def test_other_conda_packages_make_it_condas():
    reading = read("dependencies: [python=3.11, 'numpy  =1.26', conda-forge::scipy, 'blas=*=openblas']\n")
    assert reading.definition.conda == ("blas[build='openblas']", "conda-forge::scipy", "numpy=1.26", "python=3.11")
    assert reading.definition.channels == ("conda-forge",)
    assert any("no channels" in notice for notice in reading.notices)


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("numpy=1.26", "numpy=1.26"), ("numpy==1.26", "numpy==1.26"), ("numpy 1.26.*", "numpy=1.26"), ("numpy=1.26=py311_0", "numpy==1.26=py311_0"),
        ("bioconda::samtools>=1.19", "bioconda::samtools[version='>=1.19']"), ("bioconda/linux-64::samtools", "bioconda/linux-64::samtools"),
        ("numpy[version='>=1.26,<2', build='py*']", "numpy[build='py*',version='<2,>=1.26']"),
        ("https://conda.anaconda.org/conda-forge::numpy", "conda-forge::numpy"),
        ("https://conda.anaconda.org/conda-forge/linux-64/x-1.0-h0_0.conda", "conda-forge/linux-64::x==1=h0_0[fn='x-1.0-h0_0.conda']"),
    ],
)  # fmt: skip
def test_the_forms_of_a_conda_package(written, normal):
    """As conda reads them: each form that people copy from a page works, and those that mean the same are one."""
    assert read(f'dependencies: ["{written}"]\n').definition.conda == (normal,)


def test_nodefaults_is_no_channel():
    """conda's word for: nothing of the machine's is added. Here nothing ever is."""
    text = "channels: [conda-forge, nodefaults]\ndependencies: [numpy]\n"
    assert read(text).definition == read(text.replace(", nodefaults", "")).definition
    alone = read("channels: [nodefaults]\ndependencies: [numpy]\n")
    assert alone.definition.channels == ("conda-forge",)
    assert any("no channels" in notice for notice in alone.notices)


@pytest.mark.parametrize(
    ("text", "login"),
    [
        ("channels: ['https://u:geheim@h.example/c']\ndependencies: [numpy]\n", "u:geheim"),
        ("channels: ['https://h.example/t/geheim/c']\ndependencies: [numpy]\n", "token:geheim"),
        ("channels: ['https://h.example/c']\ndependencies: ['https://u:geheim@h.example/c::numpy']\n", "u:geheim"),
    ],
)
def test_a_login_in_a_channel_is_kept_apart(text, login):
    """It is used, and is in no definition, no id and no message."""
    reading = read(text)
    assert reading.logins == (("h.example", login),)
    assert reading.definition.channels == ("https://h.example/c",)
    assert "geheim" not in repr(reading.definition) + repr(reading.notices)


def test_a_login_is_in_no_fault():
    text = "channels: ['https://u:geheim@h.example/c', 'https://u:andere@h.example/d']\ndependencies: ['https://u:geheim@h.example/c::']\n"
    said = faults(text)
    assert ("1", "two different logins for h.example") in said
    assert "geheim" not in str(said) and "andere" not in str(said)


def test_what_is_wrong_with_channels_and_packages_has_its_own_line():
    """Also beside a pip section, whose faults are told with them."""
    text = "channels:\n- conda-forge\n- ./mine\ndependencies:\n- numpy=1.25\n- numpy=1.26\n- pip\n- pip:\n  - six==\n"
    assert [at for at, _ in faults(text)] == ["3", "6", "9"]


def test_condas_python_is_among_its_packages_alone():
    """Said twice it could be two Pythons, and two ids."""
    assert read("dependencies: [python=3.9.7, numpy]\n").definition.python == ""
    assert read("dependencies: [python=3.9.7, numpy]\n").definition.conda == ("numpy", "python=3.9.7")


@pytest.mark.parametrize(
    "package", ["azureml-defaults", "azureml-core==1.61.0", "azureml_sdk", "azureml-core[notebooks]"]
)
def test_azuremls_own_packages_are_left_out_and_said(package):
    """They speak to a service that is gone, and take half of the image."""
    reading = read(f"dependencies:\n- python=3.11\n- pip:\n  - {package}\n  - six\n")
    assert [r.text for r in reading.definition.pypi] == ["six"]
    assert "is left out" in reading.notices[0]


def test_what_only_looks_like_azuremls_stays():
    reading = read("dependencies:\n- python=3.11\n- pip:\n  - azureml-mlflow\n")
    assert [r.text for r in reading.definition.pypi] == ["azureml-mlflow"]


def test_a_file_without_python_has_the_usual_one_and_says_so():
    reading = read("dependencies:\n- pip:\n  - six\n")
    assert reading.definition.python == Definition().python
    assert any("no Python is named" in notice for notice in reading.notices)


def test_the_folder_of_another_machine_is_left_out():
    assert "left out" in read("prefix: /opt/conda/envs/x\ndependencies: [python=3.11]\n").notices[0]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", [("", "no definition: the file is empty")]),
        ("- a\n- b\n", [("", "this is no environment.yml")]),
        ("name: x\n", [("1", "dependencies: missing")]),
        ("dependencies:\n- python: 3.10\n", [("2", "python: only `pip:` may have a list of its own")]),
        ("dependencies:\n- 3.10\n", [("2", "dependencies: 3.10 is a number to YAML, not a text")]),
        ("name: no\ndependencies: []\n", [("1", "name: no is true or false to YAML, not a text")]),
        ("dependencies: numpy\n", [("1", "dependencies: expected a list")]),
        ("dependencies:\n- numpy==\n", [("2", "numpy==: no version stands behind the sign")]),
        ("dependencies:\n- x @ https://h/x.whl\n", [("2", "x @ https://h/x.whl: this is pip's form: it belongs below `- pip:`")]),
        ("dependencies:\n- -e .\n", [("2", "-e .: an option has no place among conda's packages")]),
        ("dependencies:\n- a\n- scipy  # [linux]\n", [("3", "a selector is a comment here: conda-build alone reads it")]),
        ("dependencies:\n- sel(linux): a\n", [("2", "sel(linux): a selector, which only micromamba reads")]),
        ("dependencies: [a]\ncolour: red\n", [("2", "colour: conda knows no such key")]),
        ("dependencies: [a]\ndependencies: [b]\n", [("2", "dependencies: given twice, first in line 1")]),
        ("dependencies:\n- pip: [a]\n- pip: [b]\n", [("3", "pip: given twice")]),
        ("dependencies: [python=3.11]\nvariables: [a]\n", [("2", "variables: expected a table")]),
        ("dependencies: [python=3.11]\nvariables:\n  A:\n", [("3", "variables.A: expected a text")]),
        ("dependencies:\n- python>=3.8|<3\n", [("2", "python>=3.8|<3: which Python is meant is not clear")]),
        ("dependencies:\n- python>=3.99\n", [("2", "python>=3.99: which Python is meant is not clear")]),
        ("dependencies:\n- python=3.11\n- python=3.12\n", [("3", "python is named more than once: python=3.11, python=3.12")]),
        ("image: x\nconda_file: y\n", [("1", "image: conda knows no such key"), ("2", "conda_file: conda knows no such key")]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_where_it_stands(text, found):
    said = faults(text)
    assert all(expected in said for expected in found), said


def test_all_faults_of_both_parts_are_told_together_in_the_files_order():
    """Else a user mends one line a try."""
    said = faults("dependencies:\n- numpy==\n- pip:\n  - six==\n  - git+https://h/x\ncolour: red\n")
    assert [at for at, _ in said] == ["2", "4", "5", "6"]


def test_a_fault_of_the_pip_section_has_its_own_line():
    assert [at for at, _ in faults("dependencies:\n- python=3.11\n- pip:\n  - six\n  - no such thing\n")] == ["5"]


@pytest.mark.parametrize(
    ("spec", "python"),
    [
        ("python", ""), ("python=3.11", "3.11"), ("python==3.11", "3.11"), ("python 3.11.*", "3.11"), ("python=3.11.*", "3.11"),
        ("python 3.11", "3.11"), ("python >=3.11,<3.12", "3.11"), ("python>=3.11,<3.12.0a0", "3.11"),
        ("conda-forge::python=3.9", "3.9"), ("Python=3.10", "3.10"),
        ("python=3.11.4", "3.11"), ("python==3.9.7=h123", "3.9"), ("python 3.10.18.*", "3.10"),
    ],
)  # fmt: skip
def test_the_forms_in_which_people_name_a_python(spec, python):
    """AzureML silently replaces three of them by another Python."""
    assert python_of(spec_text(spec)) == (python, None)


@pytest.mark.parametrize(
    "spec", ["python>=3.8,<3.11", "python>=3", "python=3", "python=2.7", "python[md5=d41d8cd98f00b204e9800998ecf8427e]"]
)
def test_a_python_that_cannot_be_had_is_never_another_one(spec):
    assert python_of(spec_text(spec))[1] is not None


@pytest.mark.parametrize(
    ("spec", "python", "said"),
    [
        ("python=3.11.9", "3.11.9", ""),
        ("python==3.13.1=h123", "3.13.1", "python==3.13.1=h123: 3.13.1 is meant: no conda is needed for it"),
        ("python=3.8.13", "3.8.13", ""),
        ("python=3.12", "3.12", ""),
        ("python=3.11", "3.11", ""),
        ("python=3.11.*", "3.11", ""),
    ],
)
def test_a_release_of_python_is_that_release(spec, python, said):
    """AzureML's SDK wrote python=3.8.13 into every environment; refused, none of them could be read."""
    found = read(f"dependencies:\n- {spec}\n- pip:\n  - six\n")
    assert found.definition.python == python
    assert list(found.notices) == ([said] if said else [])


@pytest.mark.parametrize("spec", ["python=2.7", "python=3.7", "python=3.6.15"])
def test_a_python_that_conda_alone_has_is_condas(spec):
    """There is no standalone build of it, and conda's channels have it: the environment can be made."""
    found = read(f"dependencies:\n- {spec}\n- pip\n- pip:\n  - six\n").definition
    assert (found.python, found.conda) == ("", ("pip", spec))
    assert [one.text for one in found.pypi] == ["six"]


def test_a_version_of_pip_is_said_to_mean_nothing_where_conda_installs_nothing():
    """Else a user pins pip, and believes that it installs."""
    assert read("dependencies: [python=3.11, pip=24.0]\n").notices == (
        "pip=24.0: means nothing: packages from an index are installed without pip",
    )
    assert read("channels: [a]\ndependencies: [python=3.11, pip=24.0, numpy]\n").notices == ()


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ("numpy", "numpy"), ("NumPy>=1", "numpy"), ("conda-forge::numpy=1.26=py311h_0", "numpy"),
        ("conda-forge/linux-64::x", "x"), ("numpy[version='>=1']", "numpy"), ("_libgcc_mutex=0.1", "_libgcc_mutex"),
        ("r-base 4.3", "r-base"), ("https://repo.example/my-channel::x", "x"), ("numpy >=1,<2|==3", "numpy"),
    ],
)  # fmt: skip
def test_the_name_in_a_spec(spec, name):
    assert spec_name(spec_text(spec)) == name


def test_only_python_and_pip_need_no_conda():
    assert is_only_python(["python=3.11", "pip", "conda-forge::pip=23"])
    assert not is_only_python(["python=3.11", "pipx"])


WORDS = st.lists(
    st.sampled_from(["numpy=1.26", "scipy", "python=3.11", "pip", "conda-forge::x>=2"]), max_size=5, unique=True
)


@given(WORDS, st.randoms(use_true_random=False))
def test_the_order_of_packages_does_not_matter(words, random):
    shuffled = list(words)
    random.shuffle(shuffled)
    first, second = (
        read("dependencies:\n- python=3.11\n" + "".join(f"- {w}\n" for w in some if w != "python=3.11"))
        for some in (words, shuffled)
    )
    assert first.definition == second.definition


@given(st.text(max_size=120))
def test_any_text_is_read_or_refused(text):
    try:
        read(text)
    except InvalidDefinition as invalid:
        assert all(fault.at.startswith("environment.yml") for fault in invalid.faults)


@pytest.mark.parametrize(
    ("spec", "python"),
    [
        ("python>=3.8", "3.11"),
        ("python>=3.12", "3.13"),
        ("python <3.11", "3.10"),
        ("python>=3.9,<3.11", "3.10"),
        ("python !=3.11.2", "3.13"),
    ],
)
def test_a_range_means_the_python_that_requires_python_means_by_it(spec, python):
    """The base's own where it fits, else the newest standalone one: one rule for both forms."""
    definition = read(f"dependencies:\n- {spec}\n- pip\n").definition
    assert (definition.python, definition.conda) == (python, ())
