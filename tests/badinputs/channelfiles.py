"""What only a conda channel can tell to be wrong."""

from badinputs.rows import Row

__all__ = ["ROWS"]

_DEMO = {"name": "demo"}
_NEEDS = {"name": "needs", "depends": ["demo >=2"]}


def _asked(items, name, dependencies, *said, channels="[conda-forge]", packages=(_DEMO,), **more) -> Row:
    """Of an environment.yml that asks for these, where conda-forge has these packages."""
    text = f"channels: {channels}\ndependencies: [{dependencies}]\n"
    more = {"code": 3, "kept": True, "online": True, **more}
    return Row(
        items=items, name=name, files={"environment.yml": text}, spec="environment.yml", said=said, packages=packages, **more
    )  # fmt: skip


ROWS = [
    _asked((55,), "unknown-channel", "demo", "no-such-team: there is no such conda channel", "404", channels="[no-such-team]"),
    _asked((55,), "unknown-second-channel", "demo", "no-such-team: there is no such conda channel",
           channels="[conda-forge, no-such-team]"),
    _asked((), "unreachable-channel", "demo", "127.0.0.1:9", channels='["http://127.0.0.1:9/team"]', code=5),
    _asked((43,), "conda-not-there", "dmeo", "dmeo", "demo"),
    _asked((43,), "conda-version-not-there", '"demo=9"', "no channel has demo 9.*", "conda-forge has demo 1.0"),
    _asked((42,), "conda-excluded", '"demo=1", needs', "demo", "needs", packages=(_DEMO, _NEEDS)),
    _asked((48,), "conda-other-bytes", "demo", "demo-1.0-0.conda", "these bytes are sha256:", code=6,
           packages=({"name": "demo", "corrupt": True},)),
    _asked((46,), "conda-glibc", "demo", "__glibc", packages=({"name": "demo", "depends": ["__glibc >=99"]},)),
    _asked((), "conda-no-cuda", "demo", "__cuda", packages=({"name": "demo", "depends": ["__cuda >=12"]},)),
    _asked((56,), "spec-of-another-platform", "conda-forge/win-64::demo", "which is no platform of this definition", code=2,
           kept=False),
    Row(items=(58,), name="flexible-priority", spec="envbuild.toml", said=("envbuild.toml:3", "'flexible' is not accepted", "strict"),
        files={"envbuild.toml": 'format = 1\nconda = ["demo"]\nchannel-priority = "flexible"\n'}),
    Row(items=(58,), name="priority-without-conda", spec="envbuild.toml", said=("channel-priority", "no builder serves this key yet"),
        files={"envbuild.toml": 'format = 1\npypi = ["six"]\nchannel-priority = "disabled"\n'}, kept=True),
    Row(items=(), name="activate-without-conda", spec="envbuild.toml", said=("activate", "only conda packages have anything"),
        files={"envbuild.toml": 'format = 1\npypi = ["six"]\nactivate = true\n'}, kept=True),
    Row(items=(8,), name="activate-text", spec="envbuild.toml", said=("envbuild.toml:3", "activate"),
        files={"envbuild.toml": 'format = 1\nconda = ["demo"]\nactivate = "yes"\n'}),
    Row(items=(8,), name="virtual-package-value", spec="envbuild.toml", said=("envbuild.toml:5", "'>=12' is not accepted", 'a version: "12.4"'),
        files={"envbuild.toml": 'format = 1\nconda = ["demo"]\n\n[virtual-packages]\n__cuda = ">=12"\n'}),
]  # fmt: skip
