"""The way of a message, walked at random beside a plain model of it: whatever happens in whatever order, the rows are
as the model says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from django.db.models import F
from django.db.models.functions import Now
from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from administration.outgoing_sms import save_outgoing_sms
from consent import register
from consent.models import Answer, Consent
from sms import gateway, outcomes, receipts
from sms.circuit_breaker import Circuit as Found
from sms.circuit_breaker import CircuitBreaker
from sms.models import Kind, Lane, Message, ProviderState
from sms.providers.base import Outcome, SendResult
from sms.rate_limiter import RateLimiter
from teleq.clock import database_now
from teleq.models import CareProvider, OutgoingSms, Queue
from tests.conftest import MOBILE
from tests.database_roles import as_owner
from tests.reporting import told

pytestmark = pytest.mark.slow

WAY = {
    "queued": {"sending", "refused", "expired", "cancelled"},
    "sending": {"queued", "sent", "failed", "unknown", "delivered"},
    "sent": {"delivered", "failed"},
    "unknown": {"sent", "delivered", "failed"},
}
"""Where a message may go from where. What isn't here is final."""

AFTER = {
    Outcome.ACCEPTED: "sent",
    Outcome.QUEUED: "sent",
    Outcome.REJECTED: "failed",
    Outcome.RETRY_LATER: "queued",
    Outcome.NOT_STARTED: "queued",
    Outcome.SHUT: "queued",
    Outcome.UNKNOWN: "unknown",
}
ANSWERED = {Outcome.ACCEPTED, Outcome.QUEUED, Outcome.REJECTED}

OFTEN_JA = [Answer.YES, Answer.YES, Answer.YES, Answer.NO, Answer.UNSET]
OFTEN_NOT_SENT = [Outcome.RETRY_LATER, *Outcome]

Draw = Callable[[Sequence[Any]], Any]


@dataclass
class Model:
    """A message as it should be."""

    kind: Kind
    queue: int
    state: str = "queued"
    refusal: str = ""
    due: bool = True
    too_late: bool = False
    claims: int = 0
    known_unsent: int = 0
    noted: tuple[str, int | None] | None = None
    """The answer that decided, and its event; nothing before the first judgement."""


@dataclass
class Circuit:
    """The circuit breaker as it should be."""

    is_open: bool = False
    shut: bool = False
    """Open since nothing at all is let in."""
    pause_is_over: bool = False
    trials: set[int] = field(default_factory=set)
    """Messages on trial that their workers may yet hear of. Several, if one was away for longer than the pause."""
    latest: int | None = None
    """The one that the pause which goes on was begun for."""

    @property
    def lets_through(self) -> int:
        if not self.is_open:
            return gateway.CLAIM_SIZE
        return 1 if self.pause_is_over else 0

    def open(self, shut: bool) -> None:
        self.is_open, self.shut, self.pause_is_over, self.latest = True, shut, False, None

    def hear(self, pk: int, outcome: Outcome) -> None:
        if pk not in self.trials:
            if outcome is Outcome.SHUT and not (self.is_open and self.shut):
                self.open(shut=True)
            return
        self.trials.remove(pk)
        if outcome in ANSWERED:
            self.is_open = self.shut = False
        elif self.is_open and self.latest == pk:
            if outcome is Outcome.NOT_STARTED:
                self.pause_is_over = True
            else:
                self.open(shut=outcome is Outcome.SHUT)


@dataclass
class Town:
    provider: CareProvider
    ticked: Queue
    plain: Queue
    say: Callable[..., register.Current]
    draft: Callable[..., gateway.Draft]


@pytest.fixture
def town(care_provider, queue, plain_queue, say, draft) -> Town:
    return Town(care_provider, queue, plain_queue, say, draft)


class WayOfAMessage(RuleBasedStateMachine):
    def __init__(self, town: Town) -> None:
        super().__init__()
        self.town = town
        self.models: dict[int, Model] = {}
        self.seen: dict[int, str] = {}
        self.in_flight: dict[int, CircuitBreaker] = {}
        """Claimed by a worker that has not said what became of it."""
        self.circuit = Circuit()
        self.answer, self.lapsed, self.event = Answer.UNSET, False, None
        self.steps = 0
        self.say(lambda _: Answer.YES)

    @initialize()
    def a_ticked_and_a_plain_queue(self) -> None:
        self.ticked = {self.town.ticked.pk: True, self.town.plain.pk: False}
        for queue_id, ticked in self.ticked.items():
            OutgoingSms.objects.filter(queue=queue_id).update(consent_required=ticked)

    @rule(dice=st.integers(0, 2**32))
    def something_happens(self, dice: int) -> None:
        """One rule that chooses among all that is possible, and all as it is thrown: of many rules and many choices
        hypothesis leaves most out of most runs."""
        self.steps += 1
        thrown = Random(f"{dice}, {self.steps}")
        weights = {act.__name__: weight for act, weight, possible in self.possible() if possible}
        [happens] = thrown.choices(list(weights), list(weights.values()))
        note(happens)
        getattr(self, happens)(thrown.choice)

    def possible(self) -> list[tuple[Callable[[Draw], None], int, object]]:
        """Each with its weight: most for what brings a message on its way."""
        return [
            (self.record, 5, self.in_flight),
            (self.claim, 5, any(self.models[pk].due for pk in self.those("queued"))),
            (self.the_pause_ends, 3, self.circuit.is_open and not self.circuit.pause_is_over),
            (self.accept, 4, len(self.those("queued")) < 2),
            (self.report, 1, any(model.claims for model in self.models.values())),
            (self.cancel, 1, self.models),
            (self.what_is_to_be_tried_again_is_due, 3, not all(model.due for model in self.models.values())),
            (self.the_worker_is_missed, 1, self.those("sending")),
            (self.say, 2, True),
            (self.turn_the_switch, 1, True),
            (self.lapse, 1, self.event),
            (self.remove, 1, self.event),
            (self.the_worker_dies, 1, self.in_flight),
            (self.time_runs_out, 1, self.those("queued")),
        ]

    def teardown(self) -> None:
        with as_owner():
            Message.objects.all().delete()
            Consent.objects.all().delete()
            ProviderState.objects.all().delete()

    # What counts -----------------------------------------------------------------------------------------------------

    def say(self, draw: Draw) -> None:
        answer = draw(OFTEN_JA)
        self.answer, self.lapsed, self.event = answer, False, self.town.say(answer).event_id

    def lapse(self, _: Draw) -> None:
        ago = database_now() - timedelta(seconds=1)
        Consent.objects.update(answered_at=ago - timedelta(days=430), valid_until=ago)
        self.lapsed, self.event = True, register.current(self.town.provider.pk, MOBILE).event_id

    def remove(self, _: Draw) -> None:
        """As retention and a removal do: the number is as if it had never been asked."""
        with as_owner():
            Consent.objects.all().delete()
        self.answer, self.event = Answer.UNSET, None

    def turn_the_switch(self, draw: Draw) -> None:
        box = OutgoingSms.objects.get(queue=draw(list(self.ticked)))
        self.ticked[box.queue_id] = box.consent_required = not box.consent_required
        save_outgoing_sms(box)

    def judge(self, model: Model) -> None:
        counts = Answer.UNSET if self.lapsed else self.answer
        model.noted = (counts, self.event)
        if counts == Answer.NO:
            model.state, model.refusal = "refused", "declined"
        elif self.ticked[model.queue] and counts != Answer.YES:
            model.state, model.refusal = "refused", "missing"

    # The way ---------------------------------------------------------------------------------------------------------

    def those(self, *states: str) -> list[int]:
        return [pk for pk, model in self.models.items() if model.state in states]

    def accept(self, draw: Draw) -> None:
        model = Model(draw(list(Kind)), draw(list(self.ticked)))
        if model.kind == Kind.MANUAL:
            self.judge(model)
        [message] = gateway.accept([self.town.draft(kind=model.kind, queue_id=model.queue)])
        self.models[message.pk], self.seen[message.pk] = model, model.state

    def claim(self, _: Draw) -> None:
        for lane in Lane:
            limiter, breaker = RateLimiter("simulator", lane), CircuitBreaker("simulator")
            permit = limiter.acquire(gateway.CLAIM_SIZE)
            assert permit.messages == self.circuit.lets_through
            is_trial = self.circuit.is_open and bool(permit.messages)
            taken = self.next_in(lane)[: permit.messages]
            for model in (self.models[pk] for pk in taken):
                if model.too_late:
                    model.state = "expired"
                    continue
                self.judge(model)
                if model.state == "queued":
                    model.state, model.claims = "sending", model.claims + 1
            claim = gateway.claim(lane, "simulator", permit.messages) if permit.messages else gateway.NOTHING
            leaving = [message.pk for message in claim.sending]
            assert claim.judged == len(taken)
            assert set(leaving) == {pk for pk in taken if self.models[pk].state == "sending"}
            limiter.release_unused(permit, used=len(leaving))
            for pk in leaving:
                self.in_flight[pk] = breaker
                if is_trial:
                    breaker.begin_trial(pk, permit.trial_until)
                    self.circuit.trials.add(pk)
                    self.circuit.pause_is_over, self.circuit.latest = False, pk

    def next_in(self, lane: Lane) -> list[int]:
        """What is due, the oldest first."""
        manual = lane is Lane.MANUAL
        due = {
            pk for pk in self.those("queued") if self.models[pk].due and (self.models[pk].kind == "manual") == manual
        }
        return list(Message.objects.filter(pk__in=due).order_by("due_at", "pk").values_list("pk", flat=True))

    def record(self, draw: Draw) -> None:
        """Also when the worker was given up meanwhile, or the receipt was there first."""
        pk, outcome = draw(sorted(self.in_flight)), draw(OFTEN_NOT_SENT)
        breaker, was_open = self.in_flight.pop(pk), self.circuit.is_open
        result = SendResult(outcome, status=outcome.value)
        breaker.record_result(pk, result)
        outcomes.record({pk: result})
        found = breaker.publish()
        self.circuit.hear(pk, outcome)
        assert (found is Found.CLOSED) == (was_open and not self.circuit.is_open)
        model = self.models[pk]
        if model.state == "sending":
            model.state = AFTER[outcome]
            if outcome in (Outcome.NOT_STARTED, Outcome.SHUT):
                model.claims -= 1  # as if it had not had its turn
            else:
                model.known_unsent += model.state == "queued"
                model.due = model.too_late
        elif model.state == "unknown" and AFTER[outcome] in ("sent", "failed"):
            model.state = AFTER[outcome]  # a sweep had given it up too soon

    def the_pause_ends(self, _: Draw) -> None:
        ProviderState.objects.update(open_until=Now() - timedelta(milliseconds=1))
        self.circuit.pause_is_over, self.circuit.latest = True, None

    def the_worker_dies(self, _: Draw) -> None:
        self.in_flight.clear()
        self.circuit.trials.clear()

    def the_worker_is_missed(self, _: Draw) -> None:
        """Dead or only slow: what it has held for long is given up, and nothing else."""
        gateway.sweep()
        self.every_message_is_as_the_model_says()
        Message.objects.filter(state="sending").update(state_at=F("state_at") - timedelta(minutes=3))
        gateway.sweep()
        for model in self.models.values():
            if model.state == "sending":
                model.state = "unknown"

    def report(self, draw: Draw) -> None:
        pk = draw([pk for pk, model in self.models.items() if model.claims])
        status = draw(["delivered", "failed", "created"])
        model = self.models[pk]
        receipts.record("simulator", pk, Message.objects.get(pk=pk).receipt_token, told(status))
        if model.state in ("sending", "sent", "unknown") and status != "created":
            model.state = status

    def cancel(self, draw: Draw) -> None:
        pk = draw(self.those("sending") or list(self.models))
        gateway.cancel(Message.objects.filter(pk=pk))
        model = self.models[pk]
        if model.state == "queued":
            model.state = "cancelled"
        elif model.state == "sending":
            model.too_late = True  # should it turn out not to have been sent, it isn't sent any more

    # Time ------------------------------------------------------------------------------------------------------------

    def what_is_to_be_tried_again_is_due(self, _: Draw) -> None:
        Message.objects.filter(state="queued", due_at__gt=database_now()).update(due_at=F("created_at"))
        for model in self.models.values():
            model.due = True

    def time_runs_out(self, draw: Draw) -> None:
        pk = draw(self.those("queued"))
        at = database_now()
        Message.objects.filter(pk=pk).update(due_at=at - timedelta(seconds=2), send_before=at - timedelta(seconds=1))
        self.models[pk].due = self.models[pk].too_late = True

    # What always holds -----------------------------------------------------------------------------------------------

    @invariant()
    def every_message_is_as_the_model_says(self) -> None:
        for message in Message.objects.all():
            model = self.models[message.pk]
            assert (message.state, message.refusal, message.attempts) == (model.state, model.refusal, model.claims)
            if model.noted:
                assert (message.consent_answer, message.consent_event_id) == model.noted

    @invariant()
    def the_circuit_is_as_the_model_says(self) -> None:
        [row] = ProviderState.objects.all() or [ProviderState()]
        assert (row.open_until is not None, bool(row.shut_status)) == (self.circuit.is_open, self.circuit.shut)
        if row.open_until and not self.circuit.pause_is_over:
            assert row.open_until > database_now()

    @invariant()
    def every_move_is_one_that_a_message_can_make(self) -> None:
        for pk, state in Message.objects.values_list("pk", "state"):
            before, self.seen[pk] = self.seen[pk], state
            assert state == before or state in WAY.get(before, ()), f"from {before} to {state}"

    @invariant()
    def nothing_is_handed_over_again_unless_it_is_known_not_to_have_been_sent(self) -> None:
        for message in Message.objects.all():
            assert message.attempts <= 1 + self.models[message.pk].known_unsent

    @invariant()
    def nothing_is_lost(self) -> None:
        assert Message.objects.count() == len(self.models)


@pytest.mark.django_db
def test_a_message_goes_its_way_whatever_happens(town):
    run_state_machine_as_test(
        lambda: WayOfAMessage(town),
        settings=settings(
            derandomize=True,
            database=None,
            deadline=None,
            max_examples=50,
            stateful_step_count=30,
            phases=[Phase.generate],  # a run of thirty steps can be read as it is, and shrinking it takes minutes
            suppress_health_check=list(HealthCheck),
        ),
    )
