"""Sessions, failures without an answer, pauses, dates, exact JSON."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from crm.errors import CrmError, LimitedUntil, Misconfigured, Rejected, Stale, Unavailable, UnknownOutcome
from crm.http import (
    PAUSES,
    REPEATABLE_PAUSES,
    Retries,
    as_http_date,
    checked_url,
    exact_json,
    failure,
    http_date,
    open_session,
    retry_after,
)

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def raised_by(session, url):
    with pytest.raises(requests.RequestException) as caught:
        session.post(url, data="x")
    return caught.value


def test_a_refused_connection_is_safe_to_repeat_even_for_a_write(serve, says):
    server = serve(lambda _: says())
    server.stop()
    with open_session(server.url) as session:
        error = raised_by(session, server.url)
    assert type(failure(error, writes=True, doing="create it")) is Unavailable


def test_a_connection_dropped_after_sending_leaves_a_write_in_doubt_but_not_a_read(serve, says):
    server = serve(lambda _: says(0))
    with open_session(server.url) as session:
        error = raised_by(session, server.url)
    assert len(server.asked) == 1
    assert type(failure(error, writes=True, doing="create it")) is UnknownOutcome
    assert type(failure(error, writes=False, doing="read it")) is Unavailable


def test_silence_after_sending_ends_by_the_default_time_limit_and_leaves_a_write_in_doubt(serve, says):
    import threading

    release = threading.Event()

    def wait(_):
        release.wait(5)
        return says()

    with open_session(serve(wait).url, timeout=(1.0, 0.05)) as session:
        error = raised_by(session, "http://127.0.0.1/")
    release.set()
    assert isinstance(error, requests.exceptions.ReadTimeout)
    assert type(failure(error, writes=True, doing="create it")) is UnknownOutcome


def test_a_body_that_is_cut_short_leaves_a_write_in_doubt(serve, says):
    server = serve(lambda _: says(200, None, {"Content-Length": "10"}))
    with open_session(server.url, timeout=(1.0, 0.05)) as session:
        error = raised_by(session, server.url)
    assert type(failure(error, writes=True, doing="create it")) is UnknownOutcome


def test_an_untrusted_certificate_is_a_matter_for_a_person():
    error = requests.exceptions.SSLError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate")
    assert type(failure(error, writes=True, doing="create it")) is Misconfigured


def test_a_loopback_session_sends_every_host_to_the_loopback_endpoint(serve, says):
    server = serve(lambda _: says(200, {}))
    with open_session(server.url) as session:
        assert session.get("https://acme.my.salesforce.com/services/data/?q=a%20b%2Fc").status_code == 200
    assert server.asked[0].path == "/services/data/"
    assert server.asked[0].query == {"q": "a b/c"}


def test_a_session_takes_no_proxy_from_the_environment(serve, says, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with open_session(serve(lambda _: says(200, {})).url) as session:
        assert session.get("https://example.org/").status_code == 200


def test_an_https_session_never_speaks_plain_http():
    with (
        open_session("https://acme.my.salesforce.com") as session,
        pytest.raises(requests.exceptions.InvalidSchema),
    ):
        session.get("http://acme.my.salesforce.com/")


@pytest.mark.parametrize(
    "url", ["http://acme.my.salesforce.com", "acme.my.salesforce.com", "ftp://x", "", "https://[x"]
)
def test_an_address_that_is_not_https_is_refused_with_the_cure(url):
    with pytest.raises(Misconfigured):
        checked_url(url)


def test_an_address_loses_its_trailing_slash():
    assert checked_url(" https://acme.my.salesforce.com/ ") == "https://acme.my.salesforce.com"


class Calls:
    """Raises what it is given, one after the other, then returns."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.made = 0

    def __call__(self):
        self.made += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


def test_what_is_unavailable_is_tried_again_with_growing_pauses_and_then_works(retries, naps):
    calls = Calls(*[Unavailable("busy")] * 3)
    assert retries.run(calls) == "done"
    assert naps == [0.5, 1.0, 2.0]


def test_trying_again_comes_to_an_end(retries, naps):
    calls = Calls(*[Unavailable("busy")] * 100)
    with pytest.raises(Unavailable):
        retries.run(calls)
    assert calls.made == PAUSES[Unavailable].attempts == len(naps) + 1


def test_trying_again_ends_in_time_too():
    moments = iter(NOW + timedelta(seconds=passed) for passed in (0, 60, 119, 121))
    calls = Calls(*[Unavailable("slow")] * 100)
    with pytest.raises(Unavailable):
        Retries(sleep=lambda _: None, clock=lambda: next(moments), patience=120).run(calls)
    assert calls.made == 3


def test_without_patience_there_is_one_attempt(naps):
    calls = Calls(Unavailable("slow"))
    with pytest.raises(Unavailable):
        Retries(sleep=naps.append, patience=0).run(calls)
    assert (calls.made, naps) == (1, [])


@pytest.mark.parametrize("error", [Rejected("x"), Stale("x"), UnknownOutcome("x"), Misconfigured("x")])
def test_what_would_not_help_or_could_double_is_not_repeated(retries, naps, error):
    calls = Calls(error)
    with pytest.raises(type(error)):
        retries.run(calls)
    assert (calls.made, naps) == (1, [])


def test_a_short_limit_is_waited_for_and_a_long_one_goes_to_the_engine(retries, naps):
    soon, late = NOW + timedelta(seconds=5), NOW + timedelta(hours=1)
    assert retries.run(Calls(LimitedUntil("x", until=soon))) == "done"
    assert 5 <= naps[0] <= 6
    with pytest.raises(LimitedUntil):
        retries.run(Calls(LimitedUntil("x", until=late)))


def test_a_doubt_is_not_forgotten_when_the_repetition_gets_nowhere(retries):
    calls = Calls(UnknownOutcome("lost"), *[Unavailable("busy")] * 100)
    with pytest.raises(UnknownOutcome):
        retries.run(calls, REPEATABLE_PAUSES)


def test_a_doubt_ends_when_the_repetition_is_judged(retries):
    with pytest.raises(Rejected):
        retries.run(Calls(UnknownOutcome("lost"), Rejected("no")), REPEATABLE_PAUSES)


@given(st.floats(0, 1), st.integers(1, 5))
def test_pauses_are_spread_between_half_and_whole_and_stay_under_their_longest(chance, attempt):
    pause = Retries(chance=lambda: chance).pause(Unavailable("x"), attempt)
    whole = Fraction(1, 2) * 2 ** (attempt - 1)
    assert pause is not None
    assert min(whole, 15) / 2 <= pause <= min(whole, 15)


def test_a_bare_crm_error_is_never_repeated():
    assert Retries().pause(CrmError("x"), 1) is None


def test_http_dates_go_both_ways_in_whole_seconds():
    text = as_http_date(datetime(2026, 11, 22, 10, 0, 5, 999_000, tzinfo=UTC))
    assert text == "Sun, 22 Nov 2026 10:00:05 GMT"
    assert http_date({"Date": text}) == datetime(2026, 11, 22, 10, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize("headers", [{}, {"Date": ""}, {"Date": "yesterday"}])
def test_an_absent_or_unreadable_date_is_none(headers):
    assert http_date(headers) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("120", NOW + timedelta(minutes=2)),
        ("Sun, 22 Nov 2026 11:00:00 GMT", NOW + timedelta(hours=1)),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text, expected):
    assert retry_after({"Retry-After": text}, NOW) == expected


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_decimals_travel_exactly(amount):
    found = json.loads(exact_json({"a": [amount]}), parse_float=Decimal, parse_int=Decimal)
    assert found == {"a": [amount]}


@given(st.dictionaries(st.text(), st.none() | st.text() | st.integers() | st.booleans()))
def test_other_values_read_back_as_they_were(values):
    assert json.loads(exact_json(values)) == values


def test_a_float_has_no_exact_form():
    with pytest.raises(TypeError):
        exact_json({"amount": 0.1})
