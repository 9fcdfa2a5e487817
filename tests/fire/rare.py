"""What is rare in the life of a company: at most one upheaval, and now and then what few people do."""

import random
from collections.abc import Callable, Iterator, Mapping

from tests.fire.steps import Step, step
from tests.fire.workload import Author

Timed = tuple[int, Step]
Fate = Callable[["Rare"], Iterator[Timed]]
# Of lives in which an upheaval is due.
UPSET = 0.7
HOURS = (-30 * 60, -90, -20, 20, 90, 30 * 60)


class Rare:
    """The rare things of one life, by the session before which they happen."""

    def __init__(self, chance: random.Random, author: Author, sessions: int) -> None:
        self.chance, self.author, self.sessions = chance, author, sessions
        fate = chance.choice(sorted(FATES)) if chance.random() < UPSET else ""
        self.is_night = fate == "clock change"
        self._due = list(FATES[fate](self)) if fate else []

    def beginning(self) -> Iterator[Step]:
        if self.is_night:
            season = self.chance.choice(["autumn", "spring"])
            yield step("clock.change", season=season, minutes=self.chance.randint(20, 150))

    def before(self, session: int) -> Iterator[Step]:
        yield from (one for due, one in self._due if due == session)
        if self.is_night:
            yield step("advance", minutes=self.chance.randint(5, 40))
        for intent, likely in INTENTS.values():
            if self.chance.random() < likely:
                yield from intent(self.author)

    def sometime(self, after: int = -1) -> int:
        """A session later than this one; the last of all comes when people have stopped."""
        return self.chance.randint(after + 1, max(after + 1, self.sessions - 1))

    def in_the_middle(self, verb: str) -> Step:
        """Between two visits, or while one goes on."""
        if self.chance.random() < 0.5:
            return step(verb)
        holding = self.chance.choice(["ModRq", "AddRq", "InvoiceAddRq", "iterator", "QueryRq"])
        return step("during_visit", holding=holding, act=[verb, {}])


# --- what befalls a company once ---


def another_file(rare: Rare) -> Iterator[Timed]:
    name = rare.chance.choice(["wrong_company", "copied_file"])
    nth, times = rare.chance.choice([1, 2]), rare.chance.choice([1, 2, 3])
    yield rare.sometime(), step("books.fault", name=name, nth=nth, times=times, arguments={})


def moved_file(rare: Rare) -> Iterator[Timed]:
    moved = rare.sometime()
    yield moved, step("books.move")
    yield rare.sometime(moved), step("person.obey", how="confirm")


def restored_file(rare: Rare) -> Iterator[Timed]:
    made = rare.sometime()
    yield made, rare.in_the_middle("books.back_up")
    put_back = min(made + rare.chance.choice([0, 1, 1, 2, 3]), rare.sessions - 1)
    yield put_back, rare.in_the_middle("books.restore")
    for _ in range(rare.chance.choice([0, 1, 2])):
        how = rare.chance.choice(["confirm", "confirm", "right", "start"])
        yield rare.sometime(put_back), step("person.obey", how=how)


def restored_database(rare: Rare) -> Iterator[Timed]:
    made = rare.sometime()
    yield made, rare.in_the_middle("database.copy")
    yield min(made + rare.chance.choice([0, 1, 1, 2, 3]), rare.sessions - 1), step("database.restore")


def wrong_clock(rare: Rare) -> Iterator[Timed]:
    wrong = rare.sometime()
    yield wrong, step("clock.pc", minutes=rare.chance.choice(HOURS))
    if rare.chance.random() < 0.6:
        yield rare.sometime(wrong), step("clock.pc", minutes=0)


def wrong_season(rare: Rare) -> Iterator[Timed]:
    season = rare.chance.choice(["autumn", "spring"])
    yield rare.sometime(), step("clock.night", season=season, minutes=rare.chance.choice([1, 30, 90]))


def clock_change(rare: Rare) -> Iterator[Timed]:
    """All of its sessions are in that night; see `beginning`."""
    yield from ()


FATES: Mapping[str, Fate] = {
    "another file": another_file,
    "moved file": moved_file,
    "restored file": restored_file,
    "restored database": restored_database,
    "wrong clock": wrong_clock,
    "wrong season": wrong_season,
    "clock change": clock_change,
}


# --- what few people do ---


def job(author: Author) -> Iterator[Step]:
    """Somebody below a customer: another level of the same."""
    if not author.customers:
        return
    below = author.chance.choice(author.customers)
    chosen = author.chance.choice([author.account, author.customer, author.twin])
    for one in chosen():
        yield one if one.verb == "sync" else Step(one.verb, {**one.given, "below": below})


def big_sale(author: Author) -> Iterator[Step]:
    """With a discount, freight, or tax of 8.25 percent on all but the freight."""
    for one in author.sale():
        extras = {
            name: f"{author.chance.randint(1, 40)}.{author.chance.randint(0, 99):02}"
            for name in ("discount", "freight")
            if author.chance.random() < 0.6
        }
        taxed = {"taxed": True} if author.chance.random() < 0.5 else {}
        yield Step("crm.big_sale", {**one.given, **extras, **taxed})


def take_apart(author: Author) -> Iterator[Step]:
    known = [*author.customers, *author.items, *author.sales, *author.sales]
    if known:
        yield step("person.unlink", token=author.chance.choice(known))


def compare(author: Author) -> Iterator[Step]:
    yield step("person.reconcile")


def repair(author: Author) -> Iterator[Step]:
    yield step("person.repair")


# How likely each is before a session.
INTENTS: Mapping[str, tuple[Callable[[Author], Iterator[Step]], float]] = {
    "job": (job, 0.25),
    "big sale": (big_sale, 0.2),
    "take apart": (take_apart, 0.12),
    "compare": (compare, 0.1),
    "repair": (repair, 0.1),
}
