"""The handbook's pictures and README's, made from the demonstration: what is opened, and which part of it is shown.

`bin/pictures` makes all of them anew.
"""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from demo.data import MENU_NUMBER, T
from telephony.models import PatientsNumber
from tests.browser.town import FREE_NUMBER, Town

Shown = Page | Locator
Shot = Callable[[Town], Shown]
PICTURES: dict[str, Shot] = {}
"""The handbook's, by name: docs/handbok/bilder."""
SCREENSHOTS: dict[str, Shot] = {}
"""README's: docs/screenshots."""


def picture(name: str, among: dict[str, Shot] = PICTURES) -> Callable[[Shot], Shot]:
    def register(shot: Shot) -> Shot:
        assert name not in among
        among[name] = shot
        return shot

    return register


# A nurse's day -------------------------------------------------------------------------------------------------------


@picture("logga-in")
def the_sign_in(town: Town) -> Locator:
    return town.page("", "/login/").locator("main .panel")


@picture("arbetslista")
@picture("work-list", SCREENSHOTS)
def the_work_list(town: Town) -> Page:
    page = town.page("anna")
    expect(page.get_by_role("link", name="Agda Andersson")).to_be_visible()
    return page


@picture("sok")
def a_search(town: Town) -> Page:
    page = town.page("anna")
    page.get_by_label("Sök ärende").fill("lin")
    page.get_by_role("button", name="Sök").click()
    expect(page.get_by_role("link", name="Elsa Lindqvist")).to_be_visible()
    return page


@picture("arende")
@picture("case", SCREENSHOTS)
def a_case(town: Town) -> Page:
    page = town.case_page(town.case("Agda Andersson"))
    page.get_by_text("Att läsa upp").click()
    expect(page.get_by_role("button", name="Skicka SMS")).to_be_enabled()
    return page


@picture("ring")
def the_calls(town: Town) -> Locator:
    return town.case_page(town.case("Agda Andersson")).locator("#case-head")


@picture("samtycke")
def the_answer(town: Town) -> Locator:
    return town.case_page(town.case("Nils Persson")).locator("#patient")


@picture("skicka-sms")
def writing_an_sms(town: Town) -> Locator:
    page = town.case_page(town.case("Agda Andersson"))
    page.get_by_label("Standardtexter").select_option(label="ring 3 gånger")
    page.get_by_role("button", name="Lägg till svar").click()
    expect(page.get_by_label("Skriv meddelande")).not_to_have_value("")
    return page.locator("#sms")


@picture("sms-avbojt")
def an_sms_that_is_declined(town: Town) -> Locator:
    sms = town.case_page(town.case("Tolvan Tolvansson")).locator("#sms")
    expect(sms.get_by_text("SMS-utskick avböjt")).to_be_visible()
    return sms


@picture("sms-saknas")
def an_sms_without_an_answer(town: Town) -> Locator:
    sms = town.case_page(town.case("Nils Persson")).locator("#sms")
    expect(sms.get_by_text("Samtycke till SMS saknas")).to_be_visible()
    return sms


@picture("varfor")
def why_an_sms_was_stopped(town: Town) -> Locator:
    page = town.case_page(town.case("Tolvan Tolvansson"))
    page.get_by_text("Varför stoppades SMS:et?").first.click()
    return page.locator("#history")


@picture("inkomna-sms")
def replies_without_a_case(town: Town) -> Page:
    town.receive("+46701740662", "Hej, jag kan först efter tolv.")
    town.receive("+46701740663", "Tack, det är bra nu.")
    page = town.page("anna", "/inbound/")
    expect(page.get_by_role("button", name="Markera som läst")).to_have_count(2)
    return page


@picture("boka-om")
def rebooking(town: Town) -> Locator:
    page = town.case_page(town.case("Kerstin Dahl", T), more="?rebook=1")
    expect(page.get_by_text("Senare dagar")).to_be_visible()
    return page.locator("#rebook")


@picture("ta-over")
def a_colleagues_case(town: Town) -> Locator:
    banner = town.case_page(town.case("Fatima Hassan")).locator("#banner")
    expect(banner.get_by_role("button", name="Ta över ärendet")).to_be_visible()
    return banner


@picture("nytt-arende")
def a_new_case(town: Town) -> Locator:
    page = town.page("anna", "/cases/new/")
    page.get_by_label("Kö").select_option(label="VC Spindeln Rådgivning")
    page.get_by_label("Telefonnummer").fill(FREE_NUMBER)
    page.get_by_label("Namn", exact=True).fill("Vera Ström")
    return page.locator("main .panel").first


@picture("skyddade")
def protecting_a_patient(town: Town) -> Locator:
    page = town.case_page(town.case("Ali Rahimi"))
    page.locator("#protection summary").click()
    return page.locator("#protection")


@picture("konto")
def the_account(town: Town) -> Locator:
    return town.page("anna", "/konto/").locator("main")


# An administrator's --------------------------------------------------------------------------------------------------


@picture("admin")
def admins_first_page(town: Town) -> Page:
    return town.page("maria", "/admin/")


@picture("aktivera-samtycke")
def the_box(town: Town) -> Locator:
    page = town.page("maria", f"/admin/teleq/outgoingsms/{town.queue(T).pk}/change/")
    return page.locator("fieldset", has=page.get_by_label("Aktivera samtycke till SMS"))


@picture("utgaende-sms")
def outgoing_sms(town: Town) -> Page:
    page = town.page("maria", f"/admin/teleq/outgoingsms/{town.queue().pk}/change/")
    page.get_by_label("Text i bokningsbekräftelsen").scroll_into_view_if_needed()
    return page


@picture("standardtexter")
def standard_texts(town: Town) -> Page:
    return town.page("maria", "/admin/sms/standardtext/")


@picture("telefontider")
def telephone_hours(town: Town) -> Locator:
    page = town.page("maria", f"/admin/teleq/queue/{town.queue(T).pk}/change/")
    return page.locator("#week, #telephone_hours-group")


@picture("checklista")
def the_checklist(town: Town) -> Locator:
    page = town.page("maria", f"/admin/teleq/queue/{town.queue(T).pk}/change/")
    return page.locator(".checklist")


@picture("telefonnummer")
def a_patients_number(town: Town) -> Page:
    page = town.page("vera", f"/admin/telephony/patientsnumber/{first_number()}/change/")
    expect(page.get_by_role("heading", name="Hela menyn")).to_be_visible()
    return page


@picture("provring")
def a_trial(town: Town) -> Page:
    page = town.page("vera", f"/admin/telephony/patientsnumber/{first_number()}/trial/")
    page.get_by_role("button", name="Ring", exact=True).click()
    page.get_by_role("button", name="1", exact=True).click()
    expect(page.get_by_text("Välkommen till Vårdcentralen Spindeln.")).to_be_visible()
    return page


def first_number() -> int:
    return PatientsNumber.objects.get(number=MENU_NUMBER).pk


@picture("stoppade-sms")
def stopped_sms(town: Town) -> Page:
    page = town.page("maria", "/admin/stopped-sms/")
    expect(page.get_by_text("SMS-utskick avböjt").locator("visible=true").first).to_be_visible()
    return page


@picture("anvandare")
def a_user(town: Town) -> Page:
    return town.page("maria", f"/admin/teleq/user/{town.user('karim').pk}/change/")


@picture("behorigheter")
def rights_to_go_through(town: Town) -> Page:
    return town.page("maria", "/admin/rights/")


@picture("skulle-skickas")
def the_dry_run(town: Town) -> Page:
    page = town.page("maria", "/admin/teleq/outgoingsms/check/")
    page.get_by_label("Telefonnummer").fill("070-174 06 06")
    page.get_by_label("Kö").select_option(label="VC Spindeln Rådgivning")
    page.locator("#content [type=submit], #content button").last.click()
    expect(page.get_by_text("Nej,").first).to_be_visible()
    return page


@picture("statistik")
def statistics(town: Town) -> Page:
    page = town.page("maria", "/admin/statistics/")
    expect(page.get_by_role("button", name="Visa")).to_be_visible()
    return page


# A reviewer's, and the operator's ------------------------------------------------------------------------------------


@picture("loggkontroll")
def drawing_a_sample(town: Town) -> Page:
    return town.page("lars", "/admin/log-reviews/")


@picture("granska")
def judging(town: Town) -> Locator:
    page = town.page("lars", "/admin/log-reviews/")
    page.get_by_label("Regel").select_option(label="Samma efternamn: patienten heter som användaren")
    page.get_by_role("button", name="Dra ett urval").click()
    return page.locator("#entry-1")


@picture("loggutdrag")
def the_extract(town: Town) -> Page:
    page = town.page("lars", "/admin/log-extract/")
    page.get_by_label("Telefonnummer eller personnummer").fill("070-174 06 11")
    page.get_by_role("button", name="Visa", exact=True).click()
    expect(page.get_by_text("Öppnade ärendet").first).to_be_visible()
    return page


@picture("vardgivare")
def a_care_provider(town: Town) -> Page:
    return town.page("drift", f"/admin/teleq/careprovider/{town.queue().care_provider_id}/change/")


@picture("nyckel")
def a_new_key(town: Town) -> Page:
    return town.page("drift", "/admin/intake/intakekey/add/")
