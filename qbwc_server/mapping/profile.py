"""A profile: which CRM records and QuickBooks objects belong together, and which field becomes which.

All models are frozen and hold plain data, so a profile can be read from JSON, compared, and shared between
threads. `load_profile` makes one from the shipped data and an override; nothing else needs to.
"""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic.json_schema import SkipJsonSchema

from qbwc_server.mapping.converters import CONVERTERS
from qbwc_server.mapping.paths import every_path
from qbwc_server.mapping.spelling import did_you_mean

Side = Literal["crm", "books"]
# What the CRM's field list puts before a field of a document's line: "lines.Quantity".
LINES = "lines."
Direction = Literal["both", "to_books", "to_crm"]
Mode = Literal["import", "export", "synchronize", "off"]
MatchBy = Literal["id", "email", "name"]

# Import brings books to the CRM, export the CRM to books: the side that a mode may write.
WRITES: dict[Mode, tuple[Side, ...]] = {
    "import": ("crm",),
    "export": ("books",),
    "synchronize": ("books", "crm"),
    # Not read, not matched, not written: for a CRM without these objects, or a company that does not want them.
    "off": (),
}


def _known_converter(name: str) -> str:
    if name not in CONVERTERS:
        raise ValueError(f"there is no converter {name!r}{did_you_mean(name, CONVERTERS)}")
    return name


ConverterName = Annotated[
    str, AfterValidator(_known_converter), WithJsonSchema({"type": "string", "enum": sorted(CONVERTERS)})
]


class Plain(BaseModel):
    """A frozen table row; an unknown key is a fault, never ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Shape(Plain):
    """What both ends of a rule can hold, known only once the two field lists were read; see `fit`."""

    crm_length: int | None = None
    books_length: int | None = None
    zone: str | None = None
    # Paths that a Mod calls otherwise: (("SalesOrPurchase/Desc", "SalesOrPurchaseMod/Desc"),).
    in_mod: tuple[tuple[str, str], ...] = ()


class Choice(Plain):
    """One pair of a value list: the CRM's label and QuickBooks' label for the same thing."""

    crm: str
    books: str


class Rule(Plain):
    """One line of the mapping: a CRM field, a QuickBooks path, and how a value passes between them.

    `crm` is a field of the record, or `Contributor.Field`. `books` is a path below the object, such as
    "BillAddress/City", or a run of sibling fields, "BillAddress/Addr1..Addr5", whose value is their lines, or
    several ways, "SalesOrPurchase/Desc | SalesAndPurchase/SalesDesc", of which an object has one; a new one gets
    the first. A rule is identified by the pair (crm, books).
    """

    crm: str = Field(min_length=1)
    books: str = Field(min_length=1)
    converter: ConverterName = "text"
    direction: Direction = "both"
    winner: Side | None = None
    clear_when_empty: bool = False
    # True, or the one side to which it goes only with a new record.
    only_on_create: bool | Side = False
    # Another mapped path of the object: a change is written only as long as QuickBooks holds the same in both.
    follows: str | None = None
    required: bool = False
    too_long: Literal["refuse", "truncate"] = "refuse"
    default: str | None = None
    # Name of a setting of the profile (`Profile.settings`) that stands in for an empty value on the way to books.
    setting: str | None = None
    # Of the converter "reference": the role of the links through which a record's id becomes the partner's.
    refers_to: str | None = None
    choices: tuple[Choice, ...] = ()
    origin: Literal["shipped", "override"] = "shipped"
    shape: SkipJsonSchema[Shape] = Field(default=Shape(), exclude=True)

    @property
    def identity(self) -> tuple[str, str]:
        return self.crm, self.books

    @property
    def contributor(self) -> str:
        """Name of the contributing record, or "" for the record itself."""
        return self.crm.rpartition(".")[0]

    @property
    def crm_field(self) -> str:
        return self.crm.rpartition(".")[2]

    @property
    def books_paths(self) -> tuple[str, ...]:
        """Every single QuickBooks path that the rule touches, in order; one unless it is a run or has other ways."""
        return every_path(self.books)

    @model_validator(mode="after")
    def _names_a_role(self) -> Self:
        """A reference without a role leads nowhere, and a role means nothing to another converter."""
        if (self.converter == "reference") != (self.refers_to is not None):
            raise ValueError("converter reference and refers_to, the role it leads to, go together.")
        return self

    def only_with_new(self, side: Side) -> bool:
        """Whether it is written to a side only when the record is made there."""
        return self.only_on_create in (True, side)

    def goes_to(self, side: Side) -> bool:
        return self.direction in ("both", f"to_{side}")


class Contributor(Plain):
    """A second CRM record that gives some of the values, such as an account's primary contact.

    `via` is the field of the main record that holds its id, `parent` the field of the contributor that points
    back, `key` its external key field. It is created only when every one of `required_fields` has a value.
    """

    name: str
    kind: str
    via: str
    parent: str | None = None
    key: str | None = None
    required_fields: tuple[str, ...] = ()


class StatusFields(Plain):
    """CRM fields in which people see how their record fares; None where the CRM has no such field."""

    link_status: str | None = None
    error: str | None = None
    books_id: str | None = None
    edit_sequence: str | None = None
    last_sync: str | None = None
    sync_key: str | None = None


class Filter(Plain):
    """Records whose `field` holds one of `any_of`; `reason` tells a person why the others are left alone.

    "" among them is the empty field. Without `any_of` every value will do but those in `none_of`.
    """

    field: str
    any_of: tuple[str, ...] = ()
    none_of: tuple[str, ...] = ()
    reason: str = ""

    @model_validator(mode="after")
    def _chooses(self) -> Self:
        if not self.any_of and not self.none_of:
            raise ValueError("a filter needs any_of or none_of, the values that it chooses by.")
        return self


class Whole(Plain):
    """What a record is part of, as a contact is part of its account's customer.

    `role` is that of the whole's links, `crm` the field of the part that names it, `books` the part's path for the
    same. The part that the whole names as its contributor `stands_for` it is no part of its own: its values stand
    on the whole itself.
    """

    role: str
    crm: str
    books: str
    stands_for: str | None = None


class Bringing(Plain):
    """A record that goes to books when this one does, such as an opportunity's contact; nothing waits for it."""

    field: str
    role: str


class Requirement(Plain):
    """What a promoted record must have before it goes to books; `reason` tells a person what is missing.

    Without `any_of` any value will do.
    """

    field: str
    any_of: tuple[str, ...] = ()
    reason: str


class ExtraLine(Plain):
    """An amount of the record itself that becomes a line of its own, such as freight or a discount.

    `setting` names the profile's setting that holds the item's full name in QuickBooks, `tax_code` that of the line's
    sales tax code. Without a `tax_code` of its own the line has that of all lines; where the setting is empty, that of
    the item: whether freight is taxed, and whether a discount is taken off before tax, differs from state to state.
    """

    crm: str
    setting: str
    negative: bool = False
    tax_code: str | None = None


class Lines(Plain):
    """The lines of a document.

    `books` is the QuickBooks line without its ending: "InvoiceLine" is sent as InvoiceLineAdd and comes back as
    InvoiceLineRet. Rules go from a field of a CRM line to a path below the QuickBooks line. A line whose reference
    `item` is empty is a write-in and uses the item that the setting `write_in` names. `line_id` is the CRM line's field
    for the TxnLineID.
    """

    books: str
    rules: tuple[Rule, ...]
    item: str
    write_in: str = "write_in_item"
    # The setting whose sales tax code goes on every line; a line without one takes that of its item.
    tax_code: str | None = None
    # The setting that says which currency the CRM's amounts are in, where the company uses several.
    currency: str | None = None
    line_id: str | None = None
    extra: tuple[ExtraLine, ...] = ()


class Total(Plain):
    """What is compared after a document was made: a CRM field and a path of what QuickBooks answers.

    To the CRM's amount belong those of the extra lines and, where the CRM says one, the sales tax in its field `tax`.
    """

    crm: str
    books: str
    tax: str | None = None


class Gone(Plain):
    """What a field of the CRM's record shows once its QuickBooks object was deleted; a text as QuickBooks has it."""

    crm: str
    shows: str


class MatchField(Plain):
    """Where a match key stands on either side."""

    by: MatchBy
    crm: str
    books: str


class KindMap(Plain):
    """One kind of CRM record and the QuickBooks object it becomes, in one role.

    `name` is unique in the profile and is what people and overrides call the map.

    `create_in` and `update_in` are rights; the mode narrows them further. `promoted` says which CRM records
    go to books at all, `books_filter` which QuickBooks objects are looked at. `once` marks transactions:
    promoted once, later CRM edits are reported and not sent. `addressee` lists the QuickBooks fields, or
    combinations of them ("FirstName LastName"), that stand above the street in an address and are no part of it.
    Several maps may share a role: two CRM kinds may become customers, and the links tell them apart.
    """

    name: str
    crm_kind: str
    books_kind: str
    role: str
    mode: Mode = "synchronize"
    create_in: tuple[Side, ...] = ("books", "crm")
    update_in: tuple[Side, ...] = ("books", "crm")
    # Which records of the CRM kind this map is about, where several maps share a kind.
    crm_filter: Filter | None = None
    promoted: Filter | None = None
    requires: tuple[Requirement, ...] = ()
    match: tuple[MatchBy, ...] = ()
    match_fields: tuple[MatchField, ...] = ()
    winner: Side | None = None
    once: bool = False
    books_filter: Filter | None = None
    # Of QuickBooks' documents on which nothing is open, only those of so many days back are copied; None: all.
    closed_within_days: int | None = Field(default=None, ge=0)
    addressee: tuple[str, ...] = ()
    status: StatusFields = StatusFields()
    contributors: tuple[Contributor, ...] = ()
    rules: tuple[Rule, ...]
    lines: Lines | None = None
    total: Total | None = None
    gone: tuple[Gone, ...] = ()
    part_of: Whole | None = None
    # Parts of a linked whole go to books without being promoted themselves.
    goes_along: bool = True
    brings: tuple[Bringing, ...] = ()
    # Records of either side without this match key are left alone.
    required_key: MatchBy | None = None
    # Why the whole map is left alone for now; see `fit`.
    rests: SkipJsonSchema[str] = Field(default="", exclude=True)

    def may_create(self, side: Side) -> bool:
        return side in self.create_in and side in WRITES[self.mode]

    def may_update(self, side: Side) -> bool:
        return side in self.update_in and side in WRITES[self.mode]

    @property
    def is_copy(self) -> bool:
        """Whether it only brings documents of QuickBooks to records that the CRM has already."""
        belongs = any(one.required and one.refers_to and one.goes_to("crm") for one in self.rules)
        return self.mode == "import" and belongs

    def winner_of(self, rule: Rule) -> Side | None:
        """Who wins when both changed; None asks a person."""
        return rule.winner or self.winner

    def contributor(self, name: str) -> Contributor | None:
        return next((c for c in self.contributors if c.name == name), None)

    def ends(self) -> tuple[tuple[Side, str], tuple[Side, str]]:
        """The kinds of record that the map joins, each with its side."""
        return ("crm", self.crm_kind), ("books", self.books_kind)

    def kind_of(self, rule: Rule) -> str:
        """The CRM kind that holds the rule's field; "" for a contributor nobody declared."""
        if not rule.contributor:
            return self.crm_kind
        contributor = self.contributor(rule.contributor)
        return contributor.kind if contributor else ""

    def matched_by(self) -> tuple[MatchField, ...]:
        """The match keys in the order in which they are tried."""
        at = {field.by: field for field in self.match_fields}
        return tuple(at[by] for by in self.match if by in at)


class Limits(Plain):
    """What one run may do before a person is asked. None is no limit.

    Shares are parts of the linked records of a kind; they count only above `share_floor` records, because
    one change among three is no alarm. `amount` is in the company's home currency.
    """

    creates: int | None = 200
    voids: int | None = 5
    amount: Decimal | None = Decimal(100000)
    changed_share: Decimal | None = Decimal("0.5")
    missing_share: Decimal | None = Decimal("0.2")
    share_floor: int = 20


class Profile(Plain):
    """Everything that is particular to one CRM product, or to one connection after its override."""

    name: str
    vendor: str
    title: str
    app_name_prefix: str
    kinds: tuple[KindMap, ...]
    limits: Limits = Limits()
    # Names of QuickBooks' list elements that rules fall back on, by setting: {"income_account": "Sales"}; "" is unset.
    settings: dict[str, str] = {}

    def kind(self, crm_kind: str, role: str | None = None, books_kind: str | None = None) -> KindMap:
        """The one map of a CRM kind; KeyError when there is none, or when role and object leave several."""
        return self._only(crm_kind, {"crm_kind": crm_kind, "role": role, "books_kind": books_kind})

    def books(self, books_kind: str, role: str | None = None, crm_kind: str | None = None) -> KindMap:
        """The one map of a QuickBooks object, looked up from its side; KeyError as in `kind`."""
        wanted = {"books_kind": books_kind, "role": role, "crm_kind": crm_kind}
        return self._only(f"QuickBooks {books_kind}", wanted)

    def _only(self, what: str, wanted: dict[str, str | None]) -> KindMap:
        given = {key: value for key, value in wanted.items() if value is not None}
        found = [one for one in self.kinds if all(getattr(one, key) == given[key] for key in given)]
        if len(found) == 1:
            return found[0]
        what += f" as {given['role']}" if "role" in given else ""
        if not found:
            raise KeyError(f"{self.name} maps no {what}")
        raise KeyError(f"{self.name} maps {what} more than once: {', '.join(one.name for one in found)}")


def all_rules(kind_map: KindMap) -> tuple[Rule, ...]:
    """The rules of a map and of its lines."""
    return (*kind_map.rules, *(kind_map.lines.rules if kind_map.lines else ()))


def settings_of(kind_map: KindMap) -> tuple[str, ...]:
    """The names of the profile's settings that a map falls back on, as often as they are named."""
    lines = kind_map.lines
    named = (*(rule.setting for rule in all_rules(kind_map)), *(_line_settings(lines) if lines else ()))
    return tuple(name for name in named if name is not None)


def _line_settings(lines: Lines) -> tuple[str | None, ...]:
    named = (name for extra in lines.extra for name in (extra.setting, extra.tax_code))
    return lines.write_in, lines.tax_code, lines.currency, *named
