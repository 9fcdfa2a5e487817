"""A copy of products and opportunities that is kept by passes alone, while people and we work on what stands below."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.crm.shops import CONTACT, PRICE, SHOPS

FIELDS = {
    "product": ("Name", PRICE),
    "opportunity": (
        "Name",
        CONTACT,
        "QB_RefNumber__c",
        "lines.Quantity",
        "lines.Description",
        "lines.QB_TxnLineID__c",
    ),
}
STEPS = (
    "deal",
    "reprice",
    "word",
    "number",
    "less",
    "person",
    "nobody",
    "rename",
    "remove",
    "write_back",
    "our_price",
    "later",
    "follow",
)


class Follower:
    def __init__(self, shop):
        self.shop = shop
        self.products = [shop.product("Shingle", "10"), shop.product("Slate", "20")]
        self.deals = []
        # Lines left, by opportunity.
        self.lines = {}
        self.copies = {kind: {} for kind in FIELDS}
        self.watermarks = dict.fromkeys(FIELDS)
        self.turn = 0

    def do(self, step):
        self.turn += 1
        if step in ("deal", "reprice", "our_price", "later", "follow") or self.deals:
            getattr(self, step)()

    @property
    def one(self):
        return self.deals[self.turn % len(self.deals)]

    def deal(self):
        made = self.shop.deal((self.products[0], self.turn, "10"), (self.products[1], 1, "20"))
        self.deals.append(made)
        self.lines[made] = 2

    def reprice(self):
        self.shop.reprice(self.products[self.turn % 2], str(self.turn))

    def word(self):
        if self.lines[self.one]:
            self.shop.change_line(self.one, 0, {"Description": f"w{self.turn}"})

    def number(self):
        if self.lines[self.one]:
            self.shop.change_line(self.one, self.lines[self.one] - 1, {"Quantity": Decimal(self.turn)})

    def less(self):
        if self.lines[self.one]:
            self.shop.drop_line(self.one, 0)
            self.lines[self.one] -= 1

    def person(self):
        self.shop.person(self.one, f"p{self.turn}")

    def nobody(self):
        self.shop.nobody(self.one)

    def rename(self):
        self.shop.rename(self.one, f"r{self.turn}")

    def remove(self):
        self.shop.remove(self.deals.pop(self.turn % len(self.deals)))

    def write_back(self):
        (now,) = self.shop.gateway.read("opportunity", [self.one], ["lines"])
        lines = [{**line, "QB_TxnLineID__c": str(self.turn)} for line in now.values["lines"]]
        values = {"QB_RefNumber__c": str(self.turn), "lines": lines}
        written = self.shop.gateway.update("opportunity", self.one, values, now.version)
        (after,) = self.shop.gateway.read("opportunity", [self.one], [])
        assert written.version == after.version

    def our_price(self):
        self.shop.gateway.update("product", self.products[0], {PRICE: Decimal(self.turn)}, None)

    def later(self):
        """Long enough that no pass meets what it knows again by its overlap."""
        for _ in range(3):
            self.shop.later()

    def follow(self):
        for kind in FIELDS:
            self._pass(kind)

    def _pass(self, kind):
        seen = {}
        for page in self.shop.gateway.changed_since(kind, FIELDS[kind], self.watermarks[kind]):
            seen |= {record.id: record for record in page.records}
        self.watermarks[kind] = page.watermark
        kept = {} if page.complete else self.copies[kind]
        live = {each: record.values for each, record in seen.items() if not record.deleted}
        self.copies[kind] = {each: values for each, values in kept.items() if each not in seen} | live

    def truth(self, kind):
        pages = self.shop.gateway.changed_since(kind, FIELDS[kind], None)
        return {record.id: record.values for page in pages for record in page.records}


@pytest.mark.parametrize("name", SHOPS)
@settings(max_examples=20, deadline=None)
@given(steps=st.lists(st.sampled_from(STEPS), max_size=25))
def test_whatever_happens_below_a_copy_kept_by_passes_ends_equal(name, steps):
    shop = SHOPS[name]()
    try:
        follower = Follower(shop)
        for step in ["deal", "later", "follow", "later", *steps]:
            follower.do(step)
        for _ in range(2):
            follower.later()
            follower.follow()
        assert follower.copies == {kind: follower.truth(kind) for kind in FIELDS}
    finally:
        shop.close()
