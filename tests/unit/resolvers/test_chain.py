"""Why a package is old is told as a way of a few steps; without it a user reads a page of conclusions."""

import pytest

from envbuild.resolvers.chain import chain

SAID = """Because fusepy==3.0.1 has no usable wheels and only fusepy<=3.0.1 is available, we can conclude that fusepy>=3.0.1 cannot be used.
And because azureml-dataset-runtime[fuse]>=1.62.0 depends on fusepy>=3.0.1, we can conclude that azureml-dataset-runtime[fuse]>=1.62.0 cannot be used. (1)
And because azureml-defaults>=1.62.0 depends on azureml-dataset-runtime[fuse]>=1.62.0 and you require azureml-defaults==1.62.0, we can conclude that your requirements are unsatisfiable."""


def test_each_step_is_a_line_from_what_was_asked_to_what_lacks_a_wheel():
    assert chain(SAID, "azureml-defaults", "fusepy") == (
        "azureml-defaults>=1.62.0 needs azureml-dataset-runtime[fuse]>=1.62.0",
        "azureml-dataset-runtime[fuse]>=1.62.0 needs fusepy>=3.0.1",
    )


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("all versions of a depend on b==3.0, we can", ("a needs b==3.0",)),
        ("a>=1,<2 depends on b>=2,<3 and you", ("a>=1,<2 needs b>=2,<3",)),
        ("A_x depends on B.y", ()),
        ("a depends on c and c depends on a", ()),
        ("a==1 depends on c and c depends on b and a==1 depends on b", ("a==1 needs b",)),
        ("a{sys_platform == 'linux'}==1 depends on b", ("a{sys_platform == 'linux'}==1 needs b",)),
        ("", ()),
    ],
)
def test_other_words(said, expected):
    assert chain(said, "a", "b") == expected


def test_spelling_does_not_break_the_way():
    assert chain("A_x==1 depends on B.y", "a-x", "b-y") == ("A_x==1 needs B.y",)
