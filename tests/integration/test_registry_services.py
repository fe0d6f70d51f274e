"""The registries of the tests are what they say: else the tests over them would pass for nothing."""

import base64
import json
import ssl
from http.client import HTTPConnection, HTTPSConnection
from urllib.parse import quote

import pytest


def _get(host, path, *, context=None, method="GET", headers=None, body=None):
    connection = HTTPSConnection(host, context=context) if context else HTTPConnection(host)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def _basic(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def test_the_open_one_answers_and_tells_what_it_was_asked(registry):
    assert _get(registry.host, "/v2/")[0] == 200
    assert "GET /v2/ 200" in registry.requests()


def test_two_are_apart(two_registries):
    first, second = two_registries
    assert first.host != second.host
    assert _get(first.host, "/v2/a/blobs/uploads/", method="POST")[0] == 202
    assert not any("POST" in line for line in second.requests())


def test_the_one_with_a_login_knows_only_that_one(registry_with_login):
    assert _get(registry_with_login.host, "/v2/")[0] == 401
    assert _get(registry_with_login.host, "/v2/", headers=_basic("tester", "wrong"))[0] == 401
    assert _get(registry_with_login.host, "/v2/", headers=_basic(*registry_with_login.login))[0] == 200


@pytest.mark.parametrize(("user", "status"), [("tester", 202), ("", 401)])
def test_a_token_opens_what_its_scope_says(user, status, registry_with_token):
    host, tokens = registry_with_token.host, registry_with_token.tokens
    code, headers, _ = _get(host, "/v2/a/blobs/uploads/", method="POST")
    assert code == 401
    assert f'realm="{tokens.realm}"' in headers["www-authenticate"]
    path = f"/token?service=tests&scope={quote('repository:a:pull,push')}"
    login = _basic(*registry_with_token.login) if user else {}
    code, _, body = _get(tokens.realm.split("/")[2], path, headers=login)
    assert code == 200
    bearer = {"Authorization": "Bearer " + json.loads(body)["token"]}
    assert _get(host, "/v2/a/blobs/uploads/", method="POST", headers=bearer)[0] == status
    assert _get(host, "/v2/b/blobs/uploads/", method="POST", headers=bearer)[0] == 401
    assert tokens.asked[-1].scopes == ("repository:a:pull,push",)


def test_a_token_ends(registry_with_token):
    tokens = registry_with_token.tokens
    tokens.life = -1
    bearer = {"Authorization": f"Bearer {tokens.grant('tester', ['repository:a:pull,push'])['token']}"}
    assert _get(registry_with_token.host, "/v2/a/blobs/uploads/", method="POST", headers=bearer)[0] == 401


def test_tls_needs_the_authority(registry_with_tls, expired_registry, authority):
    trusting = ssl.create_default_context(cafile=authority.bundle)
    assert _get(registry_with_tls.host, "/v2/", context=trusting)[0] == 200
    with pytest.raises(ssl.SSLCertVerificationError):
        _get(registry_with_tls.host, "/v2/", context=ssl.create_default_context())
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        _get(expired_registry.host, "/v2/", context=trusting)


def test_a_client_certificate_is_demanded(registry_with_client_tls, authority):
    context = ssl.create_default_context(cafile=authority.bundle)
    with pytest.raises(OSError):
        _get(registry_with_client_tls.host, "/v2/", context=context)
    context.load_cert_chain(registry_with_client_tls.client.certificate, registry_with_client_tls.client.key)
    assert _get(registry_with_client_tls.host, "/v2/", context=context)[0] == 200
