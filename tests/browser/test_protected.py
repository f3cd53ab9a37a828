"""Skyddade personuppgifter in a browser: marked in the case, and an SMS that asks again, with and without scripts."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from cases.models import ProtectionMark
from consent.models import Answer
from sms.models import Message
from tests.browser.number_box import type_number
from tests.cases.protecting import mark

pytestmark = pytest.mark.django_db(transaction=True)

ASKED = "Patienten har skyddade personuppgifter. Skicka ändå?"


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_it_is_marked_in_the_case_and_hidden_in_the_list(scripts, open_case, case):
    page = open_case(case, java_script_enabled=scripts)
    page.locator("summary", has_text="Skyddade personuppgifter").click()
    page.get_by_label("Anledning till markeringen").fill("Sekretessmarkering.")
    page.get_by_role("button", name="Markera skyddade personuppgifter").click()
    expect(page.locator("#case-head .protected")).to_have_text("Skyddade personuppgifter")
    expect(page.get_by_text("Patienten är markerad med skyddade personuppgifter.")).to_be_visible()
    expect(page.get_by_role("button", name="Ring 070-174 06 05")).to_be_enabled()
    page.get_by_role("link", name="‹ Arbetslista").click()
    expect(page.get_by_role("link", name="Skyddade personuppgifter")).to_be_visible()
    expect(page.get_by_text("Agda")).to_have_count(0)
    assert ProtectionMark.objects.count() == 1


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_an_sms_asks_again_and_one_press_more_sends_it_once(scripts, open_case, case, nurse, say):
    say(Answer.YES)
    mark(case, nurse)
    page = open_case(case, java_script_enabled=scripts)
    page.get_by_label("Skriv meddelande").fill("Ring oss.")
    page.get_by_role("button", name="Skicka SMS").dblclick()
    expect(page.get_by_text(ASKED)).to_be_visible()
    expect(page.get_by_label("Skriv meddelande")).to_have_value("Ring oss.")
    assert not Message.objects.exists()
    page.get_by_role("button", name="Skicka ändå").dblclick()
    expect(page.get_by_text("SMS:et är på väg.")).to_be_visible()
    expect(page.get_by_text(ASKED)).to_have_count(0)
    expect(page.get_by_label("Skriv meddelande")).to_have_value("")
    assert [message.text for message in Message.objects.all()] == ["Ring oss."]


def test_it_is_answered_with_the_keyboard_alone(open_case, case, nurse, say):
    say(Answer.YES)
    mark(case, nurse)
    page = open_case(case)
    page.get_by_label("Skriv meddelande").fill("Ring oss.")
    page.get_by_role("button", name="Skicka SMS").press("Enter")
    expect(page.get_by_text(ASKED)).to_be_visible()
    expect(page.get_by_role("button", name="Skicka SMS")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("SMS:et är på väg.")).to_be_visible()


def test_while_another_number_is_typed_it_can_not_be_sent_anyway(open_case, case, nurse, say):
    say(Answer.YES)
    mark(case, nurse)
    page = open_case(case)
    page.get_by_label("Skriv meddelande").fill("Ring oss.")
    page.get_by_role("button", name="Skicka SMS").click()
    expect(page.get_by_text(ASKED)).to_be_visible()
    type_number(page, "070-174 06 06")
    expect(page.get_by_role("button", name="Skicka ändå")).to_be_disabled()
