"""How a value changes shape on its way: named converters, each with both directions.

Toward books a value must fit QuickBooks' field rules (lengths, Latin-1, two decimals of money, dates); toward
the CRM it must fit the CRM field. What cannot be carried in full is either refused (`CannotConvert`, a
sentence for the person) or carried in part and reported (`Converted.lost`), never changed in silence.
"""

from qbwc_server.mapping import measures, texts
from qbwc_server.mapping.conversion import Converter

_TABLE = (
    Converter(
        "text",
        texts.text_to_books,
        texts.text_to_crm,
        "One line of text. Line breaks become spaces; what QuickBooks cannot store is put in plain letters "
        "or, as emoji, removed, and both are reported.",
    ),
    Converter(
        "memo",
        texts.memo_to_books,
        texts.text_to_crm,
        "Text of several lines (Notes, Memo, Desc). As text, but line breaks stay.",
    ),
    Converter(
        "name",
        texts.name_to_books,
        texts.name_to_crm,
        "The name of a list element. White space is collapsed; colons, emoji and letters of other scripts "
        "are refused.",
    ),
    Converter(
        "lines",
        texts.lines_to_books,
        texts.lines_to_crm,
        "A street as a run of address lines. Blank lines are left out, a long line is folded at a space "
        "while lines are free.",
    ),
    Converter("date", measures.date_to_books, measures.date_to_crm, "A day, from 1901-01-01 in QuickBooks."),
    Converter(
        "datetime",
        measures.datetime_to_books,
        measures.datetime_to_crm,
        "A moment: UTC in the CRM, the company's wall time without offset in QuickBooks.",
    ),
    Converter(
        "amount",
        measures.amount_to_books,
        measures.amount_to_crm,
        "Money with two decimals. More decimals are refused, or rounded half up when the rule may truncate.",
    ),
    Converter(
        "number",
        measures.number_to_books,
        measures.number_to_crm,
        "A quantity, price or percentage with up to five decimals; a percent sign in an answer is dropped.",
    ),
    Converter("boolean", measures.boolean, measures.boolean, "Yes or no, true or false, 1 or 0."),
    Converter(
        "picklist",
        texts.picklist_to_books,
        texts.picklist_to_crm,
        "A label, translated by the rule's value list (choices); without a list, the same label.",
    ),
    Converter(
        "reference",
        texts.reference,
        texts.reference,
        "Another record, by its id. Whose id it is on the other side is found through the links of the role "
        "that the rule refers to; here both sides carry the id in QuickBooks.",
    ),
    Converter(
        "applied",
        measures.amount_to_books,
        measures.applied_to_crm,
        "Money that was applied, without a sign: answers of QuickBooks are not of one mind about it.",
    ),
)

CONVERTERS: dict[str, Converter] = {converter.name: converter for converter in _TABLE}
