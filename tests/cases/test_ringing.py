"""The calls: Ring, how it went, when to try again, how it ended, and what is taken back."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from cases import acts, automatic_sms, callbacks, drafts, retries
from cases.changing import NotPossible
from cases.models import ClosedDay, NoAnswer, Priority, Status, TelephoneHours
from consent.models import Answer
from sms import gateway
from sms.models import Kind, Lane, Message, StandardText
from sms.states import State
from teleq.clock import database_now
from teleq.models import Outcome, OutgoingSms, Queue, User
from tests.cases.desk import OTHER_MOBILE, at_once, desk_of, dials, messages_of, said
from tests.conftest import MOBILE
from tests.database_roles import as_owner

RING = "Ring 070-174 06 05"
THREE_CALLS = "Hej. Vi har försökt nå dig tre gånger. Häls. VC Spindeln"


def fresh(case):
    case.refresh_from_db()
    return case


def kinds_of(case) -> list[str]:
    return [event.kind for event in case.events.order_by("id")]


def moved_back(case, **back) -> None:
    """As if what has happened in the case had happened so much earlier."""
    with as_owner():
        case.events.update(at=F("at") - timedelta(**back))
    if fresh(case).call_began_at:
        case.call_began_at -= timedelta(**back)
        case.save(update_fields=["call_began_at"])


# Ring ----------------------------------------------------------------------------------------------------------------


def test_ring_takes_the_case_and_then_dials(case, desk):
    after = desk.case(case).press(RING)
    assert dials(after) == MOBILE
    assert (fresh(case).status, case.assignee.username, case.attempts) == (Status.ONGOING, "anna", 0)
    assert re.search(r"Pågående samtal sedan \d\d\.\d\d", after.text)
    assert "Ringde. Anna Lind" in after.text
    assert not dials(desk.case(case))  # a page that is only looked at dials nobody


def test_where_a_colleague_has_it_nothing_is_dialled_and_it_says_who(case, desk, colleague):
    left_open = desk.case(case)
    acts.take(case, by=colleague)
    after = left_open.press(RING)
    assert not dials(after)
    assert "Inget ändrades: Karim Noor har redan tagit ärendet." in said(after)
    assert not after.has_button(RING)
    assert fresh(case).assignee == colleague


@pytest.mark.django_db(transaction=True)
def test_of_two_who_ring_at_the_same_time_one_dials(case, nurse, colleague):
    pages = [desk_of(user).case(case) for user in (nurse, colleague)]
    answers = at_once(case, *[lambda page=page: page.press(RING) for page in pages])
    assert sorted(dials(answer) for answer in answers) == ["", MOBILE]
    [told] = [said(answer) for answer in answers if not dials(answer)]
    assert re.search(r"Inget ändrades: (Anna Lind|Karim Noor) har ärendet och ringde \d\d\.\d\d\.", told)
    assert kinds_of(case) == ["created", "called"]


def test_during_a_call_it_dials_again_and_nothing_is_noted(case, desk):
    page = desk.case(case)
    page.press(RING)
    began = fresh(case).call_began_at
    assert dials(page.press(RING)) == MOBILE
    assert dials(desk.case(case).press(RING)) == MOBILE
    assert (fresh(case).call_began_at, kinds_of(case)) == (began, ["created", "called"])


def test_the_number_that_was_shown_is_dialled_or_none(case, desk, colleague):
    left_open = desk.case(case)
    desk_of(colleague).case(case).press("Spara numret", phone_number=OTHER_MOBILE)
    after = left_open.press(RING)
    assert (after.status, dials(after)) == (409, "")
    assert "Numret har ändrats. Ingen ringdes upp; nu visas det nya numret." in said(after)
    assert dials(after.press("Ring 070-174 06 06")) == OTHER_MOBILE


def test_after_an_hour_the_outcome_is_missing_and_ring_is_another_call(case, desk):
    desk.case(case).press(RING)
    moved_back(case, minutes=61)
    page = desk.case(case)
    assert re.search(r"Ringt [^–]+ – resultat saknas", page.text)
    assert "Pågående samtal" not in page.text
    assert "Pågående samtal" in page.press(RING).text
    assert kinds_of(case) == ["created", "called", "called"]


def test_a_case_that_is_released_during_a_call_says_that_its_outcome_is_missing(case, desk):
    desk.case(case).press(RING).press("Släpp ärendet")
    assert re.search(r"Ringt \d\d\.\d\d – resultat saknas", desk.case(case).text)


def test_a_call_of_whoever_had_the_case_before_is_not_the_call_of_who_has_it_now(case, desk, colleague):
    desk.case(case).press(RING).press("Släpp ärendet")
    page = desk_of(colleague).case(case).press("Ta ärendet")
    assert "resultat saknas" in page.text
    assert "Pågående samtal" not in page.text
    after = page.press(RING)
    assert dials(after) == MOBILE
    assert "Pågående samtal" in after.text


def test_ringde_inte_counts_nothing_and_one_keeps_the_case(case, desk):
    after = desk.case(case).press(RING).press("Ringde inte")
    assert "Ringde inte är registrerat. Försöket räknas inte." in said(after)
    assert (fresh(case).attempts, case.call_began_at, case.status) == (0, None, Status.ONGOING)
    assert not after.has_button("Ringde inte")


def test_outcomes_are_recorded_without_ring(case, desk):
    desk.case(case).press("Inget svar")
    desk.case(case).press("Fick svar")
    assert (fresh(case).attempts, case.status) == (2, Status.ONGOING)


# When to try again ---------------------------------------------------------------------------------------------------

THURSDAY = (2026, 11, 26)


def stockholm(year: int, month: int, day: int, clock: str) -> datetime:
    return timezone.make_aware(datetime.combine(datetime(year, month, day), time.fromisoformat(clock)))


@pytest.fixture
def office_hours(queue) -> Queue:
    """Weekdays 8 to 12 and 13 to 16."""
    for weekday in range(5):
        for opens, closes in ((8, 12), (13, 16)):
            TelephoneHours.objects.create(queue=queue, weekday=weekday, opens=time(opens), closes=time(closes))
    return queue


@pytest.mark.parametrize(
    ("now", "proposed"),
    [
        ((*THURSDAY, "09:00"), (*THURSDAY, "09:30")),
        ((*THURSDAY, "09:01"), (*THURSDAY, "09:35")),  # at least half an hour
        ((*THURSDAY, "11:40"), (*THURSDAY, "13:00")),  # not during lunch
        ((*THURSDAY, "06:00"), (*THURSDAY, "08:00")),
        ((*THURSDAY, "15:20"), (*THURSDAY, "15:50")),  # the same day where there is a time
        ((*THURSDAY, "15:30"), (2026, 11, 27, "08:00")),
        ((2026, 11, 27, "15:45"), (2026, 11, 30, "08:00")),  # past the weekend
        ((2026, 12, 23, "15:45"), (2026, 12, 28, "08:00")),  # and past Christmas
    ],
)
def test_the_next_time_is_inside_the_telephone_hours(now, proposed, case, office_hours):
    assert retries.proposal(case, stockholm(*now)) == stockholm(*proposed)


def test_a_closed_day_is_passed_over(case, office_hours):
    ClosedDay.objects.create(queue=office_hours, day=datetime(2026, 11, 27).date())
    assert retries.proposal(case, stockholm(*THURSDAY, "15:45")) == stockholm(2026, 11, 30, "08:00")


def test_how_far_apart_is_the_queues_choice(case, office_hours):
    case.queue.retry_minutes = 90
    assert retries.proposal(case, stockholm(*THURSDAY, "09:00")) == stockholm(*THURSDAY, "10:30")


def test_a_queue_without_hours_is_always_open(case):
    assert retries.proposal(case, stockholm(*THURSDAY, "23:00")) == stockholm(*THURSDAY, "23:30")


def test_where_the_queue_is_closed_for_weeks_nothing_is_proposed(case, office_hours):
    office_hours.telephone_hours.update(weekday=6)
    office_hours.closed_days.bulk_create(
        ClosedDay(queue=office_hours, day=(datetime(2026, 11, 26) + timedelta(days=days)).date()) for days in range(40)
    )
    assert retries.proposal(case, stockholm(*THURSDAY, "09:00")) is None


@pytest.mark.parametrize("attempts", [2, 3, 5])
def test_when_all_planned_calls_are_made_by_then_nothing_is_proposed(attempts, case):
    case.attempts = attempts
    assert retries.proposal(case, database_now()) is None


def test_inget_svar_moves_the_case_to_the_time_that_is_proposed(case, desk):
    page = desk.case(case)
    shown = page.typed("next_at", beside="Inget svar")
    after = page.press("Inget svar")
    local = timezone.localtime(fresh(case).callback_at)
    assert f"{local:%Y-%m-%dT%H:%M}" >= shown > ""
    assert (
        f"Inget svar är registrerat. Nästa försök {local:%H.%M}" in said(after) or local.date() > timezone.localdate()
    )
    assert "Uppringning utan svar. Försök 1 av 3. Nästa försök" in after.text
    assert (case.booking, case.status, case.assignee) == (2, Status.NO_ANSWER, None)


def test_another_time_may_be_chosen(case, desk):
    at = timezone.localtime(database_now() + timedelta(days=3)).replace(second=0, microsecond=0)
    desk.case(case).press("Upptaget", next_at=f"{at:%Y-%m-%dT%H:%M}")
    assert fresh(case).callback_at == at


def test_without_a_time_the_case_keeps_its_own(case, desk):
    before = case.callback_at
    after = desk.case(case).press("Telefonsvarare", next_at="")
    assert (fresh(case).callback_at, case.booking) == (before, 1)
    assert "Nästa försök" not in said(after)


def test_a_time_that_has_passed_is_said_and_nothing_is_recorded(case, desk):
    page = desk.case(case).press("Inget svar", next_at="2026-01-02T10:30")
    assert page.status == 422
    assert "Tiden har redan passerat." in page.html
    assert page.typed("next_at", beside="Inget svar") == "2026-01-02T10:30"
    assert (fresh(case).attempts, kinds_of(case)) == (0, ["created"])


def test_what_was_proposed_long_ago_and_left_alone_is_proposed_anew(case, desk):
    old = f"{timezone.localtime(database_now() - timedelta(hours=1)):%Y-%m-%dT%H:%M}"
    desk.case(case).press("Inget svar", next_at=old, proposed=old)
    assert fresh(case).callback_at >= database_now() + timedelta(minutes=29)


@pytest.mark.parametrize("confirms", [False, True])
def test_whether_a_new_confirmation_is_sent_is_the_queues_choice(confirms, case, desk, queue):
    OutgoingSms.objects.filter(queue=queue).update(confirmation_on=True, consent_required=False)
    Queue.objects.filter(pk=queue.pk).update(confirm_retries=confirms)
    desk.case(case).press("Inget svar")
    assert [message.kind for message in messages_of(case)] == ([Kind.CONFIRMATION] if confirms else [])


def test_what_waits_about_the_time_that_was_is_cancelled(case, desk, queue):
    OutgoingSms.objects.filter(queue=queue).update(confirmation_on=True)
    callbacks.move(case, case.callback_at + timedelta(hours=1), by=None)
    assert [message.state for message in messages_of(case)] == [State.QUEUED]
    desk.case(case).press("Inget svar")
    assert [message.state for message in messages_of(case)] == [State.CANCELLED]


@pytest.mark.parametrize("how", NoAnswer)
def test_how_it_went_is_told(how, case, desk):
    after = desk.case(case).press(how.label)
    assert f"Inget svar är registrerat: {how.label}." in said(after)
    assert f"Uppringning utan svar: {how.label}. Försök 1 av 3." in after.text


# A number that was wrong ---------------------------------------------------------------------------------------------


@pytest.fixture
def sends(queue) -> None:
    """The queue confirms and reminds, an hour before, and asks for no consent."""
    OutgoingSms.objects.filter(queue=queue).update(
        confirmation_on=True, reminder_on=True, reminder_minutes=60, consent_required=False
    )
    queue.outgoing_sms.refresh_from_db()


@pytest.fixture
def planned(sends, book):
    """A case in three quarters of an hour with its confirmation and its reminder waiting."""
    case = book(callback_at=database_now() + timedelta(minutes=45))
    type(case).objects.filter(pk=case.pk).update(booked_at=database_now() - timedelta(hours=2))
    automatic_sms.remind_all_due()
    assert states(case) == [(Kind.CONFIRMATION, State.QUEUED), (Kind.REMINDER, State.QUEUED)]
    return fresh(case)


def states(case) -> list[tuple[str, str]]:
    return [(message.kind, message.state) for message in messages_of(case)]


STOPPED = [(Kind.CONFIRMATION, State.CANCELLED), (Kind.REMINDER, State.CANCELLED)]


@pytest.mark.parametrize("typed", [{}, {"next_at": ""}], ids=["with another time", "at the same time"])
def test_after_fel_nummer_the_case_sends_nothing_by_itself(typed, planned, desk, queue):
    Queue.objects.filter(pk=queue.pk).update(confirm_retries=True)
    after = desk.case(planned).press("Fel nummer", **typed)
    assert "Fel nummer. Automatiska SMS skickas inte förrän numret är ändrat eller bekräftat." in after.text
    callbacks.move(planned, database_now() + timedelta(minutes=50), by=None)
    type(planned).objects.update(booked_at=database_now() - timedelta(hours=2))
    automatic_sms.remind_all_due()
    assert states(planned) == STOPPED


def test_when_the_number_is_said_to_be_right_it_sends_again(planned, desk):
    page = desk.case(planned).press("Fel nummer", next_at="")
    after = page.press("Numret stämmer")
    assert "Numret är bekräftat." in said(after)
    assert "Numret bekräftades. Anna Lind" in after.text
    assert not after.has_button("Numret stämmer")
    assert not fresh(planned).wrong_number
    type(planned).objects.update(booked_at=database_now() - timedelta(hours=2))
    automatic_sms.remind_all_due()
    assert states(planned) == [*STOPPED, (Kind.CONFIRMATION, State.QUEUED), (Kind.REMINDER, State.QUEUED)]


def test_a_confirmation_that_had_left_is_not_sent_once_more(planned, desk):
    Message.objects.filter(kind=Kind.CONFIRMATION).update(state=State.CANCELLED)  # the guard lets no test send
    Message.objects.filter(kind=Kind.CONFIRMATION).update(state_at=database_now() - timedelta(hours=1))
    desk.case(planned).press("Fel nummer", next_at="").press("Numret stämmer")
    automatic_sms.remind_all_due()
    assert states(planned) == [*STOPPED, (Kind.REMINDER, State.QUEUED)]


def test_another_number_is_taken_for_right(planned, desk):
    after = desk.case(planned).press("Fel nummer", next_at="").press("Spara numret", phone_number=OTHER_MOBILE)
    assert "Automatiska SMS skickas inte" not in after.text
    assert not fresh(planned).wrong_number
    assert states(planned) == [*STOPPED, (Kind.CONFIRMATION, State.QUEUED)]


def test_the_same_number_again_is_not(case, desk):
    desk.case(case).press("Fel nummer").press("Spara numret")
    assert fresh(case).wrong_number


def test_a_number_that_has_changed_meanwhile_is_not_said_to_be_right(case, desk, colleague):
    left_open = desk.case(case).press("Fel nummer")
    desk_of(colleague).case(case).press("Spara numret", phone_number=OTHER_MOBILE)
    after = left_open.press("Numret stämmer")
    assert "Numret har ändrats. Kontrollera svaret." in said(after)


# The last call planned -----------------------------------------------------------------------------------------------


@pytest.fixture
def three_calls(queue) -> StandardText:
    return StandardText.objects.create(queue=queue, name="ring 3 gånger", text=THREE_CALLS, after_last_attempt=True)


def called_three_times(page):
    for _ in range(3):
        page = page.press("Inget svar")
    return page


def test_after_the_last_call_the_text_is_filled_in_and_closing_is_offered(case, desk, three_calls):
    page = called_three_times(desk.case(case))
    assert "Texten ”ring 3 gånger” är ifylld under Skicka SMS." in said(page)
    assert page.typed("text", beside="Skicka SMS") == THREE_CALLS
    assert "Patienten har inte nåtts på 3 försök." in page.text
    after = page.press("Avsluta ärendet: Ej nådd")
    assert (fresh(case).outcome, case.attempts) == (Outcome.NOT_REACHED, 3)
    assert "Klart: Ej nådd." in after.text


def test_before_that_it_is_not(case, desk, three_calls):
    page = desk.case(case).press("Inget svar").press("Inget svar")
    assert page.typed("text", beside="Skicka SMS") == ""
    assert not page.has_button("Avsluta ärendet: Ej nådd")
    assert page.typed("next_at", beside="Inget svar") == ""  # the next one is the last


def test_words_of_ones_own_are_left(case, desk, nurse, three_calls):
    drafts.keep(drafts.Place(nurse, case), drafts.Field.SMS, "Hej, vi")
    page = called_three_times(desk.case(case))
    assert page.typed("text", beside="Skicka SMS") == "Hej, vi"
    assert "är ifylld" not in said(page)


def test_an_urgent_case_is_for_whoever_is_responsible(case, desk, queue, three_calls):
    Queue.objects.filter(pk=queue.pk).update(responsible="Medicinskt ansvarig läkare, 1234")
    type(case).objects.update(priority=Priority.URGENT)
    page = called_three_times(desk.case(case))
    assert "Kontakta ansvarig: Medicinskt ansvarig läkare, 1234." in page.text
    assert not page.has_button("Avsluta ärendet: Ej nådd")
    assert page.typed("text", beside="Skicka SMS") == ""


def test_to_a_number_that_was_wrong_nothing_is_written(case, desk, three_calls):
    page = desk.case(case).press("Inget svar").press("Inget svar").press("Fel nummer")
    assert page.typed("text", beside="Skicka SMS") == ""


def test_the_text_is_asked_about_where_it_could_have_been_sent(case, desk, say, three_calls):
    page = called_three_times(desk.case(case))
    assert "Meddelandet är inte skickat." not in page.press("Ej nådd").text  # Samtycke till SMS saknas
    acts.reopen(case, by=case.events.last().user)
    drafts.keep(drafts.Place(case.events.last().user, case), drafts.Field.SMS, THREE_CALLS)
    say(Answer.YES)
    asked = desk.case(case).press("Ej nådd")
    assert "Meddelandet är inte skickat." in asked.text
    asked.press("Klart utan att skicka")
    assert fresh(case).outcome == Outcome.NOT_REACHED


# Klart ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", Outcome)
def test_klart_is_one_press_and_counts_the_call_that_reached_the_patient(outcome, case, desk):
    after = desk.case(case).press(outcome.label)
    reached = outcome != Outcome.NOT_REACHED
    assert (fresh(case).status, case.outcome, case.attempts) == (Status.DONE, outcome, int(reached))
    assert f"Klart: {outcome.label}.{' Fick svar. Försök 1 av 3.' if reached else ''} Anna Lind" in after.text
    assert str(outcome.label) in after.text.split("Historik")[0]


def test_a_call_that_is_recorded_as_reached_is_counted_once(case, desk):
    desk.case(case).press(RING).press("Fick svar").press("Råd givet")
    assert fresh(case).attempts == 1


def test_another_call_since_then_is_counted_too(case, desk):
    desk.case(case).press("Fick svar").press(RING).press("Tid bokad")
    assert fresh(case).attempts == 2


def test_the_queue_chooses_which_outcomes_there_are(case, desk, queue):
    left_open = desk.case(case)
    Queue.objects.filter(pk=queue.pk).update(outcomes=["other", "advice"])
    page = desk.case(case)
    assert [label for label in Outcome.labels if page.has_button(label)] == ["Råd givet", "Annat"]
    assert left_open.press("Tid bokad").status == 400
    assert fresh(case).is_open


def test_opened_again_it_has_no_outcome(case, desk):
    desk.case(case).press("Annat").press("Öppna igen")
    assert (fresh(case).outcome, case.status) == ("", Status.NO_ANSWER)


# Undo ----------------------------------------------------------------------------------------------------------------

COLUMNS = (
    *("status", "outcome", "assignee_id", "taken_at", "call_began_at", "attempts", "callback_at", "wrong_number"),
)


def held(case) -> dict:
    fresh(case)
    return {name: getattr(case, name) for name in COLUMNS}


@pytest.mark.parametrize("state", ["free", "taken", "calling"])
@pytest.mark.parametrize(
    ("button", "undo"),
    [
        ("Fick svar", "Ångra Fick svar"),
        ("Inget svar", "Ångra Inget svar"),
        ("Upptaget", "Ångra Upptaget"),
        ("Fel nummer", "Ångra Fel nummer"),
        ("Tid bokad", "Ångra Klart"),
        ("Avboka", "Ångra Avboka"),
        ("Ringde inte", "Ångra Ringde inte"),
    ],
)
def test_what_was_recorded_is_put_back_and_the_history_tells_both(state, button, undo, case, desk, nurse):
    if state != "free":
        (acts.take if state == "taken" else acts.call)(case, by=nurse)
    if button == "Ringde inte" and state != "calling":
        assert not desk.case(case).has_button(button)
        return
    before, booking = held(case), case.booking
    page = desk.case(case).press(button)
    told = page.text.split("Historik")[1].split("Anna Lind")[0]
    after = page.press(undo)
    assert "Det är ångrat." in said(after)
    assert held(case) == before
    assert case.booking >= booking
    assert f"{undo.replace('Ångra', 'Ångrade')}. Anna Lind" in after.text
    assert told.strip() in after.text
    assert not after.has_button(undo)


def test_a_case_that_was_taken_over_and_closed_is_whose_it_was_before_that(case, desk, nurse, colleague):
    acts.take(case, by=colleague)
    acts.take_over(case, by=nurse)
    before = held(case)
    desk.case(case).press("Råd givet").press("Ångra Klart")
    assert held(case) == before


def test_after_ten_minutes_it_is_too_late(case, desk):
    left_open = desk.case(case).press("Inget svar")
    moved_back(case, minutes=9)
    assert desk.case(case).has_button("Ångra Inget svar")
    moved_back(case, minutes=2)
    assert not desk.case(case).has_button("Ångra Inget svar")
    after = left_open.press("Ångra Inget svar")
    assert "Det går inte att ångra" in said(after)
    assert fresh(case).attempts == 1


@pytest.mark.parametrize("meanwhile", ["took it", "moved it", "gave it another number", "cancelled by telephone"])
def test_once_somebody_else_has_acted_it_is_not_possible(meanwhile, case, desk, colleague):
    left_open = desk.case(case).press("Inget svar")
    match meanwhile:
        case "took it":
            acts.take(case, by=colleague)
        case "moved it":
            callbacks.move(case, database_now() + timedelta(days=1), by=colleague)
        case "gave it another number":
            desk_of(colleague).case(case).press("Spara numret", phone_number=OTHER_MOBILE)
        case "cancelled by telephone":
            acts.close(case, Status.CANCELLED, by=None)
    assert not desk.case(case).has_button("Ångra Inget svar")
    before = held(case)
    after = left_open.press("Ångra Inget svar")
    assert "Inget ändrades: " in said(after) or "Det går inte att ångra: ärendet har ändrats sedan dess" in said(after)
    assert held(case) == before


def test_nobody_undoes_what_a_colleague_did(case, desk, colleague):
    acts.record_attempt(case, reached=False, by=colleague)
    assert not desk.case(case).has_button("Ångra Inget svar")
    with pytest.raises(NotPossible):
        acts.undo(case, by=desk_user(desk))


def desk_user(desk):
    return User.objects.get(pk=desk.client.session["_auth_user_id"])


def test_the_one_before_can_be_undone_too(case, desk):
    page = desk.case(case).press("Inget svar").press("Råd givet").press("Ångra Klart")
    page.press("Ångra Inget svar")
    assert (fresh(case).attempts, case.status) == (0, Status.WAITING)


def test_a_time_that_is_put_back_is_a_new_booking_with_a_reminder_of_its_own(planned, desk):
    before = planned.callback_at
    at = timezone.localtime(database_now() + timedelta(days=1))
    desk.case(planned).press("Inget svar", next_at=f"{at:%Y-%m-%dT%H:%M}").press("Ångra Inget svar")
    assert (fresh(planned).callback_at, planned.booking) == (before, 3)
    type(planned).objects.update(booked_at=database_now() - timedelta(hours=2))
    automatic_sms.remind_all_due()
    assert states(planned) == [*STOPPED, (Kind.CONFIRMATION, State.QUEUED), (Kind.REMINDER, State.QUEUED)]


@pytest.mark.parametrize("button", ["Råd givet", "Avboka"])
def test_a_case_that_is_open_again_sends_what_was_cancelled(button, planned, desk):
    desk.case(planned).press(button).press("Ångra Klart" if button == "Råd givet" else "Ångra Avboka")
    type(planned).objects.update(booked_at=database_now() - timedelta(hours=2))
    automatic_sms.remind_all_due()
    assert states(planned) == [*STOPPED, (Kind.CONFIRMATION, State.QUEUED), (Kind.REMINDER, State.QUEUED)]


def test_what_has_been_sent_already_is_said(case, desk, queue, sends, provider):
    Queue.objects.filter(pk=queue.pk).update(confirm_retries=True)
    page = desk.case(case).press("Inget svar")
    gateway.drain(Lane.BULK)
    after = page.press("Ångra Inget svar")
    assert "Det är ångrat. Bokningsbekräftelsen är redan skickad." in said(after)


def test_a_text_that_was_filled_in_is_taken_away_again_if_it_was_left_as_it_was(case, desk, three_calls):
    after = called_three_times(desk.case(case)).press("Ångra Inget svar")
    assert after.typed("text", beside="Skicka SMS") == ""
    assert fresh(case).attempts == 2


def test_a_call_that_was_undone_is_not_the_call_that_reached_the_patient(case, desk):
    desk.case(case).press("Fick svar").press("Ångra Fick svar").press("Råd givet")
    assert fresh(case).attempts == 1
