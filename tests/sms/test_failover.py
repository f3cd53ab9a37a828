"""Several providers: what the first can't take goes to the second, and nothing is ever with both."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.core.checks import run_checks
from django.db.models import F
from django.db.models.functions import Now

from consent.models import Answer, Consent
from sms import checks, dispatcher, gateway, receipts
from sms.circuit_breaker import FAILURES_TO_OPEN, OPEN_FOR, open_circuit
from sms.models import InboundSms, Kind, Lane, Message, ProviderState
from sms.providers.simulator import credential
from sms.states import State
from teleq.clock import database_now
from teleq.models import OutgoingSms, Queue
from tests.concurrency import in_another_connection, wait_until
from tests.conftest import MOBILE, ProviderServer, make_queue
from tests.sms.wire import Request, Wire

pytestmark = pytest.mark.django_db(transaction=True)

FIRST, SECOND = "simulator", "kannel"
TAKEN = (202, "0: Accepted for delivery")
NUMBER, OTHER_NUMBER = "+46766861004", "+46766861005"
MORE_THAN_A_CLAIM = dispatcher.CONNECTIONS + 20


@pytest.fixture(autouse=True)
def a_yes(say):
    say(Answer.YES)


@pytest.fixture
def first(provider: ProviderServer) -> ProviderServer:
    return provider


@pytest.fixture(autouse=True)
def second(settings, first, wire: Wire) -> Wire:
    settings.SMS_PROVIDERS = [FIRST, SECOND]
    settings.KANNEL_URL, settings.KANNEL_USERNAME, settings.KANNEL_PASSWORD = f"{wire.url}/sendsms", "teleq", "x"
    settings.SMS_INBOUND_PASSWORD = "inbound"
    wire.response = TAKEN
    return wire


@pytest.fixture
def sends_from(care_provider) -> Callable[[str], Queue]:
    """A queue that sends from this number or name."""

    def make(sender: str) -> Queue:
        queue = make_queue(care_provider, f"Kö {sender}", consent_required=True)
        OutgoingSms.objects.filter(queue=queue).update(sender=sender)
        return queue

    return make


def how_many(state: State, **columns: object) -> int:
    return Message.objects.filter(state=state, **columns).count()


def message_of(request: Request) -> int:
    """Which message Kannel was given, by the address that it reports to: .../kannel/<message>/<token>?..."""
    return int(request.headers["x-kannel-dlr-url"].split("/")[-2])


def posts_to(first: ProviderServer) -> Counter[int]:
    return Counter(int(sms["whendelivered"].split("/")[-2]) for sms in first.received)


def opened(name: str) -> None:
    ProviderState.objects.create(name=name, open_until=database_now() + OPEN_FOR, silent_since=database_now())


def a_trial_may_begin() -> None:
    ProviderState.objects.update(open_until=Now() - timedelta(milliseconds=1))
    Message.objects.filter(state=State.QUEUED).update(due_at=F("created_at") - timedelta(seconds=1))


# To the next, at once ------------------------------------------------------------------------------------------------


def test_while_all_is_well_the_first_sends_everything(draft, first, second):
    gateway.accept([draft() for _ in range(MORE_THAN_A_CLAIM)])
    gateway.drain(Lane.BULK)
    assert how_many(State.SENT, provider=FIRST) == len(first.received) == MORE_THAN_A_CLAIM
    assert second.requests == []


def test_a_manual_message_that_the_first_refuses_to_connect_for_is_sent_by_the_second_in_the_same_drain(
    accept, settings, second
):
    settings.TELEQ_URL = "http://127.0.0.1:1"
    message = accept(kind=Kind.MANUAL)
    gateway.drain(Lane.MANUAL)
    message.refresh_from_db()
    assert (message.state, message.provider) == (State.SENT, SECOND)
    assert [message_of(request) for request in second.requests] == [message.pk]


@pytest.mark.parametrize("status", [503, 429])
def test_a_message_that_the_first_can_not_take_just_now_goes_to_the_second_and_the_next_one_to_the_first(
    status, accept, first, second
):
    first.responses = [status]
    turned_away = accept()
    gateway.drain(Lane.BULK)
    following = accept()
    gateway.drain(Lane.BULK)
    assert [message_of(request) for request in second.requests] == [turned_away.pk]
    assert list(posts_to(first)) == [turned_away.pk, following.pk]
    assert how_many(State.SENT) == 2


def test_each_is_tried_once_and_then_it_waits(accept, first, second):
    first.responses, second.response = [503] * 10, (503, "")
    message = accept()
    gateway.drain(Lane.BULK)
    assert (len(first.received), len(second.requests)) == (1, 1)
    message.refresh_from_db()
    assert message.state == State.QUEUED
    assert message.due_at > database_now()
    gateway.drain(Lane.BULK)
    assert (len(first.received), len(second.requests)) == (1, 1)

    second.response = TAKEN  # when it is due it begins with the first again
    Message.objects.update(due_at=F("created_at"))
    gateway.drain(Lane.BULK)
    assert (len(first.received), len(second.requests)) == (2, 2)
    assert how_many(State.SENT, provider=SECOND) == 1


@pytest.mark.parametrize("status", [401, 402])
def test_where_the_first_lets_nothing_in_the_second_sends_all_in_the_same_drain(status, draft, first, second, caplog):
    first.responses = [status] * 1000
    gateway.accept([draft() for _ in range(MORE_THAN_A_CLAIM)])
    gateway.drain(Lane.BULK)
    assert how_many(State.SENT, provider=SECOND, attempts=1) == len(second.requests) == MORE_THAN_A_CLAIM
    assert len(first.received) <= dispatcher.CONNECTIONS
    assert [record for record in caplog.records if record.levelno == logging.CRITICAL]  # somebody has to mend it

    posts = len(first.received)
    gateway.accept([draft() for _ in range(20)])
    gateway.drain(Lane.BULK)
    assert len(first.received) == posts  # it is left alone
    assert how_many(State.SENT) == MORE_THAN_A_CLAIM + 20


@pytest.mark.parametrize("response", ["cut", 500])
def test_what_the_first_may_have_sent_never_goes_to_the_second(response, draft, first, second):
    first.responses = [response] * 1000
    gateway.accept([draft() for _ in range(MORE_THAN_A_CLAIM)])
    gateway.drain(Lane.BULK)
    assert how_many(State.UNKNOWN, provider=FIRST) == len(first.received) >= FAILURES_TO_OPEN
    assert not {message_of(request) for request in second.requests} & posts_to(first).keys()
    assert how_many(State.SENT, provider=SECOND) == MORE_THAN_A_CLAIM - len(first.received)


def test_one_that_the_first_takes_for_wrong_has_failed(accept, first, second):
    first.responses = [400]
    accept()
    gateway.drain(Lane.BULK)
    assert how_many(State.FAILED, provider=FIRST) == 1
    assert second.requests == []


def test_with_a_first_that_flaps_every_message_is_sent_once_by_whoever_took_it(draft, first, second):
    first.responses = [201, 503, 201] * 100
    gateway.accept([draft() for _ in range(150)])
    drains = [in_another_connection(lambda: gateway.drain(Lane.BULK)) for _ in range(3)]
    for drain in drains:
        drain.result(60)
    by_second = Counter(message_of(request) for request in second.requests)
    assert set(posts_to(first).values()) == set(by_second.values()) == {1}
    assert len(first.received) == 150
    assert how_many(State.SENT, provider=SECOND) == len(by_second) == 50
    assert how_many(State.SENT, provider=FIRST) == 100
    assert not ProviderState.objects.exists()


def test_a_nej_meanwhile_stops_it_before_the_second(accept, say, first, second):
    """It is judged again: being turned away is no permission."""
    first.responses, first.delays = [503], [0.5]
    message = accept()
    drained = in_another_connection(lambda: gateway.drain(Lane.BULK))
    wait_until(lambda: first.received)
    say(Answer.NO)
    drained.result(30)
    message.refresh_from_db()
    assert message.state == State.REFUSED
    assert second.requests == []


# Both down, and back -------------------------------------------------------------------------------------------------


def test_when_both_are_down_all_wait_and_when_they_are_back_all_are_sent_once(draft, first, second, wakes_at_once):
    first.responses, second.response = [503] * 1000, (401, "")
    gateway.accept([draft() for _ in range(MORE_THAN_A_CLAIM)])
    gateway.drain(Lane.BULK)
    assert how_many(State.QUEUED) == MORE_THAN_A_CLAIM
    assert ProviderState.objects.filter(open_until__gt=Now()).count() == 2
    posts = len(first.received), len(second.requests)
    assert [gateway.drain(lane) for lane in Lane] == [0, 0]
    assert (len(first.received), len(second.requests)) == posts

    first.responses, second.response = [], TAKEN
    first.received.clear()
    second.requests.clear()
    a_trial_may_begin()
    gateway.drain(Lane.BULK)
    assert how_many(State.SENT) == len(first.received) + len(second.requests) == MORE_THAN_A_CLAIM
    assert not ProviderState.objects.exclude(open_until=None).exists()


def test_while_the_first_is_tried_with_one_the_second_sends_the_rest_and_then_traffic_returns(
    draft, first, second, wakes_at_once
):
    opened(FIRST)
    gateway.accept([draft() for _ in range(50)])
    assert len(second.requests) == 50
    first.delays = [0.5]
    a_trial_may_begin()
    gateway.accept([draft() for _ in range(50)])
    assert len(first.received) == 1
    assert len(second.requests) == 99
    gateway.accept([draft() for _ in range(50)])
    assert len(first.received) == 51
    assert how_many(State.SENT) == 150


def test_a_trial_that_fails_goes_to_the_second_as_well(accept, first, second):
    opened(FIRST)
    a_trial_may_begin()
    first.responses = [503]
    accept()
    gateway.drain(Lane.BULK)
    assert len(first.received) == 1
    assert how_many(State.SENT, provider=SECOND) == 1
    assert ProviderState.objects.get().open_until > database_now()


# Numbers -------------------------------------------------------------------------------------------------------------


def test_a_number_is_sent_from_where_it_is_rented(draft, first, second, settings, sends_from):
    settings.SMS_NUMBERS = [(SECOND, NUMBER)]
    gateway.accept([draft(queue_id=sends_from(NUMBER).pk), draft()])
    gateway.drain(Lane.BULK)
    [request] = second.requests
    assert request.headers["x-kannel-from"] == NUMBER
    assert len(first.received) == 1


@pytest.mark.parametrize("numbers", [[(FIRST, NUMBER)], []], ids=["rented at the first", "said nowhere"])
def test_a_number_waits_for_its_provider_and_holds_up_nobody_behind(
    numbers, draft, first, second, settings, sends_from, wakes_at_once
):
    settings.SMS_NUMBERS = numbers
    opened(FIRST)
    waiting = sends_from(NUMBER)
    gateway.accept([draft(queue_id=waiting.pk) for _ in range(gateway.CLAIM_SIZE + 20)])
    gateway.accept([draft() for _ in range(5)])  # due later
    assert how_many(State.SENT, provider=SECOND) == len(second.requests) == 5
    assert how_many(State.QUEUED, queue=waiting) == gateway.CLAIM_SIZE + 20
    assert first.received == []

    a_trial_may_begin()
    gateway.drain(Lane.BULK)
    assert how_many(State.SENT, queue=waiting, provider=FIRST) == gateway.CLAIM_SIZE + 20
    assert {sms["from"] for sms in first.received} == {NUMBER}


def test_a_number_that_its_provider_can_not_take_just_now_is_not_offered_to_the_other(
    accept, first, second, settings, sends_from
):
    settings.SMS_NUMBERS = [(FIRST, NUMBER)]
    first.responses = [503]
    accept(queue_id=sends_from(NUMBER).pk)
    gateway.drain(Lane.BULK)
    assert how_many(State.QUEUED, due_at__gt=Now()) == 1
    assert second.requests == []


def test_what_became_another_providers_while_a_claim_waited_is_left_to_that_one(accept, settings, sends_from):
    settings.SMS_NUMBERS = [(FIRST, NUMBER)]
    accept(queue_id=sends_from(NUMBER).pk)
    assert gateway.claim(Lane.BULK, SECOND).sending == []
    assert how_many(State.QUEUED) == 1
    assert len(gateway.claim(Lane.BULK, FIRST).sending) == 1


def test_the_seconds_own_are_not_held_up_by_any_number_of_the_firsts(draft, first, second, settings, sends_from):
    settings.SMS_NUMBERS = [(SECOND, NUMBER)]
    own = sends_from(NUMBER)
    first.delays = [0.05] * 2000
    gateway.accept([draft() for _ in range(1000)])
    gateway.accept([draft(queue_id=own.pk) for _ in range(10)])
    drained = in_another_connection(lambda: gateway.drain(Lane.BULK))
    wait_until(lambda: len(second.requests) == 10)
    assert len(first.received) < 1000
    drained.result(60)
    assert how_many(State.SENT) == 1010


# Limits --------------------------------------------------------------------------------------------------------------


class Stamped(list[object]):
    """A provider's log with when each message came."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    def append(self, each: object) -> None:
        self.times.append(time.monotonic())
        super().append(each)

    def most_in_a_second(self) -> int:
        return max(sum(begins <= came < begins + 1 for came in self.times) for begins in self.times)


@pytest.fixture
def logs(first, second) -> Iterator[tuple[Stamped, Stamped]]:
    first.received, second.requests = Stamped(), Stamped()
    return first.received, second.requests


def test_each_provider_has_a_rate_of_its_own(draft, settings, sends_from, logs):
    settings.SMS_RATES, settings.SMS_NUMBERS = [(FIRST, "40"), (SECOND, "20")], [(SECOND, NUMBER)]
    to_first, to_second = logs
    own = sends_from(NUMBER)
    gateway.accept([draft() for _ in range(60)])
    gateway.accept([draft(queue_id=own.pk) for _ in range(30)])
    for drain in [in_another_connection(lambda: gateway.drain(Lane.BULK)) for _ in range(2)]:
        drain.result(60)
    assert (len(to_first), len(to_second)) == (60, 30)
    assert to_first.most_in_a_second() <= 50  # on a busy machine some come a little late, together with the next
    assert to_second.most_in_a_second() <= 25
    assert to_second.times[0] < to_first.times[-1]  # at the same time


def test_a_rate_that_is_used_up_sends_nothing_elsewhere(draft, settings, logs):
    settings.SMS_RATES = [(FIRST, "40")]
    gateway.accept([draft() for _ in range(80)])
    gateway.drain(Lane.BULK)
    to_first, to_second = logs
    assert (len(to_first), len(to_second)) == (80, 0)


def test_what_the_first_turned_away_keeps_to_the_rate_of_the_second(draft, settings, first, logs):
    settings.SMS_RATES = [(SECOND, "20")]
    first.responses = [401] * 1000
    gateway.accept([draft() for _ in range(40)])
    gateway.drain(Lane.BULK)
    _, to_second = logs
    assert len(to_second) == how_many(State.SENT, provider=SECOND) == 40
    assert to_second.most_in_a_second() <= 25


# Reports and replies -------------------------------------------------------------------------------------------------


@pytest.fixture
def sent_by_second(accept, first) -> Message:
    first.responses = [503]
    message = accept()
    gateway.drain(Lane.BULK)
    message.refresh_from_db()
    assert (message.state, message.provider) == (State.SENT, SECOND)
    return message


def test_its_report_comes_from_the_one_that_sent_it(sent_by_second, second, client):
    [request] = second.requests
    address = request.headers["x-kannel-dlr-url"].partition("?")[0]
    assert address.endswith(f"/sms/receipts/kannel/{sent_by_second.pk}/{sent_by_second.receipt_token}")
    assert client.get(f"/sms/receipts/kannel/{address.partition('/kannel/')[2]}", {"type": "1"}).status_code == 200
    sent_by_second.refresh_from_db()
    assert sent_by_second.state == State.DELIVERED


def test_a_late_report_from_the_one_that_turned_it_away_changes_nothing(sent_by_second, first, client):
    [sms] = first.received
    before = Message.objects.values().get()
    path = sms["whendelivered"].removeprefix(first.url)
    assert client.post(path, {"status": "failed", "id": "late"}).status_code == 204
    assert Message.objects.values().get() == before


def test_so_does_one_that_comes_while_it_waits_to_be_tried_again(accept, first, second, client):
    first.responses, second.response = [503], (503, "")
    accept()
    gateway.drain(Lane.BULK)
    before = Message.objects.values().get()
    [sms] = first.received
    assert client.post(sms["whendelivered"].removeprefix(first.url), {"status": "delivered"}).status_code == 204
    assert Message.objects.values().get() == before


def test_the_one_that_sent_it_is_asked_what_became_of_it(accept, first, wire, settings):
    settings.SMS_PROVIDERS, settings.TWILIO_URL = [FIRST, "twilio"], wire.url
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN = "AC0", "x"
    first.responses, wire.response = [503], (201, {"sid": "SM1", "status": "queued"})
    message = accept()
    gateway.drain(Lane.BULK)
    settings.TELEQ_URL = "https://teleq.example.se"  # as Twilio needs it
    Message.objects.update(state_at=Now() - settings.SMS_REPORT_WITHIN - timedelta(seconds=1))
    wire.response = (200, {"sid": "SM1", "status": "delivered"})
    receipts.settle_unreported()
    message.refresh_from_db()
    assert (message.provider, message.state) == ("twilio", State.DELIVERED)
    assert [request.path.removeprefix("/2010-04-01/Accounts/AC0") for request in wire.requests] == [
        "/Messages.json",
        "/Messages/SM1.json",
    ]


@pytest.mark.parametrize(("number", "by"), [(NUMBER, FIRST), (OTHER_NUMBER, SECOND)])
def test_stopp_is_taken_from_whichever_the_number_is_rented_at(number, by, settings, sends_from, client):
    settings.SMS_NUMBERS = [(FIRST, NUMBER), (SECOND, OTHER_NUMBER)]
    queue = sends_from(number)
    if by == FIRST:
        form = {"from": MOBILE, "to": number, "message": "STOPP", "id": "1"}

        response = client.post("/sms/inbound/simulator", form, headers={"Authorization": f"Bearer {credential()}"})
    else:
        headers = {"Authorization": "Basic OmluYm91bmQ=", "X-Kannel-From": MOBILE, "X-Kannel-To": number}
        response = client.post("/sms/inbound/kannel?id=1", "STOPP", content_type="text/plain", headers=headers)
    assert response.status_code in (200, 204)
    assert InboundSms.objects.get().queue == queue
    assert Consent.objects.get().answer == Answer.NO


# What staff are told -------------------------------------------------------------------------------------------------


def test_staff_are_told_only_where_no_provider_can_send(queue, settings, sends_from):
    settings.SMS_NUMBERS = [(FIRST, NUMBER), (SECOND, OTHER_NUMBER)]
    of_first, of_second = sends_from(NUMBER), sends_from(OTHER_NUMBER)
    assert not open_circuit([queue.pk, of_first.pk, of_second.pk])
    opened(FIRST)
    assert not open_circuit([queue.pk])
    assert not open_circuit([of_second.pk])
    assert open_circuit([of_first.pk]).name == FIRST
    assert open_circuit([queue.pk, of_first.pk]).name == FIRST
    opened(SECOND)
    assert open_circuit([queue.pk]).name == SECOND  # since that one fell silent they wait
    assert open_circuit([of_first.pk]).name == FIRST
    assert not open_circuit([])


# Configuration -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        (
            "SMS_PROVIDERS",
            [],
            "SMS_PROVIDERS is empty; it must name one or more of: simulator, kannel",
        ),
        ("SMS_PROVIDERS", [FIRST, FIRST], "SMS_PROVIDERS has 'simulator' in it more than once."),
        ("SMS_RATES", [("twilio", "1.6")], "SMS_RATES has 'twilio=1.6' in it"),
        ("SMS_RATES", [("10", "")], "SMS_RATES has '10=' in it"),
        ("SMS_RATES", [(FIRST, "1"), (FIRST, "2")], "SMS_RATES has 'simulator' in it more than once."),
        ("SMS_NUMBERS", [("twilio", NUMBER)], f"SMS_NUMBERS has 'twilio={NUMBER}' in it"),
        ("SMS_NUMBERS", [(FIRST, "0766861004")], "SMS_NUMBERS has 'simulator=0766861004' in it"),
        ("SMS_NUMBERS", [(FIRST, "Spindeln")], "SMS_NUMBERS has 'simulator=Spindeln' in it"),
        ("SMS_NUMBERS", [(FIRST, NUMBER), (SECOND, NUMBER)], f"SMS_NUMBERS has '{NUMBER}' in it more than once"),
    ],
)
def test_what_makes_no_sense_is_said_at_start(setting, value, said, settings):
    setattr(settings, setting, value)
    [problem] = checks.configuration_errors()
    assert problem.startswith(said)


def test_each_provider_is_checked(settings):
    settings.SMS_PROVIDERS = ["kannel", "twilio"]
    settings.KANNEL_PASSWORD, settings.TELEQ_URL = "", "https://teleq.example.se"
    assert list(checks.configuration_errors()) == [
        "kannel: KANNEL_PASSWORD is not set.",
        "twilio: TWILIO_ACCOUNT_SID is not set.",
        "twilio: TWILIO_AUTH_TOKEN is not set.",
    ]


def test_a_number_that_is_not_said_where_it_is_rented_is_a_warning(settings, sends_from):
    sends_from(NUMBER)
    sends_from(OTHER_NUMBER)
    settings.SMS_NUMBERS = [(SECOND, OTHER_NUMBER)]
    [warning] = [message for message in run_checks() if message.id == "sms.W002"]
    assert warning.msg.startswith("1 queue")
    assert NUMBER not in str(warning)
    settings.SMS_NUMBERS = [(SECOND, OTHER_NUMBER), (FIRST, NUMBER)]
    assert not [message for message in run_checks() if message.id == "sms.W002"]
    settings.SMS_PROVIDERS, settings.SMS_NUMBERS = [FIRST], []
    assert not [message for message in run_checks() if message.id == "sms.W002"]
