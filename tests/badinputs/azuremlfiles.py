"""AzureML's own files, azureml_environment.json and an asset's YAML: what is wrong with them, where, and what to do."""

from badinputs.rows import in_file

__all__ = ["ROWS"]

row = in_file("azureml_environment.json")
asset = in_file("asset.yml")

_SCHEMA = "$schema: https://azuremlschemas.azureedge.net/latest/environment.schema.json\n"

ROWS = [
    row(1, "json-cut", '{"name": "x",\n "python": {\n', "azureml_environment.json:"),
    row((2, 34), "json-key-twice", '{"name": "x",\n "name": "y"}', "azureml_environment.json:2", "given twice, first in line 1"),
    row((2, 34), "json-key-twice-inside", '{"name": "x", "python": {\n"interpreterPath": "a",\n"interpreterPath": "b"}}',
        "azureml_environment.json:3", "given twice, first in line 2"),
    row(34, "json-comma", '{"name": "x",\n "python": {},\n}\n', "azureml_environment.json:3"),
    row(34, "json-nan", '{"name": NaN}', "azureml_environment.json", "NaN is no value"),
    row(3, "json-empty", "", "azureml_environment.json"),
    row(6, "json-list", "[]", "azureml_environment.json", "no AzureML environment"),
    row(6, "json-text", '"x"', "azureml_environment.json", "no AzureML environment"),
    row(7, "json-unknown", '{"name": "x",\n "pyhton": {}}', "azureml_environment.json:2", "pyhton"),
    row(8, "json-type", '{"name": "x",\n "python": []}', "azureml_environment.json:2", "python"),
    row(10, "json-bool-image", '{"name": "x",\n "docker": {"baseImage": true}}', "azureml_environment.json:2", "true or false"),
    row(11, "json-latin-1", b'{"name": "caf\xe9"}', "azureml_environment.json:1", "byte 0xe9 at offset 13"),
    row(12, "json-utf-16", '{"name": "x"}'.encode("utf-16"), "azureml_environment.json", "the file is UTF-16"),
    row(16, "json-nul", b'{"name": "x\0"}', "azureml_environment.json", "a NUL byte at offset 11"),
    row(17, "json-no-aliases", '{"name": &a [*a]}', "azureml_environment.json"),
    row(19, "json-deep", "[" * 5000, "azureml_environment.json", "nested too deeply"),
    row(20, "json-too-large", b" " * (10 << 20), "azureml_environment.json", "the file has 10485760 bytes"),
    row(35, "json-syntax", '{"name": "x", "python": {"condaDependencies": {"channels": ["c"], "dependencies": [\n"python=3.11",\n{"pip": [\n"a>>1"]}]}}}',
        "azureml_environment.json:4", "not a requirement (PEP 508)"),
    row(56, "json-spec", '{"name": "x", "python": {"condaDependencies": {"channels": ["c"], "dependencies": [\n"numpy>>1"]}}}',
        "azureml_environment.json:2", ">>1"),
    asset((2, 34), "asset-twice", _SCHEMA + "image: a\nimage: b\n", "asset.yml:3", "given twice, first in line 2"),
    asset(7, "asset-unknown", _SCHEMA + "image: debian\nimagee: x\n", "asset.yml:3", "imagee"),
    asset(8, "asset-type", _SCHEMA + "image: [debian]\n", "asset.yml:2", "image"),
    asset(10, "asset-number", _SCHEMA + "image: 12\n", "asset.yml:2", "image"),
    asset(39, "asset-missing", _SCHEMA + "image: debian\nconda_file: no.yml\n", "asset.yml:3", "no.yml", "no such file"),
    asset(31, "asset-outside", _SCHEMA + "image: debian\nconda_file: ../no.yml\n", "asset.yml:3", "outside"),
    asset(35, "asset-syntax", _SCHEMA + "image: debian\nconda_file: c.yml\n", "c.yml:4", "not a requirement",
          **{"c.yml": "channels: [c]\ndependencies:\n- pip:\n  - a>>1\n"}),
    asset(33, "asset-two-bases", _SCHEMA + "image: debian\nbuild:\n  path: .\n", "asset.yml:"),
]  # fmt: skip
