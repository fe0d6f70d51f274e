"""Each rule finds what hurts, and leaves alone what does not."""

from datetime import date

import pytest

from envbuild.definition import Definition, DockerfileBase, ImageBase, Index, Requirement
from envbuild.pipeline.linting import Finding, lint

TODAY = date(2026, 11, 24)
OWN = Index("own", "https://own.example/s")
PYTHON = "python=3.12"
COMMIT = "a" * 40
HEX = "a" * 64


def found(locked=True, pypi=(), **fields):
    definition = Definition(pypi=tuple(map(Requirement, pypi)), **fields)
    return [(finding.code, finding.item) for finding in lint(definition, locked=locked, today=TODAY)]


def dockerfile(text):
    return {"base": DockerfileBase(dockerfile=f"FROM x@sha256:{HEX}\n{text}")}


@pytest.mark.parametrize(
    ("asked", "codes"),
    [
        ({}, []),
        ({"pypi": ["numpy"]}, []),
        ({"pypi": ["numpy"], "locked": False}, [("EB101", "numpy")]),
        ({"pypi": ["numpy==2.*", "six===1"], "locked": False}, [("EB101", "numpy==2.*")]),
        ({"pypi": ["x @ https://h/x-1-py3-none-any.whl", "six==1"], "locked": False}, []),
        ({"conda": (PYTHON, "numpy", "scipy=1.1", "c::x>=2", "c::y==2=b1", "pip=24"), "locked": False},
         [("EB101", "c::x>=2"), ("EB101", "numpy")]),
        ({"base": ImageBase("debian:12")}, [("EB102", "debian:12")]),
        ({"base": ImageBase("debian")}, [("EB102", "debian")]),
        ({"base": ImageBase(f"debian@sha256:{HEX}")}, []),
        (dockerfile("FROM debian:12 AS one\nFROM one AS two\nFROM scratch\nFROM $BASE\nCOPY --from=one:x /a /a"),
         [("EB102", "debian:12")]),
        ({"variables": (("API_KEY", "x"),)}, [("EB103", "API_KEY")]),
        ({"variables": (("DB_PASSWORD", ""), ("TOKENIZERS_PARALLELISM", "false"), ("KEYBOARD", "de"))}, []),
        ({"variables": (("X", "ghp_" + "a" * 36), ("Y", "postgres://me:pw@h/db"))}, [("EB103", "X"), ("EB103", "Y")]),
        ({"variables": (("TOKEN", "$OTHER"),)}, []),
        ({"variables": (("AZURE_STORAGE_KEY", "x"), ("DEVOPS_PAT", "x"), ("BLOB_SAS", "x"), ("SUBSCRIPTION_KEY", "x"))},
         [("EB103", name) for name in ("AZURE_STORAGE_KEY", "BLOB_SAS", "DEVOPS_PAT", "SUBSCRIPTION_KEY")]),
        ({"variables": (("PRIMARY_KEY_COLUMN", "id"), ("SORT_KEY", "id"), ("PUBLIC_KEY", "x"), ("PATH_PATTERN", "x"))}, []),
        ({"variables": (("A", "https://h.example/c?sv=1&sig=abc"), ("B", "AccountName=a;AccountKey=abc=="),
                        ("C", "SharedAccessSignature=sv"), ("D", "Endpoint=x;SharedAccessSignature sr=a"))},
         [("EB103", name) for name in "ABCD"]),
        ({"variables": (("A", "config=1"), ("B", "https://h.example/?design=1"), ("C", "sig=$SIG"))}, []),
        ({"run": ("git clone https://me:pw@h.example/x", "git clone https://$USER:$PW@h.example/x")}, [("EB103", "run[0]")]),
        ({"base": DockerfileBase(arguments=(("PIP_TOKEN", "x"), ("PLAIN", "y")))}, [("EB103", "PIP_TOKEN")]),
        (dockerfile('ENV A=1 SECRET_TOKEN="x y" \\\n  B=2\nARG PASSWORD\nARG API_KEY=k\nENV PASSWD old form'),
         [("EB103", "ARG API_KEY"), ("EB103", "ENV PASSWD"), ("EB103", "ENV SECRET_TOKEN")]),
        (dockerfile("RUN cat <<EOF > /x\nENV TOKEN=not-an-instruction\nEOF\n# ENV TOKEN=x\nRUN echo"), []),
        ({"conda": (PYTHON, "numpy=1.26", "pip"), "pypi": ["NumPy>=1"]}, [("EB104", "NumPy>=1")]),
        ({"conda": (PYTHON, "x", "pip"), "pypi": ["x @ https://h.example/x-1-py3-none-any.whl"]}, [("EB104", "x")]),
        ({"conda": (PYTHON, "numpy=1.26"), "pypi": ["six"]}, [("EB107", "")]),
        ({"conda": (PYTHON, "numpy=1.26")}, []),
        ({"indexes": (OWN, Index("pypi"))}, [("EB105", "own")]),
        ({"indexes": (Index("own", "https://own.example/s", explicit=True, packages=("x",)), Index("pypi"))}, []),
        ({"indexes": (Index("pypi", "http://mirror.example/s"),)}, [("EB106", "pypi")]),
        ({"indexes": (Index("pypi", "http://localhost:8080/s"),)}, []),
        ({"conda": (PYTHON,), "channels": ("http://conda.example/team",)}, [("EB106", "http://conda.example/team")]),
        ({"python": "3.10"}, [("EB108", "3.10")]),
        ({"python": "3.8.13"}, [("EB108", "3.8.13")]),
        ({"python": "2.7"}, [("EB108", "2.7")]),
        ({"python": "3.11"}, []),
        ({"conda": ("conda-forge::python=3.9.*",)}, [("EB108", "conda-forge::python=3.9.*")]),
        ({"conda": ("python==3.8.7=h123",)}, [("EB108", "python==3.8.7=h123")]),
        ({"conda": ("python>=3.8,<3.9",)}, [("EB108", "python>=3.8,<3.9")]),
        ({"conda": ("python[version='3.9.*,>=3.9.1']",)}, [("EB108", "python[version='3.9.*,>=3.9.1']")]),
        ({"conda": ("python=2.7",)}, [("EB108", "python=2.7")]),
        ({"conda": ("python>=3.8",), "python": "3.8"}, []),
        ({"conda": (PYTHON, "pip"), "locked": False}, [("EB110", "pip")]),
        ({"pypi": ["x @ git+https://h.example/x.git"]}, [("EB114", "x")]),
        ({"pypi": ["x @ git+https://h.example/x.git@main#subdirectory=a"]}, [("EB114", "x")]),
        ({"pypi": [f"x @ git+https://h.example/x.git@{COMMIT}"]}, []),
        ({"base": ImageBase(f"mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04@sha256:{HEX}")},
         [("EB115", f"mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04@sha256:{HEX}")]),
        ({"base": ImageBase(f"mcr.microsoft.com/devcontainers/base@sha256:{HEX}")}, []),
        ({"base": DockerfileBase(dockerfile="#" * 100_001, path="Dockerfile")}, [("EB117", "Dockerfile")]),
        ({"base": DockerfileBase(dockerfile="#" * 100_000, path="Dockerfile")}, []),
        ({"variables": (("RANK", "0"), ("SLURM_JOB_ID", "1"), ("RANKING", "x"))}, [("EB119", "RANK"), ("EB119", "SLURM_JOB_ID")]),
        ({"variables": (("EXAMPLE_ENV_VAR", "EXAMPLE_VALUE"),)}, [("EB119", "EXAMPLE_ENV_VAR")]),
        ({"variables": (("EXAMPLE_ENV_VAR", "mine"),)}, []),
        ({"conda": ("numpy=1.26",)}, [("EB120", "")]),
        ({"conda": (PYTHON, "python>=3.10")}, [("EB121", "python>=3.10")]),
        ({"conda": ("python=3.1O",)}, [("EB122", "python=3.1O")]),
        ({"conda": ("python 3.12.*",)}, []),
        ({"conda": ("python>=3.11,<3.13|3.14.0rc1",)}, []),
        ({"conda": ("python[version='>=3.11']",)}, []),
        ({"conda": (PYTHON,), "channels": ("defaults", "conda-forge")}, [("EB124", "defaults")]),
        ({"conda": (PYTHON,), "channels": ("https://conda.anaconda.org/conda-forge", "https://repo.anaconda.com/pkgs/main")},
         [("EB124", "https://repo.anaconda.com/pkgs/main")]),
        ({"conda": (PYTHON,), "channels": ("pkgs/main", "conda-forge")}, [("EB124", "pkgs/main")]),
        ({"conda": (PYTHON,), "channels": ("conda-forge", "bioconda")}, []),
        ({"conda": (PYTHON,), "channels": ("a", "b"), "channel_priority": "disabled"}, [("EB128", "disabled")]),
        ({"conda": (PYTHON,), "channels": ("a",), "channel_priority": "disabled"}, []),
        ({"conda": (PYTHON, "pytorch-gpu=2.5")}, [("EB129", "pytorch-gpu=2.5")]),
        ({"conda": (PYTHON, "pytorch=2.5=cuda126*")}, [("EB129", "pytorch=2.5=cuda126*")]),
        ({"conda": (PYTHON, "pytorch-gpu=2.5"), "virtual_packages": (("__cuda", "12.6"),)}, []),
        ({"conda": (PYTHON, "pytorch-gpu=2.5"), "accelerator": "cu126"}, []),
        ({"conda": (PYTHON, "cuda-version=12.6")}, []),
        ({"run": ("pip install numpy>=2",)}, [("EB126", "run[0]")]),
        ({"run": ('pip install "numpy>=2" scipy\\<2', "pip install x > /dev/null 2>&1", "echo a>1")}, []),
        (dockerfile("RUN apt-get update && \\\n    conda install -y scipy<2 && echo"), [("EB126", "RUN")]),
        (dockerfile('RUN ["pip", "install", "numpy>=2"]\nRUN pip install numpy && test 1 -gt 0 && echo b>1'), []),
    ],
)  # fmt: skip
def test_a_rule_finds_what_it_is_for(asked, codes):
    assert found(**asked) == codes


def test_pip_is_missed_only_where_conda_would_read_the_file():
    """No pip installs anything here: who writes an envbuild.toml needs none."""
    asked = Definition(python="", conda=("python=3.12", "numpy=2.1"), pypi=(Requirement("six==1.17"),))
    today, text = date(2026, 1, 1), 'format = 1\nconda = ["python=3.12", "numpy=2.1"]\npypi = ["six==1.17"]\n'
    assert lint(asked, locked=False, today=today, files=[("envbuild.toml", text)]) == ()
    assert [one.code for one in lint(asked, locked=False, today=today)] == ["EB107"]


def test_every_finding_says_what_to_do_and_shows_no_secret():
    """A log of CI has what is printed."""
    definition = Definition(
        base=ImageBase("debian"),
        python="3.8",
        pypi=(Requirement("numpy"), Requirement("x @ https://h.example/x-1-py3-none-any.whl?token=hidden")),
        conda=("numpy", "x"),
        indexes=(Index("own", "http://own.example/s?token=hidden"), Index("pypi")),
        variables=(("TOKEN", "hidden"),),
        run=("curl https://me:hidden@h.example/",),
    )
    findings = lint(definition, locked=False, today=TODAY, login_hosts=["own.example"])
    assert {finding.code for finding in findings} >= {f"EB10{n}" for n in range(1, 10)} - {"EB108"}
    assert all(finding.remedy and finding.what for finding in findings)
    assert "hidden" not in repr(findings)


def test_what_the_maker_of_a_definition_found_is_told_with_the_rest():
    """Objects know what their definition has no more, such as a registry that was given as a text."""
    own = Finding(code="EB125", field="docker.base_image_registry", item="r.example", what="a text", remedy="a table")
    findings = lint(Definition(python="3.8"), locked=True, today=TODAY, also=[own, own])
    assert [finding.code for finding in findings] == ["EB108", "EB125"]
