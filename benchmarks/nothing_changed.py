"""How long `envbuild build` takes where nothing changed, as a whole process, beside bare Python and Python with click.

    python benchmarks/nothing_changed.py [--spec FILE] [--runs N]

The spec is built once into a store of its own; then the commands take turns, so that the machine's mood meets all alike.
With DOCKER_HOST set the engine is asked too, as in daily use. Prints the median and the best of each, and ratios.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NO_ENGINE = "unix:///nonexistent/docker.sock"


def timed(argv: list[str], env: dict[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run(argv, env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spec", default=str(ROOT / "examples" / "classify" / "requirements.txt"))
    parser.add_argument("--runs", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        env = {**os.environ, "ENVBUILD_HOME": home}
        envbuild = str(Path(sys.executable).with_name("envbuild"))
        build = [envbuild, "build", options.spec, "--quiet"]
        commands = {
            "bare Python": ([sys.executable, "-c", "pass"], env),
            "Python and click": ([sys.executable, "-c", "import click"], env),
            "envbuild probe": ([envbuild, "probe", options.spec], env),
            "envbuild build --to store": ([*build, "--to", "store"], env),
        }
        if os.environ.get("DOCKER_HOST", NO_ENGINE) != NO_ENGINE:
            commands["envbuild build --to docker"] = ([*build, "--to", "docker"], env)
        timed([*build, "--to", "store"], env)
        for argv, environment in commands.values():
            timed(argv, environment)
        times = {name: [] for name in commands}
        for _ in range(options.runs):
            for name, (argv, environment) in commands.items():
                times[name].append(timed(argv, environment))
    floor = statistics.median(times["bare Python"])
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, {options.runs} runs each, in turns")
    for name, seconds in times.items():
        median = statistics.median(seconds)
        print(f"{name:<28} median {median:.3f} s  best {min(seconds):.3f} s  {median / floor:.1f} x bare Python")


if __name__ == "__main__":
    main()
