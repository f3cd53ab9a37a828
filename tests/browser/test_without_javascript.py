"""A nurse's round in a browser that runs no scripts."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from consent.models import Answer
from sms.models import Kind, Message
from tests.browser.number_box import type_number

pytestmark = pytest.mark.django_db(transaction=True)


def test_everything_works(log_in, nurse, queue, standard_text):
    page = log_in(nurse, java_script_enabled=False)
    page.get_by_role("link", name="Nytt ärende").click()
    page.get_by_label("Kö").select_option(str(queue))
    page.get_by_label("Telefonnummer").fill("070-174 06 05")
    page.get_by_label("Namn").fill("Agda Andersson")
    page.get_by_label("Tid").fill((timezone.localtime() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M"))
    page.get_by_role("button", name="Skapa ärendet").click()
    expect(page.get_by_text("Ärendet är skapat.")).to_be_visible()

    page.get_by_role("button", name="Ta ärendet").click()
    expect(page.get_by_text("Pågår – Anna Lind")).to_be_visible()

    expect(page.get_by_role("button", name="Skicka SMS")).to_be_disabled()
    page.get_by_label("Samtycke till SMS").select_option("Ja")
    page.get_by_role("button", name="Spara svaret").click()
    expect(page.get_by_text("Gäller till")).to_be_visible()

    page.get_by_label("Skriv meddelande").fill("Hej.")
    page.get_by_label("Standardtexter").select_option("ring 3 gånger")
    page.get_by_role("button", name="Lägg till svar").click()
    expect(page.get_by_label("Skriv meddelande")).to_have_value(f"Hej.\n{standard_text.text}")
    page.get_by_role("button", name="Skicka SMS").click()
    expect(page.get_by_text("SMS:et är på väg.")).to_be_visible()
    assert [message.kind for message in Message.objects.all()] == [Kind.MANUAL]

    page.get_by_label("Ny anteckning").fill("Vill bli uppringd före lunch.")
    page.get_by_role("button", name="Spara anteckningen").click()
    expect(page.get_by_text("Vill bli uppringd före lunch.")).to_be_visible()

    page.get_by_role("link", name="‹ Arbetslista").click()
    page.get_by_label("Sök ärende").fill("+46 70 174 06 05")
    page.get_by_role("button", name="Sök").click()
    expect(page.get_by_role("heading", name="Sökresultat")).to_be_visible()
    expect(page.get_by_role("link", name="Agda Andersson")).to_be_visible()
    assert "1740" not in page.url  # no number in the address


def test_a_number_that_could_not_be_saved_shuts_answer_and_sms(open_case, case, lapsing):
    lapsing(Answer.YES)
    page = open_case(case, java_script_enabled=False)
    type_number(page, "070-174")
    page.get_by_role("button", name="Spara numret").click()
    expect(page.get_by_text("Skriv ett giltigt telefonnummer")).to_be_visible()
    for shut in ("Spara svaret", "Bekräfta svaret", "Skicka SMS"):
        expect(page.get_by_role("button", name=shut)).to_be_disabled()
    for reason in ("#call-reason", "#sms-reason"):
        expect(page.locator(reason)).to_have_text("Spara numret först")
    expect(page.get_by_role("button", name="Ring")).to_be_disabled()
    assert page.locator("[href^='tel:']").count() == 0


def test_the_number_that_is_called_is_said_whatever_stands_in_the_field(open_case, case):
    page = open_case(case, java_script_enabled=False)
    type_number(page, "070-174 06 06")
    page.get_by_role("button", name="Ring 070-174 06 05").click()
    expect(page.locator("#dial")).to_have_attribute("href", "tel:+46701740605")
