"""What waits and what is under way stands in a small table, which PostgreSQL keeps whatever writes the messages."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models import QuerySet

from consent.models import Answer
from sms import gateway, outcomes, receipts
from sms.models import Kind, Lane, Message, Unsettled
from sms.providers.base import Outcome, SendResult
from sms.states import State
from teleq.clock import database_now
from tests.concurrency import in_another_connection, wait_until_a_connection_waits_for_a_lock
from tests.database_roles import as_owner
from tests.reporting import told

pytestmark = pytest.mark.django_db(transaction=True)

ACCEPTED = SendResult(Outcome.ACCEPTED, provider_message_id="id-1", status="created")
TRY_LATER = SendResult(Outcome.RETRY_LATER)


@pytest.fixture(autouse=True)
def yes(say) -> None:
    say(Answer.YES)


@pytest.fixture
def sending(accept) -> Message:
    message = accept()
    gateway.claim(Lane.BULK, "simulator")
    message.refresh_from_db()
    assert message.state == State.SENDING
    return message


@pytest.fixture
def sent(sending) -> Message:
    outcomes.record({sending.pk: ACCEPTED})
    sending.refresh_from_db()
    return sending


def sql(statement: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)


def stands_as(message: Message) -> tuple[object, ...] | None:
    row = Unsettled.objects.filter(pk=message.pk).first()
    return row and (row.queue_id, row.lane, row.at, row.sending_since)


class TestItIsKept:
    @pytest.mark.parametrize(
        ("kind", "lane"), [(Kind.MANUAL, "manual"), (Kind.CONFIRMATION, "bulk"), (Kind.REMINDER, "bulk")]
    )
    def test_what_is_accepted_waits_in_its_lane(self, kind, lane, accept, queue):
        message = accept(kind=kind)
        assert stands_as(message) == (queue.pk, lane, message.due_at, None)

    def test_what_is_refused_at_once_is_not_there(self, accept, say):
        say(Answer.NO)
        assert stands_as(accept(kind=Kind.MANUAL)) is None

    def test_what_is_claimed_is_being_sent(self, sending, queue):
        assert stands_as(sending) == (queue.pk, "bulk", sending.due_at, sending.claimed_at)

    def test_what_was_not_sent_waits_again(self, sending, queue):
        outcomes.record({sending.pk: TRY_LATER})
        due_at = sending.due_at
        sending.refresh_from_db()
        assert sending.due_at > due_at
        assert stands_as(sending) == (queue.pk, "bulk", sending.due_at, None)

    def test_what_was_sent_waits_for_its_report(self, sent, queue):
        assert stands_as(sent) == (queue.pk, "", sent.state_at, None)

    def test_what_was_delivered_is_gone(self, sent):
        receipts.record(sent.provider, sent.pk, sent.receipt_token, told("delivered"))
        assert stands_as(sent) is None

    def test_what_is_given_up_is_gone_and_back_if_it_was_sent_after_all(self, sending, queue):
        sql("UPDATE sms_message SET state_at = state_at - interval '1 hour'")
        gateway.sweep()
        assert stands_as(sending) is None
        outcomes.record({sending.pk: ACCEPTED})
        sending.refresh_from_db()
        assert stands_as(sending) == (queue.pk, "", sending.state_at, None)

    def test_what_is_cancelled_or_too_late_is_gone(self, accept):
        cancelled, late = accept(), accept(send_before=database_now())
        gateway.cancel(Message.objects.filter(pk=cancelled.pk))
        gateway.claim(Lane.BULK, "simulator")
        late.refresh_from_db()
        assert late.state == State.EXPIRED
        assert not Unsettled.objects.exists()


class TestRoundTheGateway:
    """Raw SQL, which knows nothing of the table."""

    def test_inserted(self, accept, queue):
        first = accept()
        columns = ", ".join(
            field.column for field in Message._meta.concrete_fields if field.name not in ("id", "key", "kind")
        )
        sql(
            f"INSERT INTO sms_message (key, kind, {columns})"
            f" SELECT 'another ' || n, 'manual', {columns} FROM sms_message, generate_series(1, 3) AS n"
        )
        others = Message.objects.exclude(pk=first.pk)
        assert {stands_as(other) for other in others} == {(queue.pk, "manual", first.due_at, None)}
        assert Unsettled.objects.count() == 4

    def test_moved(self, accept, queue):
        message = accept()
        sql("UPDATE sms_message SET state = 'sending', claimed_at = clock_timestamp(), state_at = '2026-01-02Z'")
        assert stands_as(message)[3].isoformat() == "2026-01-02T00:00:00+00:00"
        sql("UPDATE sms_message SET state = 'sent', state_at = '2026-01-03Z'")
        _, lane, at, sending_since = stands_as(message)
        assert (lane, at.isoformat(), sending_since) == ("", "2026-01-03T00:00:00+00:00", None)
        sql("UPDATE sms_message SET state = 'delivered'")
        assert stands_as(message) is None

    def test_merged(self, accept):
        message = accept()
        sql(
            "MERGE INTO sms_message m USING sms_message n ON m.id = n.id"
            " WHEN MATCHED THEN UPDATE SET state = 'cancelled', state_at = now()"
        )
        assert stands_as(message) is None

    def test_put_off(self, accept):
        message = accept()
        sql("UPDATE sms_message SET due_at = due_at + interval '10 minutes'")
        assert stands_as(message)[2] == message.due_at + timedelta(minutes=10)

    def test_deleted(self, accept, draft):
        gone, stays = gateway.accept([draft(), draft()])
        with as_owner():
            sql("DELETE FROM sms_message WHERE id = %s", gone.pk)
        assert [row.pk for row in Unsettled.objects.all()] == [stays.pk]

    def test_only_a_part_of_it_rolled_back(self, accept):
        message = accept()
        before = stands_as(message)
        with transaction.atomic():
            sql("UPDATE sms_message SET state = 'cancelled'")
            transaction.set_rollback(True)
        assert stands_as(message) == before

    def test_its_rows_are_written_by_the_triggers_only(self, accept):
        accept()
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT has_table_privilege('teleq_product', 'sms_unsettled', 'INSERT'),"
                " has_table_privilege('teleq_product', 'sms_unsettled', 'DELETE')"
            )
            assert cursor.fetchone() == (False, False)


class TestItIsTheLock:
    """Whoever changes messages locks these rows before them, so that no two wait for each other."""

    def test_a_claim_passes_over_what_somebody_is_changing(self, draft):
        held, free = gateway.accept([draft(), draft()])
        with transaction.atomic():
            Unsettled.objects.filter(pk=held.pk).hold()
            claimed = in_another_connection(lambda: gateway.claim(Lane.BULK, "simulator")).result(20)
        assert [message.pk for message in claimed.sending] == [free.pk]

    @pytest.mark.parametrize("who", ["cancels", "records", "reports"])
    def test_others_wait_for_it(self, who, sending):
        act = {
            "cancels": lambda: gateway.cancel(Message.objects.filter(pk=sending.pk)),
            "records": lambda: outcomes.record({sending.pk: ACCEPTED}),
            "reports": lambda: receipts.record("simulator", sending.pk, sending.receipt_token, told("delivered")),
        }[who]
        with transaction.atomic():
            Unsettled.objects.filter(pk=sending.pk).hold()
            waiting = in_another_connection(act)
            wait_until_a_connection_waits_for_a_lock()
            sql("SELECT FROM sms_message WHERE id = %s FOR UPDATE NOWAIT", sending.pk)  # they haven't got the message
        waiting.result(20)


def due() -> QuerySet[Unsettled]:
    return Unsettled.objects.waiting(Lane.BULK).due()[:200]


def unreported() -> QuerySet[Unsettled]:
    return Unsettled.objects.filter(lane="", at__lt=database_now()).order_by("at")[:100]


class TestItCostsLittle:
    def test_no_index_of_the_messages_is_on_what_a_message_changes(self):
        """So that PostgreSQL needs to write none of them when it moves, except those that only sum up its pages."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT DISTINCT pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class ON oid = indexrelid"
                " WHERE indrelid = 'sms_message'::regclass"
            )
            indexes = [definition for (definition,) in cursor.fetchall()]
        columns = {re.search(r"\((.*?)\)", index)[1] for index in indexes}
        assert not any(" WHERE " in index for index in indexes)
        assert columns == {"id", "key", "to_number", "queue_id, created_at", "created_at"}

    @pytest.mark.parametrize("text", ["Hej! " + "a" * 75, "Hej! " + "a" * 155])
    def test_a_message_that_moves_stays_on_its_page_also_while_a_dump_is_taken(self, draft, text):
        """Else PostgreSQL writes each of its indexes. There is room for all that it becomes beside what it was, which
        has to stay there for the dump."""
        swept()
        messages = gateway.accept([draft(text=text) for _ in range(100)])
        with a_long_transaction(), moves() as found:
            gateway.claim(Lane.BULK, "simulator")
            outcomes.record({message.pk: ACCEPTED for message in messages})
            for message in messages:
                receipts.record("simulator", message.pk, message.receipt_token, told("delivered"))
        assert Message.objects.filter(state=State.DELIVERED).count() == 100
        assert found["all"] == 300
        assert found["in place"] >= 270

    @pytest.mark.parametrize("find", [due, unreported])
    def test_what_is_looked_for_is_read_in_order_from_an_index(self, find, accept):
        accept()
        # The table is too small to be worth it: a few rows are read and sorted as soon. Only where nothing else helps.
        with transaction.atomic():
            sql("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off")
            plan = find().explain()
        assert "unsettled_in_lane" in plan
        assert "Sort" not in plan


@contextmanager
def a_long_transaction() -> Iterator[None]:
    """As pg_dump's: what was there when it began has to stay there for it."""
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SELECT count(*) FROM sms_message")
            yield
    finally:
        other.close()


@contextmanager
def moves() -> Iterator[dict[str, int]]:
    """How many updates of messages there are meanwhile, and how many of them write no index (HOT)."""
    found: dict[str, int] = {}
    before = _moves()
    yield found
    found |= {what: number - before[what] for what, number in _moves().items()}


def swept() -> None:
    """What earlier tests have deleted takes no room any more."""
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("VACUUM sms_message")


def _moves() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute("SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'sms_message'")
        return dict(zip(("all", "in place"), cursor.fetchone(), strict=True))
