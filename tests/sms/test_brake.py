"""The emergency brake: while all sending is stopped nothing is claimed, and all else goes on."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, connection, transaction

from consent.models import Answer, Consent
from sms import brake, gateway, receipts
from sms.models import Kind, Lane, Message, SendingStop
from sms.providers.base import Delivery, DeliveryReport
from sms.states import State
from teleq.clock import database_now
from teleq.models import User
from tests.concurrency import in_another_connection, wait_until, wait_until_a_connection_waits_for_a_lock
from tests.conftest import MOBILE
from tests.database_roles import as_owner, past_the_triggers

pytestmark = pytest.mark.django_db(transaction=True)  # a claim is a transaction of its own

LEAVE = "UPDATE sms_message SET state = 'sending', claimed_at = clock_timestamp()"


def state_of(message: Message) -> str:
    return Message.objects.get(pk=message.pk).state


def sql(statement: str, *values: object) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)


def stop(by: User, why: str = "Fel länk i påminnelsen.") -> SendingStop:
    stopped, is_new = brake.stop(why, by=by)
    assert is_new
    return stopped


@pytest.fixture
def stopped(operator) -> SendingStop:
    return stop(operator)


@pytest.fixture
def late(accept):
    """A message that could have been sent when all was stopped, and can't any more."""

    def one(stopped: SendingStop, **options: object) -> Message:
        message = accept(**options)
        with past_the_triggers():
            Message.objects.filter(pk=message.pk).update(
                due_at=stopped.stopped_at - timedelta(minutes=1),
                send_before=stopped.stopped_at + timedelta(microseconds=1),
            )
        return message

    return one


# Stopped -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(Kind))
def test_nothing_is_handed_over_and_what_is_accepted_waits(kind, stopped, accept, say, provider):
    say(Answer.YES)
    message = accept(kind=kind)
    for lane in Lane:
        assert gateway.drain(lane) == 0
        gateway.sweep()
    assert state_of(message) == State.QUEUED
    assert provider.received == []


def test_what_is_in_flight_is_finished_and_recorded(operator, accept, say, provider):
    say(Answer.YES)
    in_flight = accept()
    provider.delays = [1]
    drained = in_another_connection(lambda: gateway.drain(Lane.BULK))
    wait_until(lambda: provider.at_once)
    stop(operator)
    assert provider.at_once  # nobody waits for a provider
    waiting = accept()
    drained.result(30)
    assert (state_of(in_flight), state_of(waiting)) == (State.SENT, State.QUEUED)


def test_answers_and_delivery_reports_are_stored(operator, accept, say, provider, care_provider):
    say(Answer.YES)
    message = accept()
    gateway.drain(Lane.BULK)
    stop(operator)
    message.refresh_from_db()
    receipts.record("simulator", message.pk, message.receipt_token, DeliveryReport(Delivery.DELIVERED, "delivered"))
    say(Answer.NO)
    assert state_of(message) == State.DELIVERED
    assert Consent.objects.get(care_provider=care_provider, phone_number=MOBILE).answer == Answer.NO


def test_code_that_goes_round_the_gateway_is_refused_by_the_database(stopped, accept, say):
    say(Answer.YES)
    accept()
    with pytest.raises(IntegrityError, match="all sending is stopped"):
        sql(LEAVE)


def test_code_that_goes_round_the_gateway_waits_for_a_stop_that_is_being_written(operator, accept, say):
    say(Answer.YES)
    message = accept()
    with transaction.atomic():
        stop(operator)
        left = in_another_connection(lambda: sql(LEAVE))
        wait_until_a_connection_waits_for_a_lock()
    with pytest.raises(IntegrityError, match="all sending is stopped"):
        left.result(20)
    assert state_of(message) == State.QUEUED


# The order of claims and stops ---------------------------------------------------------------------------------------


def test_a_stop_waits_for_the_claim_that_came_first_and_goes_before_those_that_come_later(
    operator, accept, say, provider
):
    """The first claim is held up by an answer that is being written. Were the stop passed by, it might never come."""
    say(Answer.YES)
    first, later = accept(), accept(kind=Kind.MANUAL)
    with transaction.atomic():
        list(Consent.objects.select_for_update())
        claimed_first = in_another_connection(lambda: gateway.claim(Lane.BULK, "simulator"))
        wait_until_a_connection_waits_for_a_lock(1)
        stopping = in_another_connection(lambda: stop(operator))
        wait_until_a_connection_waits_for_a_lock(2)
        claimed_later = in_another_connection(lambda: gateway.claim(Lane.MANUAL, "simulator"))
        wait_until_a_connection_waits_for_a_lock(3)
    assert [message.pk for message in claimed_first.result(20).sending] == [first.pk]
    assert claimed_later.result(20).sending == []
    assert Message.objects.get(pk=first.pk).claimed_at < stopping.result(20).stopped_at
    assert state_of(later) == State.QUEUED


def test_whoever_stops_waits_longer_than_a_page_waits_for_a_lock(operator):
    with transaction.atomic():
        sql("SET LOCAL lock_timeout = '1ms'")
        with connection.cursor() as cursor:
            stop(operator)
            cursor.execute("SHOW lock_timeout")
            assert cursor.fetchone() == ("0",)


# Released ------------------------------------------------------------------------------------------------------------


def test_what_waited_is_delivered_when_it_is_released(stopped, operator, accept, say, provider):
    say(Answer.YES)
    messages = [accept(), accept(kind=Kind.MANUAL)]
    brake.release(stopped.pk, "Länken är rättad.", by=operator)
    for lane in Lane:
        gateway.drain(lane)
    assert [state_of(message) for message in messages] == [State.SENT, State.SENT]


def test_a_release_wakes_both_lanes(stopped, operator, accept, say, provider, wakes_at_once):
    say(Answer.YES)
    messages = [accept(), accept(kind=Kind.MANUAL)]
    brake.release(stopped.pk, "Länken är rättad.", by=operator)
    assert [state_of(message) for message in messages] == [State.SENT, State.SENT]


def test_what_became_too_late_is_counted_and_never_sent(
    stopped, operator, accept, late, say, provider, queue, plain_queue
):
    say(Answer.YES)
    too_late = [late(stopped), late(stopped), late(stopped, kind=Kind.MANUAL), late(stopped, queue_id=plain_queue.pk)]
    in_time = accept()
    waits = {(each.queue_id, each.kind): (each.messages, each.too_late) for each in brake.waiting()}
    assert waits == {
        (queue.pk, "manual"): (1, 1),
        (queue.pk, "reminder"): (3, 2),
        (plain_queue.pk, "reminder"): (1, 1),
    }
    released = brake.release(stopped.pk, "Länken är rättad.", by=operator)
    assert released.too_late == {
        str(queue.pk): {"manual": 1, "reminder": 2},
        str(plain_queue.pk): {"reminder": 1},
    }
    for lane in Lane:
        gateway.drain(lane)
    assert {state_of(message) for message in too_late} == {State.EXPIRED}
    assert state_of(in_time) == State.SENT
    found = Message.objects.filter(brake.too_late_by_a_stop())
    assert set(found) == set(too_late)


def test_what_was_too_late_before_it_was_stopped_is_not_the_stops_doing(stopped, operator, accept):
    before = accept()
    with past_the_triggers():
        Message.objects.filter(pk=before.pk).update(
            due_at=stopped.stopped_at - timedelta(minutes=1), send_before=stopped.stopped_at - timedelta(seconds=1)
        )
    assert [each.too_late for each in brake.waiting()] == [1]
    assert brake.release(stopped.pk, "Klart.", by=operator).too_late == {}
    assert not Message.objects.filter(brake.too_late_by_a_stop()).exists()


def test_while_it_is_stopped_what_is_too_late_by_now_is_found_too(stopped, accept, late):
    accept()
    already = late(stopped)
    assert list(Message.objects.filter(brake.too_late_by_a_stop())) == [already]


# On record -----------------------------------------------------------------------------------------------------------


def test_both_acts_are_on_record_by_name_with_time_and_reason(operator, make_user):
    other = make_user("drift2", "Dag", "Dahl")
    before = database_now()
    stopped = stop(operator, "Fel länk i påminnelsen.")
    brake.release(stopped.pk, "Länken är rättad.", by=other)
    [record] = SendingStop.objects.all()
    assert (record.stopped_by, record.stopped_why) == (operator, "Fel länk i påminnelsen.")
    assert (record.released_by, record.released_why) == (other, "Länken är rättad.")
    assert before < record.stopped_at < record.released_at < database_now()


def test_of_two_who_stop_the_firsts_stop_stands(stopped, make_user):
    again, is_new = brake.stop("Jag också.", by=make_user("drift2", "Dag", "Dahl"))
    assert (again, is_new) == (stopped, False)


def test_a_page_from_before_a_release_does_not_release_the_next_stop(stopped, operator):
    brake.release(stopped.pk, "Klart.", by=operator)
    stop(operator, "Igen.")
    with pytest.raises(brake.NotInForce):
        brake.release(stopped.pk, "Klart.", by=operator)
    assert brake.in_force()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE sms_sendingstop SET stopped_why = 'Något annat'",
        "UPDATE sms_sendingstop SET stopped_at = stopped_at - interval '1 hour'",
        "UPDATE sms_sendingstop SET stopped_by_id = NULL, kind = 'restored_copy'",
        "UPDATE sms_sendingstop SET released_at = clock_timestamp()",
        "UPDATE sms_sendingstop SET released_at = clock_timestamp(), released_why = 'Klart.'",
        "DELETE FROM sms_sendingstop",
        "TRUNCATE sms_sendingstop",
    ],
)
def test_nobody_alters_a_stop_or_releases_it_without_a_name_not_even_the_owner(statement, stopped):
    with pytest.raises(DatabaseError):
        sql(statement)
    with as_owner(), pytest.raises(DatabaseError):
        sql(statement)


def test_a_release_is_as_it_was_made(stopped, operator):
    brake.release(stopped.pk, "Klart.", by=operator)
    for change in ("released_at = NULL", "released_why = 'Annat'", "too_late = '{}'"):
        with pytest.raises(DatabaseError):
            sql(f"UPDATE sms_sendingstop SET {change}")


# A restored copy -----------------------------------------------------------------------------------------------------


def test_a_restored_copy_sends_nothing_until_it_is_released_by_name(operator, accept, say, provider):
    held, is_new = brake.hold_restored_copy()
    assert is_new
    assert brake.hold_restored_copy() == (held, False)
    say(Answer.YES)
    message = accept()
    gateway.drain(Lane.BULK)
    assert state_of(message) == State.QUEUED
    brake.release(held.pk, "Provet är klart.", by=operator)
    gateway.drain(Lane.BULK)
    assert state_of(message) == State.SENT


def test_a_copy_of_a_database_that_was_stopped_is_stopped_twice(stopped, operator, accept, say, provider):
    held, _ = brake.hold_restored_copy()
    assert brake.in_force() == held  # its words come first
    say(Answer.YES)
    message = accept()
    brake.release(held.pk, "Den här är i drift nu.", by=operator)
    assert brake.in_force() == stopped
    gateway.drain(Lane.BULK)
    assert state_of(message) == State.QUEUED


# By manage.py --------------------------------------------------------------------------------------------------------


def run(command: str, *arguments: str) -> list[str]:
    printed = StringIO()
    call_command(command, *arguments, stdout=printed)
    return printed.getvalue().splitlines()


def test_it_is_stopped_shown_and_released_from_the_command_line(operator, accept, late, say):
    say(Answer.YES)
    assert run("sms_status")[0] == "Utskicken är inte stoppade."
    assert run("sms_stop", "--why", "Fel länk.", "--by", "operator")[0] == "Alla SMS-utskick är stoppade."
    stopped = SendingStop.objects.get()
    assert (stopped.stopped_by, stopped.stopped_why) == (operator, "Fel länk.")
    accept()
    late(stopped, kind=Kind.MANUAL)
    status = run("sms_status")
    assert "Disa Drake: Fel länk." in status[0]
    counts = [
        "SMS: 1 väntar, varav för sena: 1.",
        "Bokningsbekräftelse: 0 väntar, varav för sena: 0.",
        "Påminnelse om återuppringning: 1 väntar, varav för sena: 0.",
    ]
    assert status[1:] == counts
    assert run("sms_stop", "--why", "Igen.", "--by", "operator")[0] == "Utskicken är redan stoppade."
    released = run("sms_release", "--why", "Rättat.", "--by", "operator", "--no-input")
    assert released[1:] == [*counts, "Utskicken är släppta."]
    stopped.refresh_from_db()
    assert (stopped.released_by, stopped.released_why) == (operator, "Rättat.")


def test_a_release_is_asked_about_after_it_was_said_what_waits(stopped, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda _: "nej")
    with pytest.raises(CommandError, match="Ingenting gjordes"):
        run("sms_release", "--why", "Klart.", "--by", "operator")
    assert brake.in_force()
    monkeypatch.setattr("builtins.input", lambda _: "ja")
    run("sms_release", "--why", "Klart.", "--by", "operator")
    assert not brake.in_force()


def test_a_restored_copy_is_stopped_without_a_name_and_released_with_one(operator, stopped):
    run("sms_stop", "--restored-copy")
    held = SendingStop.objects.get(kind=SendingStop.Kind.RESTORED_COPY)
    assert (held.stopped_by, held.stopped_why) == (None, "Databasen är återställd från en säkerhetskopia.")
    options = ("--why", "Provet är klart.", "--by", "operator", "--no-input")
    assert run("sms_release", "--restored-copy", *options)[-1] == "Stoppet är släppt. Ett annat gäller fortfarande."
    assert brake.in_force() == stopped


@pytest.mark.parametrize(
    ("command", "arguments", "problem"),
    [
        ("sms_stop", ["--by", "operator"], "Skriv varför"),
        ("sms_stop", ["--by", "operator", "--why", " "], "Skriv varför"),
        ("sms_stop", ["--by", "operator", "--why", "x" * 301], "Skriv varför, med högst 300 tecken"),
        ("sms_stop", ["--why", "Fel."], "Skriv vilken systemförvaltare"),
        ("sms_stop", ["--why", "Fel.", "--by", "anna"], "Ingen systemförvaltare har användarnamnet anna"),
        ("sms_stop", ["--restored-copy", "--by", "anna"], "Ingen systemförvaltare har användarnamnet anna"),
        ("sms_release", ["--by", "operator"], "Skriv varför"),
        ("sms_release", ["--why", "Klart.", "--no-input"], "Skriv vilken systemförvaltare"),
        ("sms_release", ["--why", "Klart.", "--by", "operator", "--no-input"], "Det finns inget sådant stopp"),
    ],
)
def test_what_is_missing_is_told_and_nothing_is_done(command, arguments, problem, operator, nurse):
    with pytest.raises(CommandError, match=problem):
        run(command, *arguments)
    assert not SendingStop.objects.exists()
