"""Promise 10: the database is the last guard. Code that goes round the gateway fails, raw SQL included."""

import pytest
from django.db import IntegrityError, connection, transaction

from consent.models import Answer, Consent
from sms import gateway
from sms.models import Lane, Message, Refusal
from sms.states import State
from teleq.models import OutgoingSms
from tests.concurrency import in_another_connection, wait_until_a_connection_waits_for_a_lock
from tests.database_roles import as_owner

pytestmark = pytest.mark.django_db
AT_ONCE = pytest.mark.django_db(transaction=True)

LEAVE = "UPDATE sms_message SET state = 'sending', claimed_at = clock_timestamp()"
NO_CONSENT = "may not leave without consent in force at this moment"


def sql(statement: str, *values: object) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)


def refused_by_the_database(statement: str, *values: object) -> str:
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        sql(statement, *values)
    return str(refusal.value)


# Leaving -------------------------------------------------------------------------------------------------------------


def test_with_a_ja_in_force_a_message_may_leave(accept, say):
    message = accept()
    say(Answer.YES)
    sql(LEAVE)
    message.refresh_from_db()
    assert message.state == State.SENDING


def test_without_an_answer_it_may_not(accept):
    accept()
    assert NO_CONSENT in refused_by_the_database(LEAVE)


@pytest.mark.parametrize("answer", [Answer.NO, Answer.UNSET])
def test_with_another_answer_it_may_not(answer, accept, say):
    accept()
    say(answer)
    assert NO_CONSENT in refused_by_the_database(LEAVE)


def test_with_a_lapsed_ja_it_may_not(accept, say):
    accept()
    say(Answer.YES)
    Consent.objects.update(answered_at="2024-01-01T00:00Z", valid_until="2025-03-01T00:00Z")
    assert NO_CONSENT in refused_by_the_database(LEAVE)


def test_with_a_ja_at_another_care_provider_it_may_not(accept, say, other_care_provider):
    accept()
    say(Answer.YES, provider=other_care_provider)
    assert NO_CONSENT in refused_by_the_database(LEAVE)


def test_where_the_box_is_not_ticked_only_a_nej_stops_it(accept, say, plain_queue):
    accept(queue_id=plain_queue.pk)
    say(Answer.NO)
    assert NO_CONSENT in refused_by_the_database(LEAVE)
    say(Answer.UNSET)
    sql(LEAVE)


def test_where_settings_are_missing_it_may_not(accept, say):
    accept()
    say(Answer.YES)
    with as_owner():
        OutgoingSms.objects.all().delete()
    assert NO_CONSENT in refused_by_the_database(LEAVE)


@pytest.mark.parametrize(
    "claimed_at", ["NULL", "now() - interval '1 second'", "clock_timestamp() + interval '1 second'"]
)
def test_the_claim_has_to_be_of_this_moment(claimed_at, accept, say):
    accept()
    say(Answer.YES)
    refused_by_the_database(f"UPDATE sms_message SET state = 'sending', claimed_at = {claimed_at}")


def test_one_message_that_may_not_leave_stops_the_whole_statement(accept, say):
    messages = [accept(), accept(to_number="+46701740606")]
    say(Answer.YES)
    assert NO_CONSENT in refused_by_the_database(LEAVE)
    assert [Message.objects.get(pk=message.pk).state for message in messages] == [State.QUEUED, State.QUEUED]


def test_a_message_that_is_leaving_can_not_be_given_another_moment(accept, say):
    accept()
    say(Answer.YES)
    sql(LEAVE)
    assert "never changes" in refused_by_the_database("UPDATE sms_message SET claimed_at = clock_timestamp()")


def test_a_ja_that_lapsed_while_the_transaction_went_on_does_not_count(accept, say):
    """The claim's moment may be as old as its transaction, and the Ja was in force then."""
    accept()
    say(Answer.YES)
    long_ago = "2024-01-01T00:00Z"
    sql("UPDATE consent_consent SET answered_at = %s, valid_until = clock_timestamp()", long_ago)
    assert NO_CONSENT in refused_by_the_database("UPDATE sms_message SET state = 'sending', claimed_at = now()")


@pytest.mark.parametrize("written", ["+46 70 174 06 05", "0701740605", "0046701740605"])
def test_a_number_that_is_written_otherwise_does_not_slip_past_its_nej(written, accept, say, plain_queue):
    """An answer is found by the number as E.164, which is how the product writes every number."""
    accept(queue_id=plain_queue.pk)
    say(Answer.NO)
    columns = ", ".join(
        field.column for field in Message._meta.concrete_fields if field.name not in ("id", "key", "to_number")
    )
    insert = f"INSERT INTO sms_message (key, to_number, {columns}) SELECT 'another', %s, {columns} FROM sms_message"
    sql(insert, written)
    assert NO_CONSENT in refused_by_the_database(LEAVE + " WHERE key = 'another'")
    assert "answer_is_for_a_number" in refused_by_the_database("UPDATE consent_consent SET phone_number = %s", written)


@AT_ONCE
@pytest.mark.parametrize("isolation", ["REPEATABLE READ", "SERIALIZABLE"])
def test_a_transaction_that_reads_what_was_does_not_miss_a_nej(isolation, accept, say, plain_queue):
    """Such a transaction doesn't see a number's first Nej that was committed after it began."""
    message = accept(queue_id=plain_queue.pk)
    with pytest.raises(IntegrityError, match="just given"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {isolation}")
        cursor.execute("SELECT FROM sms_message")
        in_another_connection(lambda: say(Answer.NO)).result(20)
        cursor.execute(LEAVE)
    assert Message.objects.get(pk=message.pk).state == State.QUEUED


@pytest.mark.parametrize(
    "statement",
    [
        "WITH moved AS ({leave} RETURNING id) SELECT count(*) FROM moved",
        "INSERT INTO sms_message SELECT * FROM sms_message"
        " ON CONFLICT (key) DO UPDATE SET state = 'sending', claimed_at = clock_timestamp()",
        "MERGE INTO sms_message m USING sms_message n ON m.id = n.id"
        " WHEN MATCHED THEN UPDATE SET state = 'sending', claimed_at = clock_timestamp()",
        "DO $$ BEGIN {leave}; EXCEPTION WHEN unique_violation THEN NULL; END $$",
    ],
    ids=["CTE", "upsert", "MERGE", "procedure"],
)
def test_whatever_the_statement_the_guard_is_there(statement, accept, say):
    accept()
    say(Answer.NO)
    assert NO_CONSENT in refused_by_the_database(statement.format(leave=LEAVE))


@AT_ONCE
def test_the_guard_holds_the_answer_it_has_judged_by(accept, say):
    accept()
    say(Answer.YES)
    with transaction.atomic():
        sql(LEAVE)
        takes_it_back = in_another_connection(lambda: say(Answer.NO))
        wait_until_a_connection_waits_for_a_lock()
        assert not takes_it_back.done()
    takes_it_back.result(20)


@AT_ONCE
def test_the_guard_holds_the_switch_it_has_judged_by(accept, plain_queue):
    accept(queue_id=plain_queue.pk)
    with transaction.atomic():
        sql(LEAVE)
        ticks = in_another_connection(lambda: OutgoingSms.objects.update(consent_required=True))
        wait_until_a_connection_waits_for_a_lock()
        assert not ticks.done()
    ticks.result(20)


# A number's very first Nej -------------------------------------------------------------------------------------------


@AT_ONCE
def test_a_claim_that_a_numbers_first_nej_has_overtaken_is_made_again(accept, say, provider, plain_queue, monkeypatch):
    """There is no row to lock yet, so the claim can't see it. The guard does."""
    message = accept(queue_id=plain_queue.pk)
    judge = gateway.Judge

    def judged_too_early(*rows):
        judging = judge(*rows)
        if not Consent.objects.exists():
            in_another_connection(lambda: say(Answer.NO)).result(20)
        return judging

    monkeypatch.setattr(gateway, "Judge", judged_too_early)
    assert gateway.drain(Lane.BULK) == 1
    message.refresh_from_db()
    assert (message.state, message.refusal) == (State.REFUSED, Refusal.DECLINED)
    assert provider.received == []


# Moves ---------------------------------------------------------------------------------------------------------------

MAY_MOVE = {
    "queued": {"sending", "refused", "expired", "cancelled"},
    "sending": {"queued", "sent", "delivered", "failed", "unknown"},
    "sent": {"delivered", "failed", "unknown"},
    "unknown": {"sent", "delivered", "failed"},
    "delivered": set(),
    "failed": set(),
    "refused": set(),
    "cancelled": set(),
    "expired": set(),
}
"""Written out here, and not taken from `sms.states`: a move that is added there by mistake is found."""


@pytest.fixture
def in_state(accept, say):
    """A message that has come to this state the way messages do."""

    def brought(state: str) -> Message:
        message = accept()
        say(Answer.YES)
        way = {
            State.QUEUED: [],
            State.SENT: [State.SENDING],
            State.DELIVERED: [State.SENDING],
            State.FAILED: [State.SENDING],
            State.UNKNOWN: [State.SENDING],
        }.get(State(state), [])
        for step in [*way, *([state] if state != State.QUEUED else [])]:
            move(message, step)
        return message

    return brought


def move(message: Message, to: str) -> None:
    reason = Refusal.MISSING if to == State.REFUSED else ""
    sql(
        "UPDATE sms_message SET state = %s, refusal = %s,"
        " claimed_at = CASE WHEN %s THEN clock_timestamp() ELSE claimed_at END WHERE id = %s",
        *(to, reason, to == State.SENDING, message.pk),
    )


@pytest.mark.parametrize("old", State.values)
@pytest.mark.parametrize("new", State.values)
def test_a_message_moves_only_as_the_way_of_a_message_says(old, new, in_state):
    message = in_state(old)
    if old == new == State.SENDING:
        return  # to be sending anew is to be claimed anew, which is tested above
    if old == new or new in MAY_MOVE[old]:
        move(message, new)
        assert Message.objects.get(pk=message.pk).state == new
    else:
        with pytest.raises(IntegrityError):
            move(message, new)


def test_promise_5_what_was_refused_never_waits_again(in_state):
    message = in_state(State.REFUSED)
    with pytest.raises(IntegrityError):
        move(message, State.QUEUED)


@pytest.mark.parametrize(
    "change",
    ["id = id + 1000000", "key = 'other'", "kind = 'manual'", "to_number = '+46701740606'", "text = 'Hej då'"],
)
def test_what_a_message_is_and_who_it_is_for_never_changes(change, accept):
    accept()
    assert "never changes" in refused_by_the_database("UPDATE sms_message SET " + change)


def test_it_never_changes_queue(accept, plain_queue):
    accept()
    assert "never changes" in refused_by_the_database("UPDATE sms_message SET queue_id = %s", plain_queue.pk)


@pytest.mark.parametrize("state", [State.SENDING, State.SENT, State.REFUSED])
@pytest.mark.parametrize(
    "change",
    [
        "consent_required = NOT coalesce(consent_required, false)",
        "consent_event_id = 1000000",
        "consent_answer = 'unset'",
        "consent_channel = 'sms'",
        "consent_answered_at = now()",
        "claimed_at = clock_timestamp()",
        "provider = 'other'",
    ],
)
def test_promise_8_what_was_noted_when_it_was_judged_never_changes(change, state, in_state):
    in_state(state)
    assert "never changes" in refused_by_the_database("UPDATE sms_message SET " + change)


@pytest.mark.parametrize("state", [state for state in State.values if state not in ("queued", "refused")])
def test_a_message_begins_as_queued_or_refused(state, accept, say):
    accept()
    say(Answer.YES)
    columns = ", ".join(
        field.column
        for field in Message._meta.concrete_fields
        if field.name not in ("id", "key", "state", "claimed_at")
    )
    assert "begins as queued or refused" in refused_by_the_database(
        f"INSERT INTO sms_message (key, state, claimed_at, {columns})"
        f" SELECT 'round the gateway', %s, clock_timestamp(), {columns} FROM sms_message",
        state,
    )
