"""Backup and restore, tried whole: dump, go on working, lose it, restore, settle. Nothing is sent twice, and nothing to
a number whose Nej can be known."""

from __future__ import annotations

import os
import stat
import subprocess
from collections import Counter
from datetime import timedelta
from io import StringIO
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from administration import copies
from cases import automatic_sms, callbacks, free_times
from cases.models import Case
from consent import register
from consent.models import Answer, Channel, Consent
from local.servers import OWNER
from sms import brake, gateway, inbound
from sms.models import InboundSms, Kind, Lane, LostSms, Message, SendingDatabase, SendingStop
from sms.providers.base import Reply
from sms.states import State
from sms.tasks import sweep
from teleq.clock import database_now
from teleq.models import OutgoingSms, Queue
from tests.administration.other_database import PROGRAMS, empty_database, in_database
from tests.database_roles import address_as, as_owner, past_the_triggers
from tests.sms.elks_server import elks_on_loopback

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

OURS = "+46766861004"
WAITS, NEJ, STOPP, REMINDED, SENT, LATER, BOOKED, BY_NURSE = (f"+4670174060{digit}" for digit in "12345678")


@pytest.fixture
def elks(settings):
    with elks_on_loopback() as server:
        settings.SMS_PROVIDERS = ["46elks"]
        settings.ELKS_URL = server.url
        settings.ELKS_USERNAME, settings.ELKS_PASSWORD = "u123", "secret"
        settings.SMS_INBOUND_PASSWORD = "inbound"
        settings.TELEQ_URL = "https://teleq.example.se"
        yield server


@pytest.fixture
def copy():
    with empty_database() as name:
        yield name


def backup(file) -> str:
    said = StringIO()
    with as_owner():
        call_command("backup", str(file), programs=PROGRAMS, stdout=said)
    return said.getvalue()


def restore(file) -> str:
    said = StringIO()
    with as_owner():
        call_command("restore", str(file), programs=PROGRAMS, stdout=said)
    return said.getvalue()


def after_restore(since, **options) -> str:
    said = StringIO()
    call_command("after_restore", lost_since=since.isoformat(), stdout=said, **options)
    return said.getvalue()


def work() -> None:
    """All that the workers do by themselves."""
    automatic_sms.remind_all_due()
    register.carry_out_withdrawals()
    for lane in Lane:
        gateway.drain(lane)


def state_to(number: str) -> list[str]:
    return list(Message.objects.filter(to_number=number).order_by("pk").values_list("state", flat=True))


def answer_of(number: str) -> tuple[str, str]:
    return Consent.objects.values_list("answer", "channel").get(phone_number=number)


# The whole -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def town(queue, say, nurse, operator, open_queue, telephones, day, elks, accept, tmp_path, copy):
    """What stood in the database when it was dumped, and what was done after that, till it was lost."""
    outgoing = OutgoingSms.objects.get(queue=queue)
    outgoing.sender, outgoing.confirmation_on, outgoing.reminder_on, outgoing.reminder_minutes = OURS, True, True, 60
    outgoing.save()
    queue = Queue.objects.get(pk=queue.pk)
    hour = timezone.now() + timedelta(minutes=30)
    for number in (WAITS, NEJ, STOPP, REMINDED, SENT, LATER, BOOKED, BY_NURSE):
        say(Answer.YES, number)

    def case(number: str, **columns) -> Case:
        with transaction.atomic():
            made = Case(queue=queue, phone_number=number, name="Berit Testsson", callback_at=hour, **columns)
            made.save()
        return made

    for number in (WAITS, NEJ):
        case(number)
    reminded = case(REMINDED)
    with past_the_triggers():
        Case.objects.filter(pk=reminded.pk).update(booked_at=timezone.now() - timedelta(days=1))
    accept(to_number=SENT)
    accept(to_number=STOPP)
    work_without_reminders()
    accept(to_number=WAITS)
    accept(to_number=NEJ)
    soon = database_now() + timedelta(minutes=50)
    accept(to_number=LATER, due_at=soon, send_before=soon + timedelta(hours=1))
    assert elks.sent_to() == {SENT: 1, STOPP: 1}

    file = tmp_path / "backup"
    said = backup(file)
    since = database_now()

    say(Answer.NO, NEJ)
    stopp = elks.add("incoming", STOPP, OURS, message="Stopp!")
    inbound.receive("46elks", Reply(STOPP, OURS, "Stopp!", stopp["id"]))
    asked = {"phone_number": BOOKED, "call_id": "before-the-loss"}
    telephones.book(queue, callback_time(queue, day), **asked)
    callbacks.create(
        Case(queue=queue, phone_number=BY_NURSE, name="Sven Testsson", callback_at=hour + timedelta(hours=3)), by=nurse
    )
    work()
    elks.deliver_all()
    sent = elks.sent_to()
    assert sent == {SENT: 1, STOPP: 1, WAITS: 1, REMINDED: 1, BOOKED: 1, BY_NURSE: 1}
    assert state_to(NEJ) == [State.REFUSED]
    return SimpleNamespace(
        file=file,
        said=said,
        since=since,
        sent=sent,
        queue=queue,
        asked=asked,
        day=day,
        telephones=telephones,
        operator=operator,
        copy=copy,
        elks=elks,
        nurse=nurse,
    )


def work_without_reminders() -> None:
    for lane in Lane:
        gateway.drain(lane)


def callback_time(queue, day):
    return free_times.between(queue, day, day)[0].starts_at


def test_nothing_is_sent_twice_and_nothing_to_a_nej_that_can_be_known(town, say):
    elks = town.elks
    with in_database(town.copy):
        assert "Återställd kopia: inga SMS skickas." in restore(town.file)
    with in_database(town.copy):
        # What would leave: what waited, and the reminder that is due.
        work()
        sweep()
        assert elks.sent_to() == town.sent
        elks.turned_away = 1
        said = after_restore(town.since)
        assert elks.pages >= 3
        assert "nu Okänt om det kom fram: 3." in said
        assert state_to(WAITS) == [State.DELIVERED]
        assert state_to(REMINDED) == [State.DELIVERED]
        assert state_to(SENT) == [State.DELIVERED]
        assert state_to(NEJ) == [State.UNKNOWN]
        assert state_to(LATER) == [State.QUEUED]
        assert answer_of(STOPP) == (Answer.NO, Channel.SMS)
        for number in (WAITS, NEJ, REMINDED, BOOKED, BY_NURSE):
            assert answer_of(number) == (Answer.UNSET, Channel.RESTORED), number
        for number in (SENT, LATER):
            assert answer_of(number) == (Answer.YES, Channel.CASE), number
        lost = LostSms.objects.values_list("to_number", flat=True)
        assert {str(number) for number in lost} == {BOOKED, BY_NURSE}
        assert set(LostSms.objects.values_list("care_provider", flat=True)) == {town.queue.care_provider_id}

        # The telephone system sends its booking again; the patient is asked again; the command is run again.
        answer = town.telephones.book(town.queue, callback_time(town.queue, town.day), **town.asked)
        assert answer.status == 201
        say(Answer.YES, BOOKED)
        say(Answer.YES, WAITS)
        after_restore(town.since)
        assert state_to(BOOKED) == [State.DELIVERED]
        assert answer_of(WAITS) == answer_of(BOOKED) == (Answer.YES, Channel.CASE)
        assert [str(number) for number in LostSms.objects.values_list("to_number", flat=True)] == [BY_NURSE]

        # Nothing has left yet. Then it is released, and what is new leaves.
        work()
        assert elks.sent_to() == town.sent
        stop = SendingStop.objects.in_force().get()
        brake.release(stop.pk, "Allt är kontrollerat.", by=town.operator)
        gateway.accept([new_message(town.queue, WAITS)])
        work()
        sweep()
        assert elks.sent_to() == town.sent + Counter({WAITS: 1})


def new_message(queue, number):
    at = database_now()
    return gateway.Draft(
        key="after",
        kind=Kind.CONFIRMATION,
        queue_id=queue.pk,
        to_number=number,
        text="Nytt",
        due_at=at,
        send_before=at + timedelta(hours=1),
    )


def test_a_second_run_changes_nothing(town):
    with in_database(town.copy):
        restore(town.file)
        after_restore(town.since)
        before = everything()
        said = after_restore(town.since)
        assert "nu Okänt om det kom fram: 0." in said
        assert "Nej kan ha gått förlorat: 0." in said
        assert everything() == before


def everything() -> list[object]:
    return [
        list(Message.objects.order_by("pk").values()),
        list(Consent.objects.order_by("pk").values()),
        list(Consent.history().order_by("pgh_id").values()),
        list(InboundSms.objects.order_by("pk").values()),
        list(LostSms.objects.order_by("pk").values()),
    ]


def test_a_provider_that_does_not_answer_leaves_the_work_to_a_second_run(town):
    with in_database(town.copy):
        restore(town.file)
        town.elks.down = True
        with pytest.raises(CommandError, match="Kör kommandot igen"):
            after_restore(town.since)
        assert state_to(WAITS) == state_to(REMINDED) == [State.UNKNOWN]
        assert answer_of(STOPP) == (Answer.YES, Channel.CASE)
        town.elks.down = False
        after_restore(town.since)
        assert state_to(WAITS) == state_to(REMINDED) == [State.DELIVERED]
        assert answer_of(STOPP) == (Answer.NO, Channel.SMS)


def test_without_a_list_each_number_that_was_sent_to_is_asked_again(town):
    with in_database(town.copy):
        restore(town.file)
        said = after_restore(town.since, without_list=["46elks"])
        assert "46elks: har ingen lista som kan hämtas." in said
        for number in (STOPP, SENT, WAITS, NEJ, REMINDED):
            assert answer_of(number) == (Answer.UNSET, Channel.RESTORED), number
        assert answer_of(LATER) == (Answer.YES, Channel.CASE)  # nothing was sent to it
        assert state_to(WAITS) == state_to(REMINDED) == [State.UNKNOWN]


def test_a_report_that_comes_after_all_settles_what_is_unknown(town, client):
    with in_database(town.copy):
        restore(town.file)
        after_restore(town.since, without_list=["46elks"])
        message = Message.objects.get(to_number=WAITS)
        address = f"/sms/receipts/46elks/{message.pk}/{message.receipt_token}"
        assert client.post(address, {"id": "s1", "status": "delivered"}).status_code == 204
        assert state_to(WAITS) == [State.DELIVERED]


# A copy knows that it is one -----------------------------------------------------------------------------------------


def test_a_dump_that_is_restored_by_postgresqls_own_programs_alone_sends_nothing(accept, say, elks, tmp_path, copy):
    """And is told of as soon as anything of teleQ sweeps."""
    say(Answer.YES, WAITS)
    message = accept(to_number=WAITS)
    address = address_as(OWNER)
    file = tmp_path / "dump"
    subprocess.run([PROGRAMS / "pg_dump", "-Fc", "-f", file, address], check=True)
    restored_to = address.replace(f"/{connection.settings_dict['NAME']}", f"/{copy}")
    options = ["--no-comments", "--exit-on-error", "--no-owner"]
    subprocess.run([PROGRAMS / "pg_restore", *options, "-d", restored_to, file], check=True)
    with in_database(copy):
        assert brake.in_force() is None
        assert gateway.drain(Lane.BULK) == 0
        with pytest.raises(IntegrityError, match="a copy of the database"), transaction.atomic():
            Message.objects.filter(pk=message.pk).update(state=State.SENDING, claimed_at=database_now())
        sweep()
        stop = brake.in_force()
        assert stop is not None
        assert stop.is_restored_copy
        assert gateway.drain(Lane.BULK) == 0
    assert elks.rows == []
    assert gateway.drain(Lane.BULK) == 1  # the original goes on
    assert elks.sent_to() == {WAITS: 1}


def test_a_copy_that_is_released_is_the_database_that_may_send(operator):
    with past_the_triggers():
        SendingDatabase.objects.update(identity="another")
    try:
        assert brake.hold_if_copy()
        brake.release(SendingStop.objects.in_force().get().pk, "Kontrollerat.", by=operator)
        assert SendingDatabase.objects.is_this_one()
        assert not brake.hold_if_copy()
    finally:
        with past_the_triggers():
            SendingDatabase.objects.become()


def test_what_waits_can_be_made_unknown_in_a_held_copy_only(accept, operator):
    message = accept()
    unknown = {"state": State.UNKNOWN, "claimed_at": database_now()}
    with pytest.raises(IntegrityError, match="not a move"), transaction.atomic():
        Message.objects.filter(pk=message.pk).update(**unknown)
    brake.stop("Fel länk.", by=operator)
    with pytest.raises(IntegrityError, match="not a move"), transaction.atomic():
        Message.objects.filter(pk=message.pk).update(**unknown)
    brake.hold_restored_copy()
    Message.objects.filter(pk=message.pk).update(**unknown)


def test_whoever_releases_a_copy_is_told_what_would_be_sent_again(accept, operator):
    accept()
    brake.hold_restored_copy()
    accept(kind=Kind.CONFIRMATION)  # written in the copy
    said = StringIO()
    released = {"restored_copy": True, "no_input": True, "by": operator.username, "why": "Kontrollerat."}
    call_command("sms_release", stdout=said, **released)
    assert "1 av dem kan ha skickats redan" in said.getvalue()


# The commands --------------------------------------------------------------------------------------------------------


def test_a_dump_can_be_read_by_its_owner_only_and_overwrites_nothing(tmp_path):
    file = tmp_path / "backup"
    assert "Säkerhetskopian är klar" in backup(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(CommandError, match="finns redan"):
        backup(file)
    with pytest.raises(CommandError, match="finns inte"):
        backup(tmp_path / "nowhere" / "backup")
    assert os.listdir(tmp_path) == ["backup"]


def test_the_password_is_on_no_command_line(tmp_path, monkeypatch):
    asked = []
    run = subprocess.run

    def look(command, **options):
        asked.append((command, options["env"]))
        return run(command, **options)

    monkeypatch.setattr(copies.subprocess, "run", look)
    backup(tmp_path / "backup")
    password = connection.settings_dict["PASSWORD"]
    assert len(asked) == 2
    for command, environment in asked:
        assert password not in " ".join(map(str, command))
        assert environment["PGPASSWORD"] == password


def test_a_database_that_is_not_empty_is_not_restored_into(tmp_path):
    file = tmp_path / "backup"
    backup(file)
    with pytest.raises(CommandError, match="inte tom"):
        restore(file)


def test_a_file_that_is_no_dump_leaves_the_database_empty(tmp_path, copy):
    file = tmp_path / "backup"
    file.write_bytes(b"no dump")
    with in_database(copy):
        with pytest.raises(CommandError, match="pg_restore misslyckades"):
            restore(file)
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace")
            assert cursor.fetchone() == (0,)


@pytest.mark.parametrize("written", ["i natt", "2026-13-01", "2999-01-01T00:00"])
def test_a_time_that_is_none_is_not_taken(written):
    with pytest.raises(CommandError, match="--lost-since"):
        call_command("after_restore", lost_since=written)


def test_a_database_that_is_not_held_is_left_as_it_is(accept):
    message = accept()
    with pytest.raises(CommandError, match="sms_stop --restored-copy"):
        after_restore(database_now())
    assert state_to(str(message.to_number)) == [State.QUEUED]
