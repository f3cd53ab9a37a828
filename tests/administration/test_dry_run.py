"""What the gateway would do: of one SMS, and of what waits when "Aktivera samtycke till SMS" is ticked."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from administration.dry_run import Stopped, with_consent_required, would_it_be_sent
from cases import callbacks
from cases.models import Case, Status
from consent import register
from consent.models import Answer, Consent
from consent.verdict import Verdict, verdict
from sms import brake, gateway
from sms.models import Kind, Lane, Message, Refusal
from teleq.clock import database_now
from teleq.models import OutgoingSms
from tests.administration.forms import text_of
from tests.conftest import LANDLINE, MOBILE

pytestmark = pytest.mark.django_db

ADDRESS = "/admin/teleq/outgoingsms/check/"
OTHER = "+46701740606"


@pytest.fixture
def ask(office, queue):
    def asked(**typed):
        form = {"phone_number": "070-174 06 05", "queue": queue.pk, "kind": "manual"} | typed
        return office.post(ADDRESS, form)

    return asked


# Would it be sent? ---------------------------------------------------------------------------------------------------


def test_a_ja_in_force_is_answered_yes_with_the_answer_behind_it(ask, say):
    say(Answer.YES)
    text = text_of(ask())
    assert "Ja, SMS:et skulle skickas. Kön kräver samtycke. Svaret är Ja, sparat idag" in text
    assert "av Anna Lind. Det gäller till" in text


@pytest.mark.parametrize(
    ("answer", "reason"), [(Answer.NO, "SMS-utskick avböjt"), (Answer.UNSET, "Samtycke till SMS saknas")]
)
def test_anything_else_is_answered_no_with_the_manuals_words(answer, reason, ask, say):
    say(Answer.YES)
    say(answer)
    assert f"Nej: {reason} Kön kräver samtycke. Svaret är {answer.label}" in text_of(ask())


def test_while_all_sending_is_stopped_it_is_answered_no_after_the_patients_own_no(ask, say, operator):
    brake.stop("Fel länk.", by=operator)
    say(Answer.YES)
    assert "Nej, inte nu. Alla SMS-utskick är stoppade sedan" in text_of(ask())
    say(Answer.NO)
    assert "Nej: SMS-utskick avböjt" in text_of(ask())


def test_nothing_stored_and_a_lapsed_answer_are_told_apart(ask, lapsing):
    assert "Nej: Samtycke till SMS saknas Kön kräver samtycke. Inget svar är sparat för numret." in text_of(ask())
    lapsing(Answer.YES, days_left=-3)
    assert "Nej: Samtycke till SMS saknas Kön kräver samtycke. Svaret Ja slutade gälla" in text_of(ask())


def test_a_landline_is_one(ask, say):
    say(Answer.YES, LANDLINE)
    assert "Nej: Numret kan inte ta emot SMS (inte ett mobilnummer)." in text_of(ask(phone_number="08-465 004 11"))


def test_what_the_queue_does_not_send_at_all_would_not_be_sent(ask, say):
    say(Answer.YES)
    assert "Nej, kön skickar inga sådana SMS." in text_of(ask(kind="reminder"))
    OutgoingSms.objects.update(reminder_on=True)
    assert "Ja, SMS:et skulle skickas." in text_of(ask(kind="reminder"))


def test_nothing_is_sent_and_nothing_stored(ask, say, provider):
    say(Answer.YES)
    ask()
    gateway.drain(Lane.MANUAL)
    assert provider.received == []
    assert not Message.objects.exists()


@pytest.mark.parametrize(
    "typed", [{"phone_number": "070"}, {"queue": ""}, {"kind": "fax"}], ids=lambda each: next(iter(each))
)
def test_bad_input_gets_a_message_and_what_was_typed_stays(typed, ask):
    response = ask(**typed)
    assert response.status_code == 422
    assert response.context["form"].errors
    assert 'value="070' in response.content.decode()


def test_promise_9_another_care_providers_queue_can_not_be_asked_about(ask, other_queue):
    response = ask(queue=other_queue.pk)
    assert "Välj en av dina köer." in text_of(response)
    assert str(other_queue.care_provider) not in text_of(response)


def test_promise_9_nurses_can_not_ask(client, nurse):
    client.force_login(nurse)
    assert client.post(ADDRESS, {}).status_code == 403


def test_one_comes_to_it_from_utgaende_sms_with_the_queue_chosen(office, queue):
    page = office.get(f"/admin/teleq/outgoingsms/{queue.pk}/change/").content.decode()
    assert f"{ADDRESS}?queue={queue.pk}" in page
    assert f'<option value="{queue.pk}" selected>' in office.get(f"{ADDRESS}?queue={queue.pk}").content.decode()


@pytest.mark.parametrize("answer", [None, *Answer])
@pytest.mark.parametrize("ticked", [True, False])
def test_promise_7_it_answers_what_the_gateway_then_does(answer, ticked, queue, say, accept, provider):
    OutgoingSms.objects.filter(queue=queue).update(consent_required=ticked)
    if answer:
        say(answer)
    queue.refresh_from_db()
    told = would_it_be_sent(queue, MOBILE, Kind.MANUAL)
    message = accept(kind=Kind.MANUAL)
    gateway.drain(Lane.MANUAL)
    message.refresh_from_db()
    assert told.would_be_sent is bool(provider.received)
    assert (told.refusal or "") == message.refusal


# What would the box stop? --------------------------------------------------------------------------------------------


@pytest.fixture
def coming(plain_queue):
    def booked(number: str, **columns) -> Case:
        at = timezone.now() + timedelta(hours=1)
        return callbacks.create(
            Case(**({"queue": plain_queue, "phone_number": number, "callback_at": at} | columns)), by=None
        )

    return booked


def test_what_waits_and_who_is_to_be_called_back_are_counted_by_why(plain_queue, coming, draft, say):
    say(Answer.YES)
    say(Answer.NO, OTHER)
    for number in (MOBILE, OTHER, "+46701740607", "+46701740608"):
        coming(number)
        gateway.accept([draft(queue_id=plain_queue.pk, to_number=number)])
    assert with_consent_required(plain_queue) == {"waiting": Stopped(2, 1), "coming": Stopped(2, 1)}


def test_what_is_over_or_another_queues_is_not(plain_queue, queue, coming, draft, say, provider):
    coming(MOBILE, status=Status.DONE)
    coming(MOBILE, callback_at=timezone.now() - timedelta(minutes=1))
    coming(MOBILE, queue=queue)
    gateway.accept([draft(queue_id=plain_queue.pk)])
    gateway.drain(Lane.BULK)
    assert with_consent_required(plain_queue) == {"waiting": Stopped(0, 0), "coming": Stopped(0, 0)}


def test_it_stands_beside_the_box_before_it_is_ticked(office, plain_queue, coming):
    coming(MOBILE)
    text = text_of(office.get(f"/admin/teleq/outgoingsms/{plain_queue.pk}/change/"))
    assert "Av SMS som väntar stoppas 0 (0 utan svar, 0 Nej)." in text
    assert "Av kommande återuppringningar får 1 (1 utan svar, 0 Nej) inga SMS." in text


ANSWERS = [(None, 0.0), *((answer, days) for answer in Answer for days in (-1.0, -1 / 86_400, 1 / 86_400 * 60, 400.0))]
"""Each answer long lapsed, lapsed a second ago, about to lapse, and fresh; and none."""


def test_promise_7_postgresql_counts_as_the_verdict_judges(plain_queue, coming, draft, lapsing, other_care_provider):
    """Over every answer, in force and lapsed; and another care provider's, which counts for nothing."""
    stored = {f"+467017406{10 + place}": each for place, each in enumerate(ANSWERS)}
    for times, (number, (answer, days)) in enumerate(stored.items(), start=1):
        if answer:
            lapsing(answer, number, days_left=days)
        for _ in range(times):
            coming(number)
            gateway.accept([draft(queue_id=plain_queue.pk, to_number=number)])
    consents = {consent.phone_number.as_e164: consent for consent in Consent.objects.all()}
    lapsing(Answer.NO, "+46701740699")
    Consent.objects.filter(phone_number="+46701740699").update(care_provider=other_care_provider)
    coming("+46701740699")
    gateway.accept([draft(queue_id=plain_queue.pk, to_number="+46701740699")])
    ticked, at = OutgoingSms(consent_required=True), database_now()
    judged = [
        verdict(ticked, consents.get(number), at) for times, number in enumerate(stored, start=1) for _ in range(times)
    ] + [verdict(ticked, None, at)]
    expected = Stopped(judged.count(Verdict.MISSING), judged.count(Verdict.DECLINED))
    assert 0 < expected.declined < expected.unanswered < len(judged)
    assert with_consent_required(plain_queue) == {"waiting": expected, "coming": expected}


@pytest.mark.parametrize("answer", [None, *Answer])
def test_promise_7_a_withdrawal_that_is_still_to_be_carried_out_counts_as_a_nej(answer, plain_queue, coming, lapsing):
    if answer:
        lapsing(answer)
    register.store_withdrawals([(plain_queue.care_provider_id, MOBILE)])
    coming(MOBILE)
    assert with_consent_required(plain_queue)["coming"] == Stopped(unanswered=0, declined=1)


def test_no_number_is_read_to_be_counted(plain_queue, coming, django_assert_num_queries):
    for number in range(610, 640):
        coming(f"+46701740{number}")
    with django_assert_num_queries(4) as counted:
        with_consent_required(plain_queue)
    asked = [query["sql"] for query in counted.captured_queries if "clock_timestamp" not in query["sql"]]
    assert len(asked) == 2
    assert all("COUNT(" in sql and "GROUP BY 1" in sql for sql in asked)


def test_the_number_of_queries_is_fixed(plain_queue, coming, django_assert_num_queries):
    for number in range(610, 640):
        coming(f"+46701740{number}")
    with django_assert_num_queries(4):
        with_consent_required(plain_queue)


def test_the_reasons_are_the_gateways_own(queue):
    assert would_it_be_sent(queue, MOBILE, Kind.MANUAL).refusal is Refusal.MISSING
