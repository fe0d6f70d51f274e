"""Images brought to real registries: what is there is not sent, and what arrives is what was built."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from registries.content import digest_of
from registries.faulty import Fault

NOWHERE = {
    "ENVBUILD_PYPI_INDEX": "http://127.0.0.1:9/simple",
    "ENVBUILD_DEBIAN_MIRROR": "http://127.0.0.1:9/debian",
}


def sent(registry, start: int = 0) -> list[str]:
    """The requests that carry content or names, since the `start`th."""
    return [r for r in registry.requests()[start:] if r.startswith(("PUT", "PATCH", "POST"))]


@pytest.fixture
def small(warm, project):
    """A small definition: Debian's base alone."""
    return warm, project('variables = { GREETING = "hello" }')


def test_a_pushed_image_is_the_built_one_and_its_reference_is_exact(warm, classify, registry, skopeo):
    """What others pull is what was built, byte for byte."""
    done = warm("build", classify.spec, "--to", f"{registry.host}/team/classify:v1", "--json").ok().json
    assert done["reference"] == f"{registry.host}/team/classify@{classify.said['digest']}"
    assert done["pushed"][0]["sent"] > 20
    shown = skopeo("inspect", "--tls-verify=false", f"docker://{registry.host}/team/classify:v1").stdout
    assert json.loads(shown)["Digest"] == classify.said["digest"]


@pytest.mark.parametrize("engine", ["docker_engine", "containerd_engine"])
def test_engines_run_what_was_pushed_by_the_reference_that_is_printed(warm, classify, registry, engine, request):
    docker = request.getfixturevalue(engine)
    reference = warm("build", classify.spec, "--to", f"{registry.host}/team/{engine.replace('_', '-')}").ok().line
    try:
        said = docker("run", "--rm", "--network=none", reference, "python", "-c", "import sklearn; print('ran')")
        assert said.stdout.strip() == "ran"
    finally:
        docker("rmi", reference, check=False)


def test_podman_and_skopeo_take_the_printed_reference(small, registry, podman, skopeo, tmp_path):
    envbuild, spec = small
    reference = envbuild("build", spec, "--to", f"{registry.host}/team/readers").ok().line
    try:
        podman("pull", "--tls-verify=false", reference)
    finally:
        podman("rmi", "--force", reference, check=False)
    skopeo("copy", "--src-tls-verify=false", f"docker://{reference}", f"oci:{tmp_path / 'layout'}:here")
    index = json.loads((tmp_path / "layout/index.json").read_bytes())
    assert index["manifests"][0]["digest"] == reference.rpartition("@")[2]


def test_two_who_push_the_same_image_at_once_both_succeed(small, registry, skopeo):
    """Two jobs of one CI run: neither fails, and what stands there is whole."""
    envbuild, spec = small
    envbuild("build", spec, "--to", "store").ok()
    place = f"{registry.host}/team/both:v1"
    with ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(envbuild, "build", spec, "--to", place) for _ in range(4)]
    lines = {job.result().ok().line for job in jobs}
    assert len(lines) == 1
    skopeo("copy", "--src-tls-verify=false", f"docker://{lines.pop()}", f"dir:{registry.storage}-copy")


def test_interrupted_in_mid_push_it_ends_soon_and_names_nothing(small, faulty_registry):
    """Ctrl-C while gigabytes go out: no traceback, no wait for them, no tag on half an image; the next push goes on."""
    envbuild, spec = small
    envbuild("build", spec, "--to", "store").ok()
    faulty_registry.fail("PUT", "/blobs/uploads/", Fault(pause=20), times=None, after=3)
    place = f"{faulty_registry.host}/team/cut:v1"
    process = subprocess.Popen(
        [sys.executable, "-m", "envbuild", "build", spec, "--to", place],
        env=dict(envbuild.env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    end = time.monotonic() + 30
    while faulty_registry.count("PUT", "/blobs/uploads/") < 4 and time.monotonic() < end:
        time.sleep(0.02)
    # Time for the first three, which are not slowed down.
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=15)
    assert (process.returncode, stdout) == (130, b"")
    assert b"Traceback" not in stderr
    assert not faulty_registry.content.repositories["team/cut"].tags
    faulty_registry.forget()
    said = envbuild("build", spec, "--to", place, "--json").ok().json
    assert said["pushed"][0]["existed"] >= 3


def test_a_second_push_is_one_question(small, registry):
    """Nothing changed: a push in CI costs one request, and sends nothing."""
    envbuild, spec = small
    place = f"{registry.host}/team/again:v1"
    envbuild("build", spec, "--to", place).ok()
    before = len(registry.requests())
    again = envbuild("build", spec, "--to", place, "--json").ok().json
    asked = registry.requests()[before:]
    assert [r.split()[0] for r in asked] == ["HEAD"]
    assert again["pushed"][0]["sent"] == 0


def test_another_tag_of_a_pushed_image_sends_its_name_alone(small, registry):
    envbuild, spec = small
    envbuild("build", spec, "--to", f"{registry.host}/team/tags:v1").ok()
    before = len(registry.requests())
    envbuild("build", spec, "--to", f"{registry.host}/team/tags:v2").ok()
    assert [r.split()[0] for r in sent(registry, before)] == ["PUT"]
    assert "/manifests/v2" in sent(registry, before)[0]


def test_another_repository_mounts_what_the_registry_has(small, registry):
    """No byte of a layer crosses the network twice for one registry."""
    envbuild, spec = small
    envbuild("build", spec, "--to", f"{registry.host}/team/one").ok()
    said = envbuild("build", spec, "--to", f"{registry.host}/team/two", "--json").ok().json
    assert said["pushed"][0]["sent"] == 0
    assert said["pushed"][0]["mounted"] > 10


def test_what_the_registry_collected_is_sent_again(small, registry):
    """A registry's collector takes blobs that we remember: the push finds out, and heals it."""
    envbuild, spec = small
    place = f"{registry.host}/team/collected"
    envbuild("build", spec, "--to", f"{place}:v1").ok()
    repository = registry.storage / "docker/registry/v2/repositories/team/collected"
    layers = sorted((repository / "_layers/sha256").iterdir())
    for link in layers[:3]:
        digest = f"sha256:{link.name}"
        shutil.rmtree(link)
        shutil.rmtree(registry.blob_file(digest).parent)
    said = envbuild("build", spec, "--to", f"{place}:v2", "--json").ok().json
    assert said["pushed"][0]["sent"] == 3


def test_a_tag_that_was_deleted_there_is_pushed_again(small, registry, skopeo):
    """What is remembered here is asked for there before it is believed."""
    envbuild, spec = small
    place = f"{registry.host}/team/deleted:v1"
    envbuild("build", spec, "--to", place).ok()
    skopeo("delete", "--tls-verify=false", f"docker://{place}")
    envbuild("build", spec, "--to", place).ok()
    skopeo("inspect", "--tls-verify=false", f"docker://{place}")


def test_a_tag_that_meant_something_else_means_this_image_now(small, project, registry, skopeo):
    envbuild, spec = small
    place = f"{registry.host}/team/moved:v1"
    first = envbuild("build", spec, "--to", place).ok().line
    other = project('variables = { GREETING = "bye" }', "other")
    second = envbuild("build", other, "--to", place).ok().line
    third = envbuild("build", spec, "--to", place).ok().line
    assert first == third != second
    digest = json.loads(skopeo("inspect", "--tls-verify=false", f"docker://{place}").stdout)["Digest"]
    assert first.endswith(digest)


def test_a_registry_with_a_login_takes_dockers_own(small, registry_with_login, tmp_path):
    """Whoever did `docker login` need do nothing more; whoever did not is told."""
    envbuild, spec = small
    place = f"{registry_with_login.host}/team/private:v1"
    words = envbuild.failed(5, "build", spec, "--to", place)
    assert "docker login" in words
    assert registry_with_login.host in words
    user, password = registry_with_login.login
    config = tmp_path / "docker"
    config.mkdir()
    entry = {"username": user, "password": password}
    (config / "config.json").write_text(json.dumps({"auths": {registry_with_login.host: entry}}))
    envbuild("build", spec, "--to", place, env={"DOCKER_CONFIG": str(config)}).ok()


def test_a_registry_that_is_down_leaves_the_image_here(small, registry):
    """The build is not lost with the push."""
    envbuild, spec = small
    words = envbuild.failed(5, "build", spec, "--to", "127.0.0.1:9/team/small:v1")
    assert "127.0.0.1:9" in words
    assert envbuild("probe", spec).code == 0


def test_a_push_that_fails_leaves_the_terminal_as_it_was(small):
    """A hidden cursor, or the error at the end of a bar's line, is what people would be left with."""
    envbuild, spec = small
    envbuild("build", spec, "--to", "store").ok()
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "envbuild", "build", spec, "--to", "127.0.0.1:9/team/small:v1"]
    environ = {**envbuild.env, "TERM": "xterm"}
    with subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=theirs) as process:
        os.close(theirs)
        seen = b""
        # The end of a terminal is an error on Linux and an empty read elsewhere.
        with suppress(OSError):
            while data := os.read(ours, 1 << 16):
                seen += data
    os.close(ours)
    assert process.returncode == 5
    bars, _, words = seen.rpartition(b"\x1b[?25h")
    assert b"\x1b[?25l" in bars, "no bar was shown"
    assert b"127.0.0.1:9: refuses connections" in words
    assert b"\x1b[?25l" not in words


# The cache repository.


def test_somebody_elses_build_is_pulled_and_not_built(cold, warm, classify, registry, tmp_path):
    """A colleague with an empty store gets the image of the lock without any package."""
    cache = f"{registry.host}/cache/all"
    warm("build", classify.spec, "--to", "store", "--cache", cache).ok()
    lock = tmp_path / "classify.lock"
    warm("lock", classify.spec, "--lock", lock).ok()
    said = cold("build", lock, "--to", "store", "--cache", cache, "--json", env=NOWHERE).ok().json
    assert said["digest"] == classify.said["digest"]
    assert said["layers"]["made"] == 0


def test_claims_name_their_whole_id_and_are_made_once(warm, classify, registry, skopeo):
    """Tags of the cache are what everybody trusts: the second build changes none."""
    cache = f"{registry.host}/cache/once"
    warm("build", classify.spec, "--to", "store", "--cache", cache).ok()
    tags = json.loads(skopeo("list-tags", "--tls-verify=false", f"docker://{cache}").stdout)["Tags"]
    ids = classify.said["ids"]
    assert f"image-{ids['image'].removeprefix('sha256:')}" in tags
    assert f"lock-{ids['request'].removeprefix('sha256:')}" in tags
    assert len([t for t in tags if t.startswith("layer-")]) > 20
    before = len(registry.requests())
    warm("build", classify.spec, "--to", "store", "--cache", cache).ok()
    assert sent(registry, before) == []


def test_a_claim_of_another_image_is_refused(cold, small, project, registry, skopeo, tmp_path):
    """Whoever can move a tag must not be able to bring another image under our id."""
    envbuild, spec = small
    cache = f"{registry.host}/cache/moved"
    said = envbuild("build", spec, "--to", "store", "--cache", cache, "--json").ok().json
    other = envbuild(
        "build", project('variables = { GREETING = "evil" }', "evil"), "--to", "store", "--cache", cache, "--json"
    )
    tag, evil = (f"image-{x['ids']['image'].removeprefix('sha256:')}" for x in (said, other.ok().json))
    lock = tmp_path / "small.lock"
    envbuild("lock", spec, "--lock", lock).ok()
    insecure = ("--src-tls-verify=false", "--dest-tls-verify=false")
    skopeo("copy", *insecure, f"docker://{cache}:{evil}", f"docker://{cache}:{tag}")
    empty = {"ENVBUILD_HOME": str(tmp_path / "empty")}
    words = cold.failed(6, "build", lock, "--to", "store", "--cache", cache, env=empty)
    assert "somebody moved a tag" in words


def test_every_request_that_gives_a_lock_is_claimed(warm, project, registry, skopeo):
    """Two definitions with one image: each of them is found by others, not the first alone."""
    cache = f"{registry.host}/cache/requests"
    specs = [project('system = ["libgomp1"]', "one"), project('system = ["libgomp1", "libc6"]', "two")]
    said = [warm("build", spec, "--to", "store", "--cache", cache, "--json").ok().json["ids"] for spec in specs]
    assert said[0]["image"] == said[1]["image"]
    assert said[0]["request"] != said[1]["request"]
    tags = json.loads(skopeo("list-tags", "--tls-verify=false", f"docker://{cache}").stdout)["Tags"]
    assert {f"lock-{ids['request'].removeprefix('sha256:')}" for ids in said} == {t for t in tags if t[:5] == "lock-"}


def test_a_frozen_lock_is_not_claimed_for_a_request_that_it_does_not_fit(warm, project, registry, skopeo):
    """Else one --frozen would give everybody a lock that lacks what they ask for."""
    cache = f"{registry.host}/cache/frozen"
    spec = project("")
    warm("lock", spec, "--lock", spec.with_name("old.lock")).ok()
    changed = project('system = ["libgomp1"]')
    warm("build", changed, "--frozen", "--lock", spec.with_name("old.lock"), "--to", "store", "--cache", cache).ok()
    tags = json.loads(skopeo("list-tags", "--tls-verify=false", f"docker://{cache}").stdout)["Tags"]
    assert any(t.startswith("image-") for t in tags)
    assert not any(t.startswith("lock-") for t in tags)


def test_what_the_cache_lost_is_built_here_and_given_back(cold, small, registry, tmp_path):
    """The cache's storage was damaged: one who has the packages builds, and mends it for all."""
    envbuild, spec = small
    cache = f"{registry.host}/cache/lost"
    envbuild("build", spec, "--to", "store", "--cache", cache).ok()
    layers = sorted((registry.storage / "docker/registry/v2/repositories/cache/lost/_layers/sha256").iterdir())
    lost = max(layers, key=lambda link: registry.blob_file(f"sha256:{link.name}").stat().st_size)
    shutil.rmtree(registry.blob_file(f"sha256:{lost.name}").parent)
    shutil.rmtree(lost)
    lock = tmp_path / "small.lock"
    envbuild("lock", spec, "--lock", lock).ok()
    first = cold("build", lock, "--to", "store", "--cache", cache).ok()
    assert "lacks the blob" in first.stderr.decode()
    again = {"ENVBUILD_HOME": str(tmp_path / "third"), **NOWHERE}
    assert cold("build", lock, "--to", "store", "--cache", cache, env=again).ok().line == first.line


def test_an_image_with_other_settings_under_the_right_id_is_refused(cold, small, registry, skopeo, tmp_path):
    """Whoever writes to the cache cannot make others run as root, or with variables that their lock does not have."""
    envbuild, spec = small
    said = envbuild("build", spec, "--to", "store", "--json").ok().json
    cache, tag = f"{registry.host}/cache/changed", f"image-{said['ids']['image'].removeprefix('sha256:')}"
    envbuild("build", spec, "--to", f"{cache}:{tag}").ok()
    layout = tmp_path / "layout"
    skopeo("copy", "--src-tls-verify=false", f"docker://{cache}:{tag}", f"oci:{layout}:x")

    def blob(digest):
        return layout / "blobs/sha256" / digest.removeprefix("sha256:")

    index = json.loads((layout / "index.json").read_bytes())
    manifest = json.loads(blob(index["manifests"][0]["digest"]).read_bytes())
    config = json.loads(blob(manifest["config"]["digest"]).read_bytes())
    config["config"]["User"] = "0:0"
    for described, document in ((manifest["config"], config), (index["manifests"][0], manifest)):
        data = json.dumps(document).encode()
        described.update(digest=digest_of(data), size=len(data))
        blob(described["digest"]).write_bytes(data)
    (layout / "index.json").write_text(json.dumps(index))
    skopeo("copy", "--dest-tls-verify=false", f"oci:{layout}:x", f"docker://{cache}:{tag}")
    lock = tmp_path / "small.lock"
    envbuild("lock", spec, "--lock", lock).ok()
    words = cold.failed(6, "build", lock, "--to", "store", "--cache", cache)
    assert "not what its lock and settings give" in words


def test_a_cache_that_is_down_costs_a_note(small):
    envbuild, spec = small
    done = envbuild("build", spec, "--to", "store", "--cache", "127.0.0.1:9/cache/all").ok()
    assert done.stderr.decode().count("the cache 127.0.0.1:9/cache/all") == 1


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("team/train:v1", "name its host"),
        ("127.0.0.1:5000/Team/train", "no such place"),
        ("127.0.0.1:5000/team/train@sha256:" + "0" * 64, "name a tag"),
        ("127.0.0.1:5000/", "no such place"),
        ("https://registry.example/team", "no such place"),
        ("registry.example/a:b:c", "no such place"),
        ("docker:5000/x", "takes no path"),
    ],
)
def test_what_is_no_place_is_refused_before_anything_is_built(cold, project, place, words):
    assert words in cold.failed(2, "build", project(""), "--to", place)


@pytest.mark.parametrize("cache", ["cache/all", "127.0.0.1:5000/cache:tag", "127.0.0.1:5000/Cache", "https://x/y"])
def test_what_is_no_cache_is_refused(cold, project, cache):
    """And told before anything is resolved."""
    assert "HOST/REPOSITORY" in cold.failed(2, "build", project(""), "--to", "store", "--cache", cache, env=NOWHERE)
