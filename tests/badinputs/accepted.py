"""What looks bad and is not: it is read, and means what its plain form means."""

from badinputs.rows import Accepted

__all__ = ["ACCEPTED"]

_CANARY = "s3cr3t-canary"
_PLAIN = {
    "requirements.txt": "numpy>=2 \\\n  ,<3\npandas\n",
    "envbuild.toml": 'format = 1\npypi = ["numpy", "pandas"]\n',
    "environment.yml": "name: x\ndependencies:\n- python=3.11\n- pip\n- pip:\n  - numpy\n  - |\n    pandas\n",
    "pyproject.toml": '[project]\nname = "x"\nversion = "0"\ndependencies = [\n "numpy",\n]\n',
    "run.py": '# /// script\n# dependencies = ["numpy"]\n# ///\nprint()\n',
    "azureml_environment.json": '{"name": "x",\n "python": {"condaDependencies": {"dependencies": ["python=3.11", {"pip": ["numpy"]}]}}}\n',
}
_CONDA = "channels: [conda-forge]\ndependencies:\n- python=3.11\n- pip\n"
_MANY = "".join(f"package-{number}=={number}.0\n" for number in range(1000))


def _shaken(text: str) -> str:
    """The requirements in another order and spelling."""
    return "".join(sorted(line.replace("package-", "Package_") + "\n" for line in text.splitlines()))


ACCEPTED = [
    *(Accepted(items=(13,), name=f"mark-{name}", spec=name, files={name: b"\xef\xbb\xbf" + text.encode()}, like={name: text})
      for name, text in _PLAIN.items()),
    *(Accepted(items=(14,), name=f"crlf-{name}", spec=name, files={name: text.replace("\n", "\r\n")}, like={name: text})
      for name, text in _PLAIN.items()),
    Accepted(items=(26,), name="composed", spec="envbuild.toml", files={"envbuild.toml": 'format = 1\ndescription = "cafe\u0301"\n'},
             like={"envbuild.toml": 'format = 1\ndescription = "caf\u00e9"\n'}),
    Accepted(items=(10,), name="variables-are-as-written", spec="environment.yml",
             files={"environment.yml": _CONDA + "variables:\n  A: yes\n  B: 010\n  C: 2024-01-01\n  D: 1_000\n"},
             like={"environment.yml": _CONDA + "variables:\n  A: 'yes'\n  B: '010'\n  C: '2024-01-01'\n  D: '1_000'\n"}),
    Accepted(items=(17,), name="an-alias", spec="environment.yml",
             files={"environment.yml": "channels: &c [conda-forge]\ndependencies:\n- &p python=3.11\n- *p\n- pip\n"},
             like={"environment.yml": _CONDA}),
    Accepted(items=(50,), name="password", spec="requirements.txt", unsaid=(_CANARY,),
             files={"requirements.txt": f"-i https://user:{_CANARY}@index.example/simple\nsix\n"},
             like={"requirements.txt": "-i https://index.example/simple\nsix\n"}),
    Accepted(items=(50,), name="password-of-a-wheel", spec="requirements.txt", unsaid=(_CANARY,),
             files={"requirements.txt": f"x @ https://user:{_CANARY}@h.example/x-1.0-py3-none-any.whl\n"},
             like={"requirements.txt": "x @ https://h.example/x-1.0-py3-none-any.whl\n"}),
    Accepted(items=(50,), name="password-of-an-index", spec="envbuild.toml", unsaid=(_CANARY,),
             files={"envbuild.toml": f'format = 1\n[[index]]\nname = "own"\nurl = "https://user:{_CANARY}@h.example/s"\n'},
             like={"envbuild.toml": 'format = 1\n[[index]]\nname = "own"\nurl = "https://h.example/s"\n'}),
    Accepted(items=(51,), name="extra-index", spec="requirements.txt", said=("--extra-index-url", "the index"),
             files={"requirements.txt": "--extra-index-url https://own.example/simple\nsix\n"}),
    Accepted(items=(59,), name="prefix", spec="environment.yml", said=("prefix: is a folder of the machine that wrote the file",),
             files={"environment.yml": _CONDA + "prefix: /opt/conda/envs/x\n"}, like={"environment.yml": _CONDA}),
    Accepted(items=(62,), name="a-thousand", spec="requirements.txt", files={"requirements.txt": _MANY},
             like={"requirements.txt": _shaken(_MANY)}),
    Accepted(items=(63,), name="spellings", spec="requirements.txt", files={"requirements.txt": "ruamel.yaml\nruamel_yaml>=0.17\n"},
             like={"requirements.txt": "Ruamel-YAML>=0.17\n"}),
    Accepted(items=(63,), name="spellings-of-conda", spec="environment.yml",
             files={"environment.yml": _CONDA + "- pip: [ruamel.yaml, Ruamel_YAML>=0.17]\n"},
             like={"environment.yml": _CONDA + "- pip: ['ruamel-yaml>=0.17']\n"}),
]  # fmt: skip
