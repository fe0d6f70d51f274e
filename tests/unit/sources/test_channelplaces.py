"""Where a channel's name leads on this machine: the places that are asked, in their order."""

import pytest

from envbuild.conda.condarc import Condarc
from envbuild.errors import EnvironmentFault
from envbuild.sources.channelplaces import ChannelPlaces, setting_of


def test_a_name_is_below_the_alias_where_nothing_else_is_said():
    places = ChannelPlaces(Condarc(channel_alias="https://mirror.example/conda"))
    assert places.members("team/x") == (("https://mirror.example/conda/team/x",),)


def test_mirrors_are_one_channel_and_a_name_of_several_is_several():
    """Mirrors have the same packages; the channels of `defaults` do not, and the first goes first."""
    urls = ("https://a.example/x", "https://b.example/x")
    assert ChannelPlaces(Condarc(mirrored_channels={"x": urls})).members("x") == (urls,)
    assert ChannelPlaces(Condarc(default_channels=urls)).members("defaults") == ((urls[0],), (urls[1],))
    assert ChannelPlaces(Condarc(), {"x": urls}).members("x") == (urls,)


def test_a_mirror_of_another_kind_is_passed_over():
    """mamba knows oci:// too."""
    condarc = Condarc(
        mirrored_channels={"x": ("oci://ghcr.example/x", "https://b.example/x"), "y": ("oci://g.example/y",)}
    )
    assert ChannelPlaces(condarc).members("x") == (("https://b.example/x",),)
    with pytest.raises(EnvironmentFault) as caught:
        ChannelPlaces(condarc).members("y")
    assert caught.value.hint == "set ENVBUILD_CHANNEL_Y=URL"


def test_a_setting_may_be_a_folder_of_this_machine():
    """As a mirror of Pythons may."""
    assert ChannelPlaces(Condarc(), {"x": ("/srv/conda/x", "https://b.example/x")}).members("x") == (
        ("file:///srv/conda/x", "https://b.example/x"),
    )


def test_a_setting_goes_before_all_that_conda_says():
    condarc = Condarc(custom_channels={"x": "https://c.example"}, mirrored_channels={"x": ("https://m.example/x",)})
    own = {"x": ("https://own.example/x",), "https-host-example-x": ("https://own.example/y",)}
    assert ChannelPlaces(condarc, own).members("x") == (("https://own.example/x",),)
    assert ChannelPlaces(condarc, own).members("https://host.example/x") == (("https://own.example/y",),)


@pytest.mark.parametrize(
    ("channel", "variable"),
    [
        ("conda-forge", "ENVBUILD_CHANNEL_CONDA_FORGE"),
        ("pkgs/main", "ENVBUILD_CHANNEL_PKGS_MAIN"),
        ("https://host.example:8443/a.b", "ENVBUILD_CHANNEL_HTTPS_HOST_EXAMPLE_8443_A_B"),
    ],
)
def test_every_channel_has_a_variable(channel, variable):
    assert setting_of(channel) == variable


def test_a_token_stands_in_the_path_and_else_as_a_login():
    places = ChannelPlaces(Condarc(), tokens={"host.example": "s3/cret"})
    assert places.members("https://host.example/a/x") == (
        ("https://host.example/t/s3%2Fcret/a/x", "https://token:s3%2Fcret@host.example/a/x"),
    )
    assert places.members("https://other.example/x") == (("https://other.example/x",),)


@pytest.mark.parametrize("url", ["https://host.example/t/own/x", "https://me:pass@host.example/x"])
def test_the_machines_own_login_is_not_replaced(url):
    places = ChannelPlaces(Condarc(), {"x": (url,)}, {"host.example": "s3cret"})
    assert places.members("x") == ((url,),)


def test_nothing_of_a_login_is_shown_in_a_representation():
    places = ChannelPlaces(Condarc(), {"x": ("https://me:pass@host.example/x",)}, {"host.example": "s3cret"})
    assert "pass" not in repr(places)
    assert "s3cret" not in repr(places)
