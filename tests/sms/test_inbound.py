"""What patients answer: STOPP withdraws, however it is written; everything else is for staff, and sets nothing."""

from __future__ import annotations

import logging
import unicodedata
from datetime import timedelta

import pytest
from django.db import transaction

from consent import register
from consent.models import Answer, Channel, Consent
from sms import gateway, inbound
from sms.models import InboundSms, Lane, Message, Refusal, UnplacedSms
from sms.providers.base import Reply
from sms.states import State
from teleq.clock import database_now
from teleq.models import OutgoingSms
from tests.concurrency import in_another_connection, wait_until_a_connection_waits_for_a_lock
from tests.conftest import MOBILE, make_queue
from tests.database_roles import a_night_goes_by, as_owner, past_the_triggers

AT_ONCE = pytest.mark.django_db(transaction=True)
OURS = "+46701740699"


def replied(text: str, sender: str = MOBILE, to: str = OURS, provider_message_id: str = "1") -> None:
    inbound.receive("simulator", Reply(sender, to, text, provider_message_id))


@pytest.fixture
def sends_from():
    def use(queue, number: str = OURS) -> None:
        queue.outgoing_sms.sender = number
        queue.outgoing_sms.save()

    return use


@pytest.fixture
def our_queue(queue, sends_from):
    sends_from(queue)
    return queue


@pytest.mark.parametrize(
    "text",
    [
        *("STOPP", "Stopp", "stopp", "STOP", "stop", "NEJ", "nej", "AVBÖJ", "avböj"),
        *(
            " Stopp! ",
            "Stopp.",
            "»STOPP«",
            "s t o p p",
            "STOPP\n",
            "\tstopp\r\n",
            "Nej!!!",
            "ＳＴＯＰＰ",
            "🛑 Stopp",
        ),
        unicodedata.normalize("NFD", "avböj"),
    ],
)
def test_the_whole_message_is_a_withdrawal(text):
    assert inbound.is_withdrawal(text)


@pytest.mark.parametrize(
    "text",
    [
        *("STOPPA mig", "stoppa", "Jag vill att ni STOPP", "STOPP 1", "nej tack", "Nej det passar inte", "ja", "", "?"),
        *("inte nej", "stoppstopp", "avboj", "0", "nejnej", "Ja, inte nej"),
    ],
)
def test_a_part_of_it_is_not(text):
    assert not inbound.is_withdrawal(text)


@pytest.mark.django_db
class TestWithdrawal:
    def test_it_is_the_patients_own_nej(self, our_queue, say, care_provider):
        say(Answer.YES)
        replied("Stopp")
        consent = Consent.objects.get()
        assert (consent.answer, consent.channel, consent.answered_by) == (Answer.NO, Channel.SMS, None)
        assert consent.valid_until == register.valid_until(consent.answered_at)
        inbound_sms = InboundSms.objects.get()
        assert (inbound_sms.withdrawal, inbound_sms.read_by) == (True, None)
        assert inbound_sms.read_at  # there is nothing left for staff to do

    def test_it_makes_the_numbers_first_answer_too(self, our_queue, care_provider):
        replied("STOPP")
        assert Consent.objects.get(care_provider=care_provider, phone_number=MOBILE).answer == Answer.NO

    def test_it_is_on_record_with_the_answer_before(self, our_queue, say):
        say(Answer.YES)
        replied("STOPP")
        assert list(Consent.history().order_by("pgh_id").values_list("answer", "channel", "pgh_label")) == [
            ("yes", "case", "insert"),
            ("no", "sms", "update"),
        ]

    def test_told_of_twice_it_is_one(self, our_queue, say):
        say(Answer.YES)
        replied("STOPP")
        say(Answer.YES)  # asked anew meanwhile
        replied("STOPP")  # and told of once more
        assert Consent.objects.get().answer == Answer.YES
        assert InboundSms.objects.count() == 1

    def test_where_the_provider_has_no_ids_each_counts(self, our_queue):
        replied("STOPP", provider_message_id="")
        replied("STOPP", provider_message_id="")
        assert InboundSms.objects.count() == 2

    def test_it_is_with_the_care_provider_that_owns_the_number(self, our_queue, other_care_provider, other_queue, say):
        say(Answer.YES)
        say(Answer.YES, provider=other_care_provider)
        replied("STOPP")
        assert {consent.care_provider: consent.answer for consent in Consent.objects.all()} == {
            our_queue.care_provider: Answer.NO,
            other_care_provider: Answer.YES,
        }

    def test_a_number_that_two_care_providers_send_from_withdraws_with_both(
        self, our_queue, other_queue, sends_from, other_care_provider
    ):
        sends_from(other_queue)
        replied("STOPP")
        assert Consent.objects.filter(answer=Answer.NO).count() == 2

    def test_sent_to_a_number_of_nobodys_it_is_with_whom_they_last_heard_from(self, draft, queue, other_queue, say):
        """Where the provider chooses which number to send from."""
        for each in (queue, other_queue):
            gateway.accept([draft(queue_id=each.pk)])
        handed_over(queue)
        replied("STOPP", to="+46701740698")
        assert Consent.objects.get().care_provider == queue.care_provider

    def test_a_number_that_is_nobodys_any_more_withdraws_with_all_they_have_heard_from(self, draft, queue, other_queue):
        """The sender was changed; whose it was isn't known, and to be sure costs an SMS at the most."""
        gateway.accept([draft(), draft(queue_id=other_queue.pk)])
        handed_over(queue)
        handed_over(other_queue)
        replied("STOPP", to="+46701740698")
        providers = Consent.objects.filter(answer=Answer.NO).values_list("care_provider", flat=True)
        assert set(providers) == {queue.care_provider_id, other_queue.care_provider_id}

    @pytest.mark.parametrize(
        "sender",
        [
            *("46701740605", "0046701740605", "0701740605", " 46701740605", "tel:+46701740605", "+46 (0)70-174 06 05"),
            *("070\u2011174\u00a006\u00a005", "+46701740605\u202c"),
        ],
    )
    @pytest.mark.parametrize("to", ["46701740699", "0701740699", " 46701740699", "tel:+46701740699"])
    def test_numbers_are_the_same_however_the_network_writes_them(self, sender, to, our_queue):
        replied("STOPP", sender=sender, to=to)
        assert Consent.objects.get().phone_number == MOBILE

    def test_from_a_stranger_to_a_number_of_nobodys_there_is_nothing_to_withdraw(self, queue, caplog):
        replied("STOPP", to="+46701740698")
        assert not Consent.objects.exists()
        assert "from nobody we have sent to" in caplog.text
        assert MOBILE not in caplog.text
        assert UnplacedSms.objects.get().from_number == MOBILE

    @pytest.mark.parametrize("sender", ["Telia", "", "whatsapp:+46701740605", "+1", "0701740605 Anna"])
    def test_what_has_no_number_to_answer_for_is_kept_and_nobodys(self, sender, our_queue, caplog):
        replied("STOPP", sender=sender)
        assert not InboundSms.objects.exists()
        assert not Consent.objects.exists()
        assert "no number to answer for" in caplog.text
        kept = UnplacedSms.objects.get()
        assert (kept.sender, kept.from_number, kept.receiver, kept.text) == (sender, "", OURS, "STOPP")
        replied("STOPP", sender=sender)  # told of once more
        assert UnplacedSms.objects.count() == 1

    @pytest.mark.parametrize("to", ["", "72345", "VC Spindeln"])
    def test_a_receiver_that_can_not_be_read_is_nobodys_number_and_not_that_of_queues_without_settings(
        self, to, queue, other_queue, other_care_provider, draft, say
    ):
        with as_owner():
            OutgoingSms.objects.filter(queue=other_queue).delete()
        gateway.accept([draft()])
        handed_over(queue)
        say(Answer.YES)
        say(Answer.YES, provider=other_care_provider)
        replied("STOPP", to=to)
        assert InboundSms.objects.get().queue == queue
        assert {consent.care_provider: consent.answer for consent in Consent.objects.all()} == {
            queue.care_provider: Answer.NO,
            other_care_provider: Answer.YES,
        }


def handed_over(queue) -> None:
    """As if the queue's message had left."""
    with past_the_triggers():
        Message.objects.filter(queue=queue).update(state=State.SENT, claimed_at=database_now())


@pytest.mark.django_db
class TestEverythingElse:
    @pytest.mark.parametrize("text", ["Ja", "JA TACK", "Ring mig", "stoppa inte", ""])
    @pytest.mark.parametrize("before", [Answer.NO, Answer.UNSET, None])
    def test_nothing_inbound_makes_a_ja(self, text, before, our_queue, say):
        if before:
            say(before, renew=True)  # else Ej valt is what nobody has to choose
        replied(text)
        assert list(Consent.objects.values_list("answer", flat=True)) == ([before] if before else [])
        assert InboundSms.objects.get().read_at is None

    def test_it_goes_to_the_queue_that_the_patient_last_heard_from(self, our_queue, plain_queue, sends_from, draft):
        sends_from(plain_queue)
        gateway.accept([draft(queue_id=plain_queue.pk)])
        handed_over(plain_queue)
        replied("Ring efter tolv")
        assert InboundSms.objects.get().queue == plain_queue

    def test_one_that_has_heard_from_none_of_them_goes_to_the_first(self, our_queue, plain_queue, sends_from):
        sends_from(plain_queue)
        replied("Ring efter tolv")
        assert InboundSms.objects.get().queue == our_queue

    def test_what_postgresql_can_not_hold_costs_its_own_letter(self, our_queue):
        replied("Ring\x00 mig", provider_message_id="a\x00" + 200 * "b")
        inbound_sms = InboundSms.objects.get()
        assert (inbound_sms.text, inbound_sms.provider_message_id) == ("Ring mig", "a" + 99 * "b")

    def test_neither_number_nor_text_is_in_a_log(self, our_queue, caplog):
        with caplog.at_level(logging.DEBUG):
            replied("Hemligt")
        assert "Hemligt" not in caplog.text
        assert MOBILE.removeprefix("+46") not in caplog.text.replace("INSERT", "")


@AT_ONCE
class TestPromise3:
    """A STOPP that is committed stops everything that has not been claimed, where the box is ticked and where not."""

    def test_what_waits_is_refused(self, our_queue, plain_queue, draft, say, provider):
        say(Answer.YES)
        messages = gateway.accept([draft(), draft(queue_id=plain_queue.pk)])
        replied("STOPP")
        gateway.drain(Lane.BULK)
        for message in messages:
            message.refresh_from_db()
            assert (message.state, message.refusal) == (State.REFUSED, Refusal.DECLINED)
            assert message.consent_channel == Channel.SMS
        assert provider.received == []

    def test_a_claim_waits_for_a_stopp_that_is_being_taken_in_and_obeys_it(self, our_queue, draft, say, provider):
        say(Answer.YES)
        [message] = gateway.accept([draft()])
        with transaction.atomic():
            replied("STOPP")
            drained = in_another_connection(lambda: gateway.drain(Lane.BULK))
            wait_until_a_connection_waits_for_a_lock()
        drained.result(20)
        message.refresh_from_db()
        assert (message.state, message.refusal) == (State.REFUSED, Refusal.DECLINED)

    def test_two_at_once_are_one(self, our_queue):
        with transaction.atomic():
            replied("STOPP")
            other = in_another_connection(lambda: replied("STOPP"))
            wait_until_a_connection_waits_for_a_lock()
        other.result(20)
        assert InboundSms.objects.count() == Consent.objects.count() == 1

    def test_a_first_answer_of_that_very_moment_does_not_keep_it_out(self, our_queue, say):
        with transaction.atomic():
            say(Answer.YES)
            other = in_another_connection(lambda: replied("STOPP"))
            wait_until_a_connection_waits_for_a_lock()
        other.result(20)
        assert Consent.objects.get().answer == Answer.NO


@pytest.mark.django_db
def test_it_makes_as_many_queries_however_much_there_is(
    our_queue, care_provider, sends_from, draft, django_assert_num_queries
):
    with django_assert_num_queries(24, exact=False) as alone:
        replied("STOPP", provider_message_id="a")
    queues = [make_queue(care_provider, f"Kö {number}", consent_required=True) for number in range(10)]
    for queue in queues:
        sends_from(queue)
    gateway.accept([draft(queue_id=queue.pk, to_number=MOBILE) for queue in queues])
    with django_assert_num_queries(len(alone) + 1, exact=False):  # of several queues, which was heard from last
        replied("STOPP", provider_message_id="b")


@pytest.mark.django_db
@pytest.mark.parametrize(("sender", "rows"), [(MOBILE, InboundSms), ("Telia", UnplacedSms)])
def test_after_its_time_it_is_removed_whether_it_could_be_placed_or_not(sender, rows, our_queue):
    replied("Ring mig", sender=sender)
    rows.objects.update(received_at=database_now() - timedelta(days=89))
    a_night_goes_by()
    assert rows.objects.exists()
    rows.objects.update(received_at=database_now() - timedelta(days=91))
    a_night_goes_by()
    assert not rows.objects.exists()


# Longer than an SMS can be -------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_as_much_as_any_provider_delivers_is_kept_whole(our_queue):
    replied("å" * 1600)
    assert InboundSms.objects.get().text == "å" * 1600


@pytest.mark.django_db
@pytest.mark.parametrize("to", [OURS, "not a number"])
def test_what_is_longer_is_cut_and_says_so(to, our_queue):
    replied("å" * 1601, to=to)
    received = (InboundSms.objects.first() or UnplacedSms.objects.first()).text
    assert len(received) == 1600
    assert received.endswith("å… [Texten var längre. Resten är inte sparad.]")


@pytest.mark.django_db
def test_a_stopp_counts_wherever_it_stands_in_what_is_too_long(our_queue, say):
    say(Answer.YES)
    replied(" " * 5000 + "\u202eSTOPP" + "!" * 5000)
    assert Consent.objects.get().answer == Answer.NO
