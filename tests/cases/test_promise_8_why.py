"""Promise 8: every message says which answer let it through or stopped it, one click from the message."""

from datetime import timedelta

import pytest
from django.utils import timezone

from consent import register
from consent.models import Answer, Channel, Consent
from sms import gateway
from sms.models import Lane, Message
from teleq.models import OutgoingSms
from teleq.swedish import last_day
from tests.cases.desk import rebooking
from tests.conftest import LANDLINE
from tests.database_roles import as_owner

pytestmark = pytest.mark.django_db

SENT, STOPPED = "Varför skickades SMS:et?", "Varför stoppades SMS:et?"
UNTIL = last_day(register.valid_until(timezone.now()))
JA = f"och det gällde till {UNTIL}."


@pytest.fixture
def send(desk, queue, provider):
    """Send an SMS from the case by hand, whatever the page says, and let it leave."""

    def pressed(case) -> None:
        desk.case(case).press("Skicka SMS", by_hand=True, text="Hej!")
        gateway.drain(Lane.MANUAL)

    return pressed


def test_what_left_by_a_ja_says_whose_it_was_and_how_long_it_counts(case, desk, say, send):
    say(Answer.YES)
    send(case)
    page = desk.case(case)
    assert f"{SENT}Kön krävde samtycke. Svaret var Ja. Anna Lind registrerade det" in page.text
    assert JA in page.text


def test_what_a_nej_stopped_says_who_registered_it(case, desk, say, send):
    say(Answer.NO)
    send(case)
    assert f"{STOPPED}Svaret var Nej. Anna Lind registrerade det" in desk.case(case).text


def test_a_patients_own_nej_is_told_as_theirs(case, desk, care_provider, send):
    now = timezone.now()
    Consent.objects.create(
        care_provider=care_provider,
        phone_number=case.phone_number,
        answer=Answer.NO,
        channel=Channel.SMS,
        answered_at=now,
        valid_until=register.valid_until(now),
    )
    send(case)
    assert f"{STOPPED}Svaret var Nej. Patienten svarade själv med SMS" in desk.case(case).text


def test_what_was_stopped_for_want_of_an_answer_says_so(case, desk, send):
    send(case)
    assert f"{STOPPED}Kön krävde samtycke. Inget svar fanns för numret. Bedömt" in desk.case(case).text


def test_a_lapsed_answer_is_told_with_the_day_it_stopped_to_count(case, desk, lapsed, send):
    consent = lapsed(Answer.YES)
    send(case)
    told = f"{STOPPED}Kön krävde samtycke. Svaret Ja hade slutat gälla {last_day(consent.valid_until)}. Bedömt"
    assert told in desk.case(case).text


def test_where_the_box_was_not_ticked_it_says_so_also_when_it_has_been_ticked_since(book, desk, plain_queue, send):
    case = book(queue=plain_queue)
    send(case)
    OutgoingSms.objects.update(consent_required=True)
    assert f"{SENT}Kön krävde inte samtycke. Inget svar fanns för numret. Bedömt" in desk.case(case).text


def test_a_landline_says_that_it_is_one(book, desk, say, send):
    say(Answer.YES, LANDLINE)
    case = book(phone_number=LANDLINE)
    send(case)
    assert f"{STOPPED}Numret kan inte ta emot SMS (inte ett mobilnummer). Svaret var Ja." in desk.case(case).text


def test_where_the_settings_are_missing_it_says_so(case, desk, say, send):
    say(Answer.YES)
    page = desk.case(case)
    with as_owner():
        OutgoingSms.objects.all().delete()
    page.press("Skicka SMS", text="Hej!")
    assert f"{STOPPED}Köns inställningar för SMS saknades. Svaret var Ja." in desk.case(case).text


def test_it_tells_the_answer_of_that_moment_whatever_was_answered_since(case, desk, say, send):
    say(Answer.YES)
    send(case)
    say(Answer.NO)
    assert f"{SENT}Kön krävde samtycke. Svaret var Ja." in desk.case(case).text


@pytest.mark.parametrize("waits", [True, False], ids=["waits", "cancelled"])
def test_a_message_that_nobody_has_judged_has_no_why(waits, case, desk, say, queue):
    OutgoingSms.objects.update(confirmation_on=True)
    rebooking(desk, case).press("Spara tiden", callback_at=f"{timezone.localtime() + timedelta(days=2):%Y-%m-%dT%H:%M}")
    if not waits:
        desk.case(case).press("Ej nådd")
    assert Message.objects.exists()
    assert "Varför" not in desk.case(case).text
