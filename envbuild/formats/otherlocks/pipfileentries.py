"""The form of a Pipfile.lock's entries, as pipenv writes them."""

__all__ = ["wrong_entry"]

_TEXTS = ("version", "index", "markers", "file", "path", "git", "hg", "svn", "bzr")


def wrong_entry(entry: object) -> str:
    """What is not in that form, in words; nothing where all is."""
    if not isinstance(entry, dict):
        return "expected a table"
    for key in _TEXTS:
        if key in entry and not (isinstance(entry[key], str) and entry[key]):
            return f"{key}: expected a text"
    hashes = entry.get("hashes", [])
    if not isinstance(hashes, list) or not all(isinstance(text, str) for text in hashes):
        return "hashes: expected a list of texts"
    return ""
