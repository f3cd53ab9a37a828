""" "Flytta ärendet": a case goes to another queue of the same care provider."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.urls import reverse

from access.models import AccessEntry
from cases import callbacks
from cases import rebooking as rebookings
from cases.changing import NotPossible
from cases.models import Case, Draft, Status
from consent import register
from consent.models import Answer
from intake import booking
from intake.models import IntakeKey
from sms import gateway
from sms.models import InboundSms, Kind, Lane, StandardText
from sms.states import State
from teleq.models import Membership, OutgoingSms, Queue, User
from tests.cases.desk import Page, desk_of, messages_of, rebooking, said
from tests.cases.protecting import is_protected, mark
from tests.concurrency import in_another_connection, wait_until_a_connection_waits_for_a_lock
from tests.conftest import MOBILE, make_queue
from tests.intake.telephone_system import at

MOVE = "Flytta ärendet"


@pytest.fixture
def strange_queue(care_provider) -> Queue:
    """Of the same care provider, and nobody's whom we know."""
    return make_queue(care_provider, "Hjärtmottagning", True)


@pytest.fixture
def move(case, desk):
    """Anna moves the case from its page."""
    return lambda to, **typed: rebooking(desk, case).press(MOVE, queue=to.pk, **typed)


def queue_of(case: Case) -> Queue:
    return Case.objects.get(pk=case.pk).queue


def latest_act(case: Case) -> int:
    latest = case.events.latest_act()
    assert latest is not None
    return latest.pk


def offered(page: Page) -> str:
    return page.html.partition('name="queue"')[2].partition("</select>")[0]


# Where to ------------------------------------------------------------------------------------------------------------


def test_all_other_queues_of_the_care_provider_are_offered_and_no_others(
    case, desk, plain_queue, strange_queue, other_queue
):
    shown = offered(rebooking(desk, case))
    assert str(plain_queue) in shown
    assert str(strange_queue) in shown
    assert str(case.queue) not in shown
    assert f'value="{other_queue.pk}"' not in shown


def test_where_there_is_no_other_queue_none_is_asked_about(other_queue, outsider, book):
    assert not rebooking(desk_of(outsider), book(queue=other_queue)).has_button(MOVE)


@pytest.mark.parametrize("chosen", ["", "own", "other", "x", "9" * 30])
def test_a_queue_that_is_not_offered_is_refused_in_words(chosen, case, desk, other_queue):
    value = {"own": case.queue_id, "other": other_queue.pk}.get(chosen, chosen)
    after = rebooking(desk, case).press(MOVE, queue=value)
    told = "Välj en annan av vårdgivarens köer." if chosen else "Välj en kö."
    assert after.status == 422
    assert told.split(" ", maxsplit=1)[0] in after.text
    assert queue_of(case) == case.queue


def test_the_rule_holds_whoever_calls_it(case, nurse, other_queue):
    with pytest.raises(NotPossible):
        rebookings.to_queue(case, other_queue, by=nurse, seen=latest_act(case))


# To a queue of one's own ---------------------------------------------------------------------------------------------


def test_the_case_is_there_and_its_history_tells_from_where_to_where(case, plain_queue, move):
    after = move(plain_queue)
    assert queue_of(case) == plain_queue
    assert "Ärendet är flyttat till VC Spindeln Tidbokning." in said(after)
    assert "Flyttades till en annan kö. Från VC Spindeln Rådgivning till VC Spindeln Tidbokning." in after.text
    assert after.address == reverse("cases:case", args=[case.pk])


def test_it_is_released_and_waits_there(case, plain_queue, desk, move):
    desk.case(case).press("Ta ärendet")
    move(plain_queue)
    moved = Case.objects.get(pk=case.pk)
    assert (moved.status, moved.assignee, moved.taken_at) == (Status.WAITING, None, None)


def test_a_colleagues_case_is_not_moved(case, plain_queue, desk, colleague, move):
    desk_of(colleague).case(case).press("Ta ärendet")
    after = move(plain_queue)
    assert (after.status, queue_of(case)) == (409, case.queue)
    assert "Karim Noor har redan tagit ärendet." in said(after)


def test_who_has_acted_since_the_page_was_made_is_told_of_and_nothing_is_moved(case, plain_queue, desk, colleague):
    left_open = rebooking(desk, case)
    desk_of(colleague).case(case).press("Inget svar")
    after = left_open.press(MOVE, queue=plain_queue.pk)
    assert (after.status, queue_of(case)) == (409, case.queue)
    assert "Karim Noor registrerade Inget svar" in said(after)


def test_a_call_under_way_is_ended_first(case, plain_queue, nurse, move):
    Case.objects.update(status=Status.ONGOING, assignee=nurse, taken_at=case.created_at, call_began_at=case.created_at)
    after = move(plain_queue)
    assert (after.status, queue_of(case)) == (409, case.queue)
    assert "Registrera först hur det gick." in said(after)


def test_what_waits_is_cancelled_also_what_was_written_by_hand(case, plain_queue, say, desk, move):
    say(Answer.YES)
    OutgoingSms.objects.filter(queue=case.queue).update(confirmation_on=True)
    callbacks.move(case, case.callback_at.replace(microsecond=1), by=None)
    desk.case(case).press("Skicka SMS", text="Vi ringer igen.")
    after = move(plain_queue)
    assert {message.kind: message.state for message in messages_of(case)} == {
        Kind.CONFIRMATION: State.CANCELLED,
        Kind.MANUAL: State.CANCELLED,
    }
    assert "SMS som väntade är inställda." in said(after)


def test_what_has_left_is_still_seen_with_the_queue_that_sent_it(case, plain_queue, say, desk, move, provider):
    say(Answer.YES)
    desk.case(case).press("Skicka SMS", text="Vi ringer igen.")
    gateway.drain(Lane.MANUAL)
    after = move(plain_queue)
    [sent] = messages_of(case)
    assert (sent.queue, sent.state) == (case.queue, State.SENT)
    assert "Vi ringer igen." in after.text


def test_the_booking_is_counted_up_and_confirmed_as_the_new_queue_does(case, plain_queue, say, move):
    say(Answer.YES)
    OutgoingSms.objects.filter(queue=plain_queue).update(confirmation_on=True, confirmation_text="Tidbokningen ringer.")
    move(plain_queue)
    assert [(message.queue, message.text) for message in messages_of(case)] == [(plain_queue, "Tidbokningen ringer.")]
    assert Case.objects.get(pk=case.pk).booking == 2


def test_standard_texts_are_the_new_queues(case, queue, plain_queue, desk, move):
    for each in (queue, plain_queue):
        StandardText.objects.create(queue=each, name=f"text {each.name}", text="Hej.")
    after = move(plain_queue)
    assert "text Tidbokning" in after.text
    assert "text Rådgivning" not in after.text


@pytest.mark.parametrize("answer", [Answer.YES, Answer.NO])
def test_the_answer_follows_the_number(answer, case, say, strange_queue, nurse, move):
    say(answer)
    Membership.objects.create(user=nurse, queue=strange_queue)
    move(strange_queue)
    moved = Case.objects.get(pk=case.pk)
    assert register.current(*moved.consent_key).consent.answer == answer


def test_a_mark_of_protection_counts_there_too(case, plain_queue, nurse, move):
    mark(case, nurse)
    OutgoingSms.objects.filter(queue=plain_queue).update(confirmation_on=True)
    after = move(plain_queue)
    assert is_protected(Case.objects.get(pk=case.pk))
    assert "Skyddade personuppgifter" in after.text
    assert messages_of(case) == []


@pytest.fixture
def reply(queue) -> InboundSms:
    return InboundSms.objects.create(queue=queue, from_number=MOBILE, text="Ring mig hellre imorgon", provider="test")


def test_replies_that_nobody_has_read_go_along(case, plain_queue, reply, desk, move):
    after = move(plain_queue)
    assert "Nytt SMS från patienten" in after.text
    assert "Ring mig hellre imorgon" in after.text
    assert "SMS:et är markerat som läst." in after.press("Markera som läst").text


def test_replies_stay_where_the_number_has_another_case(case, plain_queue, reply, book, desk, move):
    other = book()
    move(plain_queue)
    assert "Nytt SMS från patienten" in desk.case(other).text
    assert "Nytt SMS från patienten" not in desk.case(case).text


def test_a_reply_to_what_the_old_queue_sent_is_in_the_history(case, queue, plain_queue, say, desk, move, provider):
    say(Answer.YES)
    desk.case(case).press("Skicka SMS", text="Vi ringer igen.")
    gateway.drain(Lane.MANUAL)
    move(plain_queue)
    InboundSms.objects.create(queue=queue, from_number=MOBILE, text="Tack, det går bra", provider="test")
    page = desk.case(case)
    assert "SMS från patienten" in page.text
    assert "Tack, det går bra" in page.text
    assert not page.has_button("Markera som läst")  # it is the old queue's to see to
    assert "Tack, det går bra" in desk.open(reverse("cases:inbound")).text


# To a queue where one doesn't work -----------------------------------------------------------------------------------


def test_one_gets_back_to_the_list_and_can_not_open_it_any_more(case, strange_queue, desk, move):
    after = move(strange_queue)
    assert after.address == reverse("cases:work_list")
    assert "Ärendet är flyttat till VC Spindeln Hjärtmottagning." in said(after)
    assert "Du är inte medlem i den kön och kan inte öppna ärendet längre." in said(after)
    assert desk.case(case).status == 404
    assert queue_of(case) == strange_queue


def test_htmx_is_told_to_get_the_whole_page(case, strange_queue, desk, nurse):
    page = rebooking(desk, case)
    form, button = page._button(MOVE)
    by_htmx = {"HX-Request": "true", "X-Shown-To": str(nurse.pk)}
    response = desk.client.post(button.formaction, form.fields | {"queue": strange_queue.pk}, headers=by_htmx)
    assert (response.status_code, response["HX-Redirect"]) == (200, reverse("cases:work_list"))


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"note_text": "Ringer."}, "Anteckningen är inte sparad och försvinner om ärendet flyttas."),
        ({"text": "Hej!"}, "Meddelandet är inte skickat och försvinner om ärendet flyttas."),
        (
            {"note_text": "Ringer.", "text": "Hej!"},
            "Anteckningen och meddelandet är inte sparade och försvinner om ärendet flyttas.",
        ),
    ],
)
def test_what_would_be_lost_is_asked_about_once(typed, told, case, strange_queue, move, nurse):
    asked = move(strange_queue, **typed)
    assert (asked.status, queue_of(case)) == (422, case.queue)
    assert told in asked.text
    for name, value in typed.items():
        assert asked.typed(name, beside=MOVE) == value
    asked.press("Flytta ändå")
    assert queue_of(case) == strange_queue
    assert not Draft.objects.exists()


def test_nothing_is_asked_where_one_can_go_on_writing(case, plain_queue, move):
    after = move(plain_queue, note_text="Ringer.", text="Hej!")
    assert queue_of(case) == plain_queue
    assert (after.typed("note_text", beside="Spara anteckningen"), after.typed("text", beside="Lägg till svar")) == (
        "Ringer.",
        "Hej!",
    )


def test_a_message_that_has_been_sent_is_not_asked_about(case, strange_queue, say, desk):
    say(Answer.YES)
    page = rebooking(desk, case)
    page.press("Skicka SMS", text="Hej!")
    page.press(MOVE, queue=strange_queue.pk, text="Hej!")  # as a browser puts it back
    assert queue_of(case) == strange_queue


def test_the_log_tells_of_it_in_both_queues(case, queue, strange_queue, move):
    move(strange_queue)
    noted = AccessEntry.objects.filter(act="change", case_id=case.pk)
    assert {entry.queue_id for entry in noted} == {queue.pk, strange_queue.pk}


# The telephone system ------------------------------------------------------------------------------------------------


def key_for(telephones, *queues: Queue) -> None:
    key = IntakeKey.objects.get()
    key.every_queue = False
    key.save()
    key.queues.set(queues)


def test_what_it_has_booked_it_still_finds_where_its_key_opens_the_new_queue(
    open_queue, plain_queue, telephones, nurse, day
):
    booked = telephones.book(open_queue, at(day, "10:00")).body["id"]
    case = Case.objects.get(pk=booked)
    rebookings.to_queue(case, plain_queue, by=nurse, seen=latest_act(case))
    assert telephones.read(booked).body["queue"] == plain_queue.pk
    assert telephones.cancel(booked).status == 200
    assert Case.objects.get(pk=booked).status == Status.CANCELLED


def test_it_finds_nothing_where_its_key_does_not(open_queue, plain_queue, telephones, nurse, day):
    key_for(telephones, open_queue)
    booked = telephones.book(open_queue, at(day, "10:00")).body["id"]
    case = Case.objects.get(pk=booked)
    rebookings.to_queue(case, plain_queue, by=nurse, seen=latest_act(case))
    for answer in (telephones.read(booked), telephones.move(booked, at(day, "11:00")), telephones.cancel(booked)):
        assert answer.status == 404
    assert Case.objects.get(pk=booked).status == Status.WAITING


@pytest.mark.parametrize("act", ["move", "cancel"])
def test_it_changes_nothing_in_a_case_that_is_moved_in_the_same_moment(
    act, open_queue, plain_queue, telephones, nurse, day
):
    asked_for = Case.objects.get(pk=telephones.book(open_queue, at(day, "10:00")).body["id"])
    rebookings.to_queue(asked_for, plain_queue, by=nurse, seen=latest_act(asked_for))
    with pytest.raises(NotPossible):
        booking.cancel(asked_for) if act == "cancel" else booking.move(asked_for, at(day, "11:00"))


# At the same time ----------------------------------------------------------------------------------------------------


@pytest.fixture
def waiting(case, say, nurse):
    """An SMS written in the case, that waits."""
    say(Answer.YES)
    return callbacks.send_sms(case, "Vi ringer igen.", token="1", shown=MOBILE, by=nurse)


def moved(case: Case, to: Queue, by: User):
    seen = latest_act(case)
    return lambda: rebookings.to_queue(case, to, by=by, seen=seen)


@pytest.mark.django_db(transaction=True)
def test_a_message_that_is_being_claimed_leaves_and_the_case_is_moved_after(
    case, plain_queue, nurse, waiting, provider
):
    with transaction.atomic():
        OutgoingSms.objects.select_for_update().get(queue=case.queue)  # where the claim waits, holding the message
        claimed = in_another_connection(lambda: gateway.drain(Lane.MANUAL))
        wait_until_a_connection_waits_for_a_lock()
        moving = in_another_connection(moved(case, plain_queue, nurse))
        wait_until_a_connection_waits_for_a_lock(2)
    assert (claimed.result(30), moving.result(30)) == (1, 0)
    assert [message.state for message in messages_of(case)] == [State.SENT]
    assert len(provider.received) == 1
    assert queue_of(case) == plain_queue


@pytest.mark.django_db(transaction=True)
def test_a_message_that_is_claimed_after_the_move_is_cancelled(case, plain_queue, nurse, waiting, provider):
    with transaction.atomic():
        assert moved(case, plain_queue, nurse)() == 1
        assert in_another_connection(lambda: gateway.drain(Lane.MANUAL)).result(30) == 0  # it passes over what is held
    gateway.drain(Lane.MANUAL)
    assert [message.state for message in messages_of(case)] == [State.CANCELLED]
    assert provider.received == []


@pytest.mark.django_db(transaction=True)
def test_of_two_who_move_it_at_once_the_second_is_told(case, plain_queue, strange_queue, nurse, colleague):
    acts = [moved(case, plain_queue, nurse), moved(case, strange_queue, colleague)]
    with transaction.atomic():
        Case.objects.select_for_update().get(pk=case.pk)
        pressed = [in_another_connection(act) for act in acts]
        wait_until_a_connection_waits_for_a_lock(2)
    problems = [each.exception(timeout=30) for each in pressed]
    assert sorted(problem is None for problem in problems) == [False, True]
    assert [type(problem) for problem in problems if problem] == [NotPossible]
    assert case.events.filter(kind="queue_changed").count() == 1
