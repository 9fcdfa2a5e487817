import base64
from typing import Any

import jwt
import pytest
import requests

from crm.emulators.salesforce import SalesforceEmulator

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def token(emulator: SalesforceEmulator, **more: Any) -> requests.Response:
    return requests.post(f"{emulator.url}/services/oauth2/token", timeout=10, **more)


def assertion(emulator: SalesforceEmulator, clock: Any, key: str = "", **claims: Any) -> str:
    given = emulator.credentials()
    usual = {
        "iss": given["consumer_key"],
        "sub": given["username"],
        "aud": "https://login.salesforce.com",
        "exp": str(int(clock().timestamp()) + 180),
    }
    return jwt.encode({**usual, **claims}, key or given["private_key"], algorithm="RS256")


def bearer(emulator: SalesforceEmulator, signed: str) -> requests.Response:
    return token(emulator, data={"grant_type": JWT_BEARER, "assertion": signed})


def test_client_credentials_by_basic_header_give_a_bearer_token(emulator: SalesforceEmulator) -> None:
    given = emulator.credentials()
    packed = base64.b64encode(f"{given['consumer_key']}:{given['consumer_secret']}".encode()).decode()
    answer = token(
        emulator,
        data={"grant_type": "client_credentials"},
        headers={"Authorization": f"Basic {packed}"},
    )
    assert answer.status_code == 200
    body = answer.json()
    assert body["token_type"] == "Bearer"
    assert body["instance_url"] == emulator.url
    assert body["access_token"].startswith("00D")
    assert "!" in body["access_token"]
    assert body["issued_at"].isdigit()
    assert "refresh_token" not in body


def test_client_credentials_may_stand_in_the_form(emulator: SalesforceEmulator) -> None:
    given = emulator.credentials()
    form = {
        "grant_type": "client_credentials",
        "client_id": given["consumer_key"],
        "client_secret": given["consumer_secret"],
    }
    assert token(emulator, data=form).status_code == 200


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "client_credentials", "client_id": "nobody"}, "invalid_client_id"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({}, "unsupported_grant_type"),
    ],
)
def test_a_refused_login_is_an_object_with_status_400(
    emulator: SalesforceEmulator, form: dict[str, str], error: str
) -> None:
    answer = token(emulator, data=form)
    assert answer.status_code == 400
    assert set(answer.json()) == {"error", "error_description"}
    assert answer.json()["error"] == error


def test_a_wrong_secret_is_an_invalid_client(emulator: SalesforceEmulator) -> None:
    given = emulator.credentials()
    answer = token(emulator, data={"grant_type": "client_credentials"}, auth=(given["consumer_key"], "no"))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client")


def test_a_signed_assertion_with_a_textual_expiry_is_accepted(
    emulator: SalesforceEmulator, clock: Any
) -> None:
    assert bearer(emulator, assertion(emulator, clock)).status_code == 200


@pytest.mark.parametrize(
    ("claims", "error", "words"),
    [
        ({"aud": "https://acme.my.salesforce.com"}, "invalid_grant", "audience is invalid"),
        ({"sub": "stranger@acme.example"}, "invalid_grant", "user hasn't approved this consumer"),
        ({"iss": "another app"}, "invalid_client_id", "client identifier invalid"),
    ],
)
def test_a_wrong_claim_is_refused(
    emulator: SalesforceEmulator, clock: Any, claims: dict[str, str], error: str, words: str
) -> None:
    answer = bearer(emulator, assertion(emulator, clock, **claims))
    assert answer.status_code == 400
    assert answer.json() == {"error": error, "error_description": words}


@pytest.mark.parametrize("seconds", [-1, 0, 190, 3600])
def test_an_expiry_must_lie_within_three_minutes(
    emulator: SalesforceEmulator, clock: Any, seconds: int
) -> None:
    expires = int(clock().timestamp()) + seconds
    answer = bearer(emulator, assertion(emulator, clock, exp=expires))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_an_assertion_signed_by_another_key_is_refused(emulator: SalesforceEmulator, clock: Any) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    answer = bearer(emulator, assertion(emulator, clock, key=stranger.decode()))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_an_unsigned_assertion_is_refused(emulator: SalesforceEmulator, clock: Any) -> None:
    claims = jwt.decode(assertion(emulator, clock), options={"verify_signature": False})
    answer = bearer(emulator, jwt.encode(claims, "", algorithm="none"))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_a_call_without_a_valid_token_gets_401_with_an_array(rest: Any) -> None:
    rest.token = "00Dnothing!AQ"
    answer = rest.get("limits/")
    assert answer.status_code == 401
    assert answer.json() == [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]


def test_a_session_lives_two_hours(rest: Any, clock: Any) -> None:
    clock.tick(2 * 3600)
    assert rest.get("limits/").status_code == 200
    clock.tick(1)
    assert rest.get("limits/").status_code == 401


def test_a_token_may_die_after_a_number_of_calls(emulator: SalesforceEmulator, rest: Any) -> None:
    emulator.sessions_last(2)
    assert [rest.get("limits/").status_code for _ in range(3)] == [200, 200, 401]
    rest.login(**emulator.credentials())
    assert rest.get("limits/").status_code == 200


def test_the_version_list_needs_no_token_and_names_no_retired_version(rest: Any) -> None:
    rest.token = ""
    listed = rest.get("/services/data/").json()
    assert listed[0]["version"] == "31.0"
    assert {"label": "Summer '26", "url": "/services/data/v67.0", "version": "67.0"} in listed
    assert {"label": "Winter '27", "url": "/services/data/v68.0", "version": "68.0"} in listed


@pytest.mark.parametrize(
    ("version", "status"),
    [("30.0", 410), ("31.0", 200), ("68.0", 200), ("99.0", 404), ("64", 404), ("x", 404)],
)
def test_retired_versions_are_gone_and_unknown_ones_not_found(rest: Any, version: str, status: int) -> None:
    rest.version = version
    assert rest.get("limits").status_code == status


def test_resources_lead_to_the_identity_of_the_user(emulator: SalesforceEmulator, rest: Any) -> None:
    resources = rest.get("/services/data/v64.0/").json()
    assert resources["sobjects"] == "/services/data/v64.0/sobjects"
    who = rest.get(resources["identity"].removeprefix(emulator.url)).json()
    assert who["username"] == emulator.credentials()["username"]
    assert who["user_id"] == rest.rows("SELECT Id FROM User")[0]["Id"]
