"""Companies, organisations and connections, and the names under which they are found."""

import pytest
from sqlalchemy.exc import IntegrityError

from qbwc_server.store import parties
from qbwc_server.store.database import Database
from qbwc_server.store.rows import Company
from tests.rows import COMPANY, CONNECTION, NOW, ORGANISATION, like

OTHER = like(COMPANY, id="other", name="Other", user_name="other", file_id="{0}")


def test_a_company_comes_back_as_it_was_stored(database: Database) -> None:
    full = like(COMPANY, pinned_name="Söhne <Tools>", pinned_path="C:\\B\\R.qbw", pinned_at=NOW, country="US")
    with database.write() as tx:
        parties.add_company(tx, full)
        assert parties.company(tx, "shop") == full
        assert parties.company_named(tx, "Right Tools") == full
        assert parties.company_of_user(tx, "shop") == full
        assert parties.alone_with(tx, "shop") == full
        assert parties.company(tx, "SHOP") is parties.company_of_user(tx, "Shop") is None


@pytest.mark.parametrize("same", ["id", "name", "user_name", "file_id"])
def test_two_companies_share_no_name_user_or_file(database: Database, same: str) -> None:
    """One user name per company, one FileID per company file (protocol 5.1)."""
    twin: Company = like(OTHER, **{same: getattr(COMPANY, same)})
    with database.write() as tx:
        parties.add_company(tx, COMPANY)
    with pytest.raises(IntegrityError), database.write() as tx:
        parties.add_company(tx, twin)


def test_a_visit_wants_a_poll_of_its_own_organisations_only(database: Database) -> None:
    with database.write() as tx:
        for name in ("org", "org-2"):
            parties.add_organisation(tx, like(ORGANISATION, id=name))
        parties.add_company(tx, COMPANY)
        parties.add_company(tx, OTHER)
        parties.add_connection(tx, CONNECTION)
        parties.add_connection(
            tx, like(CONNECTION, id="con-2", name="2", company_id="other", organisation_id="org-2")
        )
        parties.want_poll(tx, "shop", NOW)
        wanted = {one.id: one.poll_wanted_at for one in parties.all_organisations(tx)}
    assert wanted == {"org": NOW, "org-2": None}


def test_connections_are_found_from_either_end(database: Database) -> None:
    with database.write() as tx:
        parties.add_connection(tx, CONNECTION)
        parties.change_connection(tx, "con", stopped_reason="too many")
        stopped = like(CONNECTION, stopped_reason="too many")
        assert parties.connections_of_company(tx, "shop") == [stopped]
        assert parties.connections_of_organisation(tx, "org") == [stopped]
        assert parties.connections_of_company(tx, "other") == []


def test_whether_any_password_is_a_chosen_one(database: Database) -> None:
    with database.write() as tx:
        parties.add_company(tx, like(COMPANY, password_hash="hmac-sha256:00"))
        assert not parties.any_password_like(tx, "$argon2")
        parties.add_company(tx, like(OTHER, password_hash="$argon2id$v=19$..."))
        assert parties.any_password_like(tx, "$argon2")
        assert not parties.any_password_like(tx, "%")
