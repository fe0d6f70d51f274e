"""Images brought to real registries: what is there is not sent, and what arrives is what was built."""

import json
import shutil

import pytest


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


# The cache repository.


def test_somebody_elses_build_is_pulled_and_not_built(cold, warm, classify, registry, tmp_path):
    """A colleague with an empty store gets the image of the lock without any package."""
    cache = f"{registry.host}/cache/all"
    warm("build", classify.spec, "--to", "store", "--cache", cache).ok()
    lock = tmp_path / "classify.lock"
    warm("lock", classify.spec, "--lock", lock).ok()
    nowhere = {
        "ENVBUILD_PYPI_INDEX": "http://127.0.0.1:9/simple",
        "ENVBUILD_DEBIAN_MIRROR": "http://127.0.0.1:9/debian",
    }
    said = cold("build", lock, "--to", "store", "--cache", cache, "--json", env=nowhere).ok().json
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


def test_a_cache_that_is_down_costs_a_note(small):
    envbuild, spec = small
    done = envbuild("build", spec, "--to", "store", "--cache", "127.0.0.1:9/cache/all").ok()
    assert "in the cache 127.0.0.1:9/cache/all" in done.stderr.decode()


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
    assert "HOST/REPOSITORY" in cold.failed(2, "build", project(""), "--to", "store", "--cache", cache)
