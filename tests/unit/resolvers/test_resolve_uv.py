"""From requirements to files with uv: what a user asked for is what is locked, for the target and not for the host."""

import os
import re
from dataclasses import replace

import pytest

from envbuild.definition import Requirement
from envbuild.errors import EnvironmentFault, IntegrityError, ResolveFailed
from envbuild.normalize.accelerators import TORCH_PACKAGES, indexes_of
from envbuild.platforms import Platform
from envbuild.resolvers.uv import manylinux
from envbuild.resolvers.uvsays import failure


def test_the_newest_that_fits_and_what_it_needs(lab, index):
    index.wheel("alpha", "1.0")
    sha256 = index.wheel("alpha", "2.0", ["beta>=1"])
    index.wheel("beta", "1.5")
    found = lab.resolve("alpha")
    assert {name: a.version for name, a in found.items()} == {"alpha": "2.0", "beta": "1.5"}
    alpha = found["alpha"]
    assert (alpha.file, alpha.sha256, alpha.source, alpha.url) == ("alpha-2.0-py3-none-any.whl", sha256, "pypi", "")
    assert alpha.size == len(index.bodies[alpha.file])


def test_names_are_normalized_so_that_two_spellings_are_one_package(lab, index):
    index.wheel("my-pkg", "1.0")
    assert lab.versions("My.PKG") == {"my-pkg": "1.0"}


@pytest.mark.parametrize(
    ("platform", "python", "glibc", "expected"),
    [
        ("linux/amd64", "3.11.2", "2.36", "native-1.0-cp311-cp311-manylinux_2_28_x86_64.whl"),
        ("linux/arm64", "3.11.2", "2.36", "native-1.0-cp311-cp311-manylinux_2_28_aarch64.whl"),
        ("linux/amd64", "3.13.5", "2.41", "native-1.0-cp313-cp313-manylinux_2_39_x86_64.whl"),
        ("linux/amd64", "3.11.2", "2.17", "native-1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"),
    ],
)
def test_the_target_decides_which_file_not_the_host(lab, index, platform, python, glibc, expected):
    for tag in (
        "cp311-cp311-manylinux_2_28_x86_64", "cp311-cp311-manylinux_2_28_aarch64", "cp313-cp313-manylinux_2_39_x86_64",
        "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64", "cp311-cp311-manylinux_2_39_x86_64",
        "cp311-cp311-musllinux_1_2_x86_64", "cp311-cp311-win_amd64", "cp311-cp311-macosx_11_0_arm64",
    ):  # fmt: skip
        index.wheel("native", "1.0", tag=tag)
    lab.target = replace(lab.target, platform=Platform.parse(platform), python=python, glibc=glibc)
    assert lab.resolve("native")["native"].file == expected


@pytest.mark.parametrize(("glibc", "name"), [("2.36", "2_36"), ("2.41", "2_40"), ("2.30", "2_28"), ("2.12", "2_17")])
def test_uv_gets_the_highest_manylinux_it_knows_that_is_not_above_the_base(lab, glibc, name):
    assert manylinux(replace(lab.target, glibc=glibc)) == f"x86_64-manylinux_{name}"


def test_markers_are_read_for_the_target(lab, index):
    for name in ("amd", "arm", "old"):
        index.wheel(name, "1.0")
    index.wheel("alpha", "1.0", ['amd; platform_machine == "x86_64"', 'arm; platform_machine == "aarch64"'])
    lab.target = replace(lab.target, platform=Platform.parse("linux/arm64"))
    assert set(lab.versions("alpha", 'old; python_version < "3.9"')) == {"alpha", "arm"}


def test_extras_constraints_and_yanked_releases(lab, index):
    index.wheel("alpha", "1.0", ['beta; extra == "more"'])
    index.wheel("alpha", "2.0", yanked="broken")
    for version in ("1.0", "2.0", "3.0"):
        index.wheel("beta", version)
    assert lab.versions("alpha[more]", constraints=("beta<3",)) == {"alpha": "1.0", "beta": "2.0"}
    assert lab.versions("alpha==2.0") == {"alpha": "2.0"}


def test_a_withdrawn_release_serves_an_exact_pin_alone_and_that_is_said(lab, index):
    index.wheel("alpha", "1.0")
    index.wheel("alpha", "2.0", yanked="broken")
    assert lab.versions("alpha") == {"alpha": "1.0"}
    assert lab.report.notices == []
    assert lab.versions("alpha==2.0") == {"alpha": "2.0"}
    assert lab.report.notices == ["alpha 2.0 was withdrawn (yanked) from pypi and is used all the same"]
    with pytest.raises(ResolveFailed, match="yanked"):
        lab.resolve("alpha>=2")


def test_versions_of_before_are_kept_while_they_fit(lab, index):
    for version in ("1.0", "1.1", "2.0"):
        index.wheel("alpha", version)
    assert lab.versions("alpha", prefer={"alpha": "1.1"}) == {"alpha": "1.1"}
    assert lab.versions("alpha>=2", prefer={"alpha": "1.1"}) == {"alpha": "2.0"}


def test_html_only_indexes_without_sizes_and_hashes_give_the_same_lock_with_a_notice(lab, index):
    index.wheel("alpha", "1.0")
    expected = lab.resolve("alpha")
    index.speaks, index.sizes, index.hashes = "html", False, False
    assert lab.resolve("alpha") == expected
    assert re.search(r"pypi gives no sha256 for alpha-1\.0-py3-none-any\.whl", lab.report.notices[0])


def test_a_direct_reference_is_measured_and_keeps_its_url(lab, index, other_index):
    sha256 = other_index.wheel("alpha", "1.0", ["beta"])
    index.wheel("beta", "1.0")
    url = other_index.url.replace("/simple", "/files/alpha-1.0-py3-none-any.whl")
    found = lab.resolve(f"alpha @ {url}")
    assert set(found) == {"alpha", "beta"}
    alpha = found["alpha"]
    assert (alpha.version, alpha.source, alpha.url, alpha.sha256) == ("1.0", "url", url, sha256)
    with pytest.raises(IntegrityError, match="expected 0000"):
        lab.resolve(f"alpha @ {url}#sha256={'0' * 64}", "beta", hashes={"beta": [f"sha256:{'1' * 64}"]})


def test_a_direct_reference_behind_a_login_is_had_with_it(lab, index, behind_a_login):
    url, sha256 = behind_a_login
    index.wheel("beta", "1.0")
    found = lab.resolve(f"alpha @ {url}")
    assert (found["alpha"].sha256, found["alpha"].url) == (sha256, url)
    assert found["beta"].source == "pypi"
    assert not any(login for _, login in index.requests)


def test_a_wrong_login_for_a_direct_reference_stands_in_no_message(lab, other_index, behind_a_login):
    url, _ = behind_a_login
    other_index.login = "joe:another"
    with pytest.raises(EnvironmentFault) as failed:
        lab.resolve(f"alpha @ {url}")
    assert "s3cret" not in str(failed.value)
    assert "401" in str(failed.value)


def test_a_source_distribution_by_url_is_refused_and_never_built(lab, index):
    index.file("alpha", "alpha-1.0.tar.gz", b"no archive")
    with pytest.raises(ResolveFailed, match=r"alpha.*"):
        lab.resolve(f"alpha @ {index.url.replace('/simple', '/files/alpha-1.0.tar.gz')}")


def test_only_files_with_the_given_hashes_are_taken(lab, index):
    first = index.wheel("alpha", "1.0")
    second = index.wheel("alpha", "1.0", tag="cp311-cp311-manylinux_2_17_x86_64")
    allow = {"alpha==1.0": [f"sha256:{first}"]}
    assert lab.resolve("alpha==1.0", hashes=allow)["alpha"].sha256 == first
    assert lab.resolve("alpha==1.0")["alpha"].sha256 == second
    with pytest.raises(IntegrityError, match=f"alpha-1.0.*{second}, expected 0000"):
        lab.resolve("alpha==1.0", hashes={"alpha==1.0": [f"sha256:{'0' * 64}"]})


def test_hashes_of_another_machine_are_not_taken(lab, index):
    """Else a file that was locked for arm64 alone would do on amd64."""
    sha256 = index.wheel("alpha", "1.0")
    x86, arm = 'alpha==1.0; platform_machine == "x86_64"', 'alpha==1.0; platform_machine == "aarch64"'
    assert lab.resolve(x86, arm, hashes={x86: [f"sha256:{sha256}"], arm: [f"sha256:{'0' * 64}"]})
    with pytest.raises(IntegrityError, match=f"{sha256}, expected 0000"):
        lab.resolve(x86, arm, hashes={x86: [f"sha256:{'0' * 64}"], arm: [f"sha256:{sha256}"]})


def test_of_two_entries_that_apply_both_must_allow_a_file(lab, index):
    """A second line of a list must not let in what the first one keeps out."""
    sha256 = index.wheel("alpha", "1.0")
    always, here = "alpha==1.0", 'alpha==1.0; sys_platform == "linux"'
    assert lab.resolve(
        always, here, hashes={always: [f"sha256:{sha256}", f"sha256:{'0' * 64}"], here: [f"sha256:{sha256}"]}
    )
    with pytest.raises(ResolveFailed, match="asked for more than once"):
        lab.resolve(always, here, hashes={always: [f"sha256:{'0' * 64}"], here: [f"sha256:{sha256}"]})


def test_hashes_for_some_but_not_for_all_are_refused_by_name(lab, index):
    sha256 = index.wheel("alpha", "1.0", ["beta"])
    index.wheel("beta", "1.0")
    with pytest.raises(ResolveFailed, match=r"beta 1\.0 is needed too, and has no hash"):
        lab.resolve("alpha==1.0", hashes={"alpha==1.0": [f"sha256:{sha256}"]})


def test_no_setting_of_the_machine_decides_a_resolution(lab, index, other_index, tmp_path, monkeypatch):
    index.wheel("alpha", "1.0")
    other_index.wheel("alpha", "9.0")
    other_index.wheel("envbuild-only-there", "1.0")
    monkeypatch.setenv("UV_INDEX", other_index.url)
    monkeypatch.setenv("UV_PRERELEASE", "allow")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", other_index.url)
    (tmp_path / "uv.toml").write_text(f'[[index]]\nurl = "{other_index.url}"\n')
    monkeypatch.chdir(tmp_path)
    assert lab.versions("alpha") == {"alpha": "1.0"}
    lab.urls[other_index.url] = other_index.url
    lab.elsewhere = (other_index.url,)
    with pytest.raises(ResolveFailed, match=f"add: --extra-index-url {other_index.url}"):
        lab.resolve("envbuild-only-there")


def test_a_package_that_is_nowhere_names_where_was_looked_and_what_may_be_meant(lab, index):
    index.wheel("pandas", "1.0")
    with pytest.raises(ResolveFailed) as failed:
        lab.resolve("panda", "pandas")
    assert "panda is not on pypi" in str(failed.value)
    assert "do you mean pandas?" in str(failed.value)
    with pytest.raises(ResolveFailed, match="do you mean opencv-python-headless"):
        lab.resolve("cv2")


def test_a_python_that_is_too_old_is_told_with_both_versions(lab, index):
    index.wheel("alpha", "2.0", requires_python=">=3.12")
    with pytest.raises(ResolveFailed, match=r"3\.11\.2\) does not satisfy Python>=3\.12"):
        lab.resolve("alpha==2.0")
    index.sdist("beta", "2.0", requires_python=">=3.12")
    with pytest.raises(ResolveFailed, match=r"beta 2\.0 needs Python >=3\.12; the target has 3\.11\.2"):
        lab.resolve("beta==2.0")


def test_no_wheel_for_the_target_says_what_there_is(lab, index):
    index.wheel("alpha", "2.0", tag="cp311-cp311-win_amd64")
    with pytest.raises(ResolveFailed, match=r"only wheels for others: alpha-2\.0-cp311-cp311-win_amd64\.whl"):
        lab.resolve("alpha")


def test_a_conflict_names_both_sides_and_nothing_of_how_uv_was_asked(lab, index):
    index.wheel("alpha", "1.0", ["beta<2"])
    index.wheel("beta", "1.0")
    index.wheel("beta", "2.0")
    with pytest.raises(ResolveFailed) as failed:
        lab.resolve("alpha", "beta>=2")
    text = str(failed.value)
    assert "depend on beta<2" in text
    assert "you require beta>=2" in text
    assert not re.search(r"envbuild-|pyproject|/tmp|\x1b|error:", text)


def test_an_index_that_is_down_is_the_machines_fault_not_a_missing_package(lab, index):
    index.status = 503
    with pytest.raises(EnvironmentFault):
        lab.resolve("alpha")


@pytest.mark.parametrize("asked", ["alpha==9", "alpha>=9"])
def test_a_version_that_is_not_there_names_those_that_are(lab, index, asked):
    for version in ("1.0", "1.1", "2.0rc1"):
        index.wheel("alpha", version)
    index.wheel("alpha", "1.2", yanked="bad")
    with pytest.raises(ResolveFailed, match=r"pypi has alpha 1\.1, 1\.0\n"):
        lab.resolve(asked)


@pytest.mark.parametrize("kind", ["application/vnd.pypi.simple.v1+json", "text/plain"])
def test_an_answer_that_is_no_indexs_is_the_machines_fault(lab, index, kind):
    index.answer = lambda path: (200, kind, b"\0garbage")
    with pytest.raises(EnvironmentFault, match="no package index's") as failed:
        lab.resolve("alpha")
    assert failed.value.at.startswith(index.url)


@pytest.mark.parametrize(
    ("said", "kind", "expected"),
    [
        (
            "error: Failed to fetch: `https://joe:pw@h/simple/a/`\n  cause: invalid peer certificate: UnknownIssuer",
            EnvironmentFault,
            r"not trusted: invalid peer certificate: UnknownIssuer\n.*ENVBUILD_CA_BUNDLE",
        ),
        (
            "  \u00d7 No solution found when resolving dependencies:\n  \u2570\u2500\u25b6 Because a was not found in the package registry.",
            ResolveFailed,
            "^Because a was not found",
        ),
        (
            "error: Failed to fetch: `http://127.0.0.1:40412/simple/a/`\n  cause: tcp connect error\n",
            EnvironmentFault,
            "cannot be reached: tcp connect error",
        ),
    ],
    ids=["an untrusted certificate", "as older versions of uv draw it", "404 in a port number"],
)
def test_what_uv_says_is_put_in_our_words(said, kind, expected):
    error = failure(said, "/tmp/asked-from")
    assert isinstance(error, kind)
    assert re.search(expected, str(error).partition(error.at + ": ")[2] if error.at else str(error))
    assert "joe" not in str(error)


def test_a_login_reaches_its_index_alone_and_no_message(lab, index, other_index, private):
    lab.urls["private"] = other_index.url
    lab.environ |= {"UV_INDEX_PRIVATE_USERNAME": "joe", "UV_INDEX_PRIVATE_PASSWORD": "s3cret"}
    index.wheel("alpha", "1.0")
    lab.uv().pins(_request(lab, "alpha", indexes=(private, *indexes_of(_nothing()))))
    assert any(login.startswith("Basic ") for _, login in other_index.requests)
    assert not any(login for _, login in index.requests)
    other_index.status = 403
    with pytest.raises(EnvironmentFault) as failed:
        lab.uv().pins(_request(lab, "alpha", indexes=(private, *indexes_of(_nothing()))))
    assert "s3cret" not in str(failed.value)
    assert "joe" not in str(failed.value)


def _nothing():
    from envbuild.definition import Definition

    return Definition()


def _request(lab, *requirements, indexes):
    from envbuild.resolvers.pins import PinRequest

    return PinRequest(
        requirements=tuple(map(Requirement, requirements)), constraints=(), indexes=indexes, target=lab.target
    )


def test_an_accelerator_takes_pytorchs_packages_from_its_own_index_and_no_other(lab, index, other_index):
    lab.urls["pytorch-cu128"] = other_index.url
    index.wheel("torch", "9.9", ["numpy"])
    index.wheel("trainer", "1.0", ["torch"])
    index.wheel("numpy", "2.0")
    other_index.wheel("torch", "2.7.0+cu128", ["numpy", "triton"], tag="cp311-cp311-manylinux_2_28_x86_64")
    other_index.wheel("triton", "3.3.0")
    other_index.wheel("numpy", "9.0")
    found = lab.resolve("trainer", accelerator="cu128")
    assert {name: (a.version, a.source) for name, a in found.items()} == {
        "numpy": ("2.0", "pypi"),
        "torch": ("2.7.0+cu128", "pytorch-cu128"),
        "trainer": ("1.0", "pypi"),
        "triton": ("3.3.0", "pytorch-cu128"),
    }


def test_the_packages_of_an_accelerator_are_those_that_uv_takes_from_there(lab, tmp_path, faulty):
    """uv is asked which host it would turn to: a proxy that refuses every connection sees it."""
    import threading
    from concurrent.futures import ThreadPoolExecutor
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    from uv import find_uv_bin

    from envbuild.process import run

    def host_for(name):
        hosts = []

        class Proxy(BaseHTTPRequestHandler):
            def do_CONNECT(self):
                hosts.append(self.path.partition(":")[0])
                self.send_error(403)

            def log_message(self, *arguments):
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            env = {"HTTPS_PROXY": f"http://127.0.0.1:{server.server_port}", "UV_HTTP_RETRIES": "0"}
            env |= {"HOME": str(tmp_path), "UV_CACHE_DIR": str(tmp_path / "cache"), "PATH": os.environ["PATH"]}
            argv = [find_uv_bin(), "pip", "compile", "--no-config", "--torch-backend", "cu128", "-"]
            run(argv, env=env, input=name.encode())
            server.shutdown()
            thread.join()
        return hosts[0]

    names = [*sorted(TORCH_PACKAGES), "numpy", "torchmetrics", "torch-geometric", "nvidia-cudnn-cu12"]
    with ThreadPoolExecutor(4) as pool:
        found = dict(zip(names, pool.map(host_for, names), strict=True))
    assert {name for name, host in found.items() if "pytorch" in host} == TORCH_PACKAGES
