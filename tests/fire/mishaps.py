"""Accidents for one safeguard each, with the work that they meet; such a draw takes the place of the random ones."""

import random
from collections.abc import Iterator

from tests.fire.steps import Step, step


def _token(chance: random.Random, letter: str) -> str:
    return f"{letter}{chance.randint(10_000, 99_999)}."


def _phone(chance: random.Random) -> str:
    return f"(914) 555-{chance.randint(0, 9999):04}"


def _account(token: str, **values: str) -> Step:
    named = {"Name": f"Dairy {token}", "AccountNumber": token}
    return step("crm.account", token=token, values=named | values, promoted=True, late=False)


def _customer(token: str) -> Step:
    named = {"Name": f"Mill {token}", "AccountNumber": token, "PrimaryContact.LastName": "Hale"}
    return step("books.customer", token=token, values=named)


def _sale(chance: random.Random) -> Iterator[Step]:
    """Somebody new buys something new."""
    account, product, sale = (_token(chance, letter) for letter in "CPS")
    values = {"Name": f"Cheese {product}", "StandardPrice": "7.50", "Description": "by the pound"}
    lines = [[product, str(chance.randint(1, 9)), "7.50"]]
    yield _account(account)
    yield step("crm.product", token=product, values=values, promoted=True)
    yield step("crm.sale", token=sale, name=f"Work {sale}", account=account, lines=lines, form="Invoice")


def lost_answers(chance: random.Random) -> Iterator[Step]:
    """QuickBooks did it, and nobody has an answer."""
    yield from _sale(chance)
    yield step("books.fault", name="break_after", arguments={"holding": "InvoiceAddRq", "requests": 1})
    yield step("poll")


def lost_calls(chance: random.Random) -> Iterator[Step]:
    """The answer is stored in QuickBooks, and never arrives here."""
    yield from _sale(chance)
    name = chance.choice(["drop_before", "cut_call"])
    holding = {"method": "receiveResponseXML", "holding": "InvoiceAddRq"}
    yield step("books.fault", name=name, arguments=holding)
    yield step("poll")


def dead_over_contacts(chance: random.Random) -> Iterator[Step]:
    """A worker dies when the CRM made the contact of an account, and the next one knows nothing of it."""
    yield _customer(_token(chance, "C"))
    yield step("visit", pc=1, worker=False)
    yield step("kill_after_crm_call", call="create contact")
    yield step("deliver")
    yield step("deliver")


def dead(chance: random.Random) -> Iterator[Step]:
    yield step("kill_after_crm_call", call=chance.choice(["create", "update", "read"]))


def races(chance: random.Random) -> Iterator[Step]:
    """A person in the CRM is a moment faster than the worker, who brings what QuickBooks' people said."""
    token = _token(chance, "C")
    yield _customer(token)
    yield step("sync")
    yield step("books.edit", token=token, field="Phone", value=_phone(chance))
    yield step("visit", pc=1, worker=False)
    racing = ["crm.edit", {"token": token, "field": "Phone", "value": _phone(chance)}]
    yield step("before_crm_call", call="update", act=racing)
    yield step("deliver")


def duplicates(chance: random.Random) -> Iterator[Step]:
    """A proxy posts the answer to a set twice, and once more when the next set is out."""
    yield _account(_token(chance, "C"))
    yield step("poll")
    account = _account(_token(chance, "C"))
    for act in (account, step("poll")):
        yield step("during_visit", holding="CustomerAddRq", act=[act.verb, dict(act.given)])
    holding = {"method": "receiveResponseXML", "holding": "CustomerAddRq"}
    yield step("books.fault", name="duplicate_call", arguments=holding)
    yield step("visit", pc=1, worker=False)


def late_answers(chance: random.Random) -> Iterator[Step]:
    """The answer to a change is held up for hours; meanwhile another field is changed in QuickBooks."""
    token = _token(chance, "C")
    yield _account(token, Fax=_phone(chance))
    yield step("sync")
    yield step("crm.edit", token=token, field="Phone", value=_phone(chance))
    yield step("poll")
    yield step("hold_answer", holding="CustomerModRq")
    yield step("visit", pc=1, worker=False)
    yield step("books.edit", token=token, field="Fax", value=_phone(chance))
    yield step("sync")
    yield step("advance", minutes=61)
    yield _customer(_token(chance, "C"))
    yield step("sync")
    yield step("answer_arrives")
    yield step("deliver")


def two_pcs(chance: random.Random) -> Iterator[Step]:
    """A second Web Connector comes while the first one's QuickBooks has not carried out its writes yet."""
    yield from _sale(chance)
    yield step("during_visit", holding="InvoiceAddRq", act=["visit", {"pc": 2}])
    yield step("poll")


def two_workers(chance: random.Random) -> Iterator[Step]:
    """A second worker looks for work while the first is about to make the contact of an account."""
    yield _customer(_token(chance, "C"))
    second = ["before_crm_call", {"call": "create", "act": ["second_worker", {}]}]
    yield step("visit", pc=1, worker=False)
    yield step("before_crm_call", call="create", act=second)
    yield step("deliver")


def another_file(chance: random.Random) -> Iterator[Step]:
    yield _account(_token(chance, "C"))
    yield step("poll")
    yield step("books.fault", name="wrong_company", arguments={})


def a_copy(chance: random.Random) -> Iterator[Step]:
    """After the first visit: until then nobody can know which of two files with one FileID is the right one."""
    yield step("visit", pc=1, worker=False)
    yield _account(_token(chance, "C"))
    yield step("poll")
    yield step("books.fault", name="copied_file", arguments={})


def beyond_quickbooks(chance: random.Random) -> Iterator[Step]:
    """A title that is longer than QuickBooks holds, and a city with letters that it lacks."""
    title = "of everything that is sold between here and the sea"
    contact = {"PrimaryContact.LastName": "Hale", "PrimaryContact.Title": title}
    yield _account(_token(chance, "C"), **contact, BillingCity="Łódź")


def old_news(chance: random.Random) -> Iterator[Step]:
    """QuickBooks cannot take a value, and the CRM delivers old changes once more."""
    yield _account(_token(chance, "C"), Phone="+49 30 1234567 extension 4711")
    yield step("crm.deliver_again", changes=chance.randint(1, 30))


def edits_after_writes(chance: random.Random) -> Iterator[Step]:
    """A person edits what we just made in the CRM, before the next poll."""
    token = _token(chance, "C")
    yield _customer(token)
    yield step("visit", pc=1, worker=False)
    yield step("deliver")
    yield step("crm.edit", token=token, field="Phone", value=_phone(chance))
    yield step("poll")
