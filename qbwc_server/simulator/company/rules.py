"""What the references leave open: each question as a switch, with both of its positions (qbXML semantics, mark U).

The first position is what a new company file does. A file keeps only the switches that were moved.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from qbwc_server.simulator.errors import SimulatorError


@dataclass(frozen=True)
class Rule:
    """One open question: where the semantics ask it, and what each position does."""

    section: str
    positions: Mapping[str, str]

    @property
    def usual(self) -> str:
        return next(iter(self.positions))


def _rule(section: str, **positions: str) -> Rule:
    """Names of positions that begin with a digit are written with a leading underscore here."""
    return Rule(section, {name.removeprefix("_"): text for name, text in positions.items()})


SETS: Mapping[str, Rule] = {
    "unknown_version": _rule(
        "7",
        _0x80040423="a version that is not supported has an HRESULT of its own",
        _0x80040400="it is a parse failure like any other",
    ),
    "blank_before_declaration": _rule(
        "1", refused="a blank before the XML declaration is a parse failure", accepted="it is passed over"
    ),
    "stored_sets": _rule(
        "1",
        all="answers of recoverable sets are kept until they are cleared",
        last="only the newest of an application is",
    ),
    "unknown_set": _rule(
        "1",
        _9002="asking for a message set that was never stored: outcome unknown",
        _600="nothing is stored under that ID",
    ),
    "broken_set": _rule(
        "1",
        begun="a set that broke off stays begun: 9002 for the question and for the resend",
        forgotten="it is as if it had never been sent: a resend is executed again",
    ),
    "set_id_length": _rule(
        "1", _23="message set IDs over 23 characters are 9004", _24="those over 24 characters are"
    ),
    "error_recovery": _rule(
        "1",
        never="answers have no ErrorRecovery",
        recoverable="those of a set with a newMessageSetID have it from 11.0 on, with includeNone too",
    ),
    "macro_scope": _rule("1", set="a macro is known in its own set only", session="in every later set too"),
    "edition_lacks": _rule("6", _3250="what the edition lacks", _1030="what the edition lacks"),
    "feature_off": _rule(
        "2",
        refused="a reference of a feature that is off: 3250",
        warned="warning 530, the rest is saved",
    ),
    "reader_writes": _rule("2", _3260="a reader that writes", _3261="a reader that writes"),
}

TEXTS_AND_TIMES: Mapping[str, Rule] = {
    "windows_characters": _rule(
        "5", latin1="euro signs and curly quotes become question marks", cp1252="they are kept"
    ),
    "line_breaks": _rule("5", kept="a line break in a text is kept", spaces="it becomes a space"),
    "name_spaces": _rule("5", kept="spaces around a name are kept", trimmed="they are cut off"),
    "edit_sequence": _rule(
        "4",
        increases="two edits within one second have different EditSequences",
        second="they have the same one",
    ),
    "printed_offset": _rule(
        "4", january="times are printed with January's offset all year", season="with the offset they have"
    ),
    "filter_offset": _rule(
        "4",
        january="an offset in a filter is read with January's",
        season="it is read as the instant it says",
    ),
    "parent_times": _rule(
        "4",
        stay="a posting to a job leaves the TimeModified of its parents",
        move="it moves the TimeModified of its parents too",
    ),
    "posting_times": _rule(
        "4",
        all="a payment moves the TimeModified of the invoice it pays",
        lists="it moves that of customers and accounts only",
    ),
    "data_ext_times": _rule(
        "4", stay="a custom field leaves the times of its owner", move="it moves its owner's TimeModified"
    ),
    "merge_times": _rule(
        "4",
        stay="transactions of a customer that was merged away keep their times",
        move="their TimeModified and EditSequence move",
    ),
}

LISTS: Mapping[str, Rule] = {
    "unknown_list_id": _rule("2", _3120="a ListID that nobody has", _3240="a ListID that nobody has"),
    "long_address": _rule(
        "2",
        cut="lines of an address that the printed form has no room for are cut off",
        _3205="it is refused",
    ),
    "too_deep": _rule("5", _3180="a sixth level", _3130="a sixth level"),
    "name_quotes": _rule("5", kept="a double quote in a name is kept", _3090="it is refused"),
    "unknown_owner": _rule(
        "2", _3120="private data of an owner that nobody is", _3121="private data of an owner that nobody is"
    ),
    "merge_text": _rule(
        "2",
        framed="the merge text of 3170 stands in a sentence about the list",
        bare="it stands alone",
    ),
    "address_lines": _rule(
        "5", unit="lines of an address that a Mod leaves out are gone", kept="they stay as they were"
    ),
    "part_lists": _rule(
        "5",
        replaced="contacts and contact entries of a Mod replace the old set",
        added="they are added to it",
    ),
    "contact_mirror": _rule(
        "5",
        sets_field="an AdditionalContactRef named like a field (Main Phone) sets that field",
        ignored="it is left out",
    ),
    "rename_below": _rule(
        "4",
        silent="renaming a parent leaves times and EditSequences of what is below",
        stamped="it moves them",
    ),
    "sub_items": _rule("6", own_kind="a sub-item stands below its own kind", any_item="below any item"),
    "missing_account": _rule(
        "6", _3270="an item without the accounts it needs", _3150="an item without the accounts it needs"
    ),
    "external_guid_twice": _rule(
        "1", taken="a second Add with the same ExternalGUID is carried out", _3100="it is refused"
    ),
    "customer_opening": _rule(
        "6",
        equity="a customer's opening balance is set against opening balance equity",
        income="against uncategorized income",
    ),
    "account_opening_mod": _rule(
        "6", ignored="OpenBalance of AccountMod is not acted on", posted="it replaces the opening posting"
    ),
    "currency_change": _rule(
        "6", refused="the currency of a customer with transactions cannot change: 3210", taken="it can"
    ),
}

QUERIES: Mapping[str, Rule] = {
    "name_filter": _rule(
        "3", Name="NameFilter and NameRangeFilter look at Name", FullName="they look at FullName"
    ),
    "list_order": _rule("3", FullName="lists are answered in order of FullName", created="of creation"),
    "txn_order": _rule(
        "3", created="transactions are answered in order of creation", TxnDate="of their dates"
    ),
    "found_beside_missing": _rule(
        "2",
        returned="what was found comes with the 500 for what was not",
        withheld="a 500 comes without any record",
    ),
    "iterator_rows": _rule(
        "3",
        snapshot="an iterator hands out what matched at its Start",
        live="it leaves out what does not match any more",
    ),
    "iterator_ret_count": _rule(
        "3", page="retCount of an iterator's page counts the page", all="it counts all that matched"
    ),
    "max_returned": _rule(
        "3", free="MaxReturned may change between pages", fixed="another MaxReturned is a dead iterator"
    ),
    "dead_iterator": _rule("3", _3391="Continue of a dead iterator", _1000="Continue of a dead iterator"),
    "single_page": _rule(
        "3",
        with_id="a first page that is the last one has an iteratorID",
        without_id="it has none",
    ),
    "account_filter": _rule(
        "3",
        postings="TransactionAccountFilter finds what posts to an account",
        own="what has the account as its own (receivables, where the money went)",
    ),
    "credit_amounts": _rule(
        "3",
        positive="Amount of a credit or payment in TransactionRet is positive",
        negative="it is negative",
    ),
}

FORMS: Mapping[str, Rule] = {
    "ship_date": _rule("6", TxnDate="ShipDate left out is the day of the form", blank="it is left blank"),
    "form_defaults": _rule(
        "6",
        customer="terms, sales rep and payment method are taken over from the customer",
        bare="only addresses and taxes are",
    ),
    "credit_limit": _rule(
        "2", ignored="an invoice beyond the customer's credit limit is entered", _3180="it is refused"
    ),
    "ref_numbers": _rule(
        "5", apart="invoices and credit memos are numbered apart", together="they share their numbers"
    ),
    "percent_line": _rule(
        "6",
        line_above="a percentage of an OtherCharge or tax item is of the line above",
        subtotal="it is of all above",
    ),
    "tax_rounding": _rule("6", half_up="half a cent of tax goes up", half_even="to the even cent"),
    "untaxed_item": _rule("6", Non="an item without a tax code is not taxed", Tax="it is taxed"),
    "customer_price_level": _rule(
        "6", used="a customer's price level changes rates", ignored="only that of the line does"
    ),
    "group_quantity": _rule(
        "5",
        scales="the quantity of a line group multiplies its lines",
        stays="its lines stay as the item has them",
    ),
    "group_as_item": _rule("2", _3280="a group as the item of a line", _3140="a group as the item of a line"),
    "negative_total": _rule("2", _3210="a total below zero", _3180="a total below zero"),
    "empty_form": _rule("6", _3180="a form without any line", saved="it is saved"),
    "not_clearable": _rule(
        "5", _3152="an empty element for what cannot be cleared", ignored="it changes nothing"
    ),
    "other_customers_order": _rule(
        "6", _3210="an order of another customer linked", _3140="an order of another customer linked"
    ),
    "over_invoiced": _rule("6", _3210="more than was ordered", taken="it is invoiced"),
    "order_link_after_mod": _rule(
        "5", kept="lines of an invoice that are edited stay linked to their order", lost="they lose the link"
    ),
    "applied_amount": _rule("6", negative="AppliedAmount is negative", positive="it is positive"),
    "order_link_amount": _rule(
        "3", negative="the amount of a link to an order is negative", positive="it is positive"
    ),
    "wrong_receivable": _rule("6", _3140="an ARAccountRef that is no receivables account", _3210="the same"),
    "void_memo": _rule("4", marked='the memo of a void form begins with "VOID:"', unchanged="it stays"),
    "void_quantities": _rule("4", zero="quantities of a void form are zero", kept="only amounts are"),
    "edited_void": _rule("4", revives="an edit makes a void form live again", stays="it stays void"),
    "closed_add": _rule(
        "2", refused="entering something before the closing date: 3171", accepted="it is entered"
    ),
    "closed_delete": _rule(
        "2", _3161="a deletion before the closing date", _3171="a deletion before the closing date"
    ),
}

PAYMENTS: Mapping[str, Rule] = {
    "other_customers_invoice": _rule(
        "6",
        _3120="a payment for another customer's invoice",
        _3210="a payment for another customer's invoice",
    ),
    "unlisted_applications": _rule(
        "6",
        released="what AppliedToTxnMod does not name is open again",
        kept="it stays applied",
    ),
    "lowered_invoice": _rule(
        "6",
        gives_back="an invoice that comes to less than was paid gives the rest back",
        refused="it is refused: 3210",
    ),
}

RULES: Mapping[str, Rule] = {**SETS, **TEXTS_AND_TIMES, **LISTS, **QUERIES, **FORMS, **PAYMENTS}


def check(name: str, position: str = "") -> None:
    """Raises SimulatorError for a rule or a position that is not there."""
    rule = RULES.get(name)
    if rule is None:
        raise SimulatorError(f"There is no rule {name!r}, only {', '.join(RULES)}.")
    if position and position not in rule.positions:
        raise SimulatorError(f"The rule {name} can be {' or '.join(rule.positions)}, not {position!r}.")
