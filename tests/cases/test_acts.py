"""Every button of a case says what it did, or what stands instead and why."""

from __future__ import annotations

import re
from functools import partial
from itertools import product

import pytest

from cases import acts, callbacks
from cases.models import NoAnswer, Status
from consent.models import Answer
from sms.models import InboundSms
from teleq.clock import database_now
from teleq.models import Outcome
from tests.cases.desk import desk_of, dials, said
from tests.conftest import MOBILE

RING = "Ring 070-174 06 05"
DONE = {
    "Ta ärendet": "Du har tagit ärendet.",
    "Ta över ärendet": "Du har tagit över ärendet.",
    "Släpp ärendet": "Ärendet är släppt.",
    RING: None,
    "Ringde inte": "Ringde inte är registrerat. Försöket räknas inte.",
    "Fick svar": "Fick svar är registrerat. Du har ärendet.",
    "Inget svar": "Inget svar är registrerat.",
    "Upptaget": "Inget svar är registrerat: Upptaget.",
    "Telefonsvarare": "Inget svar är registrerat: Telefonsvarare.",
    "Fel nummer": "Inget svar är registrerat: Fel nummer.",
    "Råd givet": "Ärendet är klart: Råd givet.",
    "Tid bokad": "Ärendet är klart: Tid bokad.",
    "Hänvisad vidare": "Ärendet är klart: Hänvisad vidare.",
    "Ej nådd": "Ärendet är klart: Ej nådd.",
    "Annat": "Ärendet är klart: Annat.",
    "Avboka": "Ärendet är avbokat.",
    "Öppna igen": "Ärendet är öppnat igen.",
    "Ångra Inget svar": "Det är ångrat.",
    "Ångra Klart": "Det är ångrat.",
}
"""What each button says. Ring says nothing: the head shows the call that is under way."""
CALLS = (RING, "Fick svar", "Inget svar", "Upptaget", "Telefonsvarare", "Fel nummer")
ENDS = ("Råd givet", "Tid bokad", "Hänvisad vidare", "Ej nådd", "Annat", "Avboka")
SHOWN = {
    "free": {"Ta ärendet", *CALLS, *ENDS},
    "called": {"Ta ärendet", *CALLS, *ENDS, "Ångra Inget svar"},
    "mine": {"Släpp ärendet", *CALLS, *ENDS},
    "calling": {"Släpp ärendet", *CALLS, *ENDS, "Ringde inte"},
    "the colleague's": {"Ta över ärendet"},
    "the colleague is calling": {"Ta över ärendet"},
    "closed": {"Öppna igen", "Ångra Klart"},
    "cancelled": {"Öppna igen"},
}
"""What can be pressed, by how the case stands."""
MEANWHILE = {
    "Ta ärendet": "Karim Noor har redan tagit ärendet.",
    "Ta över ärendet": "Karim Noor tog över ärendet",
    "Släpp ärendet": "Karim Noor släppte ärendet",
    RING: "Karim Noor har ärendet och ringde",
    "Ringde inte": "Karim Noor registrerade Ringde inte",
    "Fick svar": "Karim Noor registrerade Fick svar",
    "Inget svar": "Karim Noor registrerade Inget svar",
    "Fel nummer": "Karim Noor registrerade Inget svar",
    "Råd givet": "Karim Noor registrerade Klart",
    "Avboka": "Karim Noor avbokade",
    "Öppna igen": "Karim Noor öppnade ärendet igen",
}
"""What a colleague may have done since, and how it is told."""
ACTS = {
    "Ta ärendet": acts.take,
    "Ta över ärendet": partial(acts.take_over, sure=True),
    "Släpp ärendet": acts.release,
    RING: acts.call,
    "Ringde inte": acts.call_off,
    "Fick svar": partial(acts.record_attempt, reached=True),
    "Inget svar": partial(acts.record_attempt, reached=False),
    "Fel nummer": partial(acts.record_attempt, reached=False, how=NoAnswer.WRONG_NUMBER),
    "Råd givet": partial(acts.close, status=Status.DONE, outcome=Outcome.ADVICE),
    "Avboka": partial(acts.close, status=Status.CANCELLED),
    "Öppna igen": acts.reopen,
}
"""What the buttons do, without the pages."""
TO_COLLEAGUE = SHOWN | {
    "mine": SHOWN["the colleague's"],
    "calling": SHOWN["the colleague's"],
    "the colleague's": SHOWN["mine"],
    "the colleague is calling": SHOWN["calling"],
}
VARIANTS = {"Upptaget", "Telefonsvarare", "Tid bokad", "Hänvisad vidare", "Annat"}
"""The same buttons with another word in what they store."""
PAIRS = [
    (state, pressed, done)
    for state, mine in SHOWN.items()
    for pressed, done in product(sorted(mine), sorted(TO_COLLEAGUE[state] & {*ACTS}))
    if (state == "free" or pressed not in VARIANTS)
    and (state, done) != ("the colleague is calling", RING)  # who rings again during a call has done nothing
]


def stand(state: str, case, nurse, colleague) -> None:
    match state:
        case "called":
            acts.record_attempt(case, reached=False, by=nurse)
        case "mine":
            acts.take(case, by=nurse)
        case "calling":
            acts.call(case, by=nurse)
        case "the colleague's":
            acts.take(case, by=colleague)
        case "the colleague is calling":
            acts.call(case, by=colleague)
        case "closed":
            acts.close(case, Status.DONE, by=nurse, outcome=Outcome.ADVICE)
        case "cancelled":
            acts.close(case, Status.CANCELLED, by=None)


def columns(case) -> tuple:
    case.refresh_from_db()
    return case.status, case.outcome, case.assignee_id, case.attempts, case.call_began_at, case.events.count()


@pytest.mark.parametrize("state", SHOWN)
def test_what_can_be_pressed_by_how_the_case_stands(state, case, desk, nurse, colleague):
    stand(state, case, nurse, colleague)
    page = desk.case(case)
    assert {button for button in DONE if page.has_button(button)} == SHOWN[state]


@pytest.mark.parametrize(
    ("state", "button"),
    [
        (state, each)
        for state, buttons in SHOWN.items()
        for each in sorted(buttons)
        if (state, each) not in {("calling", RING), ("the colleague is calling", "Ta över ärendet")}  # which asks first
    ],
)
def test_it_says_what_it_did(state, button, case, desk, nurse, colleague):
    stand(state, case, nurse, colleague)
    before = columns(case)
    after = desk.case(case).press(button)
    if button == RING:
        assert "Pågående samtal sedan " in after.text
    else:
        assert DONE[button] in said(after)
    assert columns(case) != before


@pytest.mark.parametrize(("state", "pressed", "done"), PAIRS)
def test_after_a_colleagues_act_it_changes_nothing_and_says_what_stands(
    state, pressed, done, case, desk, nurse, colleague
):
    stand(state, case, nurse, colleague)
    left_open = desk.case(case)
    ACTS[done](case, by=colleague)
    before = columns(case)
    after = left_open.press(pressed)
    assert f"Inget ändrades: {MEANWHILE[done]}" in said(after)
    assert not any(sentence in said(after) for sentence in DONE.values() if sentence)
    assert not dials(after)
    assert columns(case) == before


@pytest.mark.parametrize("button", sorted({*DONE} - {"Öppna igen", RING}))
def test_the_same_press_again_says_that_one_has_done_it(button, case, desk, nurse, colleague):
    state = next(each for each in SHOWN if button in SHOWN[each])
    stand(state, case, nurse, nurse if button != "Ta över ärendet" else colleague)
    page = desk.case(case)
    page.press(button)
    before = columns(case)
    assert "Inget ändrades: du " in said(page.press(button))
    assert columns(case) == before


def test_what_the_patient_did_meanwhile_is_told_as_the_patients(case, desk):
    left_open = desk.case(case)
    acts.close(case, Status.CANCELLED, by=None)
    after = left_open.press("Råd givet")
    assert re.search(r"Inget ändrades: patienten avbokade \d\d\.\d\d\. Ärendet är avslutat\.", said(after))


def test_a_time_that_was_moved_meanwhile_hinders_no_act(case, desk, nurse):
    left_open = desk.case(case)
    callbacks.move(case, case.callback_at.replace(minute=0), by=nurse)
    assert "Inget svar är registrerat." in said(left_open.press("Inget svar"))


def test_a_case_that_a_colleague_has_says_so_where_one_presses(case, desk, colleague):
    acts.take(case, by=colleague)
    page = desk.case(case)
    html = re.sub("</?bdi>", "", page.html)
    banner, buttons = (html.split(f'id="{place}"')[1].split("</form>")[0] for place in ("banner", "acts"))
    assert re.search(r"Karim Noor har ärendet sedan \d\d\.\d\d\.", banner)
    assert "Karim Noor har ärendet. Ta över det för att arbeta i det." in buttons
    assert "har ärendet" not in desk_of(colleague).case(case).html


# Beside the buttons at the top ---------------------------------------------------------------------------------------


def test_a_note_says_that_it_is_saved(case, desk):
    assert "Anteckningen är sparad." in said(desk.case(case).press("Spara anteckningen", note_text="Ringer igen."))


def test_details_and_answer_say_whether_anything_changed(case, desk, lapsing):
    assert "Inget är ändrat." in said(desk.case(case).press("Spara uppgifterna"))
    lapsing(Answer.YES)
    assert "Inget ändrades: svaret är redan Ja." in said(desk.case(case).press("Spara svaret"))
    assert "Svaret är bekräftat." in said(desk.case(case).press("Bekräfta svaret"))
    assert "Svaret är sparat." in said(desk.case(case).press("Spara svaret", answer="no"))


def test_marking_an_sms_as_read_says_so_and_the_second_who_was_first(case, desk, colleague):
    InboundSms.objects.create(
        provider="simulator", provider_message_id="1", queue=case.queue, from_number=MOBILE, text="Hej"
    )
    left_open = desk.case(case)
    assert "SMS:et är markerat som läst." in said(desk_of(colleague).case(case).press("Markera som läst"))
    at = InboundSms.objects.get().read_at
    assert at <= database_now()
    assert "Inget ändrades: SMS:et lästes av Karim Noor " in said(left_open.press("Markera som läst"))
    assert InboundSms.objects.get().read_at == at
