"""Against Kannel itself: what leaves, what is reported, what patients answer, and what a killed smsbox costs."""

from __future__ import annotations

import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from consent.models import Answer, Channel, Consent
from sms import gateway, receipts
from sms.circuit_breaker import open_circuit
from sms.models import InboundSms, Lane, Message, ProviderState, Refusal
from sms.provider_check import check_providers
from sms.providers.kannel import LONGEST_INBOUND_PASSWORD
from sms.states import State
from tests.concurrency import in_another_connection, wait_until
from tests.kannel import processes
from tests.kannel.processes import Kannel

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(bool(processes.missing()) and not os.environ.get("CI"), reason=processes.missing()),
]

OURS, PATIENT = "+46701740699", "+46701740620"
INBOUND_PASSWORD = "inbound-in-tests".ljust(LONGEST_INBOUND_PASSWORD, "-")


def started(folder: Any, live_server: Any) -> Kannel:
    kannel = Kannel(folder, live_server.url.replace("://", f"://teleq:{INBOUND_PASSWORD}@") + "/sms/inbound/kannel")
    kannel.start()
    return kannel


@pytest.fixture(scope="module")
def running(live_server: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kannel]:
    kannel = started(tmp_path_factory.mktemp("kannel"), live_server)
    yield kannel
    kannel.stop()


@pytest.fixture
def configure(live_server: Any, settings: Any) -> Callable[[Kannel], Kannel]:
    def use(kannel: Kannel) -> Kannel:
        settings.SMS_PROVIDERS = ["kannel"]
        settings.KANNEL_URL = kannel.url
        settings.KANNEL_USERNAME, settings.KANNEL_PASSWORD = "teleq", processes.PASSWORD
        settings.SMS_INBOUND_PASSWORD = INBOUND_PASSWORD
        settings.TELEQ_URL = live_server.url
        return kannel

    return use


@pytest.fixture
def kannel(configure, running, plain_queue) -> Kannel:
    return configure(running)


@pytest.fixture
def own_kannel(configure, live_server, tmp_path, plain_queue) -> Iterator[Kannel]:
    """One whose parts may be killed."""
    kannel = started(tmp_path, live_server)
    yield configure(kannel)
    kannel.stop()


def state(message: Message) -> str:
    message.refresh_from_db()
    return message.state


def arrived(kannel: Kannel, to: str) -> str:
    """What has come to the number, its parts put together."""
    return "".join(each["text"] for each in kannel.submitted() if each["to"] == to.removeprefix("+"))


@pytest.mark.parametrize(
    ("ending", "text", "parts"),
    [
        (30, "Hej! Vi ringer åter i övermorgon. Är Ni hemma? Ä Ö Å é ü €", 1),
        (31, "å" * 160, 1),
        (32, "å" * 161, 2),
        (33, "Hej 👋 på dig", 1),
        (34, "Tack ❤ " * 12, 2),
        (35, "Rad ett\nrad två", 1),
    ],
)
def test_letters_arrive_as_they_were_written(ending, text, parts, kannel, send):
    to = f"+467017406{ending}"
    message = send(text, to)
    wait_until(lambda: state(message) == State.DELIVERED)
    assert arrived(kannel, to) == message.text
    assert len([each for each in kannel.submitted() if each["to"] == to.removeprefix("+")]) == parts


@pytest.mark.parametrize(
    ("ending", "becomes", "told"),
    [
        ("06", State.SENT, "type 8"),  # nothing final is ever said
        ("07", State.DELIVERED, "type 1"),  # said twice
        ("08", State.SENT, "type 8"),  # said before the network has answered, which Kannel can't make anything of
        ("05", State.FAILED, "type 34"),
        ("09", State.FAILED, "type 2"),
        ("10", State.FAILED, "type 2"),
        ("11", State.FAILED, "type 2"),
        ("12", State.FAILED, "type 34"),
        ("13", State.FAILED, "type 2"),
        ("14", State.DELIVERED, "type 1"),
        ("90", State.FAILED, "type 16"),
        ("91", State.FAILED, "type 16"),
        ("92", State.FAILED, "type 16"),
        ("94", State.FAILED, "type 16"),
    ],
)
def test_what_the_network_does_is_what_staff_see(ending, becomes, told, kannel, send):
    message = send(to_number=f"+467017406{ending}")
    wait_until(lambda: state(message) == becomes and message.provider_status == told)
    assert message.attempts == 1


def test_a_wrong_password_stops_the_line_and_burns_no_message(kannel, send, settings, caplog):
    settings.KANNEL_PASSWORD = "wrong"
    with caplog.at_level(logging.CRITICAL, "sms.circuit_breaker"):
        message = send()
    assert (state(message), message.attempts) == (State.QUEUED, 0)
    provider_state = open_circuit()
    assert provider_state
    assert provider_state.shut_status == "HTTP 403, Authorization failed for sendsms"
    assert "lets no SMS in" in caplog.text


@pytest.mark.parametrize(("text", "coding"), [("STOPP", 0), ("Stopp!", 8), ("nej", 0)])
def test_a_patient_who_answers_stopp_gets_no_more(text, coding, kannel, queue, draft, say, care_provider):
    queue.outgoing_sms.sender = OURS
    queue.outgoing_sms.save()
    say(Answer.YES, PATIENT)
    before = len(kannel.submitted())
    kannel.patient_answers(PATIENT, to=OURS, text=text, coding=coding)
    wait_until(lambda: Consent.objects.filter(answer=Answer.NO).exists())
    consent = Consent.objects.get(care_provider=care_provider, phone_number=PATIENT)
    assert (consent.channel, consent.answered_by) == (Channel.SMS, None)

    [message] = gateway.accept([draft(to_number=PATIENT)])
    gateway.drain(Lane.BULK)
    assert (state(message), message.refusal) == (State.REFUSED, Refusal.DECLINED)
    assert len(kannel.submitted()) == before  # nor has Kannel answered the patient


def test_what_else_a_patient_answers_is_kept_for_staff(kannel, queue, say, care_provider):
    queue.outgoing_sms.sender = OURS
    queue.outgoing_sms.save()
    say(Answer.YES, PATIENT)
    kannel.patient_answers(PATIENT, to=OURS, text="Jag är på väg – ring efter tolv 🙂", coding=8)
    wait_until(InboundSms.objects.exists)
    inbound = InboundSms.objects.get()
    assert (inbound.text, inbound.queue, inbound.read_at) == ("Jag är på väg – ring efter tolv 🙂", queue, None)
    assert Consent.objects.get().answer == Answer.YES


def test_what_waits_at_kannel_for_the_network_is_not_sent_again(own_kannel, send):
    network = own_kannel.processes["smsc"]
    network.kill()
    network.wait()
    message = send("Hej!", "+46701740640")
    wait_until(lambda: send("Hej!", "+46701740641").provider_status.startswith("3: Queued"))
    gateway.sweep()
    assert state(message) == State.SENT
    own_kannel.start_network()
    wait_until(lambda: state(message) == State.DELIVERED)
    assert arrived(own_kannel, "+46701740640") == "Hej!"


def test_smsbox_killed_in_mid_run_every_message_accounted_for(own_kannel, draft, plain_queue):
    texts = [f"Nummer {number}" for number in range(400)]
    gateway.accept([draft(queue_id=plain_queue.pk, to_number=PATIENT, text=text) for text in texts])
    drained = in_another_connection(lambda: gateway.drain(Lane.BULK))
    wait_until(lambda: len(own_kannel.submitted()) > 50)
    own_kannel.kill_smsbox()
    drained.result(60)
    own_kannel.start_smsbox()
    while Message.objects.filter(state=State.QUEUED).exists():
        make_due_and_try_again()
    assert Message.objects.filter(state=State.UNKNOWN).count() <= gateway.CLAIM_SIZE
    wait_until(NothingMoreIsDelivered())
    Message.objects.filter(state=State.SENT).update(state_at=F("state_at") - timedelta(hours=73))
    while Message.objects.filter(state=State.SENT).exists():
        receipts.settle_unreported()  # smsbox took some reports with it
    assert not Message.objects.exclude(state__in=[State.DELIVERED, State.UNKNOWN]).exists()

    came = Counter(each["text"] for each in own_kannel.submitted())
    delivered = set(Message.objects.filter(state=State.DELIVERED).values_list("text", flat=True))
    unknown = set(Message.objects.filter(state=State.UNKNOWN).values_list("text", flat=True))
    assert [text for text, times in came.items() if times > 1] == []
    assert delivered <= set(came)
    assert set(came) <= delivered | unknown


class NothingMoreIsDelivered:
    """Whether the number of delivered messages has stood still for two seconds."""

    def __init__(self) -> None:
        self.delivered, self.since = -1, time.monotonic()

    def __call__(self) -> bool:
        delivered = Message.objects.filter(state=State.DELIVERED).count()
        if delivered != self.delivered:
            self.delivered, self.since = delivered, time.monotonic()
        return time.monotonic() - self.since > 2


def make_due_and_try_again() -> None:
    ProviderState.objects.update(open_until=None)
    Message.objects.filter(state=State.QUEUED).update(due_at=F("created_at"))
    gateway.drain(Lane.BULK)


@pytest.mark.parametrize(
    ("password", "says"),
    [
        (processes.PASSWORD, (True, "Inloggningen fungerar. Om numren kommer fram vet bara nätet bakom Kannel.")),
        ("another", (False, "Den tar inte emot namnet eller lösenordet (HTTP 403).")),
    ],
)
def test_it_says_whether_it_lets_in_and_nothing_is_sent(password, says, kannel, settings):
    before = kannel.submitted()
    settings.KANNEL_PASSWORD = password
    [checked] = check_providers()
    assert (checked.account.is_right, checked.account.told) == says
    assert kannel.submitted() == before
