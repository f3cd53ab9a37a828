"""A call to the telephone menu, from the first word to the booking."""

from __future__ import annotations

import pytest

from cases.models import Case
from consent import register
from consent.models import Answer, Channel, Consent
from sms.models import Message
from telephony.models import Call, Ended
from tests.conftest import MOBILE

pytestmark = pytest.mark.django_db


def test_the_first_free_time_is_offered_and_one_key_books_it(caller, eight):
    call = caller()
    assert call.said.startswith(
        "Vid livshotande tillstånd, lägg på och ring 112. Välkommen till Vårdcentralen Spindeln. Vi ringer dig omkring"
    )
    assert "klockan åtta på det nummer du ringer från." in call.said
    assert not Case.objects.exists()
    call.press("1")
    case = Case.objects.get()
    assert (case.callback_at, case.phone_number, case.a_number) == (eight, MOBILE, MOBILE)
    assert call.said.startswith("Tack. Tiden är bokad. Vi ringer dig omkring")
    assert call.is_over
    call.hang_up()
    row = Call.objects.get()
    assert (row.ended, row.case, row.memory, row.reply) == (Ended.BOOKED, case, {}, {})


def test_whoever_hangs_up_before_the_key_has_booked_nothing(caller):
    caller().hang_up()
    assert not Case.objects.exists()
    assert Call.objects.get().ended == Ended.HUNG_UP


@pytest.fixture
def asked(care_provider):
    care_provider.consent_by_phone = True
    care_provider.save()


def test_a_ja_by_key_is_stored_with_the_wording_and_the_call_and_the_confirmation_goes_after_it(
    asked, caller, queue, care_provider
):
    queue.outgoing_sms.confirmation_on = True
    queue.outgoing_sms.save()
    call = caller().press("1")
    assert call.said.endswith("Tryck 1 för ja, 2 för nej. Svaret sparas i 14 månader.")
    assert not Message.objects.exists()
    call.press("1")
    consent = Consent.objects.get()
    assert (consent.answer, consent.channel, consent.answered_by) == (Answer.YES, Channel.PHONE_KEYS, None)
    assert consent.call_id == call.row.pk
    assert consent.text.recorded
    assert "Får vi skicka SMS" in consent.text.text
    assert Message.objects.get().kind == "confirmation"


def test_no_key_stores_nothing(asked, caller, care_provider):
    caller().press("1").press("")
    assert register.current(care_provider.pk, MOBILE).consent is None
