"""`bin/envbuild-activate` of a conda environment: runs a command after what its packages have in etc/conda/activate.d.

Each image of conda packages has it; `activate = true` makes it the entry point. A script that fails ends nothing, as with conda.
"""

__all__ = ["ACTIVATE_PROGRAM", "activate_program"]

ACTIVATE_PROGRAM = "bin/envbuild-activate"
"""Its path below the environment's folder."""

_TEXT = """\
#!/bin/bash
# envbuild-activate COMMAND...: runs COMMAND as `conda activate` would leave the shell.
export CONDA_PREFIX='{prefix}' CONDA_DEFAULT_ENV='{prefix}' CONDA_SHLVL=1
__envbuild_activate() {{
    local script
    for script in "$CONDA_PREFIX"/etc/conda/activate.d/*.sh; do
        if [ -r "$script" ]; then . "$script"; fi
    done
    set +eu
    return 0
}}
__envbuild_activate
unset -f __envbuild_activate
exec "${{@:-bash}}"
"""


def activate_program(prefix: str) -> bytes:
    """The program for an environment in this folder. ValueError for a folder that no quotes hold."""
    if "'" in prefix or "\n" in prefix:
        raise ValueError(f"{prefix!r} cannot be quoted")
    return _TEXT.format(prefix=prefix).encode()
