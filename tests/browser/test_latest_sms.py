"""What became of the latest SMS, as the one who sent it and a colleague see it, and sending it anew."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from cases.models import Case
from consent.models import Answer
from sms.models import Message
from sms.states import State
from teleq.clock import database_now
from tests.database_roles import past_the_triggers

pytestmark = pytest.mark.django_db(transaction=True)


def comes_to(case: Case, state: State) -> None:
    with past_the_triggers():  # as if it had come there the way messages do
        Message.objects.filter(case_message__case=case).update(state=state, claimed_at=database_now())


def test_both_who_have_the_case_open_see_how_it_goes(open_case, case, administrator, say):
    say(Answer.YES)
    page = open_case(case)
    page.get_by_label("Skriv meddelande").fill("Vi ringer igen.")
    page.get_by_role("button", name="Skicka SMS").click()
    expect(page.locator("#sms-state")).to_contain_text(": Väntar")
    other = open_case(case, administrator)
    for state in (State.SENDING, State.SENT, State.DELIVERED):
        comes_to(case, state)
        for each in (page, other):
            each.reload()
            expect(each.locator("#sms-state")).to_contain_text(f": {state.label}")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_one_that_may_not_have_come_through_is_sent_anew_by_two_presses(scripts, open_case, case, say):
    say(Answer.YES)
    page = open_case(case, java_script_enabled=scripts)
    page.get_by_label("Skriv meddelande").fill("Vi ringer igen.")
    page.get_by_role("button", name="Skicka SMS").click()
    expect(page.get_by_text("SMS:et är på väg.")).to_be_visible()
    comes_to(case, State.UNKNOWN)
    page.goto(f"/cases/{case.pk}/")
    expect(page.get_by_text("Ring patienten eller skicka igen. Det kan komma fram två gånger.")).to_be_visible()
    page.get_by_role("button", name="Lägg tillbaka texten").click()
    expect(page.get_by_label("Skriv meddelande")).to_have_value("Vi ringer igen.")
    expect(page.get_by_label("Skriv meddelande")).to_be_focused()
    assert Message.objects.count() == 1
    page.get_by_role("button", name="Skicka SMS").click()
    expect(page.locator("#sms-state")).to_contain_text(": Väntar")
    assert sorted(Message.objects.values_list("state", flat=True)) == [State.QUEUED, State.UNKNOWN]
