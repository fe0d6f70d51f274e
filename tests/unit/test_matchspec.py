"""conda's specs and channels in one spelling. What is called equal here, conda and rattler both select alike.

The tables were compared with conda's own MatchSpec and with rattler's, over versions that tell the forms apart.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.matchspec.channel import channel, subdir_of, without_logins
from envbuild.matchspec.ordering import compared, starts_with
from envbuild.matchspec.ranges import holds, range_text, ranges
from envbuild.matchspec.spec import match_spec
from envbuild.platforms import Platform

SHA = "ab" * 32

EQUAL = {
    "numpy": ["numpy", "NumPy", " numpy ", "numpy *", "numpy=*", "numpy==*", "numpy=*=*", "numpy * *", "*::numpy", "numpy[version='*']",
              "ns:numpy", "::numpy", "numpy # why", "numpy >1|*", "numpy[name=numpy]"],
    "numpy=1.26": ["numpy=1.26", "numpy =1.26", "numpy= 1.26", "numpy 1.26.*", "numpy=1.26.*", "numpy==1.26.*", "numpy 1.26*", "numpy=1.26*",
                   "numpy=1.26.*=*", "numpy 1.26.* *", "numpy[version=1.26.*]", 'numpy[version="1.26.*"]', "numpy[version='=1.26']",
                   "numpy=01.26", "numpy=0!1.26", "numpy[version='1.26.*', build=*]"],
    "numpy==1.26": ["numpy==1.26", "numpy 1.26", "numpy ==1.26", "numpy 1.26 *", "numpy=1.26=*", "numpy==1.26=*", "numpy[version=1.26]",
                    "numpy[version='==1.26']", "numpy==1.26.0", "numpy 1.26.0.0", "numpy==01.26", "numpy 0!1.26", "numpy==1.26,>=1.2",
                    "numpy==1.26,1.26.*", "numpy 1.26[version=1.26.0]"],
    "numpy==1.26=py311_0": ["numpy=1.26=py311_0", "numpy 1.26 py311_0", "numpy==1.26=py311_0", "numpy =1.26 py311_0", "numpy ==1.26 py311_0",
                            "numpy[version=1.26,build=py311_0]", "numpy[build=py311_0,version=1.26]",
                            "numpy 1.26[build='py311_0']"],
    "numpy==1.26[build='py311*']": ["numpy=1.26=py311*", "numpy 1.26 py311*", "numpy[version='1.26',build='py311*']"],
    "numpy=1.26[build='py311*']": ["numpy=1.26.*=py311*", "numpy 1.26.* py311*"],
    "numpy[build='*openblas']": ["numpy=*=*openblas", "numpy * *openblas", "numpy[build=*openblas]"],
    "numpy[version='<2,>=1']": ["numpy>=1,<2", "numpy <2,>=1", "numpy >= 1 , < 2", "numpy>=1.0,<2.0.0", "numpy[version='>=1,<2']",
                                "numpy>=1.*,<2.*", "numpy[version='(>=1,<2)']", "numpy >=1,<2,*", "numpy>=1,<2|>=1,<2,!=1.5"],
    "numpy[version='1.4.*,>=1.4.2']": ["numpy~=1.4.2", "numpy >=1.4.2,1.4.*", "numpy>=1.4.2,=1.4"],
    "numpy[version='!=1.5']": ["numpy!=1.5", "numpy !=1.5.0"],
    "numpy[version='!=1.5.*']": ["numpy!=1.5.*"],
    "numpy[version='<2,>=1|==2.5']": ["numpy >=1,<2|2.5", "numpy 2.5|<2,>=1", "numpy[version='2.5|(>=1,<2)']", "numpy[version='(2.5|>=1),(2.5|<2)']"],
    "numpy[version='1.26.*|==1.27']": ["numpy=1.26|1.27", "numpy 1.27|1.26.*"],
    "conda-forge::numpy=1.26": ["conda-forge::numpy=1.26", "numpy=1.26[channel=conda-forge]", "conda-forge:ns:numpy=1.26",
                                "https://conda.anaconda.org/conda-forge::numpy=1.26", "https://conda.anaconda.org/conda-forge/::numpy=1.26",
                                "numpy=1.26[channel='https://conda.anaconda.org/conda-forge']"],
    "conda-forge/linux-64::numpy": ["conda-forge/linux-64::numpy", "numpy[channel=conda-forge,subdir=linux-64]",
                                    "numpy[channel='conda-forge/linux-64']", "conda-forge::numpy[subdir=linux-64]",
                                    "https://conda.anaconda.org/conda-forge/linux-64::numpy", "conda-forge/linux-64:ns:numpy"],
    "numpy[subdir='linux-64']": ["numpy[subdir=linux-64]", "*/linux-64::numpy"],
    "https://h.example/c::numpy": ["https://h.example/c::numpy", "HTTPS://H.example/c/::numpy", "https://h.example:443/c::numpy"],
    "numpy[build_number='3']": ["numpy[build_number=3]", "numpy[build_number='==3']", "numpy[build_number='= 03']"],
    f"numpy[sha256='{SHA}']": [f"numpy[sha256={SHA}]", f"numpy[sha256={SHA.upper()}]", f"*::numpy[sha256='{SHA}']"],
    f"conda-forge/linux-64::numpy==1.26.4=h1_0[fn='numpy-1.26.4-h1_0.conda',sha256='{SHA}']": [
        f"https://conda.anaconda.org/conda-forge/linux-64/numpy-1.26.4-h1_0.conda#{SHA}",
        f"https://conda.anaconda.org/conda-forge/linux-64/numpy-1.26.4-h1_0.conda#sha256:{SHA.upper()}",
        f"conda-forge/linux-64::numpy=1.26.4=h1_0[sha256={SHA},fn=numpy-1.26.4-h1_0.conda]",
        f"numpy[url='https://conda.anaconda.org/conda-forge/linux-64/numpy-1.26.4-h1_0.conda',sha256={SHA}]",
    ],
    "__cuda[version='>=12']": ["__cuda>=12", "__CUDA >=12.0"],
    "_libgcc_mutex==0.1=conda_forge": ["_libgcc_mutex 0.1 conda_forge"],
    "pkgs/main::x": ["https://repo.anaconda.com/pkgs/main::x", "pkgs/main::x"],
    "defaults::x": ["defaults::x"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("normal", "text"), [(normal, text) for normal, texts in EQUAL.items() for text in (normal, *texts)]
)
def test_what_means_the_same_has_one_text(normal, text):
    """Else the same environment is built twice, and no cache is ever hit by a colleague's spelling."""
    assert str(match_spec(text)) == normal


DIFFERENT = [
    "numpy", "numpy=1.26", "numpy==1.26", "numpy=1.26.0", "numpy==1.26=py311_0", "numpy==1.26=PY311_0", "numpy=1.26.*=py311_0", "numpy>=1.26", "numpy>1.26",
    "numpy!=1.26", "numpy!=1.26.*", "numpy>=1,<2", "numpy>=1|<2", "numpy[subdir=linux-64]", "numpy[subdir=noarch]", "conda-forge::numpy",
    "conda-forge/label/dev::numpy", "https://h.example/conda-forge::numpy", "numpy==1.1a1", "numpy==1.1", "numpy==1.1_", "numpy==1!1.1",
    "numpy[build_number=1]", "numpy[build_number='>=1']", f"numpy[sha256={SHA}]", "numpy[md5=" + "ab" * 16 + "]", "numpy-base", "numpy_base",
]  # fmt: skip


def test_what_differs_has_different_texts():
    """Else somebody gets the environment that another asked for."""
    assert len({str(match_spec(text)) for text in DIFFERENT}) == len(DIFFERENT)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "no conda package"), ("*", "name is needed"), ("py*", "name is needed"), ("numpy=", "no version stands"), ("numpy>=", "no version stands"),
        ("numpy>=1,", "missing beside"), ("numpy 1..2", "is no version"), ("numpy=1.26 = py311_0", "one of the two"), ("numpy[version=1.26 build=h_0]", "no list"), ("numpy latest", "is no version"), ("numpy is good", "is no version"), ("numpy # [linux]", "a selector"), ("numpy 1.2.", "is no version"), ("numpy===1", "no range"), ("numpy 1.*.4", "star stands at the end"),
        ("numpy >1.26.*", "read in two ways"), ("numpy~=1", "read in two ways"), ("numpy==1.26.*=py311_0", "before a build"),
        ("numpy (>=1,<2)", "parentheses"), ("numpy[version='(1']", "not closed"), ("numpy[version='1)']", "never opened"),
        ("numpy[version='^1.*$']", "regular expressions"), ("numpy==1,==2", "excludes itself"), ("numpy=1.25,=1.26", "excludes itself"),
        ("numpy 1.25[version=1.26]", "given twice"), ("numpy[version=1,version=2]", "given twice"), ("numpy[name=scipy]", "two names"),
        ("numpy[colour=red]", "not served in brackets"), ("numpy[when='__unix']", "not served in brackets"), ("numpy[sha256=ab]", "64 hex digits"), ("numpy[build_number=x]", "no number"),
        ("numpy[version='1'", "not closed"), ("numpy[version='1'] x", "not closed"), ("numpy[optional]", "no list"), ("a::b[channel=c]", "two channels"),
        ("a/linux-64::b[subdir=noarch]", "two channels or platforms"), ("b[subdir=beos-64]", "no platform"), ("numpy if python", "conditions"), ("numpy; if x", "conditions"),
        ("numpy@mkl", "no conda package"), ("x @ https://h/x.whl", "pip's form"), ("-c x", "an option"), ("nümpy", "ASCII"), ("x.tar.bz2", "whole URL"),
        ("https://h.example/x-1-0.conda", "whole URL"), ("https://h.example/beos/x-1-0.conda", "no platform's folder"),
        ("https://u:p@h.example/c::x", "holds credentials"), ("https://h.example/t/tok/c::x", "holds credentials"), ("./c::x", "one machine"), ("$C::x", "no channel"),
        ("y[url='https://h.example/c/linux-64/x-1-0.conda']", "another package"), ("numpy " + "|".join(f"{n}" for n in range(99)), "alternatives"),
        ("numpy[version='" + "(" * 30 + "1" + ")" * 30 + "']", "parentheses"), ("x" * 3000, "characters"),
    ],
)  # fmt: skip
def test_what_is_no_spec_or_is_read_in_two_ways_is_refused_with_the_reason(text, what):
    """A spec that two programs understand differently is a different environment on each."""
    with pytest.raises(ValueError, match=None) as caught:
        match_spec(text)
    assert what in str(caught.value)


@pytest.mark.parametrize("text", ["https://u:geheim@h.example/c::x", "https://h.example/t/geheim/c/linux-64/x-1-0.conda", "x[channel='https://u:geheim@h.example/c']"])  # fmt: skip
def test_credentials_are_in_no_message(text):
    with pytest.raises(ValueError) as caught:
        match_spec(text)
    assert "geheim" not in str(caught.value)


# conda's own table (conda/models/version.py), and what its CEP 33 adds.
ORDER = ["0.4", "0.4.1.rc", "0.4.1", "0.5a1", "0.5b3", "0.5c1", "0.5", "0.9.6", "0.960923", "1.0", "1.1dev1", "1.1_", "1.1a1", "1.1.0dev1", "1.1.a1",
         "1.1.0rc1", "1.1.0", "1.1.0post1", "1.1post1", "1996.07.12", "1!0.4.1", "1!3.1.1.6", "2!0.4.1"]  # fmt: skip


def test_versions_are_in_condas_order():
    """Else a pin outside its range passes as one inside, or one inside is refused."""
    assert all(compared(a, b) < 0 < compared(b, a) for n, a in enumerate(ORDER) for b in ORDER[n + 1 :])


@pytest.mark.parametrize(("one", "other"), [("1.1", "1.1.0"), ("1.1.dev1", "1.1.0dev1"), ("1.1.a1", "1.1.0a1"), ("1_1", "1.1"), ("0!1", "1"), ("1.01", "1.1")])  # fmt: skip
def test_versions_that_are_equal_to_conda(one, other):
    assert compared(one, other) == 0


@pytest.mark.parametrize(("version", "start", "is_one"), [
    ("1.26.4", "1.26", True), ("1.260", "1.26", False), ("1.26rc1", "1.26", True), ("1.26", "1.26.0", True), ("1.1post1", "1.1p", False),
    ("1.1rc1", "1.1r", True), ("1.1+a.1", "1.1+a", True), ("2", "1", False), ("1!1.26", "1.26", False),
])  # fmt: skip
def test_what_a_version_with_a_star_allows(version, start, is_one):
    assert starts_with(version, start) is is_one


VERSIONS = st.from_regex(
    r"(?:1!)?[0-9]{1,2}(?:\.(?:[0-9]{1,2}|[ab]1|rc2|dev1|post1|0)){0,3}(?:\+[ab]1)?", fullmatch=True
)
SIGNS = st.sampled_from(["==", ">=", "<=", ">", "<", "!="])
CLAUSES = st.builds(lambda sign, version: sign + version, SIGNS, VERSIONS) | st.builds(lambda v: f"{v}.*", VERSIONS)


@given(VERSIONS, VERSIONS, VERSIONS)
def test_the_order_is_one(a, b, c):
    """A sort that contradicts itself gives another lock each time."""
    assert compared(a, b) == -compared(b, a)
    if compared(a, b) <= 0 and compared(b, c) <= 0:
        assert compared(a, c) <= 0


def allowed(text, version):
    found = ranges(text)
    return not found or any(all(holds(clause, version) for clause in part) for part in found)


@given(
    st.lists(st.lists(CLAUSES, min_size=1, max_size=3), min_size=1, max_size=3),
    VERSIONS,
    st.randoms(use_true_random=False),
)
def test_the_one_form_allows_what_was_written(alternatives, version, random):
    """The form in an id has to select the packages that the user's words select, in whatever order they stand."""
    try:
        text = "|".join(",".join(clauses) for clauses in alternatives)
        one = range_text(ranges(text))
    except ValueError:
        return
    shuffled = [random.sample(clauses, len(clauses)) for clauses in random.sample(alternatives, len(alternatives))]
    assert range_text(ranges(" | ".join(f"({' , '.join(clauses)})" for clauses in shuffled))) == one
    assert range_text(ranges(one)) == one
    written = any(all(allowed(clause, version) for clause in clauses) for clauses in alternatives)
    assert allowed(one, version) == written


PARTS = st.fixed_dictionaries({
    "name": st.sampled_from(["numpy", "_libgcc_mutex", "__cuda", "r-base", "zlib.x"]),
    "version": st.sampled_from(["", "==1.26", "=1.26", ">=1,<2", "!=1.5", "<1|==2"]),
    "build": st.sampled_from(["", "py311_0", "py*", "0"]),
    "channel": st.sampled_from(["", "conda-forge", "https://h.example/c"]),
    "subdir": st.sampled_from(["", "linux-64", "noarch"]),
    "sha256": st.sampled_from(["", SHA]),
})  # fmt: skip


def in_brackets(parts, random):
    """All but the name in brackets, in any order and case of the name, with white space."""
    given = [f"{key}='{parts[key]}'" for key in ("version", "build", "channel", "subdir", "sha256") if parts[key]]
    random.shuffle(given)
    name = "".join(random.choice((c.upper(), c)) for c in parts["name"])
    return f" {name}[{random.choice((',', ', ', ' , ')).join(given)}]" if given else name


def in_order(parts):
    """As people write it: channel/subdir::name version build."""
    place = parts["channel"] or ("*" if parts["subdir"] else "")
    place += f"/{parts['subdir']}" if parts["subdir"] else ""
    version = parts["version"]
    if parts["build"]:
        version = f"{version[1:]}.*" if version.startswith("=1") else version or "*"
    more = f"[sha256={parts['sha256']}]" if parts["sha256"] else ""
    return f"{place}{'::' if place else ''}{parts['name']} {version} {parts['build']}".rstrip() + more


@given(PARTS, st.randoms(use_true_random=False))
def test_every_way_to_write_a_spec_is_one_spec(parts, random):
    """Brackets or positions, case, white space and the order of what stands in brackets say nothing."""
    one = str(match_spec(in_order(parts)))
    assert str(match_spec(in_brackets(parts, random))) == one
    assert str(match_spec(one)) == one


@given(PARTS, PARTS)
def test_a_part_that_differs_makes_another_spec(parts, others):
    same = parts == others
    assert (str(match_spec(in_order(parts))) == str(match_spec(in_order(others)))) is same


@given(st.text(max_size=60) | st.text("np=<>!~*|,()[]'\" :/.1_#@-", max_size=40))
def test_any_text_is_a_spec_or_is_refused(text):
    try:
        one = str(match_spec(text))
    except ValueError:
        return
    assert str(match_spec(one)) == one


@pytest.mark.parametrize(("text", "one"), [
    ("conda-forge", "conda-forge"), ("conda-forge/", "conda-forge"), (" conda-forge ", "conda-forge"), ("https://conda.anaconda.org/conda-forge", "conda-forge"),
    ("http://conda.anaconda.org/conda-forge/", "conda-forge"), ("https://CONDA.anaconda.org:443/conda-forge", "conda-forge"),
    ("https://conda.anaconda.org/conda-forge/label/dev", "conda-forge/label/dev"), ("https://conda.anaconda.org/conda-forge/noarch", "conda-forge/noarch"),
    ("https://repo.anaconda.com/pkgs/main/", "pkgs/main"), ("pkgs/main", "pkgs/main"), ("main", "main"), ("defaults", "defaults"),
    ("https://repo.prefix.example/conda-forge", "https://repo.prefix.example/conda-forge"), ("https://h.example/a/linux-64", "https://h.example/a/linux-64"),
    ("file:///srv/channel", "file:///srv/channel"),
])  # fmt: skip
def test_a_channel_has_one_text(text, one):
    """A name and its address at conda.anaconda.org are one channel; where it is served, each machine decides."""
    assert str(channel(text)) == one
    assert str(channel(one)) == one


@pytest.mark.parametrize("text", ["", "./c", "/srv/c", "~/c", "..", "local", "a b", "https://h.example/c?x=1", "ftp://h.example/c", "s3://b/c", "https://h.example/${X}", "https://[", "https:///c"])  # fmt: skip
def test_what_is_no_channel_for_others_is_refused(text):
    with pytest.raises(ValueError):
        channel(text)


@pytest.mark.parametrize(("text", "plain", "logins"), [
    ("conda-forge", "conda-forge", ()),
    ("https://h.example/c", "https://h.example/c", ()),
    ("https://u:p%40@h.example/c/x", "https://h.example/c/x", (("h.example", "u:p@"),)),
    ("https://h.example/t/tok/c", "https://h.example/c", (("h.example", "token:tok"),)),
    ("https://h.example/t/tok/c/linux-64::numpy=1", "https://h.example/c/linux-64::numpy=1", (("h.example", "token:tok"),)),
    ("x[channel='https://u:p@h.example/c']", "x[channel='https://h.example/c']", (("h.example", "u:p"),)),
    ("https://${USER}:${PASS}@h.example/c", "https://h.example/c", ()),
    ("https://h.example/t/$TOKEN/c", "https://h.example/c", ()),
])  # fmt: skip
def test_logins_and_tokens_are_taken_out_of_urls(text, plain, logins):
    """What stays in would be in the definition, its id and every log."""
    assert without_logins(text) == (plain, logins)


def test_platforms_have_condas_names():
    assert [subdir_of(Platform("linux", name)) for name in ("amd64", "arm64")] == ["linux-64", "linux-aarch64"]
