"""Logging in, JWT claims, and one login for all threads."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import jwt
import pytest

from crm.errors import LoginFailed, Misconfigured, Unavailable
from crm.salesforce.auth import (
    JWT_GRANT,
    REFUSAL_HOLDS,
    ClientCredentials,
    JwtBearer,
    Token,
    Tokens,
    audience_of,
    sign_in_from,
)

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
ACME = "https://acme.my.salesforce.com"


def gone(says):
    return says(401, [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}])


def test_client_credentials_go_as_basic_authorisation(serve, org, gateway_to, rows):
    org.on("GET", "queryAll/", lambda _: rows())
    server = serve(org)
    gateway_to(server).read("account", ["001000000000001AAA"], ["Name"])
    login = server.asked[0]
    assert login.path == "/services/oauth2/token"
    assert login.form == {"grant_type": "client_credentials"}
    # RFC 7617: base64 of "key:secret".
    assert login.headers["Authorization"] == "Basic a2V5OnNlY3JldA=="
    assert {each.token for each in server.asked[1:]} == {"token-1"}


def test_jwt_claims_are_signed_and_live_less_than_three_minutes(private_key, private_pem):
    sign_in = sign_in_from({"consumer_key": "key", "username": "ann@acme", "private_key": private_pem}, ACME)
    form = sign_in.request(NOW).form
    assert form["grant_type"] == JWT_GRANT == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    options = {"verify_exp": False}
    claims = jwt.decode(
        form["assertion"],
        private_key.public_key(),
        ["RS256"],
        audience="https://login.salesforce.com",
        options=options,
    )
    assert (claims["iss"], claims["sub"]) == ("key", "ann@acme")
    assert 0 < claims["exp"] - NOW.timestamp() <= 180
    assert jwt.get_unverified_header(form["assertion"]) == {"alg": "RS256", "typ": "JWT"}


@pytest.mark.parametrize(
    ("url", "audience"),
    [
        (ACME, "https://login.salesforce.com"),
        ("https://acme--uat.sandbox.my.salesforce.com", "https://test.salesforce.com"),
        ("https://test.salesforce.com", "https://test.salesforce.com"),
    ],
)
def test_the_audience_is_the_login_of_production_or_of_the_sandboxes(url, audience):
    assert audience_of(url) == audience


def test_a_key_may_come_from_a_file_and_an_audience_be_given(tmp_path, private_pem):
    (tmp_path / "key.pem").write_text(private_pem, "ascii")
    credentials = {
        "consumer_key": "k",
        "username": "u",
        "private_key_file": str(tmp_path / "key.pem"),
        "audience": "a",
    }
    sign_in = sign_in_from(credentials, ACME)
    assert isinstance(sign_in, JwtBearer)
    assert sign_in.audience == "a"


@pytest.mark.parametrize(
    ("credentials", "url"),
    [
        ({}, ACME),
        ({"consumer_key": "k", "consumer_secret": ""}, ACME),
        ({"consumer_key": "k", "username": "u"}, ACME),
        ({"consumer_key": "k", "username": "u", "private_key": "no key"}, ACME),
        ({"consumer_key": "k", "username": "u", "private_key_file": "/nowhere/key.pem"}, ACME),
        ({"consumer_key": "k", "consumer_secret": "s"}, "https://login.salesforce.com"),
    ],
)
def test_credentials_that_cannot_work_are_refused_before_any_call(credentials, url):
    with pytest.raises(Misconfigured):
        sign_in_from(credentials, url)


def test_secrets_do_not_show_in_representations(private_pem):
    shown = repr(
        [
            ClientCredentials("key", "hidden"),
            Token("hidden", ACME),
            ClientCredentials("k", "hidden").request(NOW),
        ]
    )
    assert "hidden" not in shown
    assert "PRIVATE" not in repr(
        sign_in_from({"consumer_key": "k", "username": "u", "private_key": private_pem}, ACME)
    )


@pytest.mark.parametrize(
    ("error", "description", "cure"),
    [
        ("invalid_grant", "user hasn't approved this consumer", "Pre-authorise"),
        ("invalid_grant", "no client credentials user enabled", "Run As"),
        ("invalid_grant", "no valid scopes defined", "scope api"),
        ("invalid_client", "invalid client credentials", "consumer_secret"),
        ("invalid_grant", "expired", "clock"),
        ("unheard_of", "", "Check the address"),
    ],
)
def test_a_refused_login_tells_the_cure_and_keeps_the_code(
    serve, org, gateway_to, says, error, description, cure
):
    org.login = lambda _: says(400, {"error": error, "error_description": description})
    with pytest.raises(LoginFailed) as caught:
        gateway_to(serve(org)).describe("account")
    assert caught.value.code == error
    assert cure in caught.value.text


def test_a_login_that_is_down_is_tried_again(serve, org, gateway_to, says, naps):
    org.login = lambda _: says(503, "down") if org.logins < 3 else says(200, {"access_token": "t"})
    assert gateway_to(serve(org)).describe("account")
    assert len(naps) == 2


def test_an_assertion_is_made_again_by_salesforces_clock_when_ours_is_wrong(
    serve, says, private_key, private_pem, retries
):
    from crm.http import open_session

    theirs = NOW + timedelta(hours=2)

    def judge(asked):
        claims = jwt.decode(asked.form["assertion"], options={"verify_signature": False})
        if theirs.timestamp() < claims["exp"] <= theirs.timestamp() + 180:
            return says(200, {"access_token": "t"}, at=theirs)
        return says(400, {"error": "invalid_grant", "error_description": "expired"}, at=theirs)

    server = serve(judge)
    sign_in = sign_in_from({"consumer_key": "k", "username": "u", "private_key": private_pem}, server.url)
    with open_session(server.url) as session:
        tokens = Tokens(server.url, sign_in, session, retries=retries, clock=lambda: NOW)
        assert tokens.current().value == "t"
    assert len(server.asked) == 2


def test_four_threads_that_meet_401_together_cause_one_login(serve, org, gateway_to, says, rows):
    together = threading.Barrier(4, timeout=10)

    def answer(asked):
        if asked.token == "token-1":
            together.wait()
            return gone(says)
        return rows()

    org.on("GET", "queryAll/", answer)
    gateway = gateway_to(serve(org))
    gateway.describe("account")
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: gateway.read("account", ["001000000000001AAA"], ["Name"]), range(4)))
    assert [len(each) for each in found] == [1, 1, 1, 1]
    assert org.logins == 2


def test_a_server_that_always_answers_401_ends_in_a_failed_login_after_one_relogin(
    serve, org, gateway_to, says
):
    org.on("GET", "", lambda _: gone(says))
    server = serve(org)
    gateway = gateway_to(server)
    with pytest.raises(LoginFailed) as caught:
        gateway.read("account", ["001000000000001AAA"], [])
    assert caught.value.code == "INVALID_SESSION_ID"
    assert org.logins == 2
    assert [path for path in server.paths() if "queryAll" in path] == ["/services/data/v64.0/queryAll/"] * 2


@pytest.mark.parametrize("body", ["<html>expired</html>", "", {"error": "x"}, []])
def test_a_401_without_a_readable_body_still_means_log_in_again(serve, org, gateway_to, says, rows, body):
    org.on("GET", "queryAll/", lambda asked: says(401, body) if asked.token == "token-1" else rows())
    assert gateway_to(serve(org)).read("account", ["001000000000001AAA"], [])
    assert org.logins == 2


def test_the_repetition_after_401_carries_the_same_headers_and_body(serve, org, gateway_to, says, rows):
    stamp = "2026-11-22T09:00:00.000+0000"
    org.on("GET", "query", lambda _: rows({"Id": "001000000000001AAA", "SystemModstamp": stamp}))
    org.on("PATCH", "sobjects/Account/", lambda asked: gone(says) if asked.token == "token-1" else says(204))
    server = serve(org)
    gateway_to(server).update("account", "001000000000001AAA", {"Name": "Ann"}, stamp)
    first, second = (each for each in server.asked if each.method == "PATCH")
    assert first.headers["If-Unmodified-Since"] == "Sun, 22 Nov 2026 09:00:00 GMT"
    assert second.headers["If-Unmodified-Since"] == first.headers["If-Unmodified-Since"]
    assert second.json == first.json == {"Name": "Ann"}


def test_a_refused_login_is_remembered_for_a_moment_so_that_nobody_is_locked_out(serve, says, retries):
    from crm.http import open_session

    elapsed = [0.0]
    server = serve(lambda _: says(400, {"error": "invalid_client"}))
    with open_session(server.url) as session:
        sign_in = ClientCredentials("k", "s")
        tokens = Tokens(server.url, sign_in, session, retries=retries, monotonic=lambda: elapsed[0])
        for _ in range(3):
            with pytest.raises(LoginFailed):
                tokens.current()
        assert len(server.asked) == 1
        elapsed[0] = REFUSAL_HOLDS + 1
        with pytest.raises(LoginFailed):
            tokens.current()
    assert len(server.asked) == 2


def test_calls_follow_the_instance_that_the_login_names(serve, org, gateway_to, says, rows):
    org.login = lambda _: says(200, {"access_token": "t", "instance_url": "https://moved.my.salesforce.com"})
    org.on("GET", "queryAll/", lambda _: rows())
    server = serve(org)
    gateway_to(server).read("account", ["001000000000001AAA"], [])
    assert "/services/data/v64.0/queryAll/" in server.paths()


def test_a_login_page_instead_of_an_answer_is_no_success(serve, org, gateway_to, says):
    org.on("GET", "queryAll/", lambda _: says(200, "<html>please log in</html>"))
    with pytest.raises(Unavailable):
        gateway_to(serve(org)).read("account", ["001000000000001AAA"], [])


def test_a_redirect_is_not_followed(serve, org, gateway_to, says):
    org.on("GET", "queryAll/", lambda _: says(302, None, {"Location": "/elsewhere"}))
    server = serve(org)
    with pytest.raises(Misconfigured):
        gateway_to(server).read("account", ["001000000000001AAA"], [])
    assert "/elsewhere" not in server.paths()
