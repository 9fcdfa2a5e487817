import sys

from hypothesis import given
from hypothesis import strategies as st

from qbwc_server.mapping.latin1 import carry, foreign


def test_every_character_there_is_becomes_something_that_quickbooks_can_store():
    # Two planes, the tags of flags, and the last one there is; the rest is rare Chinese and private use.
    every = "".join(map(chr, (*range(0x20000), *range(0xE0000, 0xE0200), sys.maxunicode)))
    stored = carry(every).text
    assert stored.encode("latin-1")
    assert {char for char in stored if char < " " or "\x7f" <= char <= "\x9f"} <= {"\n", "\t"}


@given(st.text(st.characters(codec="latin-1", exclude_categories=("Cc",))))
def test_western_text_is_left_alone(text):
    carried = carry(text)
    assert (carried.text, carried.replaced, carried.removed) == (text, (), ())
    assert not foreign(text)


@given(st.text())
def test_whatever_is_visible_and_not_kept_is_named(text):
    carried = carry(text)
    missing = {char for char in text if char.isprintable() and char.isalnum() and char > "\xff"}
    composed = set(carried.replaced) | set(carried.removed)
    assert not missing or composed or all(char in carried.text for char in missing)


def test_replaced_and_removed_characters_are_told_apart_and_told_once():
    carried = carry("“Ab” — ✈✈ 😀")
    assert carried.text.strip() == '"Ab" -'
    assert carried.replaced == ("“", "”", "—")
    assert carried.removed == ("✈", "😀")


def test_a_romanised_script_is_foreign_and_a_typographic_sign_is_not():
    assert foreign("深 Ж α 😀 é ő “ – € ™ №") == ("深", "Ж", "α", "😀")
