"""A channel with a real Python, numpy, pandas and scikit-learn, made from what the machine has, and kept between sessions."""

import contextlib
import hashlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from condachannel.channels import write_channel
from condachannel.cpython import MINOR, TAG, cpython_package, python_abi_package
from condachannel.libraries import library_packages, of_compiler
from condachannel.packages import PLACEHOLDER, CondaPackage, File, package
from condachannel.wheels import wheel_package

WHEELS = (
    "joblib==1.4.2",
    "numpy==1.26.4",
    "packaging==24.2",
    "pandas==2.2.3",
    "pip==24.3.1",
    "python-dateutil==2.9.0.post0",
    "pytz==2024.2",
    "scikit-learn==1.5.2",
    "scipy==1.14.1",
    "setuptools==75.6.0",
    "six==1.17.0",
    "threadpoolctl==3.5.0",
    "tzdata==2024.2",
    "wheel==0.45.1",
)
"""What the channel has besides Python, as the index names it."""

_SHOW_PREFIX = """\
#include <stdio.h>
volatile const char prefix[] = "{prefix}";
int main(void) {{ puts((const char *)prefix); return 0; }}
"""


def forge() -> Path:
    """The channel's folder, its name `conda-forge`. Made once a machine: about a minute, and wheels from the machine's index."""
    folder = _place()
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as unfinished:
            made = Path(unfinished, "made")
            write_channel(made / "conda-forge", _packages(Path(unfinished, "wheels")))
            # Where another session was faster, its packages serve as well.
            with contextlib.suppress(OSError):
                made.rename(folder)
    return folder / "conda-forge"


def _place() -> Path:
    """A place for what these modules make of this interpreter and these wheels."""
    sources = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")) if path.stem in _MAKERS)
    key = hashlib.sha256(sources + f"{sys.base_prefix}{sys.version}".encode()).hexdigest()[:16]
    usual = Path(tempfile.gettempdir()) / f"envbuild-conda-channel-{os.getuid()}"
    kept = os.environ.get("ENVBUILD_TEST_CACHE")
    return (Path(kept) / "conda-channel" if kept else usual) / key


_MAKERS = {"cpython", "elf", "forge", "libraries", "packages", "wheels"}


def _packages(folder: Path) -> list[CondaPackage]:
    python, places = cpython_package()
    wheels = _downloaded(folder)
    made = [wheel_package(wheel) for wheel in wheels]
    libraries = library_packages(places | of_compiler(wheels, folder / "compiler"))
    return [python, python_abi_package(), show_prefix_package(), *libraries, *made]


def _downloaded(folder: Path) -> list[Path]:
    options = ["-qq", "--no-deps", "--only-binary", ":all:", "--python-version", MINOR, "--implementation", "cp"]
    options += [word for tag in ("2_17", "2_28") for word in ("--platform", f"manylinux_{tag}_x86_64")]
    command = [sys.executable, "-m", "pip", "download", *options, "--abi", TAG, "-d", str(folder), *WHEELS]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return sorted(folder.glob("*.whl"))


def show_prefix_package(version: str = "1.0") -> CondaPackage:
    """A program that prints the prefix it was built for: its placeholder is in a binary. Needs a C compiler."""
    files = {"bin/show-prefix": File(_show_prefix(), 0o755, "binary")}
    return package("show-prefix", version, "h5eac0de_0", files=files, depends=["__glibc >=2.17,<3.0.a0"])


def _show_prefix() -> bytes:
    with tempfile.TemporaryDirectory() as place:
        source, made = Path(place, "show_prefix.c"), Path(place, "show-prefix")
        source.write_text(_SHOW_PREFIX.format(prefix=PLACEHOLDER))
        subprocess.run(["cc", "-O1", "-s", "-o", str(made), source.name], cwd=place, check=True)
        return made.read_bytes()
