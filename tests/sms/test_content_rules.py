"""What may not stand in a text message, whoever wrote it and whichever way it comes."""

from __future__ import annotations

from datetime import timedelta

import phonenumbers
import pytest
from django.utils import timezone
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from personnummer import personnummer

from cases import callbacks
from cases.models import Case
from consent.models import Answer
from sms import gateway
from sms.content.rules import identifies_nobody, problem_of, problems_of_automatic
from sms.models import Kind, Lane, Message, Refusal, StandardText
from sms.states import State
from teleq.clock import database_now
from teleq.models import OutgoingSms, Queue
from tests.conftest import MOBILE

PERSONNUMMER = "Meddelandet innehåller ett personnummer. Ta bort det innan du skickar."
EMPTY = "Skriv ett meddelande."
CONTENT = "Texten kan inte skickas."


# Personnummer --------------------------------------------------------------------------------------------------------


WRITTEN = ["19121212-1212", "191212121212", "121212-1212", "1212121212", "121212+1212", "19121212 1212", "121212–1212"]
OTHERWISE = ["121212\u20111212", "121212\u22121212", "121212\u20141212", "19121212\u00a01212", "19121212 - 1212"]
DASHED = ["1912-12-12-1212", "1912-12-12 1212", "12-12-12-1212", "1912 12 12 1212", "19 12 12 12-12 12"]
OTHER_KINDS = ["197010639800", "191500882392", "19150088-2392", "20000101T220", "000101-t220", "00 01 01 - T220"]


@pytest.mark.parametrize("number", [*WRITTEN, *OTHERWISE, *DASHED, *OTHER_KINDS])
@pytest.mark.parametrize(
    "text", ["{}", "Hej {}, ring oss.", "Nr:{}.", "Din remiss ({}) har kommit", "12 {}", "Ring 112\n{}"]
)
def test_a_personnummer_is_found_however_it_is_written(number, text):
    assert identifies_nobody(text.format(number)) == PERSONNUMMER


@pytest.mark.parametrize(
    "text",
    [
        "Ring 070-174 06 05.",
        "Ring 0701740605.",
        "Ring +46701740605 eller 08-465 004 00.",
        "Ring 0846500400.",
        "Ring 0102019940.",
        "Ring +201012121230.",  # an Egyptian's, and twelve digits that check out
        "Tid 2026-11-26 kl. 10.30",
        "Tid 2026-11-26 1030",
        "Ärende 121212-1213",  # the check digit is wrong
        "Ärende 20991231-2395",  # not born yet
        "Faktura 1912121212123",
        "Referens 3191212121212",
        "Referens 19121212-AB12",  # a reserve number: so is a date and a word
        "",
    ],
)
def test_other_numbers_are_not_taken_for_one(text):
    assert identifies_nobody(text) is None


def checks_out(ten_digits: str) -> bool:
    return personnummer.valid(ten_digits)


def can_be_dialled(ten_digits: str) -> bool:
    if not ten_digits.startswith("0"):
        return False
    return phonenumbers.is_valid_number(phonenumbers.parse(ten_digits, "SE"))


TEN_DIGITS = st.integers(0, 10**10 - 1).map("{:010}".format)
DASHES = ["-", "\u2010", "\u2011", "\u2013", "\u2014", "\u2212"]


@st.composite
def ten_of_a_personnummer(draw: st.DrawFn) -> str:
    """Ten digits of somebody born before last year, or of their samordningsnummer."""
    born = draw(st.dates(timezone.localdate() - timedelta(days=36_000), timezone.localdate() - timedelta(days=366)))
    day = born.day + draw(st.sampled_from([0, 60]))
    nine = f"{born:%y%m}{day:02}{draw(st.integers(1, 999)):03}"
    return next(f"{nine}{last}" for last in range(10) if checks_out(f"{nine}{last}"))


@given(ten_of_a_personnummer(), st.sampled_from(DASHES))
def test_with_its_dash_or_its_century_a_personnummer_is_one_whatever_else_it_may_be(ten, dash):
    for text in (f"{ten[:6]}{dash}{ten[6:]}", f"{ten[:6]} {dash} {ten[6:]}"):
        assert identifies_nobody(f"Hej {text}!") == PERSONNUMMER
    long = personnummer.parse(ten).format(True)
    for text in (long, f"{long[:8]}{dash}{long[8:]}", f"{long[:8]}\u00a0{long[8:]}"):
        assert identifies_nobody(f"Hej {text}!") == PERSONNUMMER


@given(ten_of_a_personnummer())
def test_ten_unbroken_digits_that_nobody_can_dial_are_a_personnummer_if_they_check_out(ten):
    assume(not can_be_dialled(ten))
    assert identifies_nobody(f"Hej {ten}!") == PERSONNUMMER


@examples(suppress_health_check=[HealthCheck.filter_too_much])  # the first that are tried often have zeros
@given(TEN_DIGITS | st.integers(0, 9_999_999).map("070{:07}".format) | st.integers(0, 9_999_999).map("010{:07}".format))
def test_ten_unbroken_digits_that_are_no_personnummer_may_be_sent(ten):
    assume(not checks_out(ten))
    assume(ten[2:4] != "00" and ten[4:6] != "60")  # a samordningsnummer may have those, which the oracle doesn't know
    assert identifies_nobody(f"Ring {ten}.") is None


@given(st.integers(0, 9_999_999).map("070{:07}".format) | st.integers(0, 9_999_999).map("010{:07}".format))
def test_ten_unbroken_digits_that_are_both_are_a_telephone_number(ten):
    assume(can_be_dialled(ten))
    assert identifies_nobody(f"Ring {ten}.") is None


def test_the_overlap_is_there():
    both = next(number for number in map("070{:07}".format, range(1_740_000, 9_999_999)) if checks_out(number))
    assert can_be_dialled(both)
    assert identifies_nobody(f"Ring {both}.") is None
    assert identifies_nobody(f"Nummer {both[:6]}-{both[6:]}.") == PERSONNUMMER


@given(st.integers(605, 699), st.sampled_from(["070174{:04}", "070-174{:04}", "070-174 {:04}"]))
def test_a_mobile_number_never_is_one(last, pattern):
    assert identifies_nobody(f"Ring {pattern.format(last)}") is None


@given(st.text())
def test_no_text_is_too_odd_to_be_read(text):
    assert identifies_nobody(text) in (None, PERSONNUMMER)


# The other rules -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["", " \n\t", "\u200b", "\ufeff", "\u00ad", "\u2060", "\u200e\u202c", "\u3000\u00a0", "\u2800", "\ufe0f"]
)
def test_what_nobody_can_see_is_empty(text):
    assert problem_of(text) == EMPTY
    assert problem_of(f"{text}.") is None


@pytest.mark.parametrize("text", ["Hej\x00", "Hej \ud83d"])
def test_what_can_not_be_stored_can_not_be_sent(text):
    assert problem_of(text) == "Meddelandet innehåller tecken som inte kan skickas."


@pytest.mark.parametrize("found", ["{tid}", "{Tid}", "{ tid }", "{namn}", "{telefon}"])
def test_nothing_is_left_to_fill_in(found):
    problem = f"{found} fylls inte i här, utan bara i bokningsbekräftelser och påminnelser. Skriv det som ska stå."
    assert problem_of(f"Vi ringer {found}.") == problem


@pytest.mark.parametrize("text", ["Hej :-}", "[]{}^~|\\", "{", "Välkommen!"])
def test_braces_alone_are_signs_like_others(text):
    assert problem_of(text) is None


def test_an_automatic_text_is_measured_by_what_is_filled_in():
    short, long = (Queue(unit=unit, phone_number="+46846500411") for unit in ("VC", "V" * 100))
    text = "{enhet} " * 40
    assert problems_of_automatic(text, short) == []
    [problem] = problems_of_automatic(text, long)
    assert problem.startswith("Meddelandet är för långt")
    assert problems_of_automatic("Hej 19121212-1212", short) == [PERSONNUMMER]


# Every way in --------------------------------------------------------------------------------------------------------

UNSENDABLE = ["Hej 19121212-1212", "\u200b", "ł" * 403, "Vi ringer {tid}."]


@pytest.mark.parametrize("kind", [Kind.MANUAL, Kind.CONFIRMATION, Kind.REMINDER])
@pytest.mark.parametrize("text", UNSENDABLE)
def test_promise_1_the_gateway_refuses_what_breaks_a_rule_whoever_asks(text, kind, accept, say, provider):
    say(Answer.YES)
    message = accept(kind=kind, text=text)
    accept(kind=kind, text="Hej!")
    gateway.drain(Lane.of(kind))
    assert (message.state, message.refusal, message.outcome) == (State.REFUSED, Refusal.CONTENT, CONTENT)
    assert Message.objects.get(pk=message.pk).state == State.REFUSED
    assert [sent["message"] for sent in provider.received] == ["Hej!"]


def test_consents_reason_comes_first(accept, say):
    say(Answer.NO)
    assert accept(kind=Kind.MANUAL, text="Hej 19121212-1212").refusal == Refusal.DECLINED


def test_without_free_text_the_gateway_takes_standard_texts_only(queue, accept, say):
    say(Answer.YES)
    OutgoingSms.objects.update(free_text=False)
    StandardText.objects.create(queue=queue, name="ring", text="Ring oss.")
    assert accept(kind=Kind.MANUAL, text=" Ring oss.\r\n").state == State.QUEUED
    assert accept(kind=Kind.MANUAL, text="Ring mig.").refusal == Refusal.CONTENT
    assert accept(kind=Kind.REMINDER, text="Vi ringer 10.30.").state == State.QUEUED


def test_a_booking_is_taken_though_its_confirmation_can_not_be_sent(queue, say):
    """The queue was renamed after its text was saved, going round Admin."""
    say(Answer.YES)
    OutgoingSms.objects.update(confirmation_on=True, confirmation_text="{enhet} " * 40)
    Queue.objects.filter(pk=queue.pk).update(unit="V" * 100)
    queue = Queue.objects.get(pk=queue.pk)
    at = database_now() + timedelta(hours=1)
    case = callbacks.create(Case(queue=queue, phone_number=MOBILE, callback_at=at), by=None)
    [message] = Message.objects.filter(case_message__case=case)
    assert (message.state, message.outcome) == (State.REFUSED, CONTENT)
