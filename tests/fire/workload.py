"""A random stream of what the people of both sides do, drawn from a seed and without looking at either side."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence

from tests.fire.steps import Step, step

STREETS = ("12 Oak Avenue", "7 Dock Road", "98 Café Lane", "4 Söder Street")
BUSINESSES = ("Bakery", "Security & Sons", "Café Señor", "Diner", "Stoneworks", "<Print> Shop")
CONTACT = "PrimaryContact."
ADDRESS = ("Street", "City", "State", "PostalCode", "Country")
CUSTOMER_FIELDS = (
    *("Name", "Phone", "Phone", "Fax", "Description"),
    *(f"{CONTACT}{one}" for one in ("FirstName", "LastName", "Title", "Email")),
    *(f"{prefix}{part}" for prefix in ("Billing", "Shipping") for part in ADDRESS),
)
ITEM_FIELDS = ("Name", "Description", "StandardPrice", "StandardPrice")
# Emptied by a person: what QuickBooks and the CRM can do without.
CLEARABLE = (
    "Phone",
    "Fax",
    "Description",
    f"{CONTACT}Email",
    f"{CONTACT}Title",
    "BillingCity",
    "ShippingStreet",
)
SIDES = ("crm", "books")


class Author:
    """Writes the stream. Tokens are C1, P1, S1: customers, products, sales."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.customers: list[str] = []
        self.items: list[str] = []
        self.sales: list[str] = []
        # Records that both sides made on their own: as long as they are not linked, their names hold them together.
        self.twins: set[str] = set()
        self._number = 0

    def write(self) -> Iterator[Step]:
        """One intent of one person."""
        names = list(INTENTS)
        intent = self.chance.choices(names, [INTENTS[name][1] for name in names])[0]
        yield from INTENTS[intent][0](self)

    def stock(self) -> Iterator[Step]:
        """What was there before: something to sell, and somebody to sell it to."""
        for intent in (
            Author.account,
            Author.customer,
            Author.twin,
            Author.product,
            Author.product,
            Author.sale,
        ):
            yield from intent(self)

    # --- values that are never given twice ---

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _token(self, letter: str) -> str:
        return f"{letter}{self._next()}."

    def _value(self, field: str, token: str) -> str:
        n = self._next()
        plain = field.removeprefix(CONTACT)
        values = {
            "Name": f"{self.chance.choice(BUSINESSES)} {n} {token}",
            "Phone": f"(212) 555-{n:04}",
            "Fax": f"(646) 555-{n:04}",
            "Email": f"person{n}@acme.example",
            "State": f"S{n}",
            "PostalCode": f"{10000 + n}",
            "StandardPrice": f"{self.chance.randint(1, 99)}.{n % 100:02}",
            "BillingStreet": f"{n} {self.chance.choice(STREETS)}",
            "ShippingStreet": f"{n} {self.chance.choice(STREETS)}",
        }
        if plain == "Title" and self.chance.random() < 0.4:
            # Longer than QuickBooks takes: it keeps the beginning, the CRM the whole.
            return f"Title {n} of everything that is sold between here and the sea"
        if plain in values:
            return values[plain]
        for prefix in ("Billing", "Shipping"):
            if plain.startswith(prefix):
                return values.get(plain.removeprefix(prefix), f"{plain.removeprefix(prefix)} {n}")
        return f"{plain} {n}"

    def _some(self, fields: Sequence[str], token: str, most: int) -> dict[str, str]:
        chosen = self.chance.sample(sorted(set(fields) - {"Name"}), self.chance.randint(0, most))
        return {field: self._value(field, token) for field in chosen}

    def _customer(self, token: str, name: str) -> dict[str, str]:
        values = self._some(CUSTOMER_FIELDS, token, 5)
        if any(one.startswith(CONTACT) for one in values):
            values.setdefault(f"{CONTACT}LastName", self._value(f"{CONTACT}LastName", token))
        return {"Name": name, "AccountNumber": token} | values

    def _known(self, tokens: list[str]) -> str:
        """Recent ones more often: what is new is in flight."""
        recent = tokens[-4:] if self.chance.random() < 0.5 else tokens
        return self.chance.choice(recent)

    # --- intents ---

    def account(self) -> Iterator[Step]:
        token = self._token("C")
        values = self._customer(token, self._value("Name", token))
        self.customers.append(token)
        promoted = self.chance.random() < 0.7
        yield step(
            "crm.account", token=token, values=values, promoted=promoted, late=self.chance.random() < 0.1
        )

    def customer(self) -> Iterator[Step]:
        token = self._token("C")
        self.customers.append(token)
        yield step("books.customer", token=token, values=self._customer(token, self._value("Name", token)))

    def twin(self) -> Iterator[Step]:
        """Both sides make the same customer; what else they write down may differ."""
        token = self._token("C")
        name = self._value("Name", token)
        self.customers.append(token)
        self.twins.add(token)
        here = step(
            "crm.account",
            token=token,
            values=self._customer(token, name),
            promoted=self.chance.random() < 0.5,
            late=False,
        )
        there = step("books.customer", token=token, values=self._customer(token, name))
        both = [here, there]
        self.chance.shuffle(both)
        yield both[0]
        if self.chance.random() < 0.5:
            yield step("sync")
        yield both[1]

    def product(self) -> Iterator[Step]:
        token = self._token("P")
        self.items.append(token)
        values = {one: self._value(one, token) for one in ("Name", "StandardPrice", "Description")}
        if self.chance.random() < 0.6:
            yield step("crm.product", token=token, values=values, promoted=self.chance.random() < 0.5)
        else:
            yield step("books.item", token=token, values=values)

    def edit(self) -> Iterator[Step]:
        for token, fields in self._one():
            field = self.chance.choice(fields)
            side = self.chance.choice(SIDES)
            yield step(f"{side}.edit", token=token, field=field, value=self._value(field, token))

    def collide(self) -> Iterator[Step]:
        """Both sides change the same record at once: another field, or even the same one."""
        for token, fields in self._one():
            field = self.chance.choice(fields)
            other = field if self.chance.random() < 0.4 else self.chance.choice(fields)
            yield step("crm.edit", token=token, field=field, value=self._value(field, token))
            yield step("books.edit", token=token, field=other, value=self._value(other, token))

    def clear(self) -> Iterator[Step]:
        if self.customers:
            token = self._known(self.customers)
            field = self.chance.choice(CLEARABLE)
            yield step(f"{self.chance.choice(SIDES)}.edit", token=token, field=field, value="")

    def unfit(self) -> Iterator[Step]:
        """A value that QuickBooks refuses, and perhaps its correction."""
        if self.customers:
            token = self._known(self.customers)
            yield step(
                "crm.edit", token=token, field="Phone", value=f"+49 30 1234567 extension {self._next()}"
            )
            if self.chance.random() < 0.7:
                yield step("sync")
                yield step("crm.edit", token=token, field="Phone", value=self._value("Phone", token))

    def _one(self) -> Iterator[tuple[str, Sequence[str]]]:
        families = [
            (one, fields)
            for one, fields in ((self.customers, CUSTOMER_FIELDS), (self.items, ITEM_FIELDS))
            if one
        ]
        if not families:
            return
        tokens, fields = self.chance.choices(families, [3, 1][: len(families)])[0]
        token = self._known(tokens)
        yield token, [one for one in fields if one != "Name"] if token in self.twins else fields

    def promote(self) -> Iterator[Step]:
        for token, _ in self._one():
            yield step("crm.promote", token=token)

    def delete(self) -> Iterator[Step]:
        for token, _ in self._one():
            yield step(f"{self.chance.choice(SIDES)}.delete", token=token)

    def merge(self) -> Iterator[Step]:
        if len(self.customers) > 2:
            source, into = self.chance.sample(self.customers, 2)
            yield step("books.merge", token=source, into=into)

    def _lines(self) -> list[list[str]]:
        chosen = [self._known(self.items) for _ in range(self.chance.randint(1, 4))]
        return [
            [
                one,
                self.chance.choice(["1", "2", "3.5"]),
                f"{self.chance.randint(1, 400)}.{self._next() % 100:02}",
            ]
            for one in chosen
        ]

    def sale(self) -> Iterator[Step]:
        if self.customers and self.items:
            token = self._token("S")
            self.sales.append(token)
            form = self.chance.choice(["Invoice", "Invoice", "Sales Order"])
            name = f"Work {token}"
            account = self._known(self.customers)
            yield step("crm.sale", token=token, name=name, account=account, lines=self._lines(), form=form)

    def invoice(self) -> Iterator[Step]:
        if self.customers and self.items:
            token = self._token("S")
            self.sales.append(token)
            customer = self._known(self.customers)
            yield step(
                "books.invoice", token=token, name=f"By hand {token}", customer=customer, lines=self._lines()
            )

    def _of_a_sale(self, verb: str, **given: str) -> Iterator[Step]:
        if self.sales:
            yield step(verb, token=self.chance.choice(self.sales), **given)

    def pay(self) -> Iterator[Step]:
        yield from self._of_a_sale("books.pay", share=self.chance.choice(["1", "1", "0.4"]))

    def amount(self) -> Iterator[Step]:
        yield from self._of_a_sale(
            "books.amount", amount=f"{self.chance.randint(1, 900)}.{self._next() % 100:02}"
        )

    def rename_sale(self) -> Iterator[Step]:
        if self.sales:
            token = self._known(self.sales)
            yield step("crm.rename_sale", token=token, name=f"Other work {self._next()} {token}")

    def void(self) -> Iterator[Step]:
        yield from self._of_a_sale(self.chance.choice(["books.void", "books.delete_invoice"]))

    def person(self) -> Iterator[Step]:
        """Somebody at the product itself."""
        pick = self.chance.randint(0, 9)
        verb = self.chance.choice(["retry", "look", "look", "choose", "choose", "link"])
        if verb == "choose":
            yield step("person.choose", pick=pick, side=self.chance.choice(SIDES))
        elif verb == "link":
            for token, _ in self._one():
                yield step("person.link", token=token)
        else:
            yield step(f"person.{verb}", pick=pick)

    def unlink(self) -> Iterator[Step]:
        for token, _ in self._one():
            yield step("person.unlink", token=token)


Intent = Callable[[Author], Iterator[Step]]
# What a person does, and how often.
INTENTS: Mapping[str, tuple[Intent, int]] = {
    "account": (Author.account, 10),
    "customer": (Author.customer, 8),
    "twin": (Author.twin, 3),
    "product": (Author.product, 6),
    "edit": (Author.edit, 22),
    "collide": (Author.collide, 8),
    "clear": (Author.clear, 3),
    "unfit": (Author.unfit, 2),
    "promote": (Author.promote, 6),
    "delete": (Author.delete, 2),
    "merge": (Author.merge, 1),
    "sale": (Author.sale, 10),
    "invoice": (Author.invoice, 4),
    "pay": (Author.pay, 9),
    "amount": (Author.amount, 4),
    "rename_sale": (Author.rename_sale, 2),
    "void": (Author.void, 3),
    "person": (Author.person, 6),
    "unlink": (Author.unlink, 1),
}
