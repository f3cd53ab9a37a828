"""The field "Telefonnummer" and its own Spara."""

import pytest

from consent.models import Answer
from sms.states import State
from tests.cases.desk import OTHER_MOBILE, messages_of
from tests.conftest import MOBILE

SAVE = "Spara numret"
INVALID = "Skriv ett giltigt telefonnummer, till exempel 070-174 06 05."
POP = "\u202c"  # comes along when a number is copied from some contact lists


def number_of(case) -> str:
    case.refresh_from_db()
    return case.phone_number.as_e164


def test_another_number_shows_that_numbers_answer(case, desk, say):
    say(Answer.YES)
    say(Answer.NO, OTHER_MOBILE)
    after = desk.case(case).press(SAVE, phone_number="070-174 06 06")
    assert number_of(case) == OTHER_MOBILE
    assert (after.status, after.typed("answer", beside="Spara svaret")) == (200, "no")
    assert not after.can_press("Skicka SMS")
    assert "Numret är sparat." in after.text
    assert "Telefonnumret ändrades." in after.text


def test_the_same_number_is_not_said_to_have_been_saved(case, desk):
    after = desk.case(case).press(SAVE, phone_number="0701740605")
    assert "Numret är oförändrat." in after.text
    assert "sparat" not in after.text.split("Inget svar är sparat")[0]
    assert "Telefonnumret ändrades." not in after.text


def test_another_number_does_not_take_the_old_ones_answer_along(case, desk, say):
    say(Answer.YES)
    after = desk.case(case).press(SAVE, phone_number="070-174 06 06")
    assert after.typed("answer", beside="Spara svaret") == "unset"
    assert "Samtycke till SMS saknas" in after.text


def test_what_waits_for_the_old_number_is_cancelled(case, desk, say):
    say(Answer.YES)
    desk.case(case).press("Skicka SMS", text="Hej!")
    after = desk.case(case).press(SAVE, phone_number="070-174 06 06")
    assert [message.state for message in messages_of(case)] == [State.CANCELLED]
    assert "SMS: Inställt." in after.text


def test_what_waits_in_another_case_of_the_number_is_left(case, book, desk, say):
    say(Answer.YES)
    other = book()
    desk.case(other).press("Skicka SMS", text="Hej!")
    desk.case(case).press(SAVE, phone_number="070-174 06 06")
    assert [message.state for message in messages_of(other)] == [State.QUEUED]


@pytest.mark.parametrize(
    "spelling",
    [
        "0701740605",
        "070-174 06 05",
        "+46 70 174 06 05",
        "0046701740605",
        "0701740605\x00",
        f" 0701740605{POP}",
        f"\u202a+46701740605{POP}",
    ],
)
def test_the_same_number_spelt_otherwise_changes_nothing(spelling, case, desk, say):
    say(Answer.YES)
    desk.case(case).press("Skicka SMS", text="Hej!")
    after = desk.case(case).press(SAVE, phone_number=spelling)
    assert number_of(case) == MOBILE
    assert "Telefonnumret ändrades" not in after.text
    assert [message.state for message in messages_of(case)] == [State.QUEUED]


@pytest.mark.parametrize(
    "written",
    [
        "ring mig",
        "070-174 06",
        "070174060570174060570174",
        POP,
        f"070{POP}",
        "++46",
        "<script>alert(1)</script>",
        "0" * 5000,
        "112",
    ],
)
def test_what_is_no_number_is_kept_with_a_message_and_changes_nothing(written, case, desk):
    after = desk.case(case).press(SAVE, phone_number=written)
    assert after.status == 422
    assert INVALID in after.text
    assert after.typed("phone_number", beside=SAVE) == written
    assert "<script>alert" not in after.html
    assert number_of(case) == MOBILE


def test_no_number_is_refused_in_words(case, desk):
    assert "Skriv ett telefonnummer." in desk.case(case).press(SAVE, phone_number=" ").text
    assert number_of(case) == MOBILE


def test_a_number_saved_from_a_page_that_shows_an_older_one_is_not_stored(case, desk):
    left_open = desk.case(case)
    desk.case(case).press(SAVE, phone_number="070-174 06 06")
    after = left_open.press(SAVE, phone_number="070-174 06 07")
    assert after.status == 409
    assert "Numret har ändrats. Kontrollera svaret." in after.text
    assert after.typed("phone_number", beside=SAVE) == "070-174 06 06"
    assert number_of(case) == OTHER_MOBILE
