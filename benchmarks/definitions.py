"""How fast definitions become ids: 10,000 mixed ones as values, and the first sight of a long environment.yml as a process.

    python benchmarks/definitions.py [--count N] [--runs N]

The definitions are made from a fixed seed: 3 to 40 packages from indexes or conda in people's spellings, constraints, indexes,
variables, Debian packages. The floor is what any such program has to do: `packaging` parses the same requirements, and the
standard library writes the same values as sorted JSON and hashes it. The two take turns, in rounds. The processes: the probe
of an environment.yml of 200 lines that was never seen, and then once more, beside bare Python and Python that loads the same
file with PyYAML. Goals: 2,000 definitions a second on one core, 0.2 s, 0.1 s.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

from packaging.requirements import Requirement as Parsed

from envbuild.definition import Definition, Index, Requirement
from envbuild.ids import definition_material, identity, request_material
from envbuild.normalize import normalize

NAMES = [
    "numpy",
    "Pandas",
    "scikit-learn",
    "SciPy",
    "matplotlib",
    "requests",
    "PyYAML",
    "typing_extensions",
    "ruamel.yaml",
    "torch",
    "torchvision",
    "Pillow",
    "transformers",
    "tokenizers",
    "huggingface_hub",
    "tqdm",
    "click",
    "Jinja2",
    "MarkupSafe",
    "SQLAlchemy",
    "fastapi",
    "uvicorn",
    "pydantic",
    "httpx",
    "rich",
    "polars",
    "pyarrow",
    "xgboost",
    "lightgbm",
    "optuna",
    "mlflow",
    "joblib",
    "threadpoolctl",
    "networkx",
    "sympy",
    "seaborn",
    "statsmodels",
    "numba",
    "llvmlite",
    "boto3",
    "botocore",
    "s3fs",
    "fsspec",
    "aiohttp",
    "multidict",
    "yarl",
    "attrs",
    "cryptography",
    "cffi",
    "pycparser",
    "grpcio",
    "protobuf",
]
SPECIFIERS = ("", ">=1.{0}", "==2.{0}.{1}", "~=1.{0}.2", " >= 1.{0} , < 3", "!=2.{0}.*,>1", "==1.{1}.*", ">=0.{0}.0rc1")
MARKERS = ("", "", "", "; python_version < '3.13'", "; sys_platform == 'linux' and platform_machine == 'x86_64'")


def requirement(chance: random.Random, name: str) -> Requirement:
    extras = chance.choice(("", "", "", "[all]", "[Dev, test]"))
    text = f"{name}{extras}{chance.choice(SPECIFIERS).format(chance.randint(0, 40), chance.randint(0, 12))}{chance.choice(MARKERS)}"
    hashes = tuple(f"sha256:{chance.randbytes(32).hex()}" for _ in range(chance.choice((0, 0, 0, 2))))
    return Requirement(text, hashes)


def definition(chance: random.Random) -> Definition:
    names = chance.sample(NAMES, chance.randint(3, 40))
    from_conda = chance.random() < 0.25
    inner = names[: len(names) // 4] if from_conda else names
    conda = [f"{name.lower()}{chance.choice(('', '=1.26', '>=1,<3', ' 2.0.*'))}" for name in names if name not in inner]
    return Definition(
        name=f"env-{chance.randint(0, 999)}",
        pypi=tuple(requirement(chance, name) for name in inner),
        constraints=tuple(f"{name}<9" for name in chance.sample(NAMES, chance.choice((0, 0, 5)))),
        indexes=chance.choice(
            ((), (Index("team", "https://Team.example/simple/", explicit=True, packages=("Torch",)),))
        ),
        conda=tuple(conda),
        channels=("conda-forge",) if from_conda else (),
        system=chance.choice(((), ("libgomp1", "curl"))),
        variables=tuple((f"NAME_{number}", str(number)) for number in range(chance.randint(0, 6))),
    )


def ours(definitions: Sequence[Definition]) -> None:
    for one in definitions:
        normal = normalize(one)
        identity(definition_material(normal))
        for platform in normal.platforms:
            identity(request_material(normal, platform))


def floor(definitions: Sequence[Definition]) -> None:
    for one in definitions:
        for wanted in one.pypi:
            str(Parsed(wanted.text))
        for text in one.constraints:
            str(Parsed(text))
        material = json.dumps(asdict(one), sort_keys=True, default=str).encode()
        sha256(material).hexdigest()
        sha256(material).hexdigest()


def seconds(work: Callable[[], object]) -> float:
    """Of one core: what others do on the machine counts less than on a clock."""
    start = time.process_time()
    work()
    return time.process_time() - start


def long_environment() -> str:
    conda = "\n".join(f"  - {NAMES[n % len(NAMES)].lower()}-{n}>=1.{n},<3" for n in range(120))
    pip = "\n".join(f"    - {NAMES[n % len(NAMES)]}-{n}==1.{n}" for n in range(72))
    return (
        f"name: long\nchannels:\n  - conda-forge\ndependencies:\n  - python=3.11\n  - pip\n{conda}\n  - pip:\n{pip}\n"
    )


def processes(runs: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        spec = Path(folder, "environment.yml")
        envbuild = str(Path(sys.executable).with_name("envbuild"))
        loads = f"import yaml; yaml.safe_load(open({str(spec)!r}))"
        times: dict[str, list[float]] = {}

        def run(name: str, argv: list[str], home: str) -> None:
            env = {**os.environ, "ENVBUILD_HOME": home}
            start = time.perf_counter()
            subprocess.run(argv, env=env, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            times.setdefault(name, []).append(time.perf_counter() - start)

        for number in range(runs + 1):
            home = str(Path(folder, f"home-{number}"))
            spec.write_text(long_environment() + f"variables:\n  ROUND: '{number}'\n")
            run("bare Python", [sys.executable, "-c", "pass"], home)
            run("Python and yaml.safe_load", [sys.executable, "-c", loads], home)
            run("envbuild probe, first sight", [envbuild, "probe", str(spec)], home)
            run("envbuild probe, seen before", [envbuild, "probe", str(spec)], home)
        for name, found in times.items():
            median = statistics.median(found[1:])
            print(f"{name:<30} median {median:.3f} s  best {min(found[1:]):.3f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=11)
    options = parser.parse_args()
    chance = random.Random(5)
    definitions = [definition(chance) for _ in range(options.count)]
    parts = [definitions[start::5] for start in range(5)]
    rounds = [(seconds(lambda part=part: ours(part)), seconds(lambda part=part: floor(part))) for part in parts]
    mine, least = sum(one for one, _ in rounds), sum(other for _, other in rounds)
    print(
        f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, {options.count} definitions in {len(parts)} rounds"
    )
    print(f"normalize and hash  {options.count / mine:,.0f} a second (goal 2,000)")
    print(f"floor               {options.count / least:,.0f} a second; ours takes {mine / least:.2f} x as long")
    processes(options.runs)


if __name__ == "__main__":
    main()
