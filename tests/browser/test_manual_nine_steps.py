"""The manual "Samtycke för SMS", steps 1 to 9, by the labels that a person sees."""

import re

import pytest
from playwright.sync_api import expect

from teleq.models import OutgoingSms
from tests.browser.conftest import THREE_CALLS

pytestmark = pytest.mark.django_db(transaction=True)


def test_from_the_administrators_tick_to_the_sms_and_the_two_refusals(
    log_in, administrator, nurse, queue, case, standard_text, worker, product
):
    OutgoingSms.objects.update(consent_required=False)
    worker(product)

    # 1–3: Gå till fliken Admin. Klicka på Utgående SMS. Markera rutan, spara.
    admin = log_in(administrator)
    admin.get_by_role("link", name="Admin", exact=True).click()
    admin.get_by_role("link", name="Utgående SMS").first.click()
    admin.get_by_role("link", name=str(queue)).click()
    admin.get_by_label("Aktivera samtycke till SMS").check()
    admin.get_by_role("button", name="Spara", exact=True).click()
    expect(admin.get_by_text("Aktiverat", exact=True)).to_be_visible()

    # 4–6: the field is there, for the number in "Telefonnummer"; "Ej valt" är grundinställningen.
    page = log_in(nurse)
    page.get_by_role("link", name=case.name).click()
    answer = page.get_by_label("Samtycke till SMS")
    send = page.get_by_role("button", name="Skicka SMS")
    history = page.get_by_role("region", name="Historik")
    expect(page.get_by_label("Telefonnummer")).to_have_value("070-174 06 05")
    expect(answer.locator("option")).to_have_text(["Ja", "Nej", "Ej valt"])
    expect(answer.locator("option:checked")).to_have_text("Ej valt")
    expect(send).to_be_disabled()
    expect(page.get_by_text("Samtycke till SMS saknas", exact=True)).to_be_visible()

    # 7: Tackar patienten "Ja" så ger de samtycke till att ni får skicka sms.
    answer.select_option("Ja")
    expect(page.get_by_text(re.compile(r"Sparat \d\d\.\d\d · Gäller till \d+ \w+ \d{4}"))).to_be_visible()
    expect(page.get_by_role("button", name="Spara svaret")).to_be_hidden()
    page.get_by_label("Standardtexter").select_option("ring 3 gånger")
    page.get_by_role("button", name="Lägg till svar").click()
    expect(page.get_by_label("Skriv meddelande")).to_have_value(THREE_CALLS)
    expect(page.get_by_text(f"{len(THREE_CALLS)} av 160 tecken – 1 SMS")).to_be_visible()
    send.click()
    expect(page.get_by_text("SMS:et är på väg.")).to_be_visible()
    expect(page.get_by_label("Skriv meddelande")).to_have_value("")
    expect(history.get_by_text("SMS: Levererat.")).to_be_visible(timeout=30_000)

    # 8: Säger patienten "Nej" så är det inte möjligt att skicka sms.
    answer.select_option("Nej")
    expect(page.get_by_text("SMS-utskick avböjt", exact=True)).to_be_visible()
    expect(send).to_be_disabled()

    # 9: Väljer ni "Ej valt" är det inte heller möjligt.
    answer.select_option("Ej valt")
    expect(page.get_by_text("Samtycke till SMS saknas", exact=True)).to_be_visible()
    expect(send).to_be_disabled()
    for sentence in ("från Ej valt till Ja.", "från Ja till Nej.", "från Nej till Ej valt."):
        expect(history.get_by_text(sentence)).to_be_visible()

    page.get_by_role("link", name="SMS-simulator").click()
    expect(page.get_by_role("main").get_by_role("listitem")).to_have_count(1)
    expect(page.get_by_text("Till 070-174 06 05")).to_be_visible()
    expect(page.get_by_text(THREE_CALLS)).to_be_visible()
