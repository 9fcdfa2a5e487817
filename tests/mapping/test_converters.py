from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from qbwc_server.mapping import CONVERTERS, CannotConvert
from qbwc_server.mapping.conversion import Target
from qbwc_server.mapping.value import normal

# A Latin-1 letter, digit, sign or space: what QuickBooks gives back as it got it.
WESTERN = st.characters(codec="latin-1", exclude_categories=("Cc",))
TRIMMED = st.text(WESTERN, max_size=60).map(lambda text: text.strip()).filter(bool)
ANYTHING = st.text(max_size=120).map(normal).filter(bool)
TEXT_CONVERTERS = ("text", "memo", "name", "lines", "picklist")


def to_books(name, value, **end):
    return CONVERTERS[name].to_books(value, Target("books", "Field", **end))


def to_crm(name, value, **end):
    return CONVERTERS[name].to_crm(value, Target("crm", "Field", **end))


def attempt(name, value, **end):
    """What came of it: the converted value, or the refusal itself."""
    try:
        return to_books(name, value, **end)
    except CannotConvert as refused:
        return refused


def refusal(name, value, **end):
    with pytest.raises(CannotConvert) as caught:
        to_books(name, value, **end)
    return caught.value


@given(
    ANYTHING, st.sampled_from(TEXT_CONVERTERS), st.integers(1, 50), st.sampled_from(["refuse", "truncate"])
)
def test_what_goes_to_quickbooks_is_latin_1_and_within_its_length(text, name, length, too_long):
    converted = attempt(name, text, length=length, lines=5, too_long=too_long)
    if isinstance(converted, CannotConvert):
        assert converted.code in ("too_long", "too_many_lines", "colon", "character")
        assert converted.text.endswith(".")
        assert converted.value
        return
    if converted.value is None:
        return
    lines = converted.value.split("\n") if name == "lines" else [converted.value]
    assert max(map(len, lines)) <= length
    assert len(lines) <= 5 or name != "lines"
    assert converted.value.encode("latin-1").decode("latin-1") == converted.value.strip()
    assert not [char for char in converted.value if char < " " and char not in "\n\t"]
    assert ":" not in converted.value or name != "name"


@given(ANYTHING, st.sampled_from(TEXT_CONVERTERS))
def test_sending_what_was_already_sent_changes_and_loses_nothing(text, name):
    once = attempt(name, text, length=41, lines=5, too_long="truncate")
    assume(not isinstance(once, CannotConvert) and once.value is not None)
    again = to_books(name, once.value, length=41, lines=5, too_long="truncate")
    assert (again.value, again.lost) == (once.value, None)


@given(TRIMMED, st.sampled_from(["text", "memo", "picklist"]))
def test_a_western_text_reaches_the_other_side_and_returns_unchanged(text, name):
    assert to_books(name, text).value == text
    assert to_crm(name, to_books(name, text).value).value == text
    assert to_books(name, text).lost is None


@given(TRIMMED.filter(lambda text: ":" not in text and len(text) <= 41))
def test_a_name_returns_with_its_white_space_collapsed(text):
    sent = to_books("name", text)
    assert to_crm("name", sent.value).value == " ".join(text.split())
    assert sent.lost is None


@given(
    st.lists(
        st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=41),
        min_size=1,
        max_size=5,
    )
)
def test_a_street_of_five_lines_returns_unchanged(lines):
    street = "\n".join(lines)
    sent = to_books("lines", street, length=41, lines=5)
    assert sent.value == street
    assert to_crm("lines", sent.value).value == street


@given(st.lists(st.text("abc", min_size=1, max_size=12), min_size=1, max_size=30))
def test_a_street_folded_over_lines_keeps_every_word(words):
    assume(len(" ".join(words)) <= 5 * (41 - 12))
    sent = to_books("lines", " ".join(words), length=41, lines=5)
    assert sent.value.split() == words
    assert sent.lost is None


@given(st.decimals(-(10**12), 10**12, places=2))
def test_money_returns_to_the_cent(amount):
    sent = to_books("amount", amount)
    assert to_crm("amount", sent.value).value == amount
    assert sent.value.as_tuple().exponent == -2


@given(st.decimals(-(10**9), 10**9, places=5))
def test_a_price_returns_with_its_five_decimals(price):
    assert to_crm("number", to_books("number", price).value).value == price


@given(st.dates(date(1901, 1, 1), date(9999, 12, 31)))
def test_a_day_returns_as_the_same_day(day):
    assert to_crm("date", to_books("date", day).value).value == day


ZONES = st.sampled_from(["America/Chicago", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"])


@given(st.integers(0, 2**31), ZONES)
def test_a_moment_returns_to_the_second_or_says_that_the_clock_repeats(seconds, zone):
    moment = datetime.fromtimestamp(seconds, UTC)
    sent = to_books("datetime", moment, zone=zone)
    back = to_crm("datetime", sent.value, zone=zone).value
    assert back == moment or sent.lost
    assert back.utcoffset() == timedelta(0)


@given(st.booleans())
def test_yes_and_no_return_as_themselves(truth):
    assert to_crm("boolean", to_books("boolean", truth).value).value is truth


@given(st.dictionaries(TRIMMED, TRIMMED, min_size=1, max_size=6), st.data())
def test_a_label_with_one_counterpart_returns_as_itself(labels, data):
    assume(len({books.casefold() for books in labels.values()}) == len(labels))
    pairs = tuple(labels.items())
    crm, books = data.draw(st.sampled_from(pairs))
    assert to_books("picklist", crm, choices=pairs).value == books
    assert to_crm("picklist", books, choices=pairs).value == crm


def test_a_name_of_one_hundred_characters_is_refused_with_what_to_do():
    refused = refusal("name", "x" * 100)
    assert refused.code == "too_long"
    assert refused.text == "Field has 100 characters, QuickBooks allows 41. Shorten it in the CRM."


@pytest.mark.parametrize("name", ["Acme 🚀", "🇩🇪 Handel", "Family 👨‍👩‍👧", "I ♥ Cakes"])
def test_a_name_with_an_emoji_is_refused(name):
    assert refusal("name", name).code == "character"


@pytest.mark.parametrize("name", ["深圳市贸易", "Пётр и сыновья", "Αθήνα ΑΕ", "株式会社テスト", "שלום"])
def test_a_name_of_another_script_is_refused(name):
    refused = refusal("name", name)
    assert refused.code == "character"
    assert "Write the name in Western letters in the CRM." in refused.text


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("O’Hara “Bar”", 'O\'Hara "Bar"'),
        ("Łódź Śródmieście", "Lódz Sródmiescie"),
        ("Café – Niño", "Café - Niño"),
        ("Cafe\u0301", "Café"),
        ("ＡＣＭＥ", "ACME"),
        ("Kaʻōhao", "Ka'ohao"),
        ("Nguyễn Văn", "Nguyen Van"),
        ("Bike\u200bShop", "BikeShop"),
        ("Joe\x92s", "Joe's"),
        ("  Acme \t Inc\u00a0Ltd ", "Acme Inc Ltd"),
    ],
)
def test_a_name_in_western_letters_is_stored_in_the_nearest_spelling(name, stored):
    assert to_books("name", name).value == stored


def test_a_replaced_letter_of_a_name_is_reported():
    assert "’" in to_books("name", "O’Hara").lost
    assert to_books("name", "Müller & Söhne").lost is None


@pytest.mark.parametrize("name", ["Smith: Kitchen", "Smith：Kitchen"])
def test_a_name_with_a_colon_is_refused_however_it_is_typed(name):
    assert refusal("name", name).code == "colon"


def test_an_emoji_leaves_a_note_and_is_reported():
    sent = to_books("memo", "Call first 😀\nthen visit")
    assert sent.value == "Call first \nthen visit"
    assert "😀" in sent.lost


def test_a_note_of_nothing_but_emoji_sends_nothing_and_says_so():
    sent = to_books("memo", "😀😀")
    assert sent.value is None
    assert sent.lost


def test_a_note_in_another_script_is_romanised_and_reported():
    sent = to_books("memo", "深圳 office")
    assert sent.value.isascii()
    assert sent.value.endswith("office")
    assert "深" in sent.lost


def test_one_line_of_text_has_no_line_breaks_and_a_memo_keeps_them():
    assert to_books("text", "a\nb").value == "a b"
    assert to_books("memo", "a\nb").value == "a\nb"


def test_a_cut_text_says_from_what_to_what():
    sent = to_books("memo", "x" * 5000, length=4095, too_long="truncate")
    assert len(sent.value) == 4095
    assert sent.lost == "Field was cut from 5000 to 4095 characters."


def test_the_crm_end_is_measured_as_well():
    with pytest.raises(CannotConvert) as caught:
        to_crm("text", "x" * 81, length=80)
    assert caught.value.text == "Field has 81 characters, the CRM allows 80. Shorten it in QuickBooks."


def test_seven_lines_of_street_are_refused_with_the_count():
    refused = refusal("lines", "1\n2\n3\n4\n5\n6\n7", length=41, lines=5)
    assert refused.code == "too_many_lines"
    assert "7 lines" in refused.text
    assert "5" in refused.text


def test_seven_lines_of_street_may_be_cut_and_name_what_is_left_out():
    sent = to_books("lines", "1\n2\n3\n4\n5\nsix\nseven", length=41, lines=5, too_long="truncate")
    assert sent.value == "1\n2\n3\n4\n5"
    assert "six, seven" in sent.lost


def test_a_word_too_long_for_a_line_is_refused_as_a_line():
    refused = refusal("lines", "x" * 50, length=41, lines=5)
    assert refused.code == "too_long"
    assert refused.field == "Field"
    assert refused.text.startswith("A line of Field has 50 characters")


def test_blank_lines_of_a_street_are_left_out():
    assert to_books("lines", "1 Main St\n\n  Floor 2 ", lines=5).value == "1 Main St\nFloor 2"


@pytest.mark.parametrize("name", ["amount", "number"])
@pytest.mark.parametrize("value", ["ten", "NaN", "Infinity", True, "", "1,000.00"])
def test_what_is_no_number_is_refused(name, value):
    assert refusal(name, value).code == "not_a_number"


def test_a_third_decimal_of_money_is_refused_unless_the_rule_may_cut():
    assert refusal("amount", Decimal("10.005")).code == "decimals"
    rounded = to_books("amount", Decimal("10.005"), too_long="truncate")
    assert str(rounded.value) == "10.01"
    assert "10.005" in rounded.lost


@pytest.mark.parametrize(("name", "digits"), [("amount", 13), ("number", 10)])
def test_a_number_beyond_the_digits_of_its_type_is_refused(name, digits):
    assert to_books(name, Decimal(10**digits - 1)).value == 10**digits - 1
    assert refusal(name, Decimal(10**digits)).code == "out_of_range"


def test_a_percentage_is_read_without_its_sign():
    assert to_crm("number", "18.0%").value == Decimal(18)


def test_a_number_without_trailing_zeros_has_no_exponent():
    assert str(to_books("number", Decimal("1E+3")).value) == "1000"
    assert str(to_books("number", Decimal("1.50000")).value) == "1.5"


def test_a_day_before_quickbooks_time_is_refused():
    assert refusal("date", date(1900, 12, 31)).code == "out_of_range"
    assert refusal("date", "soon").code == "not_a_date"


def test_a_moment_belongs_to_the_day_of_the_companys_zone():
    late = datetime(2026, 8, 2, 3, 0, tzinfo=UTC)
    assert to_books("date", late, zone="America/Chicago").value == date(2026, 8, 1)


def test_a_moment_is_sent_as_wall_time_without_offset():
    noon = datetime(2026, 8, 1, 17, 0, tzinfo=UTC)
    assert to_books("datetime", noon, zone="America/Chicago").value == "2026-08-01T12:00:00"


def test_the_offset_that_quickbooks_prints_is_not_believed():
    # In August the offset of Chicago is -05:00; QuickBooks prints January's.
    read = to_crm("datetime", "2026-08-01T12:00:00-06:00", zone="America/Chicago").value
    assert read == datetime(2026, 8, 1, 17, 0, tzinfo=UTC)
    assert read == datetime(2026, 8, 1, 12, 0, tzinfo=ZoneInfo("America/Chicago"))


def test_a_moment_without_the_companys_zone_is_refused():
    assert refusal("datetime", datetime(2026, 8, 1, tzinfo=UTC)).code == "no_zone"
    assert refusal("datetime", "tomorrow", zone="UTC").code == "not_a_moment"


@pytest.mark.parametrize(
    ("value", "truth"), [("Yes", True), ("no", False), (1, True), ("0", False), ("TRUE", True)]
)
def test_the_words_for_yes_and_no_are_understood(value, truth):
    assert to_books("boolean", value).value is truth


def test_any_other_word_is_neither_yes_nor_no():
    assert refusal("boolean", "maybe").code == "not_a_boolean"


def test_a_label_without_counterpart_is_refused_with_the_choices():
    refused = refusal("picklist", "Tepid", choices=(("Hot", "Priority"), ("Cold", "Later")))
    assert refused.code == "no_choice"
    assert "Hot, Cold" in refused.text


def test_labels_are_found_without_case_and_the_first_pair_counts():
    pairs = (("Hot", "A"), ("Warm", "A"), ("hot", "B"))
    assert to_books("picklist", "HOT", choices=pairs).value == "A"
    assert to_books("picklist", "hot", choices=pairs).value == "B"
    assert to_crm("picklist", "a", choices=pairs).value == "Hot"


@pytest.mark.parametrize("name", CONVERTERS)
def test_every_converter_is_described_in_sentences(name):
    assert CONVERTERS[name].name == name
    assert CONVERTERS[name].doc.endswith(".")
