"""Numbers and identities as they come in and go out of the case: foreign ones, pasted ones, and what is none."""

import pytest

from consent.models import Answer
from tests.cases.desk import messages_of

SAVE_NUMBER, SAVE, SEND = "Spara numret", "Spara uppgifterna", "Skicka SMS"
INVALID_NUMBER = "Skriv ett giltigt telefonnummer, till exempel 070-174 06 05."
MOBILE = "+46701740605"

FOREIGN = [  # libphonenumber's own examples of each country's numbers, but for the first
    ("+358401234567", "+358 40 1234567"),
    ("+4740612345", "+47 40 61 23 45"),
    ("+3725123456", "+372 512 3456"),
    ("+48512345678", "+48 512 345 678"),
    ("+12015550123", "+1 201-555-0123"),
    ("+447400123456", "+44 7400 123456"),
    ("+4915123456789", "+49 1512 3456789"),
    ("+390212345678", "+39 02 1234 5678"),
]


@pytest.mark.parametrize(("number", "shown"), FOREIGN)
def test_a_foreign_number_is_shown_with_its_country_and_saved_untouched_is_the_same_number(number, shown, book, desk):
    case = book(phone_number=number, a_number=number)
    page = desk.case(case)
    assert page.typed("phone_number", beside=SAVE_NUMBER) == page.typed("a_number", beside=SAVE) == shown
    after = page.press(SAVE_NUMBER).press(SAVE, reason="Recept")
    assert after.status == 200
    case.refresh_from_db()
    assert (case.phone_number.as_e164, case.a_number.as_e164, case.booking) == (number, number, 1)
    assert shown in desk.work_list().rows[0]


@pytest.mark.parametrize(
    "written",
    [
        "070174ABCD",
        "0701740605x12",
        "0701740605 ext 12",
        "0701740605 anknytning 12",
        "0701740605;ext=12",
        "0701740605,12",
        "0701740605#12",
        "070-174 06 05 mamma",
        "Berit 070-174 06 05",
        "070-174 06 05 / 070-174 06 06",
        "+46701740605.0",
        "tel:+46701740605;phone-context=+46",
        "٠٧٠١٧٤٠٦٠٥",
    ],
)
def test_what_is_more_than_a_number_is_none(written, case, desk):
    after = desk.case(case).press(SAVE_NUMBER, phone_number=written)
    assert after.status == 422
    assert INVALID_NUMBER in after.text
    assert after.typed("phone_number", beside=SAVE_NUMBER) == written
    case.refresh_from_db()
    assert case.phone_number.as_e164 == MOBILE


@pytest.mark.parametrize(
    "written",
    [
        "tel:+46701740605",
        "TEL: 070-174 06 05",
        "+46 (0)70-174 06 05",
        "(+46) 70 174 06 05",
        "070\u00a0174\u202f06\u200905",
        "070\u2011174\u201306\u221205",
        "０７０−１７４ ０６ ０５",
        "＋４６７０１７４０６０５",
        "070/174 06 05",
        "070.174.06.05",
        "0701740605  \t",
        "\u200e070-174 06 05\u202c\ufeff",
        "0046 70 174 06 05",
    ],
)
def test_what_people_paste_is_read(written, book, desk):
    case = book(phone_number="+46701740606")
    assert desk.case(case).press(SAVE_NUMBER, phone_number=written).status == 200
    case.refresh_from_db()
    assert case.phone_number.as_e164 == MOBILE


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("19150088-2392", "191500882392"),  # Skatteverket's own test numbers: month or day unknown
        ("20000101-T220", "20000101T220"),
        ("000101t220", "20000101T220"),
        ("19121212\u20111212", "191212121212"),
        ("1912-12-12\u00a0\u2013\u00a01212", "191212121212"),
        ("19810829M071", "19810829M071"),  # Region Västra Götaland's
        ("19810829-SU3A", "19810829SU3A"),  # Region Värmland's
        ("991981000010", "991981000010"),  # Region Stockholm's
    ],
)
def test_what_health_care_knows_a_patient_by_is_stored_and_found(written, stored, case, desk):
    after = desk.case(case).press(SAVE, personal_identity_number=written)
    assert after.status == 200
    case.refresh_from_db()
    assert case.personal_identity_number == stored
    assert after.typed("personal_identity_number", beside=SAVE) == f"{stored[:8]}-{stored[8:]}"
    assert len(desk.work_list().press("Sök", query=written).rows) == 1


def test_a_reserve_number_is_marked(book, desk):
    assert "19810829-SU3A (reservnummer)" in desk.case(book(personal_identity_number="19810829SU3A")).text


@pytest.mark.parametrize("written", ["20991231-2395", "18391231-1234", "19121213-1212", "19121212-I212"])
def test_what_nobody_has_is_refused(written, case, desk):
    after = desk.case(case).press(SAVE, personal_identity_number=written)
    assert after.status == 422
    assert "Skriv ett giltigt personnummer" in after.text
    case.refresh_from_db()
    assert case.personal_identity_number == ""


@pytest.mark.parametrize(
    "text",
    [
        "Hej 121212\u20111212",
        "Hej 121212\u22121212",
        "Hej 121212\u20141212",
        "Hej 19121212\u00a01212",
        "Hej 121212 - 1212",
        "Hej 1912-12-12-1212",
        "Hej 191500882392",
        "Hej 20000101-T220",
    ],
)
def test_a_text_with_a_personnummer_is_not_sent_however_it_is_written(text, case, desk, say):
    say(Answer.YES)
    after = desk.case(case).press(SEND, text=text)
    assert "Meddelandet innehåller ett personnummer. Ta bort det innan du skickar." in after.text
    assert messages_of(case) == []


def test_a_text_with_a_telephone_number_is_sent(case, desk, say):
    say(Answer.YES)
    desk.case(case).press(SEND, text="Ring 0102019940.")
    assert [message.text for message in messages_of(case)] == ["Ring 0102019940."]


@pytest.mark.parametrize("text", ["\u200b", "\ufeff\u00ad", " \u2060\n"])
def test_a_text_that_nobody_can_see_is_empty(text, case, desk, say):
    say(Answer.YES)
    assert "Skriv ett meddelande." in desk.case(case).press(SEND, text=text).text
    assert messages_of(case) == []


def test_a_placeholder_is_not_delivered_as_it_stands(case, desk, say):
    say(Answer.YES)
    after = desk.case(case).press(SEND, text="Vi ringer {tid}.")
    assert "{tid}" in after.typed("text", beside=SEND)
    assert "{tid} fylls inte i här" in after.text
    assert messages_of(case) == []
