"""Promise 3: a STOPP that is stored and not an answer yet stops its number, whoever holds the answer meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import IntegrityError, connection, transaction

from consent import register
from consent.models import Answer, Channel, Consent, Withdrawal
from sms import gateway, inbound, tasks
from sms.models import InboundSms, Kind, Lane, Message, Refusal
from sms.providers.base import Reply
from sms.states import State
from teleq.clock import database_now
from tests.concurrency import in_another_connection, wait_until_a_connection_waits_for_a_lock
from tests.conftest import MOBILE

pytestmark = pytest.mark.django_db(transaction=True)

OURS = "+46701740699"
STOPPED = (State.REFUSED, Refusal.DECLINED)


def stopp() -> None:
    inbound.receive("simulator", Reply(MOBILE, OURS, "STOPP", "1"))


def stopp_while_the_answer_is_held() -> None:
    """It is held for longer than anybody would wait: here nobody waits for long."""
    with pytest.MonkeyPatch.context() as patch, answer_held():
        patch.setattr(register, "WITHDRAWAL_WAITS", "50ms")
        in_another_connection(stopp).result(20)


@contextmanager
def answer_held() -> Iterator[None]:
    """By somebody who stands still."""
    with transaction.atomic():
        list(Consent.objects.select_for_update())
        yield


@pytest.fixture(autouse=True)
def answerable(queue) -> None:
    queue.outgoing_sms.sender = OURS
    queue.outgoing_sms.save()


@pytest.fixture
def stored(say, answerable) -> Withdrawal:
    """The patient has said Ja and then STOPP, which nobody has had the time to carry out."""
    say(Answer.YES)
    stopp_while_the_answer_is_held()
    return Withdrawal.objects.get()


def outcome(message: Message) -> tuple[str, str]:
    message.refresh_from_db()
    return message.state, message.refusal


def test_it_is_stored_and_answered_while_somebody_holds_the_answer(say, caplog):
    say(Answer.YES)
    with answer_held():
        in_another_connection(stopp).result(20)
        assert InboundSms.objects.get().withdrawal
    assert Consent.objects.get().answer == Answer.YES
    assert "is left to the sweep: LockNotAvailable" in caplog.text
    assert MOBILE not in caplog.text


@pytest.mark.parametrize("kind", [Kind.MANUAL, Kind.REMINDER])
def test_no_message_leaves_before_it_is_carried_out(kind, stored, draft, plain_queue, queue, provider):
    messages = gateway.accept([draft(kind=kind), draft(kind=kind, queue_id=plain_queue.pk)])
    gateway.drain(Lane.of(kind))
    assert [outcome(message) for message in messages] == [STOPPED, STOPPED]
    noted = {(m.consent_answer, m.consent_channel, m.consent_answered_at, m.consent_event_id) for m in messages}
    assert noted == {(Answer.NO, Channel.SMS, stored.answered_at, None)}
    assert provider.received == []


def test_it_stops_a_number_that_was_never_asked(draft, plain_queue, care_provider, provider):
    register.store_withdrawals([(care_provider.pk, MOBILE)])
    [message] = gateway.accept([draft(queue_id=plain_queue.pk)])
    gateway.drain(Lane.BULK)
    assert outcome(message) == STOPPED


def test_others_numbers_and_other_care_providers_go_on(stored, draft, other_queue, other_care_provider, say, provider):
    say(Answer.YES, number="+46701740606")
    say(Answer.YES, provider=other_care_provider)
    messages = gateway.accept([draft(to_number="+46701740606"), draft(queue_id=other_queue.pk)])
    gateway.drain(Lane.BULK)
    assert [outcome(message) for message in messages] == [(State.SENT, ""), (State.SENT, "")]


def test_a_claim_that_was_there_first_and_stood_still_sees_it_before_anything_leaves(say, accept, provider):
    """It has read the answers; then the STOPP is stored. The last guard looks once more."""
    say(Answer.YES)
    message = accept()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE sms_message IN SHARE MODE")  # it reads and locks rows, and waits to write
        claiming = in_another_connection(lambda: gateway.drain(Lane.BULK))
        wait_until_a_connection_waits_for_a_lock()
        in_another_connection(stopp).result(20)
    claiming.result(20)
    assert outcome(message) == STOPPED
    assert provider.received == []


def test_promise_10_postgresql_refuses_too(stored, accept):
    accept()
    with pytest.raises(IntegrityError, match="without consent in force"), connection.cursor() as cursor:
        cursor.execute("UPDATE sms_message SET state = 'sending', claimed_at = clock_timestamp()")


def test_the_sweep_makes_it_the_answer_as_of_when_it_came(stored):
    tasks.sweep()
    consent = Consent.objects.get()
    assert (consent.answer, consent.channel, consent.answered_by) == (Answer.NO, Channel.SMS, None)
    assert (consent.answered_at, consent.valid_until) == (stored.answered_at, stored.valid_until)
    assert stored.valid_until == register.valid_until(stored.answered_at)
    assert not Withdrawal.objects.exists()
    assert list(Consent.history().order_by("pgh_id").values_list("answer", flat=True)) == ["yes", "no"]


def test_with_whom_it_withdraws_is_decided_when_it_comes(stored, queue, other_queue):
    """And not when it is carried out, when the number may be another's."""
    queue.outgoing_sms.sender = "Spindeln"
    queue.outgoing_sms.save()
    other_queue.outgoing_sms.sender = OURS
    other_queue.outgoing_sms.save()
    tasks.sweep()
    consent = Consent.objects.get()
    assert (consent.care_provider, consent.answer) == (queue.care_provider, Answer.NO)


def test_one_that_a_dead_process_left_is_carried_out_by_the_sweep(care_provider):
    register.store_withdrawals([(care_provider.pk, MOBILE)])
    tasks.sweep()
    assert Consent.objects.get().answer == Answer.NO


def test_one_that_waits_for_a_claim_comes_after_it(say):
    say(Answer.YES)
    with answer_held():
        other = in_another_connection(stopp)
        wait_until_a_connection_waits_for_a_lock()
    other.result(20)
    assert Consent.objects.get().answer == Answer.NO
    assert not Withdrawal.objects.exists()


def test_two_who_carry_it_out_at_once_make_one_answer(stored):
    with answer_held():
        first = in_another_connection(register.carry_out_withdrawals)
        wait_until_a_connection_waits_for_a_lock()
        in_another_connection(register.carry_out_withdrawals).result(20)
    first.result(20)
    assert Consent.history().filter(answer=Answer.NO).count() == 1


class TestANurseAnswersMeanwhile:
    """What was chosen on a page that didn't show the STOPP doesn't count: fail closed (and promise 11)."""

    def answer(self, care_provider, nurse, seen_event, answer=Answer.YES):
        return register.answer_in_case(
            care_provider, MOBILE, answer, by=nurse, case_id=1, seen_event=seen_event, renew=True
        )

    def test_a_page_shown_before_it_or_while_it_waits_brings_back_no_ja(self, stored, care_provider, nurse):
        shown = register.current(care_provider.pk, MOBILE)
        assert shown.answer(database_now()) == Answer.NO
        with pytest.raises(register.ChangedMeanwhile):
            self.answer(care_provider, nurse, shown.event_id)
        assert Consent.objects.get().answer == Answer.NO

    def test_a_page_shown_after_it_does(self, stored, care_provider, nurse):
        with pytest.raises(register.ChangedMeanwhile):
            self.answer(care_provider, nurse, register.current(care_provider.pk, MOBILE).event_id)
        self.answer(care_provider, nurse, register.current(care_provider.pk, MOBILE).event_id)
        assert Consent.objects.get().answer == Answer.YES

    def test_a_ja_under_way_when_it_comes_is_before_it(self, say, care_provider, nurse):
        say(Answer.YES)
        with transaction.atomic():
            self.answer(care_provider, nurse, register.current(care_provider.pk, MOBILE).event_id)
            other = in_another_connection(stopp)
            wait_until_a_connection_waits_for_a_lock()
        other.result(20)
        assert Consent.objects.get().answer == Answer.NO
        times = list(Consent.history().order_by("pgh_id").values_list("answered_at", flat=True))
        assert times == sorted(times)


def test_a_claim_waits_for_whoever_holds_an_answer_only_so_long_and_is_made_again(say, accept, caplog, provider):
    say(Answer.YES)
    message = accept()

    def claim_without_patience() -> gateway.Claim:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '200ms'")
        return gateway.claim(Lane.BULK, "simulator")

    with answer_held():
        claimed = in_another_connection(claim_without_patience).result(20)
    assert claimed is gateway.NOTHING
    assert outcome(message) == (State.QUEUED, "")
    assert "has waited too long for a lock" in caplog.text
    assert MOBILE not in caplog.text
    gateway.drain(Lane.BULK)
    assert outcome(message) == (State.SENT, "")
