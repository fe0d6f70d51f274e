"""One environment, one id: however it is spelled. And a definition that cannot be meant is refused, field by field."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
from envbuild.errors import InvalidDefinition
from envbuild.ids import definition_material, identity, request_material
from envbuild.normalize import normalize, unserved
from envbuild.platforms import LINUX_AMD64, Platform

AA, BB = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
WHEEL = "https://files.example/numpy-2.0.0-py3-none-any.whl"


def pypi(*texts):
    return Definition(pypi=tuple(Requirement(text) for text in texts))


def normal(*texts):
    return [r.text for r in normalize(pypi(*texts)).pypi]


def id_of(definition):
    return identity(definition_material(normalize(definition)))


def faults_of(definition):
    with pytest.raises(InvalidDefinition) as caught:
        normalize(definition)
    return caught.value.faults


@pytest.mark.parametrize(
    ("texts", "meant"),
    [
        (["NumPy"], ["numpy"]),
        (["Foo_.-Bar"], ["foo-bar"]),
        (["pandas >=2 , <3.0"], ["pandas<3,>=2"]),
        (["a(==1.0.0)"], ["a==1"]),
        (["a==1.0.post0"], ["a==1.post0"]),
        (["a==1.0RC1"], ["a==1rc1"]),
        (["a==1.0+CPU"], ["a==1+cpu"]),
        (["a~=1.0"], ["a~=1.0"]),
        (["a==1.0.*"], ["a==1.0.*"]),
        (["a!=1.00.*"], ["a!=1.0.*"]),
        (["a===1.0"], ["a===1.0"]),
        (["a[Z_1,b,B]"], ["a[b,z-1]"]),
        (["a ;python_version<'3'"], ['a; python_version < "3"']),
        (["a; extra == 'X_Y'"], ['a; extra == "x-y"']),
        (["b", "a"], ["a", "b"]),
        (["a>=1", "A>=1.0"], ["a>=1"]),
        (["a>=1", "a<2"], ["a<2,>=1"]),
        (["a[x]", "a[y]>=1"], ["a[x,y]>=1"]),
        (["a==1.5", "a>=1"], ["a==1.5,>=1"]),
        (["a", "a; python_version<'3'"], ["a", 'a; python_version < "3"']),
        ([f"A [x] @ {WHEEL}#sha256={'a' * 64}"], [f"a[x] @ {WHEEL}"]),
        ([f"a@{WHEEL} ; python_version < '4'"], [f'a @ {WHEEL} ; python_version < "4"']),
        (["a", f"a @ {WHEEL}"], [f"a @ {WHEEL}"]),
        ([f"A.B @ {WHEEL}#egg=a_b[x]&sha256={'A' * 64}"], [f"a-b @ {WHEEL}"]),
        (["a @ https://Files.Example:443/a-1-py3-none-any.whl"], ["a @ https://files.example/a-1-py3-none-any.whl"]),
        (["a @ file://localhost/a-1-py3-none-any.whl"], ["a @ file:///a-1-py3-none-any.whl"]),
        (["a @ HTTPS://Files.Example/a-1-py3-none-any.whl"], ["a @ https://files.example/a-1-py3-none-any.whl"]),
    ],
)
def test_a_requirement_has_one_spelling(texts, meant):
    assert normal(*texts) == meant


@pytest.mark.parametrize(
    ("texts", "what"),
    [
        (["a==1", "a==2"], "a==1 and a==2 cannot both hold"),
        (["a==1.5", "A<1"], "a==1.5 and a<1 cannot both hold"),
        (["a==1,==2"], "excludes itself"),
        ([f"a @ {WHEEL}", "a==1"], "in two ways"),
        ([f"a @ {WHEEL}", f"a @ {WHEEL.replace('files', 'other')}"], "in two ways"),
        (["foo bar"], "not a requirement (PEP 508)"),
        (["a @ https://u:p@h.example/a-1-py3-none-any.whl"], "credentials"),
        ([f"a @ {WHEEL}#sha512={'a' * 128}"], "no sha256"),
        ([f"a @ {WHEEL}#md5={'a' * 32}"], "no sha256"),
        ([f"a @ {WHEEL}#sha256=abc"], "no sha256"),
        ([f"a @ {WHEEL}#subdirectory=b"], "no sha256"),
        ([f"a @ {WHEEL}#egg=b"], "no sha256"),
        ([f"a @ {WHEEL}?sig=1"], "a query"),
        (["a @ git+https://h.example/a.git@abc"], "http, https or file URL"),
        (["a @ ftp://h.example/a-1-py3-none-any.whl"], "http, https or file URL"),
        (["a==1", "a==1+local"], "cannot both hold"),
        (["a==1+local", "a==1"], "cannot both hold"),
        (["a", "a==1,>2"], "excludes itself"),
    ],
)
def test_requirements_that_cannot_hold_together_are_refused(texts, what):
    (fault,) = faults_of(pypi(*texts))
    assert fault.at == f"pypi[{len(texts) - 1}]"
    assert what in fault.what
    assert fault.hint


def test_hashes_of_one_requirement_are_those_that_both_lines_allow():
    def hashes(*pairs):
        return normalize(Definition(pypi=tuple(Requirement("a==1", found) for found in pairs))).pypi[0].hashes

    assert hashes((BB, AA)) == (AA, BB)
    assert hashes((AA, BB), (BB,)) == (BB,)
    assert hashes((), (AA,)) == (AA,)
    with pytest.raises(InvalidDefinition, match="no hash is in both"):
        hashes((AA,), (BB,))
    with pytest.raises(InvalidDefinition, match="not a sha256"):
        hashes(("md5:aa",))


names = st.sampled_from(["numpy", "scikit-learn", "Jinja2", "ruamel.yaml", "zope_interface"])
extras = st.lists(st.sampled_from(["a", "b-c", "d_e"]), max_size=2, unique=True)
ranges = st.lists(st.sampled_from([">=1.0", "<9", "!=2.0.*", ">0.1rc1", "~=1.0"]), max_size=3, unique=True)
markers = st.sampled_from(["", "python_version < '4'", "sys_platform == 'linux' and os_name == 'posix'"])
lists = st.lists(st.tuples(names, extras, ranges, markers), max_size=5)


def spelled(parts, rng=None):
    """A requirement as text; with `rng` in some other spelling of the same."""
    name, extra, specifiers, marker = parts
    if rng is None:
        text = name + (f"[{','.join(extra)}]" if extra else "")
        return text + ",".join(specifiers) + (f"; {marker}" if marker else "")

    def space():
        return " " * rng.randrange(3)

    def separator(sign):
        return f"{space()}{sign}{space()}"

    def recased(letter):
        return rng.choice([letter.lower(), letter.upper()]) if letter.isalpha() else letter

    name = "".join(rng.choice("-_.") if letter in "-_." else recased(letter) for letter in name)
    extra = [rng.choice([e, e.upper(), e.replace("_", "-")]) for e in rng.sample(extra, len(extra))]
    specifiers = [s.replace(">=1.0", rng.choice([">=1", ">=1.0.0"])) for s in rng.sample(specifiers, len(specifiers))]
    text = name + (f"{space()}[{separator(',').join(extra)}]" if extra else "")
    text += space() + separator(",").join(specifiers)
    return text + (separator(";") + marker.replace("'", rng.choice("'\"")).replace(" ", "  ") if marker else "")


@settings(max_examples=200, deadline=None)
@given(lists, st.integers(0, 2**32))
def test_order_case_and_spaces_never_change_the_definition_id(parts, seed):
    rng = random.Random(seed)
    other = [spelled(p, rng) for p in rng.sample(parts, len(parts))] + [spelled(p, rng) for p in parts[:1]]
    assert id_of(pypi(*map(spelled, parts))) == id_of(pypi(*other))


BASE = Definition(
    pypi=(Requirement("numpy>=2"),),
    constraints=("scipy<2",),
    indexes=(Index("a", "https://a.example/simple"), Index("b", "https://b.example/simple")),
    conda=("x",),
    channels=("c1", "c2"),
    system=("libgomp1",),
    variables=(("A", "1"),),
    entrypoint=("python", "-u"),
    run=("one", "two"),
    copy=(CopyStep("a", "/a", AA),),
)
DOCKERFILE = DockerfileBase("FROM x\n", Context(".", AA), (("A", "1"),), "final", "Dockerfile")

OTHERS = {
    "package": {"pypi": (Requirement("numpy>=2.1"),)},
    "hash": {"pypi": (Requirement("numpy>=2", (AA,)),)},
    "marker": {"pypi": (Requirement("numpy>=2; python_version < '4'"),)},
    "constraint": {"constraints": ()},
    "index": {"indexes": BASE.indexes[:1]},
    "index order": {"indexes": BASE.indexes[::-1]},
    "index explicit": {"indexes": (replace(BASE.indexes[0], explicit=True, packages=("t",)), BASE.indexes[1])},
    "conda": {"conda": ()},
    "channel order": {"channels": ("c2", "c1")},
    "channel priority": {"channel_priority": "disabled"},
    "system": {"system": ("libgomp1=1.0",)},
    "platform": {"platforms": (Platform("linux", "arm64"),)},
    "more platforms": {"platforms": (LINUX_AMD64, Platform("linux", "arm64"))},
    "python": {"conda": (), "python": "3.12"},
    "release of Python": {"conda": (), "python": "3.12.1"},
    "suite": {"base": DebianBase("trixie")},
    "base list": {"base": DebianBase(list_version=2)},
    "image": {"base": ImageBase("x")},
    "dockerfile": {"base": DOCKERFILE},
    "dockerfile's text": {"base": replace(DOCKERFILE, dockerfile="FROM x \n")},
    "dockerfile's line ends": {"base": replace(DOCKERFILE, dockerfile="FROM x\r\n")},
    "dockerfile without context": {"base": replace(DOCKERFILE, context=None)},
    "context": {"base": replace(DOCKERFILE, context=Context(".", BB))},
    # https://github.com/aws/aws-cdk/issues/5683: two images of one folder, with another target or argument, shared a key.
    "build argument": {"base": replace(DOCKERFILE, arguments=(("A", "2"),))},
    "build target": {"base": replace(DOCKERFILE, target="other")},
    "no dependencies": {"no_deps": True},
    "project": {"project": Project(".", AA)},
    "project's content": {"project": Project(".", BB)},
    "interpreter": {"interpreter": "python3"},
    "sdists": {"sdists": "build"},
    "accelerator": {"accelerator": "cpu"},
    "virtual packages": {"virtual_packages": (("__cuda", "12"),)},
    "variable's value": {"variables": (("A", "1 "),)},
    "variable's name": {"variables": (("a", "1"),)},
    "user": {"user": "1000"},
    "workdir": {"workdir": "/w"},
    "entrypoint order": {"entrypoint": ("-u", "python")},
    "entrypoint words": {"entrypoint": ("python -u",)},
    "run order": {"run": ("two", "one")},
    "copy": {"copy": (CopyStep("a", "/b", AA),)},
    "copied content": {"copy": (CopyStep("a", "/a", BB),)},
    "activation": {"activate": True},
    "bytecode": {"bytecode": "checked"},
    "layout": {"layout": 2},
}


@pytest.mark.parametrize("change", OTHERS.values(), ids=OTHERS.keys())
def test_a_change_of_meaning_changes_the_definition_id(change):
    assert id_of(replace(BASE, **change)) != id_of(BASE)


def test_each_change_has_an_id_of_its_own():
    assert len({id_of(replace(BASE, **change)) for change in OTHERS.values()}) == len(OTHERS)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "x"},
        {"description": "x"},
        {"tags": (("a", "b"),)},
        {"system": ("libgomp1", "libgomp1")},
        {"platforms": (LINUX_AMD64, LINUX_AMD64)},
        {"workdir": ""},
        {"constraints": ("SciPy<2.0",)},
        {"indexes": (*BASE.indexes, Index("pypi"))},
        {"indexes": (Index("a", "https://A.example/simple/"), BASE.indexes[1])},
    ],
)
def test_words_for_people_and_other_spellings_keep_the_definition_id(change):
    assert id_of(replace(BASE, **change)) == id_of(BASE)


text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
definitions = st.builds(
    Definition,
    name=st.from_regex(r"[a-z0-9][a-z0-9._-]{0,10}", fullmatch=True),
    description=text,
    pypi=lists.map(lambda found: tuple(Requirement(spelled(parts)) for parts in found)),
    constraints=lists.map(lambda found: tuple(spelled((n, [], r, m)) for n, _, r, m in found)),
    indexes=st.sampled_from([(), (Index("pypi"),), BASE.indexes, (Index("t", "https://t.example//", True, ("B_c", "a")),)]),
    system=st.lists(st.sampled_from(["libgomp1", "git", "curl=7.88.1-10+deb12u5"]), max_size=4).map(tuple),
    platforms=st.lists(
        st.sampled_from([LINUX_AMD64, Platform("linux", "arm64")]), min_size=1, max_size=3
    ).map(tuple),
    variables=st.dictionaries(st.sampled_from("ABC"), text).map(lambda found: tuple(found.items())),
    workdir=st.sampled_from(["", "/", "/a//b/", "//a/./b"]),
    entrypoint=st.lists(text, max_size=2).map(lambda found: ("x", *found)),
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(definitions)
def test_normalizing_twice_changes_nothing(definition):
    once = normalize(definition)
    assert normalize(once) == once


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"base": DOCKERFILE}, {"base": replace(DOCKERFILE, path="docker/Dockerfile", context=Context("src", AA))}),
        ({"base": DOCKERFILE}, {"base": replace(DOCKERFILE, target="Final")}),
        (
            {"base": replace(DOCKERFILE, arguments=(("A", "1"), ("B", "2")))},
            {"base": replace(DOCKERFILE, arguments=(("B", "2"), ("A", "1")))},
        ),
        ({"base": DOCKERFILE}, {"base": replace(DOCKERFILE, path="../D", context=Context("/srv/x", AA))}),
        ({"copy": (CopyStep("a", "/a", AA),)}, {"copy": (CopyStep("elsewhere", "//a/", AA),)}),
        ({"project": Project(".", AA)}, {"project": Project("packages/x", AA)}),
    ],
)
def test_where_content_stands_on_the_machine_that_asks_is_no_part_of_the_id(one, other):
    """https://github.com/jupyterhub/repo2docker/issues/923: the same folder at another path was built again."""
    assert id_of(replace(BASE, **one)) == id_of(replace(BASE, **other))


@pytest.mark.parametrize(
    "change",
    [
        {"base": DockerfileBase(path="Dockerfile")},
        {"base": DockerfileBase("FROM x", Context("."))},
        {"copy": (CopyStep("a", "/a"),)},
        {"project": Project(".")},
    ],
)
def test_what_was_not_read_has_no_id(change):
    """https://github.com/zenml-io/zenml/pull/3607: an image was found again although its Dockerfile had changed."""
    with pytest.raises(ValueError, match="was not read"):
        id_of(Definition(**change))


def test_a_project_and_its_interpreter_ask_for_no_other_packages_but_leaving_dependencies_out_does():
    def request(**change):
        return request_material(normalize(replace(BASE, **change)), LINUX_AMD64)

    assert request(project=Project(".", AA)) == request(interpreter="python3") == request()
    assert request(no_deps=True) != request()


def test_values_of_variables_arrive_as_they_are():
    value = "a\nb\\n$HOME \"q\" 'q' # é e\u0301 \t"
    assert normalize(Definition(variables=(("A", value),))).variables == (("A", value),)


def test_text_for_people_is_composed_so_that_the_same_word_is_the_same():
    assert normalize(Definition(description="e\u0301")).description == "é"


@pytest.mark.parametrize(
    ("change", "at", "what"),
    [
        *[
            ({"name": name}, "name", "not accepted")
            for name in ("a/b", "..", "-a", "a\n", "Training", "x" * 129, "a b", "été")
        ],
        ({"python": "3.11.2.1"}, "python", "no Python version"),
        ({"python": "3"}, "python", "no Python version"),
        ({"python": "3.11-dev"}, "python", "no Python version"),
        ({"python": ">=3.11"}, "python", "no Python version"),
        ({"python": "3.011"}, "python", "no Python version"),
        *[
            ({"variables": ((name, "x"),)}, f"variables.{name}", "not accepted as a name")
            for name in ("", "1A", "A=B", "A B", "A-B", "A\0", "Ä", "A\n")
        ],
        ({"variables": (("A", "x\0y"),)}, "variables.A", "NUL character, at 1"),
        ({"variables": (("A", "\ud800"),)}, "variables.A", "surrogate"),
        ({"variables": (("A", "1"), ("A", "2"))}, "variables.A", "twice"),
        *[
            ({"system": ("git", name)}, "system[1]", "not accepted")
            for name in ("", "-y", "a b", "a;b", "$(id)", "Git", "git=", "git=1 2", "git:amd64", "../x", "git\n", "g")
        ],
        ({"system": ("git=1", "git=2")}, "system[1]", "two versions"),
        ({"platforms": ()}, "platforms", "is empty"),
        ({"accelerator": "auto"}, "accelerator", "'auto' is not accepted"),
        ({"accelerator": "cuda"}, "accelerator", "not accepted"),
        ({"user": "a b"}, "user", "not accepted"),
        ({"user": "a:b:c"}, "user", "not accepted"),
        ({"user": "root\n"}, "user", "not accepted"),
        ({"workdir": "work"}, "workdir", "not accepted"),
        ({"workdir": "/a/../b"}, "workdir", "not accepted"),
        ({"entrypoint": ("",)}, "entrypoint[0]", "is empty"),
        ({"entrypoint": ("a", "b\0")}, "entrypoint[1]", "NUL"),
        ({"run": (" ",)}, "run[0]", "is empty"),
        ({"copy": (CopyStep("../x", "/x"),)}, "copy[0].from", "outside the project"),
        ({"copy": (CopyStep("/x", "/x"),)}, "copy[0].from", "outside the project"),
        ({"copy": (CopyStep("x", "x"),)}, "copy[0].to", "not accepted"),
        ({"copy": (CopyStep("x", ""),)}, "copy[0].to", "is empty"),
        ({"project": Project("../x")}, "project", "outside the project"),
        ({"interpreter": "python -u"}, "interpreter", "not accepted"),
        ({"interpreter": "bin/python"}, "interpreter", "not accepted"),
        ({"layout": 0}, "layout", "0 is no layout"),
        ({"base": DebianBase("Bookworm; x")}, "base.debian", "not accepted"),
        ({"base": ImageBase("")}, "base.image", "not accepted"),
        ({"base": DockerfileBase(path="../Dockerfile")}, "base.dockerfile", "outside the project"),
        ({"base": DockerfileBase("FROM x", Context("../x"))}, "base.context", "outside the project"),
        ({"base": DockerfileBase("FROM x\0")}, "base.dockerfile", "NUL"),
        ({"base": DockerfileBase()}, "base.dockerfile", "is empty"),
        ({"base": DockerfileBase("FROM x", target="a b")}, "base.target", "not accepted"),
        ({"base": DockerfileBase("FROM x", arguments=(("A-B", "1"),))}, "base.arguments.A-B", "not accepted"),
        ({"base": DockerfileBase("FROM x", arguments=(("A", "1"), ("A", "2")))}, "base.arguments.A", "given twice"),
        # https://github.com/aws/aws-cdk/pull/16070: what the machine passes on was in the key, and nothing was found.
        (
            {"base": DockerfileBase("FROM x", arguments=(("https_proxy", "u:p@h"),))},
            "base.arguments.https_proxy",
            "proxy",
        ),
        ({"virtual_packages": (("cuda", "12"),)}, "virtual-packages.cuda", "not accepted as a name"),
        *[
            ({"virtual_packages": ((name, value),)}, f"virtual-packages.{name}", "not accepted")
            for name, value in (("__cuda", ""), ("__cuda", ">=12"), ("__cuda", "12=0"), ("__archspec", "x86-64 v3"))
        ],
        ({"channel_priority": "flexible"}, "channel-priority", "not accepted"),
        ({"constraints": ("a==1", "a==2")}, "constraints[1]", "cannot both hold"),
        ({"indexes": (Index("A", "https://h.example"),)}, "index[0].name", "not accepted"),
        ({"indexes": (Index("a"),)}, "index[0].url", "needs a url"),
        ({"indexes": (Index("a", "h.example"),)}, "index[0].url", "not a URL"),
        ({"indexes": (Index("a", "https://[h"),)}, "index[0].url", "not a URL"),
        ({"indexes": (Index("a", "https://u:p@h.example"),)}, "index[0].url", "credentials"),
        ({"indexes": (Index("a", "https://h.example", explicit=True),)}, "index[0].packages", "explicit index"),
        ({"indexes": (Index("pypi"), Index("pypi"))}, "index[1].name", "a second index named 'pypi'"),
        (
            {"indexes": (Index("a", "https://a.example", packages=("X",)), Index("pypi", packages=("x",)))},
            "index[1].packages",
            "x is pinned to two indexes",
        ),
    ],
)
def test_a_field_that_cannot_be_meant_is_refused_by_its_path(change, at, what):
    (fault,) = faults_of(Definition(**change))
    assert fault.at == at
    assert what in fault.what
    assert fault.hint


def test_the_rule_for_names_is_shown():
    assert "[a-z0-9][a-z0-9._-]{0,127}" in faults_of(Definition(name="A"))[0].hint


def test_all_faults_come_together():
    assert {f.at for f in faults_of(Definition(name="A", python="3", user=" "))} == {"name", "python", "user"}


def test_an_index_that_is_named_first_stays_first_and_the_default_index_is_last_where_nobody_names_it():
    first, other = Index("pypi"), BASE.indexes[0]
    assert normalize(Definition(indexes=(first, other))).indexes == (first, other)
    assert normalize(Definition(indexes=(other,))).indexes == (other, first)
    assert normalize(Definition(indexes=(first,))).indexes == ()
    explicit = replace(first, url="https://i.example/simple")
    assert normalize(Definition(indexes=(explicit,))).indexes == (explicit,)


@pytest.mark.parametrize(
    ("change", "at"),
    [
        ({"channels": ("x",)}, "channels"),
        ({"channel_priority": "disabled"}, "channel-priority"),
        ({"base": ImageBase("x")}, "base.image"),
        ({"base": DockerfileBase("x")}, "base.dockerfile"),
        ({"run": ("x",)}, "run"),
        ({"copy": (CopyStep("x", "/x"),)}, "copy"),
        ({"sdists": "build"}, "sdists"),
        ({"virtual_packages": (("__cuda", "12"),)}, "virtual-packages"),
        ({"activate": True}, "activate"),
        ({"bytecode": "checked"}, "bytecode"),
        ({"layout": 2}, "layout"),
    ],
)
def test_a_key_that_nothing_builds_is_refused_rather_than_left_out_of_the_image(change, at):
    (fault,) = unserved(normalize(Definition(**change)))
    assert fault.at == at
    assert fault.hint
    assert ("needs a newer envbuild" in fault.what) == (at == "layout")


def test_what_is_built_passes():
    assert not unserved(normalize(replace(BASE, conda=(), channels=(), virtual_packages=(), run=(), copy=())))
    condas = Definition(conda=("x",), channels=("a",), virtual_packages=(("__cuda", "12"),), activate=True)
    assert not unserved(normalize(condas))


def test_a_release_of_python_and_its_minor_version_are_two_definitions():
    assert normalize(Definition(python="3.11.9")).python == "3.11.9"
    assert normalize(Definition(python="3.14.0rc2")).python == "3.14.0rc2"
