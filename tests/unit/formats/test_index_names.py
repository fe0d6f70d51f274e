"""Indexes of a requirements file and of uv's tables: which they are, by what name, in which order they are asked."""

import itertools

import pytest

from envbuild.definition import Index
from envbuild.errors import InvalidDefinition
from envbuild.formats.pip.reqindexes import index_name, index_names
from envbuild.formats.pip.requirements import read_requirements
from envbuild.formats.project.pyprojecttoml import read_pyproject
from envbuild.formats.sourcefile import ReadRequest
from envbuild.indexurl import PUBLIC_INDEX
from envbuild.normalize import normalize


def of_lines(*lines):
    text = "\n".join([*lines, "numpy"]).encode()
    return read_requirements("r.txt", lambda _: text, ReadRequest(finish=normalize))


def of_uv(text):
    whole = f'[project]\nname = "x"\nversion = "1"\ndependencies = ["torch"]\n[tool.uv]\n{text}'.encode()
    return read_pyproject("pyproject.toml", lambda _: whole, ReadRequest(finish=normalize)).definition.indexes


def uv_faults(text):
    with pytest.raises(InvalidDefinition) as caught:
        of_uv(text)
    return [f"{fault.at}: {fault.what}" for fault in caught.value.faults]


def table(url, **more):
    more = {key: str(value).lower() if isinstance(value, bool) else f'"{value}"' for key, value in more.items()}
    return "\n".join(["[[tool.uv.index]]", f'url = "{url}"', *(f"{k} = {v}" for k, v in more.items()), ""])


# Names.

LIKE_EACH_OTHER = ["https://a.example/x+y", "https://a.example/x-y", "https://a.example/x/y", "https://a-example/x.y"]


def test_names_do_not_depend_on_the_order_of_lines():
    """An unrelated line above another must not rename an index: its settings and the ids would change with it."""
    urls = [*LIKE_EACH_OTHER, "https://b.example/simple", "https://c.example:8080/whl/cpu"]
    first = index_names(urls)
    assert len(set(first.values())) == len(urls)
    for order in itertools.permutations(urls, len(urls)):
        assert index_names(order) == first


def test_a_name_is_the_host_and_the_path():
    assert index_name("https://me:secret@c.example:8080/whl/cpu/simple/") == "c.example-8080-whl-cpu"
    assert index_name("https://pypi/simple") == "pypi-index"
    assert index_name("file:///srv/wheels") == "srv-wheels"


def test_names_that_share_a_setting_are_told_apart():
    """ENVBUILD_INDEX_A_EXAMPLE_X would serve both, and give one the other's login."""
    names = index_names(["https://a.example/x", "https://a-example/x"])
    assert len({name.replace(".", "-") for name in names.values()}) == 2


def test_a_long_url_has_a_name_that_is_accepted():
    long = [f"https://h.example/{'x' * 200}/{last}" for last in "ab"]
    found = of_lines(*(f"--extra-index-url {url}" for url in long)).definition.indexes
    assert len({index.name for index in found}) == 3


# A requirements file.


def test_one_index_written_twice_is_one():
    spellings = ["https://H.example:443/team/", "https://h.example/team", "https://me:pw@h.example/./team//"]
    found = of_lines(*(f"--extra-index-url {url}" for url in spellings)).definition.indexes
    assert found == (Index("h.example-team", "https://h.example/team"), Index("pypi"))
    assert of_lines(f"--extra-index-url {spellings[1]}").definition.indexes == found


def test_ones_own_index_comes_before_pypi_where_pypi_is_the_extra_one():
    """pip's usual way to name a company's index: whoever publishes on PyPI must not stand in for its packages."""
    reading = of_lines("-i https://corp.example/simple", f"--extra-index-url {PUBLIC_INDEX}/")
    assert reading.definition.indexes == (Index("corp.example", "https://corp.example/simple"), Index("pypi"))
    assert (
        "--index-url https://corp.example/simple is the index 'corp.example', asked before pypi" in reading.notices[0]
    )


def test_an_index_that_is_the_default_and_an_extra_one_is_one():
    found = of_lines("-i https://corp.example/simple", "--extra-index-url https://corp.example/simple/")
    assert found.definition.indexes == (Index("pypi", "https://corp.example/simple"),)


# uv's tables.

CORP, OTHER = "https://corp.example/simple", "https://other.example/whl"


def test_uvs_default_index_is_asked_last_wherever_it_stands():
    """Else packages of one's own would come from the index that anybody may publish on."""
    found = of_uv(table(CORP, default=True) + table(OTHER, name="other"))
    assert found == (Index("other", OTHER), Index("pypi", CORP))


def test_pypi_named_in_uvs_tables_is_no_other_index():
    assert of_uv(table(PUBLIC_INDEX, name="pypi")) == ()
    assert of_uv(table(f"{PUBLIC_INDEX}/", name="main", default=True)) == ()
    assert of_uv(table(PUBLIC_INDEX, name="main", explicit=True)) == ()


def test_pypi_keeps_its_place_where_uv_asks_it_first():
    assert of_uv(table(PUBLIC_INDEX, name="main") + table(OTHER, name="other")) == (
        Index("pypi"),
        Index("other", OTHER),
    )


def test_pypi_for_pins_alone_stays_so_where_another_is_the_default():
    text = table(PUBLIC_INDEX, name="main", explicit=True) + table(CORP, default=True)
    found = of_uv(f'{text}[tool.uv.sources]\ntorch = {{ index = "main" }}\n')
    assert found == (Index("pypi", "", explicit=True, packages=("torch",)), Index("corp.example", CORP))


def test_an_index_that_is_called_pypi_and_is_not_leaves_pypi_where_it_is():
    assert of_uv(table(CORP, name="pypi")) == (Index("corp.example", CORP), Index("pypi"))


def test_names_in_capitals_and_none_at_all():
    """uv takes both. A name by number would change with an unrelated table above it."""
    found = of_uv(table(OTHER, name="PyTorch") + table(CORP))
    assert [index.name for index in found] == ["pytorch", "corp.example", "pypi"]


def test_uvs_older_keys_are_indexes_too():
    """Left out, they would leave a company's packages to PyPI."""
    found = of_uv(f'index-url = "{CORP}"\nextra-index-url = ["{OTHER}"]\n')
    assert found == (Index("other.example-whl", OTHER), Index("pypi", CORP))


def test_one_address_under_two_names_is_one_index_with_the_packages_of_both():
    """The file is uv's, and works there."""
    text = table(CORP, name="a", explicit=True) + table(f"{CORP}/", name="b")
    found = of_uv(f'{text}[tool.uv.sources]\ntorch = {{ index = "a" }}\nnumpy = {{ index = "b" }}\n')
    assert found == (Index("a", CORP, packages=("numpy", "torch")), Index("pypi"))


def test_two_addresses_under_one_name_are_refused():
    assert "a second index named 'a'" in uv_faults(table(CORP, name="a") + table(OTHER, name="A"))[0]


@pytest.mark.parametrize(
    ("source", "pinned"),
    [
        ('{ index = "Other" }', True),
        ("""[{ index = "none", marker = "sys_platform == 'win32'" }, { index = "Other", marker = "os_name == 'posix'" }]""", True),
        ("""{ index = "Other", marker = "sys_platform != 'linux'" }""", False),
    ],
)  # fmt: skip
def test_a_source_for_a_platform_counts_where_images_are_of_it(source, pinned):
    """PyTorch's own guide pins by platform: every image is of Linux."""
    [found, *_] = of_uv(f"{table(OTHER, name='Other')}[tool.uv.sources]\ntorch = {source}\n")
    assert found.packages == (("torch",) if pinned else ())


@pytest.mark.parametrize(
    "source",
    [
        """{ index = "other", marker = "python_version < '3.12'" }""",
        """{ index = "other", marker = "platform_machine == 'x86_64'" }""",
        """{ index = "other", marker = "nonsense" }""",
        '{ index = "other", extra = "cpu" }',
        '{ git = "https://h.example/x" }',
        "{ workspace = true }",
        '"other"',
    ],
)
def test_a_source_of_another_kind_is_refused(source):
    """Passed over in silence, the package would come from wherever it is found."""
    [fault] = uv_faults(f"{table(OTHER, name='other')}[tool.uv.sources]\ntorch = {source}\n")
    assert "tool.uv.sources.torch: only a source that names an index" in fault


def test_an_index_of_another_kind_is_refused():
    assert "only indexes of PEP 503" in uv_faults(table(OTHER, name="links", format="flat"))[0]
