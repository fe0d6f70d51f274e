"""`explain` and `diff`: why an image has to be built, and what two environments do not share."""


def write(path, text):
    path.write_text(text)
    return path


def test_a_hit_and_a_miss_are_explained_with_the_nearest_definition(cold, tmp_path):
    """Whoever waits for an image that they thought was there wants to know what is different."""
    built = write(tmp_path / "built.txt", "six\nidna\n")
    changed = write(tmp_path / "changed.txt", "six\nidna>=3\n")
    alone = cold("explain", changed).ok().stdout.decode()
    assert "miss" in alone.splitlines()[0]
    assert "no other definition was resolved here" in alone
    ids = cold("build", built, "--to", "store", "--json").ok().json["ids"]
    hit = cold("explain", built, "--json").ok().json
    assert (hit["hit"], hit["nearest"]) == (True, None)
    assert {step["kind"]: step["id"] for step in hit["steps"]} == ids
    miss = cold("explain", changed, "--json").ok().json
    assert (miss["hit"], [step["known"] for step in miss["steps"]]) == (False, [True, False, False, False])
    assert miss["nearest"]["name"] == "built"
    assert miss["nearest"]["changes"] == [{"field": "pypi", "gone": ["idna"], "came": ["idna>=3"], "moved": False}]


def test_an_image_that_only_says_something_else_about_itself_misses_at_the_last_id(cold, tmp_path):
    """A variable costs no resolution and no layer, and explain shows that."""
    one = write(tmp_path / "one.toml", 'format = 1\npypi = ["six"]\n')
    other = write(tmp_path / "other.toml", 'format = 1\npypi = ["six"]\n[variables]\nA = "1"\n')
    cold("build", one, "--to", "store").ok()
    found = cold("explain", other, "--json").ok().json
    assert [step["known"] for step in found["steps"]] == [True, True, True, False]
    assert [change["field"] for change in found["nearest"]["changes"]] == ["variables"]


def test_definitions_locks_and_images_are_compared(cold, tmp_path):
    one = write(tmp_path / "one.txt", "six\n")
    two = write(tmp_path / "two.txt", "six\nidna\n")
    asked = cold("diff", one, two, "--json").ok().json
    assert (asked["packages"], asked["same_image"]) == (None, None)
    names = [cold("build", spec, "--to", "store", "-q").ok().line for spec in (one, two)]
    whole = cold("diff", one, two, "--json").ok().json
    assert [(c["change"], c["name"]) for c in whole["packages"]] == [("added", "idna")]
    assert whole["same_image"] is False
    assert 0 < whole["shared_bytes"] < whole["sizes"][1]
    images = cold("diff", *names, "--json").ok().json
    assert (images["fields"], images["packages"]) == (None, whole["packages"])
    for spec in (one, two):
        cold("lock", spec, "--lock", f"{spec}.lock").ok()
    locks = cold("diff", f"{one}.lock", f"{two}.lock", "--json").ok().json
    assert (locks["fields"], locks["packages"]) == (None, whole["packages"])
    assert cold("diff", one, names[0], "--json").ok().json["same"] is True


def test_what_cannot_be_compared_is_said(cold, tmp_path):
    one = write(tmp_path / "one.txt", "six\n")
    name = cold("build", one, "--to", "store", "-q").ok().line
    two = write(tmp_path / "two.txt", "six\nidna\n")
    assert "lock or build the definition first" in cold.failed(2, "diff", name, two)
    assert "no such image" in cold.failed(2, "diff", one, "nothing-like-it")
    assert "does not ask for linux/arm64" in cold.failed(2, "explain", one, "--platform", "linux/arm64")


def test_lint_says_what_hurts_and_a_lock_ends_what_it_ends(cold, tmp_path):
    """CI runs it with --strict."""
    spec = write(tmp_path / "spec.toml", 'format = 1\npypi = ["six"]\n[variables]\nAPI_TOKEN = "hunter2"\n')
    done = cold("lint", spec, "--strict")
    assert done.code == 2
    assert b"hunter2" not in done.stdout + done.stderr
    assert [f["code"] for f in cold("lint", spec, "--json").ok().json["findings"]] == ["EB101", "EB103"]
    cold("lock", spec).ok()
    assert [f["code"] for f in cold("lint", spec, "--json").ok().json["findings"]] == ["EB103"]
