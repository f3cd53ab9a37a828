"""What is removed each night, what stays, and that it may be interrupted by anything."""

from __future__ import annotations

from datetime import timedelta

import psycopg2
import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from administration import retention
from administration.database.functions import DECIDED, call
from administration.models import RetentionRun
from administration.retention import remove_batch
from administration.tasks import remove_what_is_past_its_time
from cases import callbacks
from cases.models import Case, CaseMessage, Slot, Status
from consent import register
from consent.models import Answer, Consent, HistoryMark
from local.servers import RETENTION
from sms import gateway
from sms.models import Lane, Message
from sms.states import State
from tests import database_roles
from tests.concurrency import in_another_connection, wait_until_a_connection_waits_for_a_lock
from tests.conftest import MOBILE
from tests.database_roles import acting_as, past_the_triggers

pytestmark = pytest.mark.django_db

OTHER = "+46701740606"
DAY = timedelta(days=1)


def a_night_goes_by() -> dict[str, int]:
    """What was removed."""
    assert database_roles.a_night_goes_by()
    return {kind: count for run in RetentionRun.objects.all() for kind, count in run.removed.items()}


def written(message: Message, days_ago: float) -> None:
    Message.objects.filter(pk=message.pk).update(created_at=timezone.now() - days_ago * DAY)


@pytest.fixture
def sent(accept, say, provider):
    """A message that has left, written so many days ago."""

    def left(days_ago: float) -> Message:
        say(Answer.YES)
        message = accept()
        gateway.drain(Lane.BULK)
        written(message, days_ago)
        return message

    return left


@pytest.fixture
def closed(queue):
    def case(days_ago: float, status: Status = Status.DONE) -> Case:
        at = timezone.now() - days_ago * DAY
        return callbacks.create(Case(queue=queue, phone_number=MOBILE, callback_at=at, status=status), by=None)

    return case


# Promise 4 -----------------------------------------------------------------------------------------------------------


def test_promise_4_a_lapsed_answer_is_removed_and_one_that_counts_stays(lapsing):
    lapsing(Answer.YES, days_left=-1 / 86_400)
    stays = lapsing(Answer.NO, OTHER, days_left=1 / 24)
    assert a_night_goes_by()["svar"] == 1
    assert Consent.objects.get() == stays


@pytest.mark.django_db(transaction=True)
def test_promise_4_an_answer_that_is_renewed_meanwhile_stays(lapsing, say):
    lapsing(Answer.YES, days_left=-1)
    with transaction.atomic():
        say(Answer.YES)
        night = in_another_connection(database_roles.a_night_goes_by)
        assert night.result(20)
    assert Consent.objects.get().counts(timezone.now())
    assert not RetentionRun.objects.filter(removed__has_key="svar").exists()


@pytest.mark.django_db(transaction=True)
def test_an_answer_given_while_the_night_takes_the_old_one_away_is_a_new_one(lapsing, say, care_provider):
    lapsing(Answer.YES, days_left=-1)
    with transaction.atomic():
        with acting_as(RETENTION):
            assert call("retention_answers", 10) == 1
        nurse_says = in_another_connection(lambda: say(Answer.NO))
        wait_until_a_connection_waits_for_a_lock()
    with pytest.raises(register.ChangedMeanwhile):
        nurse_says.result(20)
    assert say(Answer.NO).consent.answer == Answer.NO


# History -------------------------------------------------------------------------------------------------------------


def test_the_history_stays_till_the_totals_of_the_answers_last_days_are_counted(lapsing):
    lapsing(Answer.YES, days_left=-2)
    a_night_goes_by()
    assert not Consent.objects.exists()
    assert Consent.history().get().answer == Answer.YES


def test_the_history_of_an_answer_goes_after_it(lapsing, say):
    lapsing(Answer.YES, days_left=-10)
    say(Answer.NO, OTHER)
    assert a_night_goes_by()["händelser"] == 1
    assert [event.answer for event in Consent.history()] == ["no"]


def test_an_event_that_decided_a_message_stays_as_long_as_the_message(accept, lapsing):
    lapsing(Answer.YES, days_left=-10)
    event = Consent.history().get()
    accept()
    Message.objects.update(consent_event_id=event.pk)
    a_night_goes_by()
    assert Consent.history().get() == event
    Message.objects.update(created_at=F("created_at") - timedelta(days=800), state="expired", state_at=Now())
    a_night_goes_by()
    assert not Consent.history().exists()


def test_each_event_is_looked_at_once_however_many_are_kept(accept, lapsing, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    for number in range(610, 616):
        lapsing(Answer.YES, f"+46701740{number}", days_left=-10)
    events = list(Consent.history().order_by("valid_until", "pk"))
    for event in events[:4]:
        message = accept(to_number=event.phone_number)
        Message.objects.filter(pk=message.pk).update(consent_event_id=event.pk)
    assert a_night_goes_by()["händelser"] == 2
    assert set(Consent.history()) == set(events[:4])
    assert HistoryMark.objects.get().event_id == events[-1].pk
    a_night_goes_by()
    assert RetentionRun.objects.count() == 1  # nothing was left to do


def test_whether_an_event_decided_a_message_is_found_by_its_number(accept, lapsing):
    """By an index: messages have none of their own on it, as it is written when they are judged."""
    lapsing(Answer.YES, days_left=-10)
    accept()
    with connection.cursor() as cursor, acting_as("NONE"):
        cursor.execute("SET LOCAL enable_seqscan = off")  # the tables are too small here for an index to be worth it
        cursor.execute(
            f"EXPLAIN SELECT FROM consent_consentevent AS event WHERE pgh_id = ANY (%s) AND NOT {DECIDED}", [[1, 2]]
        )
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "message_to_number" in plan
    assert "Seq Scan" not in plan


def test_promise_8_nothing_but_retention_takes_history_away(say):
    say(Answer.YES)
    with pytest.raises(DatabaseError), transaction.atomic():
        Consent.history().all().delete()
    a_night_goes_by()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM consent_consentevent")


# Messages ------------------------------------------------------------------------------------------------------------


def test_what_a_message_said_goes_first_and_that_it_was_sent_stays(sent):
    old, fresh = sent(days_ago=91), sent(days_ago=89)
    assert a_night_goes_by()["SMS-texter"] == 1
    old.refresh_from_db()
    fresh.refresh_from_db()
    assert (old.text, old.state, old.to_number.as_e164) == ("", State.SENT, MOBILE)
    assert fresh.text == "Hej!"


def test_promise_10_else_nobody_changes_what_a_message_said(sent):
    sent(days_ago=91)
    a_night_goes_by()
    with pytest.raises(IntegrityError), transaction.atomic():
        Message.objects.update(text="Något annat")


def test_later_the_message_goes_too_and_what_waits_never_does(sent, accept, closed):
    gone = sent(days_ago=731)
    Message.objects.update(state=State.DELIVERED)
    CaseMessage.objects.create(case=closed(days_ago=1), message=gone, booking=1)
    waits = accept()
    written(waits, days_ago=800)
    assert a_night_goes_by()["SMS"] == 1
    waits.refresh_from_db()
    assert (Message.objects.get(), waits.text) == (waits, "Hej!")
    assert Case.objects.exists()


# Messages, however many there are ------------------------------------------------------------------------------------

OLD_MESSAGES = """
    INSERT INTO sms_message (key, kind, queue_id, to_number, text, created_at, due_at, send_before, state, refusal,
                             attempts, consent_answer, consent_channel, provider, provider_message_id, provider_status,
                             receipt_token)
    SELECT 'old:' || %s || ':' || n, 'reminder', %s, '+46701740605', 'Hej!', at, at, at + interval '1 hour', 'expired',
           '', 0, '', '', '', '', '', ''
    FROM generate_series(1, %s) AS n, LATERAL (SELECT now() - %s + n * interval '1 second' AS at) AS written
"""


@pytest.fixture
def old_messages(queue):
    """So many messages that were too late, written so many days ago, one each second."""

    def written_then(how_many: int, days_ago: float) -> None:
        with past_the_triggers(), connection.cursor() as cursor:
            cursor.execute(OLD_MESSAGES, [days_ago, queue.pk, how_many, days_ago * DAY])
            cursor.execute("ANALYZE sms_message")  # as autovacuum does

    return written_then


def rows_read(act, table: str = "sms_message") -> int:
    """How many of the table's rows PostgreSQL reads for this, one way or another."""
    with connection.cursor() as cursor:

        def read() -> int:
            cursor.execute(
                "SELECT coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables"
                " WHERE relname = %s",
                [table],
            )
            return cursor.fetchone()[0]

        before = read()
        act()
        return read() - before


def test_texts_that_are_gone_are_not_read_again(old_messages, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 100)
    for how_many, days_ago in ((3000, 95), (100, 89), (3000, 30)):
        old_messages(how_many, days_ago)
    with acting_as(RETENTION):
        first = rows_read(lambda: remove_batch("sms_texts"))
        while remove_batch("sms_texts"):
            pass
    assert Message.objects.filter(text="").count() == 3000
    Message.objects.filter(key__startswith="old:89:").update(created_at=F("created_at") - 2 * DAY)
    with acting_as(RETENTION):
        next_night = rows_read(lambda: remove_batch("sms_texts"))
    assert Message.objects.filter(text="").count() == 3100
    assert 0 < next_night <= first <= 5 * 100


def test_a_nights_batches_read_as_many_rows_each_also_the_last(old_messages, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 100)
    old_messages(2000, days_ago=95)
    with acting_as(RETENTION):
        read = [rows_read(lambda: remove_batch("sms_texts")) for _ in range(20)]
        nothing_left = rows_read(lambda: remove_batch("sms_texts"))
    assert Message.objects.filter(text="").count() == 2000
    assert max(read) <= min(read) + 100
    assert nothing_left <= min(read)


def test_messages_that_are_gone_are_not_gone_through_again(old_messages, monkeypatch):
    """Whether or not PostgreSQL has cleared them away: a dump that runs through the night keeps it from that."""
    monkeypatch.setattr(retention, "BATCH", 100)
    old_messages(1000, days_ago=800)
    with acting_as(RETENTION):
        read = [rows_read(lambda: remove_batch("sms")) for _ in range(10)]
    assert not Message.objects.exists()
    assert max(read) <= min(read) + 100


def test_what_waited_when_its_time_came_loses_its_text_when_it_waits_no_more(accept, old_messages):
    waits = accept()
    written(waits, days_ago=100)
    old_messages(10, days_ago=95)
    assert a_night_goes_by()["SMS-texter"] == 10
    waits.refresh_from_db()
    assert waits.text == "Hej!"
    Message.objects.filter(pk=waits.pk).update(state=State.EXPIRED, state_at=Now())
    a_night_goes_by()
    waits.refresh_from_db()
    assert waits.text == ""


def test_one_that_is_too_young_holds_none_up_for_longer_than_itself(old_messages):
    """Ids and times are not quite in the same order."""
    old_messages(1, days_ago=89.9)
    young = Message.objects.get()
    old_messages(10, days_ago=95)
    assert a_night_goes_by()["SMS-texter"] == 10
    written(young, days_ago=90.1)
    a_night_goes_by()
    young.refresh_from_db()
    assert young.text == ""


# Cases ---------------------------------------------------------------------------------------------------------------


def test_a_closed_case_goes_after_a_year_with_all_that_is_its_own(closed, sent, nurse):
    old, fresh = closed(days_ago=366), closed(days_ago=364)
    callbacks.add_note(old, "Ringer igen", by=nurse)
    message = sent(days_ago=1)
    CaseMessage.objects.create(case=old, message=message, booking=1)
    assert a_night_goes_by()["ärenden"] == 1
    assert Case.objects.get() == fresh
    assert Message.objects.get() == message  # kept as long as messages are


YOUNG = {
    "cases": """
        INSERT INTO cases_case (queue_id, name, reason, phone_number, a_number, personal_identity_number, callback_at,
                                booking, booked_at, attempts, priority, status, outcome, wrong_number, created_at,
                                interpreter_language, speak_with)
        SELECT %s, '', '', '+46701740605', NULL, '', now() - n * interval '1 minute', 1, now(), 1, 2, 'done', '', false,
               now(), '', ''
        FROM generate_series(1, 3000) AS n;
        ANALYZE cases_case
    """,
    "answers": """
        INSERT INTO consent_consent (care_provider_id, phone_number, answer, answered_by_id, channel, person,
                                     answered_at, valid_until)
        SELECT care_provider_id, '+4670' || n, 'no', NULL, 'sms', '', now(), now() + n * interval '1 minute'
        FROM generate_series(1, 3000) AS n, teleq_queue WHERE teleq_queue.id = %s;
        ANALYZE consent_consent
    """,
}


@pytest.mark.parametrize(("kind", "table"), [("cases", "cases_case"), ("answers", "consent_consent")])
def test_what_is_not_past_its_time_is_not_read(kind, table, queue):
    """However much there is of it, and also by the last batch, which doesn't find as many as it may take."""
    with past_the_triggers(), connection.cursor() as cursor:
        cursor.execute(YOUNG[kind], [queue.pk])
    with acting_as(RETENTION):
        assert rows_read(lambda: remove_batch(kind), table) == 0


def test_an_open_case_never_goes(closed):
    closed(days_ago=5000, status=Status.WAITING)
    a_night_goes_by()
    assert Case.objects.exists()


def test_slots_that_are_past_go(queue):
    Slot.objects.create(queue=queue, starts_at=timezone.now() - DAY)
    ahead = Slot.objects.create(queue=queue, starts_at=timezone.now() + DAY)
    a_night_goes_by()
    assert Slot.objects.get() == ahead


# A night's work ------------------------------------------------------------------------------------------------------


def test_it_is_done_in_batches_and_goes_on_where_it_was_stopped(lapsing, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    for number in range(605, 610):
        lapsing(Answer.YES, f"+46701740{number}", days_left=-1)
    monkeypatch.setattr(retention, "TURN", 0)
    assert not database_roles.a_night_goes_by()
    assert Consent.objects.count() == 3
    while not database_roles.a_night_goes_by():
        pass
    assert not Consent.objects.exists()
    assert sum(run.removed.get("svar", 0) for run in RetentionRun.objects.all()) == 5


def test_what_was_removed_before_it_was_killed_is_gone_and_counted(lapsing, monkeypatch):
    lapsing(Answer.YES, days_left=-1)

    remove_batch = retention.remove_batch

    def killed(name):
        if name == "history":
            raise SystemExit
        return remove_batch(name)

    monkeypatch.setattr(retention, "remove_batch", killed)
    with pytest.raises(SystemExit):
        database_roles.a_night_goes_by()
    assert not Consent.objects.exists()
    assert RetentionRun.objects.get().removed == {"svar": 1}


def test_a_night_with_nothing_to_do_leaves_nothing_behind():
    assert a_night_goes_by() == {}


def test_the_task_gives_others_their_turn_between(lapsing, monkeypatch, wakes_at_once):
    monkeypatch.setattr(retention, "BATCH", 2)
    monkeypatch.setattr(retention, "TURN", 0)
    for number in range(605, 610):
        lapsing(Answer.YES, f"+46701740{number}", days_left=-1)
    with acting_as(RETENTION):
        remove_what_is_past_its_time.delay()
    assert not Consent.objects.exists()
    assert RetentionRun.objects.count() > 2


def test_the_operator_sees_what_was_removed_and_nobody_else(client, operator, administrator, lapsing):
    lapsing(Answer.YES, days_left=-1)
    a_night_goes_by()
    client.force_login(operator)
    page = client.get("/admin/administration/retentionrun/").content.decode()
    assert "1 svar" in page
    assert "Avslutade ärenden tas bort 365 dagar efter sin tid (KEEP_CASES_DAYS)." in page
    assert "Ett ärende är ingen patientjournal" in page
    client.force_login(administrator)
    assert client.get("/admin/administration/retentionrun/").status_code == 403


@pytest.mark.django_db(transaction=True)
def test_what_somebody_holds_for_long_is_left_to_another_night_and_the_rest_goes(lapsing, caplog):
    lapsing(Answer.YES, days_left=-1)
    other = psycopg2.connect(**connection.get_connection_params())
    try:
        other.cursor().execute("LOCK TABLE sms_inboundsms IN ACCESS EXCLUSIVE MODE")
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '200ms'")
        assert database_roles.a_night_goes_by()
    finally:
        other.close()
        with connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout")
    assert "the rest of inkomna SMS is left to another night" in caplog.text
    assert not Consent.objects.exists()
