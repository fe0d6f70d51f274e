"""The two laws of the ids, on 10,000 made definitions each: whoever writes the same in other words finds the image that is
there, and whoever asks for anything else never gets somebody's image for it.

The definitions and the changes come from a fixed seed. `REWRITES` keep the meaning, and `CHANGES` change one field.
"""

import random
import re
from dataclasses import replace

import pytest

from envbuild.definition import (
    Context,
    CopyStep,
    DebianBase,
    Definition,
    DockerfileBase,
    ImageBase,
    Index,
    Project,
    Requirement,
)
from envbuild.ids import definition_material, identity, request_material
from envbuild.normalize import normalize
from envbuild.platforms import LINUX_AMD64, Platform

COUNT = 10_000
ARM = Platform("linux", "arm64")
NAMES = ["numpy", "scikit-learn", "ruamel-yaml", "typing-extensions", "torch", "a", "x2", "zope-interface"]
CONDA = ["numpy", "scipy", "libblas", "_openmp_mutex", "xz", "r-base"]
MARKERS = ["", "", "python_version < '3.13'", "sys_platform == 'linux' and platform_machine == 'x86_64'"]
DIGESTS = [f"sha256:{digit * 64}" for digit in "abc123"]


def specifier(chance):
    low, high = chance.randint(0, 4), chance.randint(5, 9)
    return chance.choice(
        [(), (f">={low}.1",), (f">={low}", f"<{high}"), (f"=={low}.2",), (f"~={low}.2.1",), (f"!={low}.3.*",)]
    )


def requirement(chance, name):
    extras = chance.choice([(), (), ("all",), ("dev", "x-y")])
    hashes = tuple(chance.sample(DIGESTS, chance.choice((0, 0, 2))))
    return written(name, extras, specifier(chance), chance.choice(MARKERS), hashes)


def written(name, extras, versions, marker, hashes):
    text = name + (f"[{','.join(extras)}]" if extras else "") + ",".join(versions)
    return Requirement(text + (f"; {marker}" if marker else ""), hashes)


def conda_spec(chance, name):
    return name + chance.choice(["", "=1.26", "==1.26.4", ">=1,<3", "!=1.5", "=1.2=py311*"])


def base(chance):
    return chance.choice([
        DebianBase(), DebianBase("trixie"), ImageBase(f"registry.example/base@{DIGESTS[0]}"),
        DockerfileBase("FROM debian:12\nRUN true\n", Context("docker", DIGESTS[1]), (("A", "1"), ("B", "2"))),
    ])  # fmt: skip


def definition(chance):
    conda = chance.random() < 0.3
    names = chance.sample(NAMES, chance.randint(1, 5))
    indexes = chance.choice([
        (), (Index("team", "https://team.example/simple"),),
        (Index("team", "https://team.example/simple", explicit=True, packages=("torch", "x2")), Index("pypi")),
    ])  # fmt: skip
    return Definition(
        name="env",
        base=base(chance),
        python=chance.choice(["3.11", "3.13"]),
        pypi=tuple(requirement(chance, name) for name in names),
        constraints=tuple(f"{name}<99" for name in chance.sample(NAMES, chance.randint(0, 2))),
        indexes=indexes,
        conda=tuple(conda_spec(chance, name) for name in chance.sample(CONDA, 3)) if conda else (),
        channels=("conda-forge", "https://conda.example/team") if conda else (),
        system=tuple(chance.sample(["libgomp1", "curl=7.88.1-10", "git"], chance.randint(0, 3))),
        platforms=chance.choice([(LINUX_AMD64,), (LINUX_AMD64, ARM)]),
        accelerator=chance.choice(["", "", "cu128"]),
        virtual_packages=chance.choice([(), (("__cuda", "12.8"),)]),
        variables=chance.choice([(), (("A", "1"), ("GREETING", 'a "b"\n$c'))]),
        workdir=chance.choice(["", "/work"]),
        entrypoint=chance.choice([(), ("python", "-u")]),
        run=chance.choice([(), ("make", "make install")]),
        copy=chance.choice([(), (CopyStep("src", "/opt/src", DIGESTS[2]), CopyStep("b", "/b", DIGESTS[3]))]),
        project=chance.choice([None, None, Project(".", DIGESTS[4])]),
        activate=chance.random() < 0.2,
    )


def shuffled(chance, items):
    return tuple(chance.sample(items, len(items)))


def respelled_name(chance, text):
    found = re.match(r"[a-z0-9-]+", text)
    name = "".join(chance.choice((letter, letter.upper())) for letter in found[0]).replace("-", chance.choice("-_."))
    return name + text[found.end() :]


def respelled(chance, one):
    """A requirement in other words: case, separators, spaces, order, zeros, quotes."""
    head, semicolon, marker = one.text.partition(";")
    found = re.fullmatch(r"([a-z0-9-]+)(?:\[([^\]]*)\])?(.*)", head)
    extras = shuffled(chance, (found[2] or "").split(",")) if found[2] else ()
    versions = shuffled(chance, found[3].split(",")) if found[3] else ()
    versions = [f"{v}.0" if re.fullmatch(r"(>=|<|==)\d+(\.\d+)*", v) and chance.random() < 0.5 else v for v in versions]
    space = chance.choice(["", " ", "  "])
    text = respelled_name(chance, found[1]) + (
        f"{space}[{f'{space},'.join(e.upper() for e in extras)}]" if extras else ""
    )
    text += space + f"{space},{space}".join(re.sub(r"([=<>~!]+)", rf"\1{space}", v, count=1) for v in versions)
    if semicolon:
        text += f"{space};{space}" + marker.replace("'", chance.choice("'\""))
    return Requirement(text, shuffled(chance, one.hashes))


def split_in_two(chance, d):
    """`a>=1,<2` as two lines, each with half of it."""
    for number, one in enumerate(d.pypi):
        head, semicolon, marker = one.text.partition(";")
        first, comma, second = head.partition(",")
        if comma and "[" not in head:
            name = re.match(r"[a-z0-9-]+", head)[0]
            halves = [Requirement(f"{part}{semicolon}{marker}", one.hashes) for part in (first, f"{name}{second}")]
            return replace(d, pypi=(*d.pypi[:number], *shuffled(chance, halves), *d.pypi[number + 1 :]))
    return d


def other_url(chance, url):
    if not url:
        return url
    return chance.choice(
        [url, f"{url}/", url.replace("team.example", "Team.Example"), url.replace(".example/", ".example:443/")]
    )


def other_conda(chance, spec):
    name = re.match(r"[a-z0-9_-]+", spec)[0]
    rest = spec[len(name) :]
    if rest.startswith((">", "!")):
        rest = chance.choice([rest, f" {rest}", f"[version='{rest}']", ",".join(shuffled(chance, rest.split(",")))])
    return name.upper() + rest if chance.random() < 0.5 else name + rest


REWRITES = {
    "a range in two lines": split_in_two,
    "order of packages": lambda c, d: replace(d, pypi=shuffled(c, d.pypi)),
    "spelling of packages": lambda c, d: replace(d, pypi=tuple(respelled(c, r) for r in d.pypi)),
    "a package twice": lambda c, d: replace(d, pypi=(*d.pypi, c.choice(d.pypi))),
    "constraints": lambda c, d: replace(d, constraints=shuffled(c, [respelled_name(c, t) for t in d.constraints])),
    "order of Debian packages": lambda c, d: replace(d, system=shuffled(c, d.system + d.system[:1])),
    "order of platforms": lambda c, d: replace(d, platforms=(*shuffled(c, d.platforms), d.platforms[0])),
    "order of variables": lambda c, d: replace(d, variables=shuffled(c, d.variables)),
    "order of conda packages": lambda c, d: replace(d, conda=shuffled(c, d.conda)),
    "spelling of conda packages": lambda c, d: replace(d, conda=tuple(other_conda(c, spec) for spec in d.conda)),
    "spelling of channels": lambda c, d: replace(d, channels=tuple(f"{one}/" if "://" in one else one for one in d.channels)),
    "spelling of indexes": lambda c, d: replace(
        d, indexes=tuple(replace(i, url=other_url(c, i.url), packages=shuffled(c, i.packages)) for i in d.indexes)
    ),
    "the default index written out": lambda _, d: replace(
        d, indexes=d.indexes if any(i.name == "pypi" for i in d.indexes) else (*d.indexes, Index("pypi"))
    ),
    "words for people": lambda _, d: replace(d, name="other", description="words", tags=(("a", "b"),)),
    "working directory": lambda _, d: replace(d, workdir=f"{d.workdir}/" if d.workdir else d.workdir),
    "where a context stands": lambda _, d: replace(
        d,
        base=replace(d.base, context=Context("elsewhere", d.base.context.digest), path="else/Dockerfile")
        if isinstance(d.base, DockerfileBase)
        else d.base,
    ),
    "order of build arguments": lambda c, d: replace(
        d, base=replace(d.base, arguments=shuffled(c, d.base.arguments)) if isinstance(d.base, DockerfileBase) else d.base
    ),
}  # fmt: skip

REQUEST_CHANGES = {
    "base": lambda d: {"base": DebianBase("sid") if d.base != DebianBase("sid") else DebianBase()},
    "python": lambda d: {"python": "3.12"},
    "a release of Python": lambda d: {"python": "3.12.1"},
    "another package": lambda d: {"pypi": (*d.pypi, Requirement("six"))},
    "one package less": lambda d: {"pypi": d.pypi[1:]},
    "a version": lambda d: {"pypi": (*d.pypi[1:], Requirement("zz==1.2"))},
    "hashes": lambda d: {"pypi": (*d.pypi[1:], Requirement("zz==1.2", (DIGESTS[5],)))},
    "a marker": lambda d: {"pypi": (*d.pypi[1:], Requirement("zz==1.2; os_name == 'nt'"))},
    "an extra": lambda d: {"pypi": (*d.pypi[1:], Requirement("zz[e]==1.2"))},
    "constraints": lambda d: {"constraints": (*d.constraints, "zz<3")},
    "no dependencies": lambda d: {"no_deps": not d.no_deps},
    "indexes": lambda d: {"indexes": (Index("zz", "https://zz.example/simple"), *d.indexes)},
    "order of indexes": lambda d: {"indexes": (Index("pypi"), Index("zz", "https://zz.example/simple"))},
    "conda": lambda d: {"conda": (*d.conda, "zlib=1.3")},
    "channels": lambda d: {"channels": (*d.channels, "bioconda")},
    "order of channels": lambda d: {"channels": ("zz", *d.channels)},
    "priority of channels": lambda d: {"channel_priority": "disabled"},
    "system": lambda d: {"system": (*d.system, "zip")},
    "sdists": lambda d: {"sdists": "build"},
    "accelerator": lambda d: {"accelerator": "cpu"},
    "virtual packages": lambda d: {"virtual_packages": (*d.virtual_packages, ("__glibc", "2.99"))},
    "layout": lambda d: {"layout": d.layout + 1},
}
"""What decides a resolution: request id and definition id change."""

OTHER_CHANGES = {
    "variables": lambda d: {"variables": (*d.variables, ("ZZ", ""))},
    "a variable's value": lambda d: {"variables": (*d.variables, ("ZZ", " "))},
    "user": lambda d: {"user": "1000"},
    "workdir": lambda d: {"workdir": "/zz"},
    "entrypoint": lambda d: {"entrypoint": (*d.entrypoint, "zz")},
    "run": lambda d: {"run": (*d.run, "zz")},
    "order of run": lambda d: {"run": ("zz", *d.run)},
    "copy": lambda d: {"copy": (*d.copy, CopyStep("zz", "/zz", DIGESTS[5]))},
    "copied content": lambda d: {"copy": (*d.copy, CopyStep("zz", "/zz", DIGESTS[4]))},
    "activation": lambda d: {"activate": not d.activate},
    "bytecode": lambda d: {"bytecode": "checked"},
    "project": lambda d: {"project": Project(".", DIGESTS[5])},
    "interpreter": lambda d: {"interpreter": "/opt/zz/python"},
}
"""What decides an image and no resolution: the definition id changes, and the lock stays."""


def definition_id(d):
    return identity(definition_material(normalize(d)))


def request_ids(d):
    normal = normalize(d)
    return [identity(request_material(normal, platform)) for platform in normal.platforms]


def made():
    chance = random.Random(20)
    for number in range(COUNT):
        yield number, chance, definition(chance)


def test_other_words_for_the_same_keep_the_ids():
    seen = dict.fromkeys(REWRITES, 0)
    for number, chance, before in made():
        after = before
        chosen = chance.sample(list(REWRITES), chance.randint(1, 4))
        for name in sorted(chosen, key=list(REWRITES).index):
            after = REWRITES[name](chance, after)
            seen[name] += 1
        assert definition_id(after) == definition_id(before), (number, before, after)
        assert request_ids(after) == request_ids(before), (number, before, after)
    assert min(seen.values()) > COUNT / 20


def test_one_changed_field_changes_the_ids_that_depend_on_it():
    changes = {**REQUEST_CHANGES, **OTHER_CHANGES}
    seen = dict.fromkeys(changes, 0)
    for number, chance, before in made():
        name = chance.choice(list(changes))
        seen[name] += 1
        after = replace(before, **changes[name](before))
        assert definition_id(after) != definition_id(before), (number, name, before)
        same = request_ids(after) == request_ids(before)
        assert same == (name in OTHER_CHANGES), (number, name, before)
    assert min(seen.values()) > COUNT / 100


def test_normalizing_twice_changes_nothing():
    for _, _, one in made():
        once = normalize(one)
        assert normalize(once) == once


def test_changes_do_not_share_ids():
    """Ids of all changes of one definition differ from one another: no field's text can stand for another's."""
    before = replace(definition(random.Random(1)), run=("make",))
    changed = [replace(before, **change(before)) for change in {**REQUEST_CHANGES, **OTHER_CHANGES}.values()]
    assert len({definition_id(one) for one in changed}) == len(changed)


@pytest.mark.parametrize("name", [*REQUEST_CHANGES, *OTHER_CHANGES])
def test_every_field_of_a_definition_is_named_here(name):
    assert {**REQUEST_CHANGES, **OTHER_CHANGES}[name](Definition(pypi=(Requirement("x"),)))


def test_no_field_of_a_definition_is_forgotten():
    touched = set()
    for change in {**REQUEST_CHANGES, **OTHER_CHANGES}.values():
        touched |= change(Definition(pypi=(Requirement("x"),))).keys()
    for_people, in_number = {"name", "description", "tags"}, {"platforms"}
    assert touched | for_people | in_number == set(Definition.__slots__)
