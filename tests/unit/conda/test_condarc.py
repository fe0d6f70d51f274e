"""conda's configuration as conda reads it: who relies on a mirror, a token or a closed list of channels keeps it here."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envbuild.conda.channels import channel_urls, public_channel
from envbuild.conda.condarc import PUBLIC_ALIAS, Condarc, read_condarc
from envbuild.conda.reach import for_channels
from envbuild.conda.said import Said, Word, merged
from envbuild.errors import EnvironmentFault
from envbuild.httpsettings import HttpSettings


@pytest.fixture
def machine(tmp_path):
    """`machine({"etc/conda/.condarc": "..."}, CONDA_CHANNELS="a")`; what is not below etc and var is in the home folder."""

    def read(files=None, **environ):
        for place, text in (files or {}).items():
            path = tmp_path / (place if place.startswith(("etc/", "var/", "opt/")) else f"home/{place}")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        filled = {name: value.replace("ROOT", str(tmp_path)) for name, value in environ.items()}
        return read_condarc({"HOME": str(tmp_path / "home"), **filled}, root=tmp_path)

    return read


def test_without_any_file_conda_s_own_defaults_hold(machine):
    found = machine()
    assert found == Condarc()
    assert channel_urls("conda-forge", found) == (f"{PUBLIC_ALIAS}/conda-forge",)
    assert len(channel_urls("defaults", found)) == 2


PLACES = (
    "etc/conda/.condarc", "etc/conda/condarc", "etc/conda/condarc.d/a.yml", "etc/conda/condarc.d/b.yaml",
    "var/lib/conda/.condarc", "var/lib/conda/condarc.d/x.yml", "opt/base/.condarc", "opt/base/condarc.d/x.yml",
    "opt/xdg/conda/.condarc", ".config/conda/condarc", ".conda/.condarc", ".conda/condarc.d/x.yml", ".condarc",
    "opt/active/.condarc", "opt/own.yml",
)  # fmt: skip
"""conda's order, the weakest first."""
VARIABLES = {
    "CONDA_ROOT": "ROOT/opt/base",
    "XDG_CONFIG_HOME": "ROOT/opt/xdg",
    "CONDA_PREFIX": "ROOT/opt/active",
    "CONDARC": "ROOT/opt/own.yml",
}


@pytest.mark.parametrize("count", range(1, len(PLACES) + 1))
def test_the_last_file_says_where_channels_are_and_its_channels_go_first(machine, count):
    texts = {place: f"channel_alias: https://{n}\nchannels: [c{n}, all]\n" for n, place in enumerate(PLACES[:count])}
    found = machine(texts, **VARIABLES)
    assert found.channel_alias == f"https://{count - 1}"
    assert found.channels == (f"c{count - 1}", "all", *(f"c{n}" for n in range(count - 2, -1, -1)))
    assert len(found.files) == count


def test_variables_go_before_all_files(machine):
    text = "channels: [file]\nchannel_alias: https://file\nssl_verify: /file.pem\nremote_read_timeout_secs: 5\n"
    found = machine(
        {".condarc": text},
        CONDA_CHANNELS="one, two",
        CONDA_CHANNEL_ALIAS="https://variable/",
        CONDA_SSL_VERIFY="~/v.pem",
        CONDA_REMOTE_READ_TIMEOUT_SECS="7.5",
        CONDA_OFFLINE="1",
    )
    assert found.channels == ("one", "two", "file")
    assert (found.channel_alias, found.timeout, found.offline) == ("https://variable", 7.5, True)
    assert found.ca_bundle.parts[-2:] == ("home", "v.pem")


def test_an_administrator_s_final_word_stays(machine):
    """Who closed the list of channels for all users of a machine must not be overruled by their files."""
    system = (
        "channels: #!final\n  - approved\nchannel_alias: https://inside #!final\n"
        "custom_channels: #!final\n  a: https://inside/a\n"
    )
    user = "channels: [mine]\nchannel_alias: https://mine\ncustom_channels: {b: https://mine}\n"
    found = machine({"etc/conda/.condarc": system, ".condarc": user}, CONDA_CHANNELS="mine")
    assert found.channels == ("approved",)
    assert found.channel_alias == "https://inside"
    assert found.custom_channels == {"a": "https://inside/a"}


def test_marks_put_channels_first_and_last(machine):
    system = "channels:\n  - a\n  - top #!top\n  - low #!bottom\n"
    assert machine({"etc/conda/.condarc": system, ".condarc": "channels: [b, c]\n"}).channels == (
        "top", "b", "c", "a", "low",
    )  # fmt: skip


def test_tables_are_joined_by_name(machine):
    system = "custom_channels: {a: https://1, b: https://1}\ncustom_multichannels: {m: [x]}\nproxy_servers: {https: http://p:1}\n"
    user = "custom_channels: {b: https://2}\ncustom_multichannels: {m: [y], n: [z]}\nproxy_servers: {http: null}\n"
    found = machine({"etc/conda/.condarc": system, ".condarc": user})
    assert found.custom_channels == {"a": "https://1", "b": "https://2"}
    assert found.custom_multichannels == {"m": ("y", "x"), "n": ("z",)}
    assert found.proxies == {"https": "http://p:1"}


def test_variables_in_values_are_filled_in_so_that_tokens_stay_out_of_files(machine):
    text = "channel_alias: https://${WHO}:$WORD@inside/conda\nchannels: ['https://inside/$UNSET']\n"
    found = machine({".condarc": text}, WHO="me", WORD="pass")
    assert found.channel_alias == "https://me:pass@inside/conda"
    assert found.channels == ("https://inside/$UNSET",)


def test_other_names_and_what_is_not_ours(machine):
    found = machine(
        {
            ".condarc": "channel: [a]\nverify_ssl: /x.pem\nclient_cert: ~/c.pem\npkgs_dirs: {odd: [1]}\nchanneldefaults: 3\n"
        }
    )
    assert (found.channels, str(found.ca_bundle)) == (("a",), "/x.pem")
    assert found.client_cert.name == "c.pem"


@pytest.mark.parametrize(
    "text", ["ssl_verify: true", "ssl_verify: truststore", "ssl_verify:", "ssl_verify: <default>", "{}", ""]
)
def test_where_no_authority_is_named_this_machine_s_trust_serves(machine, text):
    found = machine({".condarc": text})
    assert (found.ca_bundle, found.notices) == (None, ())


@pytest.mark.parametrize("word", ["false", "False", "no", "off"])
def test_certificates_are_checked_even_where_conda_would_not(machine, word):
    found = machine({".condarc": f"a: 1\nssl_verify: {word}\n"})
    assert found.ca_bundle is None
    assert ".condarc:2: ssl_verify: false is not followed" in found.notices[0]
    assert "ENVBUILD_CA_BUNDLE" in found.notices[0]


BAD = {
    "no-yaml": ("a: 1\nchannels: a: b\n", ":2"),
    "tab": ("channels:\n\t- a\n", ":2"),
    "a-list": ("- a\n", ":1"),
    "word-for-list": ("x: 1\nchannels: conda-forge\n", ":2"),
    "list-for-word": ("channel_alias: [https://a]\n", ":1"),
    "list-for-table": ("custom_channels:\n  - a\n", ":1"),
    "word-for-list-in-table": ("custom_multichannels:\n  a: 1\n  b: [c]\n", ":2"),
    "table-in-list": ("channels:\n  - a: b\n", ":2"),
    "alias-without-scheme": ("a: 1\n\nchannel_alias: inside.example\n", ":3"),
    "no-seconds": ("remote_read_timeout_secs: soon\n", ":1"),
    "endless-seconds": ("remote_read_timeout_secs: .inf\nx: 1\n", ":1"),
    "never-seconds": ("x: 1\nremote_read_timeout_secs: -3\n", ":2"),
    "no-switch": ("offline: perhaps\n", ":1"),
    "python": ("channels: !!python/object/apply:os.getcwd []\n", ":1"),
    "twice": ("channels: [a]\nchannels: [b]\n", ":2"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_broken_file_is_told_with_its_line(machine, case):
    text, line = BAD[case]
    with pytest.raises(EnvironmentFault) as caught:
        machine({".condarc": text})
    assert caught.value.at.endswith(f".condarc{line}")
    assert caught.value.hint


@pytest.mark.parametrize("data", [b"channels: [\xff\xfe]\n", b"channels: [a\x00b]\n"])
def test_a_file_that_is_no_text_is_told(machine, tmp_path, data):
    (tmp_path / "home").mkdir()
    (tmp_path / "home/.condarc").write_bytes(data)
    with pytest.raises(EnvironmentFault, match=r"."):
        machine()


def test_no_error_shows_a_token(machine):
    with pytest.raises(EnvironmentFault) as caught:
        machine({".condarc": "channel_alias: inside/t/c4nary-token\n"})
    assert "c4nary" not in str(caught.value)


@pytest.mark.parametrize("place", ["etc/conda/condarc.d/notes.txt", "etc/conda/condarc.d/sub/x.yml"])
def test_conda_passes_over_other_files_and_so_do_we(machine, place):
    assert machine({place: "channels: [a]"}).channels == ()


# Channels.

CONFIGURED = Condarc(
    channel_alias="https://user:pass@inside/conda",
    default_channels=("https://mirror/pkgs/main", "https://mirror/t/TOK/pkgs/r", "extra"),
    custom_channels={"forge": "https://mirror/t/abc/packages", "team/a": "https://team", "odd": "elsewhere"},
    custom_multichannels={"mine": ("forge", "https://inside/conda/x")},
    mirrored_channels={"both": ("https://one/both/", "oci://two/both")},
    migrated_channel_aliases=("https://old/conda",),
)
ALIAS = "https://user:pass@inside/conda"
NAMES = {
    "plain": (f"{ALIAS}/plain",),
    "plain/label/dev": (f"{ALIAS}/plain/label/dev",),
    "plain/linux-64": (f"{ALIAS}/plain",),
    " plain/ ": (f"{ALIAS}/plain",),
    "forge": ("https://mirror/packages/t/abc/forge",),
    "forge/label/x": ("https://mirror/packages/t/abc/forge/label/x",),
    "team/a/b": ("https://team/team/a/b",),
    "team": (f"{ALIAS}/team",),
    "odd": (f"{ALIAS}/odd",),
    "defaults": ("https://mirror/pkgs/main", "https://mirror/t/TOK/pkgs/r", f"{ALIAS}/extra"),
    "pkgs/main": ("https://mirror/pkgs/main",),
    "pkgs/r": ("https://mirror/t/TOK/pkgs/r",),
    "mine": (f"{ALIAS}/forge", f"{ALIAS}/x"),
    "both": ("https://one/both", "oci://two/both"),
    "local": (),
    "": (),
    "https://inside/conda/y/noarch": (f"{ALIAS}/y",),
    "https://inside/condax": ("https://inside/condax",),
    "http://inside/conda/y": ("http://inside/conda/y",),
    "https://me:mine@inside/conda/y": ("https://me:mine@inside/conda/y",),
    "https://mirror/packages/forge": ("https://mirror/packages/t/abc/forge",),
    "https://old/conda/z/linux-64": (f"{ALIAS}/z",),
    "https://other/z/": ("https://other/z",),
    "/srv/channel": ("file:///srv/channel",),
    "file:///srv/channel/noarch": ("file:///srv/channel",),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_channel_is_where_conda_has_it(name):
    assert channel_urls(name, CONFIGURED) == NAMES[name]


def test_what_is_shown_of_a_channel_has_no_secret():
    for url in (
        "https://u:c4nary@h/t/c4nary/x",
        "https://h/a/t/c4nary/x?k=c4nary#c4nary",
        "https://h/t/c4nary",
        "h/t/c4nary",
    ):
        assert "c4nary" not in public_channel(url)
    assert public_channel("https://u:p@h/t/T0K/x") == "https://h/t/<TOKEN>/x"
    assert "pass" not in repr(CONFIGURED)
    assert "TOK" not in repr(CONFIGURED)


WORDS = st.lists(
    st.builds(Word, st.sampled_from("abcdefg"), st.just("f:1"), st.sampled_from(["", "", "", "top", "bottom"])),
    max_size=6,
)


@given(st.lists(WORDS, max_size=4))
def test_a_merge_loses_and_repeats_nothing(lists):
    said = [Said("f:1", tuple(words)) for words in lists]
    texts = [word.text for word in merged(said)]
    assert sorted(texts) == sorted({word.text for words in lists for word in words})
    if not any(word.mark for words in lists for word in words) and lists:
        last = list(dict.fromkeys(word.text for word in lists[-1]))
        assert texts[: len(last)] == last


@given(st.from_regex(r"[a-z][a-z0-9_-]{0,8}(/[a-z][a-z0-9_]{0,8}){0,3}", fullmatch=True))
def test_a_url_that_a_name_stands_for_stands_for_itself(name):
    for url in channel_urls(name, CONFIGURED):
        assert channel_urls(url, CONFIGURED) == (url,)


def test_channels_are_reached_by_our_own_settings_then_conda_s_then_other_tools(tmp_path):
    told = HttpSettings(ca_bundle=tmp_path / "tools.pem", proxies={"https": "http://tools:1"}, read_timeout=60)
    conda = Condarc(
        ca_bundle=tmp_path / "conda.pem", proxies={"https": "conda:2", "https://one.host": "http://x:1"}, timeout=5.0
    )
    assert for_channels(told, Condarc(), ()) == told
    assert for_channels(told, conda, ("ca-bundle", "proxy", "timeout")) == told
    reached = for_channels(told, conda, ())
    assert (reached.ca_bundle, reached.read_timeout) == (tmp_path / "conda.pem", 5.0)
    assert reached.proxies == {"https": "http://conda:2"}
