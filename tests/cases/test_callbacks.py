"""What is done to a case: taken, called, released, closed, opened again, moved, described, and made."""

from datetime import datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from cases import automatic_sms
from cases.models import Case, Note, Status
from consent.models import Answer
from sms.models import Kind, Message, Refusal
from sms.states import State
from teleq.models import Membership
from teleq.swedish import date_and_clock
from tests.cases.desk import at_once, desk_of, in_a_month, messages_of, rebooking, squeezed
from tests.conftest import MOBILE
from tests.database_roles import past_the_triggers
from tests.intake.telephone_system import at

ALREADY_TAKEN = "Karim Noor har redan tagit ärendet."
CLOSED = "Ärendet är avslutat."


def state_of(case) -> tuple:
    case.refresh_from_db()
    return case.status, str(case.assignee or ""), case.attempts


def local(at: datetime) -> str:
    """As the browser's field for a time writes it."""
    return f"{timezone.localtime(at):%Y-%m-%dT%H:%M}"


# Taken and released --------------------------------------------------------------------------------------------------


def test_a_case_that_is_taken_says_by_whom(case, desk):
    after = desk.case(case).press("Ta ärendet")
    assert state_of(case) == (Status.ONGOING, "Anna Lind", 0)
    assert "Pågår – Anna Lind" in after.text
    assert "Tog ärendet." in after.text


def test_who_comes_second_is_told_who_has_it(case, desk, colleague):
    left_open = desk.case(case)
    desk_of(colleague).case(case).press("Ta ärendet")
    assert ALREADY_TAKEN in left_open.press("Ta ärendet").text
    assert state_of(case) == (Status.ONGOING, "Karim Noor", 0)


def test_taking_it_twice_is_taking_it_once(case, desk):
    left_open = desk.case(case)
    left_open.press("Ta ärendet")
    assert "redan" not in left_open.press("Ta ärendet").text
    assert case.events.filter(kind="taken").count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_who_take_it_at_the_same_time_exactly_one_gets_it(case, nurse, colleague):
    pages = [desk_of(user).case(case) for user in (nurse, colleague)]
    texts = [after.text for after in at_once(case, *[lambda page=page: page.press("Ta ärendet") for page in pages])]
    assert sum("har redan tagit ärendet." in text for text in texts) == 1
    assert case.events.filter(kind="taken").count() == 1
    assert case.events.get(kind="taken").user == Case.objects.get().assignee


def test_a_colleague_takes_it_over_before_releasing_it(case, desk, colleague):
    desk_of(colleague).case(case).press("Ta ärendet")
    after = desk.case(case).press("Ta över ärendet").press("Ja, ta över").press("Släpp ärendet")
    assert state_of(case) == (Status.WAITING, "", 0)
    assert "Tog över ärendet från Karim Noor." in after.text
    assert "Släppte ärendet." in after.text


def test_a_released_case_that_was_called_without_answer_stays_inget_svar(case, desk):
    desk.case(case).press("Inget svar")
    desk.case(case).press("Ta ärendet").press("Släpp ärendet")
    assert state_of(case) == (Status.NO_ANSWER, "", 1)


def test_a_closed_case_can_not_be_taken_from_a_page_left_open(case, desk):
    left_open = desk.case(case)
    desk.case(case).press("Ej nådd")
    assert CLOSED in left_open.press("Ta ärendet").text
    assert state_of(case) == (Status.DONE, "", 0)


# Called --------------------------------------------------------------------------------------------------------------


def test_calls_without_answer_are_counted_and_told_in_the_history(case, desk):
    page = desk.case(case)
    for attempt in (1, 2):
        page = page.press("Inget svar")
        assert f"Uppringning utan svar. Försök {attempt} av 3." in page.text
        assert state_of(case) == (Status.NO_ANSWER, "", attempt)
    assert "Försök 2 av 3" in page.text.split("Historik")[0]


def test_calls_past_those_that_were_planned_are_not_told_as_some_of_them(case, desk, queue):
    page = desk.case(case)
    for _ in range(4):
        page = page.press("Inget svar")
    assert "Uppringning utan svar. Försök 3 av 3." in page.text
    assert "Uppringning utan svar. Försök 4 (högst 3 var planerade)." in page.text
    assert "Försök 4 (högst 3 var planerade)" in page.text.split("Historik")[0]
    assert "4 (högst 3 var planerade)" in desk.work_list().rows[0]
    assert "4 av 3" not in page.text + desk.work_list().text


def test_a_call_that_reached_the_patient_gives_the_case_to_who_called(case, desk):
    after = desk.case(case).press("Fick svar")
    assert "Fick svar. Försök 1 av 3." in after.text
    assert state_of(case) == (Status.ONGOING, "Anna Lind", 1)


@pytest.mark.parametrize("second", ["Inget svar", "Fick svar"])
def test_pressed_twice_on_the_same_page_a_call_is_counted_once(second, case, desk):
    page = desk.case(case)
    page.press("Inget svar")
    page.press(second)
    assert state_of(case) == (Status.NO_ANSWER, "", 1)
    assert case.events.count() == 2  # made, called


@pytest.mark.django_db(transaction=True)
def test_two_who_call_at_the_same_time_are_counted_once(case, nurse, colleague):
    pages = [desk_of(user).case(case) for user in (nurse, colleague)]
    at_once(case, *[lambda page=page: page.press("Inget svar") for page in pages])
    assert state_of(case) == (Status.NO_ANSWER, "", 1)
    assert case.events.filter(kind="no_answer").count() == 1


@pytest.mark.parametrize("button", ["Inget svar", "Fick svar"])
def test_a_case_that_a_colleague_has_is_not_counted_for(button, case, desk, colleague):
    left_open = desk.case(case)
    page = desk_of(colleague).case(case).press("Ta ärendet")
    assert page.has_button(button)
    assert not desk.case(case).has_button(button)
    assert ALREADY_TAKEN in left_open.press(button).text
    assert state_of(case) == (Status.ONGOING, "Karim Noor", 0)


def test_a_closed_case_is_not_counted_for(case, desk):
    left_open = desk.case(case)
    desk.case(case).press("Avboka")
    assert CLOSED in left_open.press("Inget svar").text
    assert state_of(case) == (Status.CANCELLED, "", 0)


@pytest.mark.parametrize(
    "data",
    [
        {"act": "delete", "seen_event": "0"},
        {"seen_event": "0"},
        {"act": "take"},
        {"act": "take", "seen_event": "-1"},
        {"act": "no_answer", "seen_event": "x"},
        {"act": "no_answer", "seen_event": "²"},
        {"act": "no_answer", "seen_event": "9" * 5000},
    ],
    ids=lambda data: f"{data.get('act')} {data.get('seen_event', '-')[:5]}",
)
def test_a_button_that_is_none_is_a_bad_request(data, case, desk):
    assert desk.client.post(reverse("cases:act", args=[case.pk]), data).status_code == 400
    assert state_of(case) == (Status.WAITING, "", 0)


# Closed and opened again ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("button", "status"), [("Ej nådd", Status.DONE), ("Avboka", Status.CANCELLED)])
def test_closing_cancels_what_would_be_sent_by_itself(button, status, case, desk, book):
    other = book()
    for each in (case, other):
        confirmed(each)
    after = desk.case(case).press("Ta ärendet").press(button)
    assert state_of(case) == (status, "", 0)
    assert [message.state for message in messages_of(case)] == [State.CANCELLED]
    assert "Bokningsbekräftelse: Inställt." in after.text
    assert [message.state for message in messages_of(other)] == [State.QUEUED]


@pytest.mark.parametrize(
    ("button", "typed"), [("Ej nådd", {}), ("Avboka", {}), ("Spara tiden", {"callback_at": in_a_month()})]
)
def test_an_sms_that_a_nurse_has_sent_and_that_waits_still_leaves(button, typed, case, desk, say):
    say(Answer.YES)
    desk.case(case).press("Skicka SMS", text="Vi ringer igen.")
    rebooking(desk, case).press(button, **typed)
    assert [message.state for message in messages_of(case)] == [State.QUEUED]


def test_an_sms_to_the_number_that_was_does_not(case, desk, say):
    say(Answer.YES)
    desk.case(case).press("Skicka SMS", text="Vi ringer igen.").press("Spara numret", phone_number="070-174 06 06")
    assert [message.state for message in messages_of(case)] == [State.CANCELLED]


def test_closing_leaves_what_was_refused_as_it_was(case, desk):
    desk.case(case).press("Skicka SMS", by_hand=True, text="Vi ringer igen.")
    desk.case(case).press("Ej nådd")
    assert [message.state for message in messages_of(case)] == [State.REFUSED]


def test_a_case_is_closed_once(case, desk):
    left_open = desk.case(case)
    desk.case(case).press("Ej nådd")
    left_open.press("Avboka")
    assert state_of(case) == (Status.DONE, "", 0)
    assert case.events.count() == 2


def test_a_closed_case_has_nothing_but_oppna_igen(case, desk):
    page = desk.case(case).press("Ej nådd")
    buttons = ["Ta ärendet", "Släpp ärendet", "Fick svar", "Inget svar", "Ej nådd", "Avboka", "Öppna igen"]
    assert [button for button in buttons if page.has_button(button)] == ["Öppna igen"]


def test_opened_again_it_waits_as_it_did_and_keeps_its_attempts(case, book, desk):
    desk.case(case).press("Inget svar").press("Ej nådd").press("Öppna igen")
    assert state_of(case) == (Status.NO_ANSWER, "", 1)
    never_called = book()
    after = desk.case(never_called).press("Avboka").press("Öppna igen")
    assert state_of(never_called) == (Status.WAITING, "", 0)
    assert "Ärendet öppnades igen." in after.text


def test_opening_again_does_not_send_what_was_cancelled(case, desk):
    confirmed(case)
    desk.case(case).press("Ej nådd").press("Öppna igen")
    assert [message.state for message in messages_of(case)] == [State.CANCELLED]


# Described and moved -------------------------------------------------------------------------------------------------

SAVE, SAVE_TIME = "Spara uppgifterna", "Spara tiden"
INVALID_IDENTITY = "Skriv ett giltigt personnummer, samordningsnummer eller reservnummer, till exempel 19121212-1212."


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("19121212-1212", "191212121212"),
        ("191212121212", "191212121212"),
        ("121212+1212", "191212121212"),
        (" 900101-0017 ", "199001010017"),
        ("19701063-2391", "197010632391"),  # a samordningsnummer: the day and 60
        ("", ""),
    ],
)
def test_a_personnummer_or_samordningsnummer_is_stored_with_twelve_digits(written, stored, case, desk):
    after = desk.case(case).press(SAVE, personal_identity_number=written)
    assert after.status == 200
    case.refresh_from_db()
    assert case.personal_identity_number == stored
    if stored:
        assert f"{stored[:8]}-{stored[8:]}" in after.text


@pytest.mark.parametrize(
    "written", ["19121212-1213", "19121232-1212", "121212", "Berit", "19701063-2392", "1" * 20, "١٩١٢١٢١٢-١٢١٢"]
)
def test_a_wrong_one_is_kept_with_a_message_and_not_stored(written, case, desk):
    after = desk.case(case).press(SAVE, personal_identity_number=written, name="Ny Testsson")
    assert after.status == 422
    assert INVALID_IDENTITY in after.text
    assert after.typed("personal_identity_number", beside=SAVE) == written
    assert after.typed("name", beside=SAVE) == "Ny Testsson"
    assert "<bdi>Berit Testsson</bdi></h1>" in after.html
    case.refresh_from_db()
    assert (case.personal_identity_number, case.name) == ("", "Berit Testsson")


def test_saving_the_details_without_a_change_leaves_no_trace(book, desk):
    case = book(personal_identity_number="191212121212", a_number="+46846500400", reason="Recept")
    desk.case(case).press(SAVE)
    case.refresh_from_db()
    assert case.booking == 1
    assert [event.kind for event in case.events.all()] == ["created"]


def test_a_time_with_seconds_is_not_moved_by_saving_it_or_something_else(book, desk):
    at = timezone.now().replace(second=31, microsecond=5) - timedelta(hours=1)
    case = book(callback_at=at)
    assert desk.case(case).press(SAVE, reason="Recept").status == 200
    assert rebooking(desk, case).press(SAVE_TIME).status == 200
    case.refresh_from_db()
    assert (case.reason, case.booking, case.callback_at) == ("Recept", 1, at)


def test_details_that_changed_are_told_in_the_history_and_are_no_new_booking(case, desk):
    after = desk.case(case).press(SAVE, reason="Recept", a_number="08-465 004 00")
    assert "Uppgifterna ändrades." in after.text
    assert "Tiden ändrades." not in after.text
    case.refresh_from_db()
    assert (case.booking, case.a_number.as_e164) == (1, "+46846500400")


def test_moving_the_time_is_a_new_booking(case, desk):
    to = case.callback_at + timedelta(days=1)
    after = rebooking(desk, case).press(SAVE_TIME, callback_at=local(to))
    assert "Tiden ändrades." in after.text
    assert "Uppgifterna ändrades." not in after.text
    case.refresh_from_db()
    assert (case.booking, case.callback_at) == (2, to)


def test_a_case_can_not_be_moved_to_a_time_that_has_passed(case, desk):
    after = rebooking(desk, case).press(SAVE_TIME, callback_at=local(timezone.now() - timedelta(minutes=2)))
    assert after.status == 422
    assert "Tiden har redan passerat." in after.text
    case.refresh_from_db()
    assert case.booking == 1


def test_an_overdue_case_can_be_described_without_being_moved(book, desk):
    case = book(callback_at=timezone.now().replace(second=0, microsecond=0) - timedelta(hours=2))
    assert desk.case(case).press(SAVE, reason="Recept").status == 200


@pytest.mark.parametrize(("written", "message"), [("", "Välj en tid."), ("i morgon", "Skriv en giltig tid.")])
def test_a_time_that_is_none_is_refused_in_words(written, message, case, desk):
    after = rebooking(desk, case).press(SAVE_TIME, callback_at=written)
    assert after.status == 422
    assert message in after.text


@pytest.mark.parametrize("field", ["name", "reason"])
def test_a_text_that_is_too_long_is_refused_in_words(field, case, desk):
    after = desk.case(case).press(SAVE, **{field: "å" * 201})
    assert after.status == 422
    assert "tecken. Nu är det 201." in after.text


# Notes ---------------------------------------------------------------------------------------------------------------


def test_a_note_is_shown_with_who_wrote_it(case, desk):
    after = desk.case(case).press("Spara anteckningen", note_text="Ringer <b>igen</b>\nefter lunch.")
    assert "Ringer &lt;b&gt;igen&lt;/b&gt;<br>efter lunch." in after.html
    assert Note.objects.get().author.username == "anna"


@pytest.mark.parametrize(("text", "message"), [("", "Skriv en anteckning."), ("å" * 2001, "tecken. Nu är det 2001.")])
def test_a_note_that_is_empty_or_too_long_is_refused_in_words(text, message, case, desk):
    after = desk.case(case).press("Spara anteckningen", note_text=text)
    assert after.status == 422
    assert message in after.text
    assert after.typed("note_text", beside="Spara anteckningen") == text
    assert not Note.objects.exists()


# Made ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def make(desk, queue):
    def made(**typed):
        values = {"queue": queue.pk, "phone_number": "070-174 06 05", "callback_at": in_a_month()} | typed
        return desk.open(reverse("cases:new_case")).press("Skapa ärendet", **values)

    return made


def test_a_new_case_is_opened_and_told_in_its_history(make, nurse, queue):
    after = make(name="Berit Testsson", personal_identity_number="19121212-1212", a_number="08-465 004 00")
    case = Case.objects.get()
    assert after.address == reverse("cases:case", args=[case.pk])
    assert "Ärendet är skapat." in after.text
    assert "Ärendet skapades." in after.text
    assert (case.queue, case.phone_number.as_e164, case.name) == (queue, MOBILE, "Berit Testsson")
    assert (case.personal_identity_number, case.a_number.as_e164) == ("191212121212", "+46846500400")
    assert local(case.callback_at) == in_a_month()
    assert case.events.get().user == nurse


def test_a_patient_who_booked_by_telephone_is_told_as_such(case, desk):
    assert "Patienten bokade återuppringning. Telefonsystemet" in desk.case(case).text


@pytest.mark.usefixtures("open_queue")
def test_what_the_patient_did_by_telephone_is_told_as_the_patients(telephones, desk, queue, day):
    booked, moved = at(day, "08:00"), at(day, "09:30")
    callback = telephones.book(queue, booked).body["id"]
    telephones.move(callback, moved)
    telephones.cancel(callback)
    history = desk.case(Case.objects.get()).text.split("Historik")[1]
    told = [
        "Patienten avbokade.",
        f"Patienten ändrade tiden. Från {date_and_clock(booked)} till {date_and_clock(moved)}.",
        "Patienten bokade återuppringning.",
    ]
    places = [history.index(f"{sentence} Telefonsystemet") for sentence in told]
    assert places == sorted(places)


def test_what_a_nurse_moves_and_cancels_is_told_as_hers(case, desk):
    to = case.callback_at + timedelta(days=1)
    text = rebooking(desk, case).press(SAVE_TIME, callback_at=local(to)).press("Avboka").text
    assert "Avbokat. Anna Lind" in text
    assert "Tiden ändrades. Från " in text
    assert "Patienten ändrade" not in text
    assert "Patienten avbokade" not in text


# Automatic messages in its history -----------------------------------------------------------------------------------


def confirmed(case) -> None:
    outgoing_sms = case.queue.outgoing_sms
    outgoing_sms.confirmation_on = True
    automatic_sms.confirm(case)


def automatic(case, **columns) -> Message:
    """The case's booking is confirmed, and the message comes to this."""
    confirmed(case)
    with past_the_triggers():  # as if it had come there the way messages do
        Message.objects.update(**columns)
    return Message.objects.get()


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({}, "Väntar"),
        ({"state": State.REFUSED, "refusal": Refusal.MISSING}, "Samtycke till SMS saknas"),
        ({"state": State.REFUSED, "refusal": Refusal.DECLINED}, "SMS-utskick avböjt"),
        (
            {"state": State.REFUSED, "refusal": Refusal.NOT_MOBILE},
            "Numret kan inte ta emot SMS (inte ett mobilnummer)",
        ),
        ({"state": State.CANCELLED}, "Inställt"),
        ({"state": State.EXPIRED}, "För sent"),
        ({"state": State.FAILED}, "Misslyckades"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("kind", Kind)
def test_a_message_is_told_with_its_kind_and_state_and_the_reason_in_full(kind, columns, told, case, desk):
    message = automatic(case, kind=kind, **columns)
    text = desk.case(case).text
    assert f"{kind.label}: {told}. Automatiskt {squeezed(message.text)}" in text


@pytest.mark.parametrize(
    ("button", "typed"), [("Ej nådd", {}), ("Avboka", {}), (SAVE_TIME, {"callback_at": in_a_month()})]
)
def test_a_confirmation_that_waits_when_its_case_is_closed_or_moved_is_told_as_installt(button, typed, case, desk):
    automatic(case)
    assert "Bokningsbekräftelse: Inställt." in rebooking(desk, case).press(button, **typed).text


@pytest.mark.parametrize(
    ("columns", "keeps_looking"),
    [
        ({}, True),
        ({"state": State.REFUSED, "refusal": Refusal.MISSING}, False),
        ({"created_at": timezone.now() - timedelta(minutes=2)}, False),
    ],
    ids=["on its way", "refused", "two minutes old"],
)
def test_the_history_looks_again_while_an_automatic_message_is_on_its_way(columns, keeps_looking, case, desk):
    automatic(case, **columns)
    assert ('data-live="2"' in desk.case(case).html) == keeps_looking


def test_name_personnummer_and_a_nummer_may_be_missing(make):
    assert "Namn saknas" in make().text
    assert Case.objects.get().a_number is None


def test_its_queue_is_chosen_unless_there_is_one_only(desk, nurse, queue, plain_queue):
    address = reverse("cases:new_case")
    page = desk.open(address)
    assert page.typed("queue", beside="Skapa ärendet") == ""
    assert "Välj kö" in page.text
    assert "---" not in page.text
    Membership.objects.filter(user=nurse, queue=plain_queue).delete()
    assert desk.open(address).typed("queue", beside="Skapa ärendet") == str(queue.pk)


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ({"callback_at": "2020-01-01T10:30"}, "Tiden har redan passerat."),
        ({"callback_at": ""}, "Välj en tid."),
        ({"queue": ""}, "Välj en kö."),
        ({"queue": "x"}, "Välj en av dina köer."),
        ({"phone_number": ""}, "Skriv ett telefonnummer."),
        ({"phone_number": "070"}, "Skriv ett giltigt telefonnummer, till exempel 070-174 06 05."),
        ({"a_number": "hemligt"}, "Skriv ett giltigt telefonnummer, till exempel 070-174 06 05."),
        ({"personal_identity_number": "19121212-1213"}, INVALID_IDENTITY),
    ],
)
def test_what_is_missing_or_wrong_is_said_in_words_and_nothing_is_made(typed, message, make):
    after = make(**({"name": "Berit Testsson"} | typed))
    assert after.status == 422
    assert message in after.text
    for field, value in ({"name": "Berit Testsson"} | typed).items():
        assert after.typed(field, beside="Skapa ärendet") == ("" if field == "queue" else value)
    assert not Case.objects.exists()


@pytest.mark.parametrize("identity", ["", "19121212-1212"])
def test_the_same_case_twice_is_refused(identity, make):
    make(personal_identity_number=identity)
    after = make(personal_identity_number=identity, phone_number="+46 70 174 06 05")
    assert after.status == 422
    assert "Det finns redan ett öppet ärende för numret på den tiden." in after.text
    assert Case.objects.count() == 1


@pytest.mark.parametrize(
    "another",
    [
        {"callback_at": in_a_month("10:45")},
        {"phone_number": "070-174 06 06"},
        {"personal_identity_number": "19121212-1212"},
    ],
)
def test_another_time_number_or_person_is_another_case(another, make):
    make()
    assert make(**another).status == 200
    assert Case.objects.count() == 2


def test_a_closed_case_is_no_hindrance(make):
    make().press("Ej nådd")
    assert make().status == 200
    assert Case.objects.count() == 2
