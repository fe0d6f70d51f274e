"""What other tools are told about this machine, as values of our settings: the weakest but the defaults."""

from collections.abc import Mapping

from envbuild.settings.files import Origin
from envbuild.settings.reading import Value

__all__ = ["proxy_of", "told"]

_INDEX_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL")
_CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_NOTHING = Value("", Origin.MACHINE)


def told(environ: Mapping[str, str], pip: Mapping[str, Value]) -> dict[str, Value]:
    """By setting's name; `pip` by pip's names. The first of each row that says something."""

    def variable(*names: str) -> Value:
        name = next((n for n in names if environ.get(n, "").strip()), "")
        return Value(environ[name].strip(), Origin.MACHINE, name) if name else _NOTHING

    def of_pip(name: str) -> Value:
        found = pip.get(name, _NOTHING)
        return Value(found.text.strip(), Origin.MACHINE, found.place)

    rows = {
        "pypi-index": (variable(*_INDEX_VARIABLES), of_pip("index-url")),
        "python-mirror": (variable("UV_PYTHON_INSTALL_MIRROR"),),
        "python-catalog": (variable("UV_PYTHON_DOWNLOADS_JSON_URL"),),
        "ca-bundle": (of_pip("cert"), variable(*_CA_VARIABLES)),
        "proxy": (*(proxy_of(environ, scheme) for scheme in ("https", "http", "all")), of_pip("proxy")),
        "no-proxy": (variable("no_proxy", "NO_PROXY"),),
        "timeout": (of_pip("timeout"),),
    }
    return {name: found for name, row in rows.items() if (found := next((v for v in row if v.text), None))}


def proxy_of(environ: Mapping[str, str], scheme: str) -> Value:
    """What `https_proxy` or HTTPS_PROXY says for a scheme (`http`, `https`, `all`); no text where neither does."""
    names = (f"{scheme}_proxy", f"{scheme.upper()}_PROXY")
    name = next((n for n in names if environ.get(n, "").strip()), "")
    return Value(environ[name].strip(), Origin.MACHINE, name) if name else _NOTHING
