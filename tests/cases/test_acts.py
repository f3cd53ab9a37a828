"""Every button of a case says what it did, or what stands instead and why."""

from __future__ import annotations

import re
from functools import partial
from itertools import product

import pytest

from cases import acts, callbacks
from cases.models import Status
from consent.models import Answer
from sms.models import InboundSms
from teleq.clock import database_now
from tests.cases.desk import desk_of, said
from tests.conftest import MOBILE

DONE = {
    "Ta ärendet": "Du har tagit ärendet.",
    "Ta över ärendet": "Du har tagit över ärendet.",
    "Släpp ärendet": "Ärendet är släppt.",
    "Fick svar": "Fick svar är registrerat. Du har ärendet.",
    "Inget svar": "Inget svar är registrerat.",
    "Klart": "Ärendet är klart.",
    "Avboka": "Ärendet är avbokat.",
    "Öppna igen": "Ärendet är öppnat igen.",
}
CALLS = ("Fick svar", "Inget svar")
SHOWN = {
    "free": {"Ta ärendet", *CALLS, "Klart", "Avboka"},
    "called": {"Ta ärendet", *CALLS, "Klart", "Avboka"},
    "mine": {"Släpp ärendet", *CALLS, "Klart", "Avboka"},
    "the colleague's": {"Ta över ärendet"},
    "closed": {"Öppna igen"},
    "cancelled": {"Öppna igen"},
}
"""What can be pressed, by how the case stands."""
MEANWHILE = {
    "Ta ärendet": "Karim Noor har redan tagit ärendet.",
    "Ta över ärendet": "Karim Noor tog över ärendet",
    "Släpp ärendet": "Karim Noor släppte ärendet",
    "Fick svar": "Karim Noor registrerade Fick svar",
    "Inget svar": "Karim Noor registrerade Inget svar",
    "Klart": "Karim Noor registrerade Klart",
    "Avboka": "Karim Noor avbokade",
    "Öppna igen": "Karim Noor öppnade ärendet igen",
}
"""What a colleague may have done since, and how it is told."""
ACTS = {
    "Ta ärendet": acts.take,
    "Ta över ärendet": partial(acts.take_over, sure=True),
    "Släpp ärendet": acts.release,
    "Fick svar": partial(acts.record_attempt, reached=True),
    "Inget svar": partial(acts.record_attempt, reached=False),
    "Klart": partial(acts.close, status=Status.DONE),
    "Avboka": partial(acts.close, status=Status.CANCELLED),
    "Öppna igen": acts.reopen,
}
"""What the buttons do, without the pages."""
TO_COLLEAGUE = SHOWN | {"mine": SHOWN["the colleague's"], "the colleague's": SHOWN["mine"]}
PAIRS = [(state, *each) for state, mine in SHOWN.items() for each in product(sorted(mine), sorted(TO_COLLEAGUE[state]))]


def stand(state: str, case, nurse, colleague) -> None:
    match state:
        case "called":
            acts.record_attempt(case, reached=False, by=nurse)
        case "mine":
            acts.take(case, by=nurse)
        case "the colleague's":
            acts.take(case, by=colleague)
        case "closed":
            acts.close(case, Status.DONE, by=nurse)
        case "cancelled":
            acts.close(case, Status.CANCELLED, by=None)


def columns(case) -> tuple:
    case.refresh_from_db()
    return case.status, case.assignee_id, case.attempts, case.events.count()


@pytest.mark.parametrize("state", SHOWN)
def test_what_can_be_pressed_by_how_the_case_stands(state, case, desk, nurse, colleague):
    stand(state, case, nurse, colleague)
    page = desk.case(case)
    assert {button for button in DONE if page.has_button(button)} == SHOWN[state]


@pytest.mark.parametrize(
    ("state", "button"), [(state, each) for state, buttons in SHOWN.items() for each in sorted(buttons)]
)
def test_it_says_what_it_did(state, button, case, desk, nurse, colleague):
    stand(state, case, nurse, colleague)
    before = columns(case)
    after = desk.case(case).press(button)
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
    assert not any(sentence in said(after) for sentence in DONE.values())
    assert columns(case) == before


@pytest.mark.parametrize("button", [each for each in DONE if each != "Öppna igen"])
def test_the_same_press_again_says_that_one_has_done_it(button, case, desk, nurse, colleague):
    has_it = {"Släpp ärendet": nurse, "Ta över ärendet": colleague}
    if button in has_it:
        acts.take(case, by=has_it[button])
    page = desk.case(case)
    page.press(button)
    before = columns(case)
    assert "Inget ändrades: du " in said(page.press(button))
    assert columns(case) == before


def test_what_the_patient_did_meanwhile_is_told_as_the_patients(case, desk):
    left_open = desk.case(case)
    acts.close(case, Status.CANCELLED, by=None)
    after = left_open.press("Klart")
    assert re.search(r"Inget ändrades: patienten avbokade \d\d\.\d\d\. Ärendet är avslutat\.", said(after))


def test_a_time_that_was_moved_meanwhile_hinders_no_act(case, desk, nurse):
    left_open = desk.case(case)
    callbacks.move(case, case.callback_at.replace(minute=0), by=nurse)
    assert "Inget svar är registrerat." in said(left_open.press("Inget svar"))


def test_a_case_that_a_colleague_has_says_so_where_one_presses(case, desk, colleague):
    acts.take(case, by=colleague)
    page = desk.case(case)
    banner, buttons = (page.html.split(f'id="{place}"')[1].split("</form>")[0] for place in ("banner", "acts"))
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
