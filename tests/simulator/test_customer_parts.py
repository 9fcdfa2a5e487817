"""Addresses, contacts, notes and cards of a customer; sections are of qbxml-semantics.md."""

import re

from lxml import etree

from tests.simulator.conftest import Office


def texts(ret: etree._Element, path: str) -> list[str]:
    return [element.text or "" for element in ret.findall(path)]


class TestParts:
    ADDRESS = (
        "<BillAddress><Addr1>Ann</Addr1><Addr2>1 Main St</Addr2><City>Austin</City><State>TX</State>"
        "<PostalCode>78701</PostalCode><Country>USA</Country></BillAddress>"
    )

    def test_an_address_has_a_printed_form(self, office: Office) -> None:
        # 5: BillAddressBlock (6.0)
        ret = office.ret(office.add("Ann", self.ADDRESS))
        assert texts(ret, "BillAddressBlock/*") == ["Ann", "1 Main St", "Austin, TX 78701", "USA"]
        assert ret.find("ShipAddress") is None

    def test_an_address_is_one_unit(self, office: Office) -> None:
        # 5: send all its lines
        list_id = office.add("Ann", self.ADDRESS)
        ret = office.mod(list_id, "<BillAddress><Addr1>Ann B.</Addr1></BillAddress>").find("CustomerRet")
        assert ret is not None
        assert texts(ret, "BillAddress/*") == ["Ann B."]
        assert texts(ret, "BillAddressBlock/*") == ["Ann B."]
        assert office.mod(list_id, "<BillAddress/>").find("CustomerRet/BillAddress") is None

    def test_the_contact_list_mirrors_the_customers_own_fields(self, office: Office) -> None:
        # measured in real answers: names and order
        ret = office.ret(
            office.add(
                "Ann",
                "<Phone>1</Phone><AltPhone>2</AltPhone><Fax>3</Fax><Email>a@example.com</Email>"
                "<Cc>c@example.com</Cc><AdditionalContactRef><ContactName>Mobile</ContactName>"
                "<ContactValue>9</ContactValue></AdditionalContactRef>",
            )
        )
        assert texts(ret, "AdditionalContactRef/ContactName") == [
            "Main Phone",
            "Alt. Phone",
            "Fax",
            "Main Email",
            "CC Email",
            "Mobile",
        ]
        assert texts(ret, "AdditionalContactRef/ContactValue") == [
            "1",
            "2",
            "3",
            "a@example.com",
            "c@example.com",
            "9",
        ]

    def test_an_entry_of_the_contact_list_sets_the_field_it_mirrors(self, office: Office) -> None:
        ret = office.ret(
            office.add(
                "Ann",
                "<AdditionalContactRef><ContactName>Main Phone</ContactName><ContactValue>7</ContactValue>"
                "</AdditionalContactRef>",
            )
        )
        assert ret.findtext("Phone") == "7"

    def test_notes_are_note_0_of_the_notes_list(self, office: Office) -> None:
        # measured
        list_id = office.add(
            "Ann", "<Notes>first</Notes><AdditionalNotes><Note>more</Note></AdditionalNotes>"
        )
        ret = office.ret(list_id)
        assert texts(ret, "AdditionalNotesRet/NoteID") == ["0", "1"]
        assert texts(ret, "AdditionalNotesRet/Note") == ["first", "more"]
        assert texts(ret, "AdditionalNotesRet/Date") == ["2026-08-01", "2026-08-01"]
        ret = office.mod(
            list_id, "<Notes/><AdditionalNotesMod><NoteID>1</NoteID><Note>changed</Note></AdditionalNotesMod>"
        )[0]
        assert (ret.find("Notes"), texts(ret, "AdditionalNotesRet/Note")) == (None, ["changed"])
        assert (
            office.mod(
                list_id, "<AdditionalNotesMod><NoteID>5</NoteID><Note>x</Note></AdditionalNotesMod>"
            ).get("statusSeverity")
            == "Error"
        )

    def test_of_a_card_number_four_digits_are_shown(self, office: Office) -> None:
        # measured
        ret = office.ret(
            office.add(
                "Ann",
                "<CreditCardInfo><CreditCardNumber>4111111111112222</CreditCardNumber>"
                "<ExpirationMonth>9</ExpirationMonth></CreditCardInfo>",
            )
        )
        assert texts(ret, "CreditCardInfo/*") == ["xxxxxxxxxxxx2222", "09"]

    def test_contacts_have_an_identity_of_their_own(self, office: Office) -> None:
        # 5 Repeating header parts; 6: 12.0
        list_id = office.add(
            "Ann",
            "<Contacts><FirstName>Kim</FirstName></Contacts><Contacts><FirstName>Lee</FirstName></Contacts>",
        )
        kim, lee = office.ret(list_id).findall("ContactsRet")
        assert re.fullmatch(r"[0-9A-F]+-\d+", kim.findtext("ListID") or "")
        edit = (
            f"<ContactsMod><ListID>{lee.findtext('ListID')}</ListID><EditSequence>{{}}</EditSequence>"
            "<FirstName>Leo</FirstName></ContactsMod>"
        )
        stale = office.mod(list_id, edit.format("1"))
        assert stale.get("statusCode") == "3200"
        ret = office.mod(list_id, edit.format(lee.findtext("EditSequence")))[0]
        assert texts(ret, "ContactsRet/FirstName") == ["Leo"]

    def test_ship_to_addresses_are_replaced_as_a_set(self, office: Office) -> None:
        # 5
        one = "<ShipToAddress><Name>{}</Name><Addr1>x</Addr1></ShipToAddress>"
        list_id = office.add("Ann", one.format("A") + one.format("B"))
        ret = office.mod(list_id, one.format("C"))[0]
        assert texts(ret, "ShipToAddress/Name") == ["C"]
