import hashlib
import os
import stat
import time
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from qbwc_server import secrets as ours
from qbwc_server.secrets import (
    KEY_FILE,
    KEY_VARIABLE,
    Keys,
    SecretsUnusable,
    check_password,
    create_key_file,
    generate_password,
    hash_password,
    load_keys,
    mask,
    new_key,
    new_ticket,
    ticket_hash,
)

KEYS = Keys((new_key().encode(),))
NEWER = Keys((new_key().encode(), *KEYS.values))
posix = pytest.mark.skipif(os.name != "posix", reason="file modes are a POSIX matter")


def test_a_generated_password_is_readable_and_has_at_least_128_bits() -> None:
    password = generate_password()
    groups = password.split("-")
    assert [len(group) for group in groups] == [4] * 7
    assert not set("".join(groups)) & set("ilo01IO")
    assert len(set(ours.ALPHABET)) ** 28 > 2**128


def test_generated_passwords_differ() -> None:
    assert len({generate_password() for _ in range(200)}) == 200


@pytest.mark.parametrize("generated", [True, False])
def test_the_right_password_fits_and_a_wrong_one_does_not(generated: bool) -> None:
    stored = hash_password("Grüße 😀", KEYS, generated=generated)
    assert "Grüße" not in stored
    assert check_password(stored, "Grüße 😀", KEYS)
    assert not check_password(stored, "Grüße", KEYS)
    assert not check_password(stored, "", KEYS)


def test_blanks_at_the_ends_belong_to_the_password() -> None:
    stored = hash_password("secret", KEYS, generated=True)
    assert not check_password(stored, " secret", KEYS)
    assert not check_password(stored, "secret ", KEYS)


def test_a_chosen_password_is_stored_with_argon2id_and_salted() -> None:
    first, second = (hash_password("summer", KEYS, generated=False) for _ in range(2))
    assert first.startswith("$argon2id$")
    assert first != second


def test_a_generated_password_needs_the_key() -> None:
    stored = hash_password("k7dm", KEYS, generated=True)
    assert not check_password(stored, "k7dm", Keys((new_key().encode(),)))
    assert hashlib.sha256(b"k7dm").hexdigest() not in stored


def test_a_password_hashed_with_the_older_key_still_fits() -> None:
    stored = hash_password("k7dm", KEYS, generated=True)
    assert check_password(stored, "k7dm", NEWER)
    assert hash_password("k7dm", NEWER, generated=True) != stored


@pytest.mark.parametrize("generated", [True, False])
def test_an_unknown_user_is_refused_even_with_the_password_of_the_dummy(generated: bool) -> None:
    assert not check_password(None, "anything", KEYS, generated=generated)


@pytest.mark.parametrize("generated", [True, False])
def test_an_unknown_user_runs_the_same_check_as_a_wrong_password(
    generated: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = hash_password("right", KEYS, generated=generated)
    check_password(None, "wrong", KEYS, generated=generated)  # the dummy itself is made once
    ran: list[str] = []
    for name in ("_matches_generated", "_matches_chosen"):
        original = getattr(ours, name)
        monkeypatch.setattr(ours, name, lambda *a, n=name, f=original: (ran.append(n), f(*a))[1])
    check_password(stored, "wrong", KEYS, generated=generated)
    check_password(None, "wrong", KEYS, generated=generated)
    assert ran[0] == ran[1]
    assert len(ran) == 2


def test_checking_a_generated_password_costs_no_cpu_worth_mentioning() -> None:
    stored = hash_password(generate_password(), KEYS, generated=True)
    started = time.process_time()
    for _ in range(200):
        check_password(stored, "wrong", KEYS)
    assert time.process_time() - started < 1  # argon2id would take ten seconds


def test_an_overlong_password_never_fits_its_beginning() -> None:
    stored = hash_password("x" * ours.MAX_PASSWORD, KEYS, generated=True)
    assert check_password(stored, "x" * ours.MAX_PASSWORD, KEYS)
    assert not check_password(stored, "x" * 5_000_000, KEYS)


@pytest.mark.parametrize("password", ["", "x" * 1025])
def test_an_empty_or_overlong_password_is_not_stored(password: str) -> None:
    with pytest.raises(ValueError, match="1 to 1024"):
        hash_password(password, KEYS, generated=False)


@pytest.mark.parametrize("stored", ["", "plain", "$argon2id$broken"])
def test_a_damaged_stored_password_is_reported_rather_than_called_wrong(stored: str) -> None:
    with pytest.raises(SecretsUnusable, match="damaged"):
        check_password(stored, "x", KEYS)


def test_tickets_are_128_random_bits_and_stored_as_a_hash() -> None:
    tickets = {new_ticket() for _ in range(200)}
    assert len(tickets) == 200
    ticket = tickets.pop()
    assert len(ticket) * 6 >= 128
    assert ticket_hash(ticket) == hashlib.sha256(ticket.encode()).hexdigest()


def test_what_was_sealed_can_be_opened_and_does_not_show() -> None:
    sealed = KEYS.seal('{"client_secret": "größer"}')
    assert "client_secret" not in sealed
    assert KEYS.unseal(sealed) == '{"client_secret": "größer"}'


def test_the_first_key_seals_and_older_ones_still_open() -> None:
    sealed = KEYS.seal("token")
    assert NEWER.unseal(sealed) == "token"
    moved = NEWER.reseal(sealed)
    assert Keys(NEWER.values[:1]).unseal(moved) == "token"
    with pytest.raises(SecretsUnusable, match="key that is not there"):
        KEYS.unseal(moved)


@pytest.mark.parametrize("sealed", ["", "nonsense", "größer", "gAAAAA"])
def test_a_changed_sealed_text_is_refused(sealed: str) -> None:
    with pytest.raises(SecretsUnusable):
        KEYS.unseal(sealed)


def test_keys_do_not_show_in_a_traceback() -> None:
    assert KEYS.values[0].decode() not in repr(KEYS)


def test_the_environment_wins_over_the_key_file(tmp_path: Path) -> None:
    create_key_file(tmp_path)
    one, two = new_key(), new_key()
    assert load_keys({KEY_VARIABLE: f" {one} , {two},"}, tmp_path).values == (one.encode(), two.encode())


def test_the_key_file_is_made_for_its_owner_only_and_never_replaced(tmp_path: Path) -> None:
    path = create_key_file(tmp_path)
    Fernet(load_keys({}, tmp_path).values[0])
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        create_key_file(tmp_path)


@posix
def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    create_key_file(tmp_path).chmod(0o640)
    with pytest.raises(SecretsUnusable, match="chmod 600"):
        load_keys({}, tmp_path)


def test_a_key_file_may_hold_older_keys_below_the_first(tmp_path: Path) -> None:
    path = create_key_file(tmp_path)
    older = new_key()
    path.write_text(path.read_text() + f"\n{older}\n")
    assert load_keys({}, tmp_path).values[1] == older.encode()


def test_a_missing_key_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(SecretsUnusable, match="qbwc-server init"):
        load_keys({KEY_VARIABLE: "  "}, tmp_path)


@pytest.mark.parametrize("value", ["short", "ü" * 44, "!" * 44, ","])
def test_a_malformed_key_is_refused(value: str, tmp_path: Path) -> None:
    with pytest.raises(SecretsUnusable):
        load_keys({KEY_VARIABLE: value}, tmp_path)


def test_an_unreadable_key_file_is_explained(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).mkdir(mode=0o700)
    with pytest.raises(SecretsUnusable, match="cannot be read"):
        load_keys({}, tmp_path)


SECRET = "Tr0ub4dor-and-3"  # stands for a password, a ticket or a token


@pytest.mark.parametrize(
    "text",
    [
        "<strPassword>{}</strPassword>",
        "<q:strPassword xmlns:q='u'>{}</q:strPassword>",
        "<strPassword><![CDATA[{}]]></strPassword>",
        "<strPassword>\n {}\n</strPassword >",
        "&lt;strPassword&gt;{}&lt;/strPassword&gt;",
        "<strUserName>u</strUserName><strPassword>{}",
        "<strPassword>{}</wrong></soap:Envelope>",
        "<ticket>{}</ticket>",
        "<wcTicket>{}</wcTicket>",
        "<authenticateResult><string>{}</string><string></string></authenticateResult>",
        "<a:authenticateResult>\n<a:string>{}</a:string>",
        "Authorization: Bearer {}\r\nHost: x",
        "authorization: Basic {}",
        "{{'Authorization': 'Zoho-oauthtoken {}', 'Accept': 'x'}}",
        '("Authorization", "{}")',
        "'HTTP_AUTHORIZATION': '{}'",
        "Cookie: B1SESSION={}; ROUTEID=1",
        "Set-Cookie: sid={}; HttpOnly",
        '{{"access_token": "{}", "token_type": "Bearer"}}',
        '{{"refresh_token":"a\\"{}"}}',
        "grant_type=refresh_token&client_secret={}&x=1",
        "POST /token?refresh_token={} HTTP/1.1",
        '"UserName":"manager","Password":"{}"',
        "401 for token Bearer {}.",
        "JWT eyJhbGciOiJSUzI1NiJ9.{}.c2ln",
        "session 00Dxx0000001gPL!{} expired",
        "-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_a_secret_does_not_survive_the_mask(text: str) -> None:
    masked = mask(text.format(SECRET))
    assert SECRET not in masked
    assert "***" in masked


@pytest.mark.parametrize(
    "text",
    [
        "<strUserName>ann</strUserName><hresult>0x80040400</hresult>",
        '{"Name": "Basic plan", "Id": "0015g00000XyZabAAF"}',
        "The authorization failed, ask an administrator.",
        "The password is wrong.",
        "<response>&lt;Memo&gt;ticket for two&lt;/Memo&gt;</response>",
    ],
)
def test_what_is_not_secret_stays_readable(text: str) -> None:
    assert mask(text) == text


def test_what_stands_around_a_secret_stays_readable() -> None:
    text = "<strUserName>ann</strUserName><strPassword>x</strPassword></authenticate>"
    assert mask(text) == "<strUserName>ann</strUserName><strPassword>***</strPassword></authenticate>"


@given(before=st.text(max_size=60), after=st.text(max_size=60))
def test_a_password_is_masked_whatever_stands_around_it(before: str, after: str) -> None:
    assert SECRET not in mask(f"{before}<strPassword>{SECRET}</strPassword>{after}")


def test_masking_a_large_answer_takes_no_time() -> None:
    text = "&lt;Name&gt;Ann &amp;amp; Co&lt;/Name&gt;\n" * 200_000
    started = time.process_time()
    assert mask(text) == text
    assert time.process_time() - started < 1
