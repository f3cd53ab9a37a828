"""Two nurses with the same case open (promises 3, 7 and 11)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from cases.models import Case, Note
from consent import register
from consent.models import Answer, Consent
from demo.models import SimulatedSms
from sms.models import Message, Refusal
from sms.states import State
from tests.browser.held import Held
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_page_left_open_cannot_bring_back_an_answer_that_was_withdrawn(open_case, case, lapsing):
    lapsing(Answer.YES)
    left_open, other = open_case(case), open_case(case)
    other.get_by_label("Samtycke till SMS").select_option("Nej")
    expect(other.get_by_text("SMS-utskick avböjt", exact=True)).to_be_visible()

    left_open.get_by_role("button", name="Bekräfta svaret").click()

    expect(left_open.get_by_text("Svaret har ändrats av någon annan.")).to_be_visible()
    expect(left_open.get_by_label("Samtycke till SMS").locator("option:checked")).to_have_text("Nej")
    expect(left_open.get_by_text("SMS-utskick avböjt", exact=True)).to_be_visible()
    expect(left_open.get_by_role("button", name="Skicka SMS")).to_be_disabled()
    assert [event.answer for event in Consent.history().order_by("pgh_id")] == ["yes", "no"]


def test_a_no_and_a_press_at_once_end_refused_or_sent_before_but_never_sent_after(
    open_case, book, say, worker, product
):
    worker(product)
    at_no, at_press = open_case(book()), open_case(book())
    outcomes = [_at_once(at_no, at_press, book, say, round_) for round_ in range(6)]
    assert set(outcomes) <= {State.DELIVERED, State.REFUSED}
    assert State.REFUSED in outcomes  # in every third round at least, the Nej was there first


def _at_once(at_no: Page, at_press: Page, book, say, round_: int) -> str:
    number = f"+467017406{10 + round_}"
    case: Case = book(phone_number=number)
    yes = say(Answer.YES, number=number).event_id
    for page in (at_no, at_press):
        page.goto(f"/cases/{case.pk}/")
    at_press.get_by_label("Skriv meddelande").fill("Hej!")
    with Held(at_no, f"**/cases/{case.pk}/consent/") as no:
        at_no.get_by_label("Samtycke till SMS").select_option("Nej")
    with Held(at_press, f"**/cases/{case.pk}/sms/") as press:
        at_press.get_by_role("button", name="Skicka SMS").click()

    history = at_press.get_by_role("region", name="Historik")
    if round_ % 3 == 0:  # the Nej is answered before the press is let go
        no.let_go()
        expect(at_no.get_by_text("SMS-utskick avböjt", exact=True)).to_be_visible()
        press.let_go()
    elif round_ % 3 == 1:
        press.let_go()
        no.let_go()
    else:  # the press is answered before the Nej is let go
        press.let_go()
        expect(at_press.get_by_text("SMS:et är på väg.")).to_be_visible()
        no.let_go()
    expect(at_no.get_by_text("SMS-utskick avböjt", exact=True)).to_be_visible()
    expect(history.get_by_text(re.compile(r"SMS: (Levererat|SMS-utskick avböjt)\."))).to_be_visible(timeout=30_000)

    message = Message.objects.get(case_message__case=case)
    current = register.current(*case.consent_key)
    assert current.consent.answer == Answer.NO
    if message.state == State.REFUSED:
        assert message.refusal == Refusal.DECLINED
        assert message.consent_event_id == current.event_id
        assert message.claimed_at is None
    else:
        assert message.consent_event_id == yes
        assert message.claimed_at < current.consent.answered_at
    assert SimulatedSms.objects.filter(to_number=number).count() == (message.state == State.DELIVERED)
    return message.state


# Promise 11: a page undoes nothing it didn't show --------------------------------------------------------------------


def details(page: Page) -> Page:
    page.get_by_text("Ändra uppgifter").click()
    return page


def rebooking(page: Page) -> Page:
    page.get_by_text("Boka om").click()
    page.get_by_label("Annan tid").wait_for()
    return page


def save_details(page: Page) -> None:
    page.get_by_role("button", name="Spara uppgifterna").click()


def test_a_page_left_open_does_not_move_a_callback_back(open_case, case, nurse, administrator):
    left_open, other = rebooking(details(open_case(case))), rebooking(open_case(case, administrator))
    moved = timezone.localtime(case.callback_at + timedelta(hours=3))
    other.get_by_label("Annan tid").fill(f"{moved:%Y-%m-%dT%H:%M}")
    other.get_by_role("button", name="Spara tiden").click()
    expect(other.get_by_text("Ärendet är ombokat till")).to_be_visible()
    left_open.get_by_label("Kontaktorsak").fill("Recept")
    save_details(left_open)
    expect(left_open.get_by_text("Uppgifterna är sparade.")).to_be_visible()
    left_open.get_by_label("Annan tid").fill(f"{moved + timedelta(hours=1):%Y-%m-%dT%H:%M}")
    left_open.get_by_role("button", name="Spara tiden").click()
    expect(left_open.get_by_text("Ändrat av Maria Ek till ")).to_be_visible()
    case.refresh_from_db()
    assert (case.reason, case.booking) == ("Recept", 2)


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_what_both_changed_is_shown_and_saved_again_on_purpose(scripts, open_case, case, administrator):
    left_open = details(open_case(case, java_script_enabled=scripts))
    other = details(open_case(case, administrator))
    other.get_by_label("Namn").fill("Bert")
    save_details(other)
    expect(other.get_by_text("Uppgifterna är sparade.")).to_be_visible()
    left_open.get_by_label("Namn").fill("Berta")
    save_details(left_open)
    expect(left_open.get_by_text("Ändrat av Maria Ek till ”Bert”. Du angav ”Berta”.")).to_be_visible()
    expect(left_open.get_by_label("Namn")).to_have_value("Berta")
    case.refresh_from_db()
    assert case.name == "Bert"
    save_details(left_open)
    expect(left_open.get_by_role("heading", level=1)).to_have_text("Berta")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_a_form_is_not_saved_as_written_by_who_signs_in_in_another_tab(scripts, log_in, case, nurse, administrator):
    page = log_in(nurse, java_script_enabled=scripts)
    page.route("**/live/**", lambda route: route.fulfill(status=204))  # else it may ask for a sign-in before the press
    page.goto(f"/cases/{case.pk}/")
    page.get_by_label("Ny anteckning").fill("Hör illa")
    other = page.context.new_page()
    other.goto("/login/")
    other.get_by_label("Användarnamn").fill(administrator.username)
    other.get_by_label("Lösenord").fill(PASSWORD)
    other.get_by_role("button", name="Logga in").click()
    expect(other.get_by_text("Maria Ek")).to_be_visible()

    page.get_by_role("button", name="Spara anteckningen").click()

    expect(page.get_by_text("Nu är Maria Ek inloggad här. Ingenting sparades.")).to_be_visible()
    assert not Note.objects.exists()
    if scripts:
        expect(page.get_by_label("Ny anteckning")).to_have_value("Hör illa")
        page.get_by_role("button", name="Ta ärendet").click()
        expect(page.get_by_text("Nu är Maria Ek inloggad här. Ingenting sparades.")).to_be_visible()
        expect(page.get_by_role("button", name="Ta ärendet")).to_be_visible()
    else:
        expect(page.get_by_text("Hör illa")).to_be_visible()
    case.refresh_from_db()
    assert case.assignee is None


def test_a_button_pressed_on_a_page_left_open_says_what_stands(open_case, case, administrator):
    left_open, other = open_case(case), open_case(case, administrator)
    other.get_by_role("button", name="Inget svar").click()
    expect(other.get_by_text("Inget svar är registrerat.")).to_be_visible()
    left_open.get_by_role("button", name="Fick svar").click()
    told = left_open.get_by_role("status").get_by_text("Inget ändrades: Maria Ek registrerade Inget svar ")
    expect(told).to_be_visible()
    expect(left_open.get_by_text("Försök 1 av 3", exact=True)).to_be_visible()
