"""Signing in and one's own account, what goes wrong, and the pages that belong to no chapter."""

from __future__ import annotations

from functools import partial

from django.template.loader import render_to_string
from playwright.sync_api import Page, expect

from access import invitations
from demo.data import ADVICE_NUMBER, MENU_NUMBER
from demo.logins import PASSWORD
from demo.models import SimulatedSms
from teleq.handbook.pages import PAGES
from teleq.phone_numbers import number_text, read
from tests.browser.states.catalogue import press, shows, state
from tests.browser.town import Town

signing_in, account, wrong = (partial(state, chapter) for chapter in ("signing in", "the account", "what goes wrong"))
others = partial(state, "help and the rest")


def sign_in(town: Town, username: str, password: str = PASSWORD) -> Page:
    page = town.page("", "/login/")
    page.get_by_label("Användarnamn").fill(username)
    page.get_by_label("Lösenord").fill(password)
    return press(page, "Logga in")


@signing_in("signing in")
def _(town: Town) -> Page:
    return shows(town.page("", "/login/"), "Logga in i teleQ")


@signing_in("a wrong password")
def _(town: Town) -> Page:
    return shows(sign_in(town, "ingen", "fel"), "Ange ett korrekt användarnamn och lösenord.")


@signing_in("the second factor")
def _(town: Town) -> Page:
    return shows(sign_in(town, "karim"), "Nu behövs din andra faktor.")


@signing_in("a wrong code")
def _(town: Town) -> Page:
    page = sign_in(town, "karim")
    page.get_by_label("Kod").fill("000000")
    press(page, "Logga in")
    expect(page.locator(".errorlist")).to_be_visible()
    return page


@signing_in("an invitation")
def _(town: Town) -> Page:
    link = invitations.make_link(town.user("sara"), by=town.user("jonas"))
    page = shows(town.page("", link), "Välj ett lösenord")
    for field in page.locator("input[type=password]").all():
        field.fill("kort")
    press(page, "Spara och logga in")
    expect(page.locator(".errorlist").first).to_be_visible()
    return page


@signing_in("an invitation that no longer counts")
def _(town: Town) -> Page:
    return shows(town.page("", "/konto/inbjudan/x/y/"), "Länken gäller inte")


# The account ---------------------------------------------------------------------------------------------------------


@account("without a second factor")
def _(town: Town) -> Page:
    return shows(town.page("anna", "/konto/"), "Du har ingen andra faktor.")


@account("with a second factor, signed in twice")
def _(town: Town) -> Page:
    town.new_page("karim").goto("/")
    page = town.page("karim", "/konto/")
    expect(page.get_by_role("button", name="Logga ut från")).to_have_count(2)
    return page


for _name, _address, _shown in (
    ("adding an app", "app/", "Lägg till en app"),
    ("adding a passkey", "passkey/", "Lägg till en passkey"),
    ("recovery codes without a factor", "reservkoder/nya/", "Skapa nya reservkoder"),
    ("proving that it is still oneself", "bekrafta/", "Bekräfta att det är du"),
):

    def _at(town: Town, address: str = _address, shown: str = _shown) -> Page:
        return shows(town.page("anna", f"/konto/{address}"), shown)

    account(_name)(_at)


@account("removing the only factor")
def _(town: Town) -> Page:
    return shows(town.page("karim", "/konto/app/ta-bort/"), "Ta bort appen")


@account("new recovery codes")
def _(town: Town) -> Page:
    page = town.page("karim", "/konto/reservkoder/nya/")
    press(page, "Skapa nya")
    return shows(page, "Koderna visas bara nu.")


@account("another password, with errors")
def _(town: Town) -> Page:
    page = town.page("anna", "/konto/losenord/")
    for field in page.locator("input[type=password]").all():
        field.fill("kort")
    press(page, "Byt lösenord")
    expect(page.locator(".errorlist").first).to_be_visible()
    return page


# That one is about to be signed out is looked at in tests/browser/test_sessions.py, where it is waited for.


# What goes wrong -----------------------------------------------------------------------------------------------------


@wrong("404 of a case")
def _(town: Town) -> Page:
    return shows(town.page("anna", "/cases/999999/"), "Sidan finns inte", "Ärendet finns inte")


@wrong("404 elsewhere")
def _(town: Town) -> Page:
    return shows(town.page("anna", "/ingenstans/"), "Det finns ingen sida i teleQ på den adressen.")


@wrong("404 in Admin")
def _(town: Town) -> Page:
    return shows(town.page("maria", "/admin/teleq/queue/999999/history/"), "hör inte till det som du administrerar")


@wrong("403 of Admin, to a nurse")
def _(town: Town) -> Page:
    return shows(town.page("anna", "/admin/"), "Du har inte behörighet")


@wrong("403 in Admin")
def _(town: Town) -> Page:
    return shows(town.page("maria", "/admin/intake/intakekey/"), "Du har inte behörighet")


@wrong("a page that is too old")
def _(town: Town) -> Page:
    page = town.page("anna", "/cases/new/")
    page.evaluate("document.querySelector('main form [name=csrfmiddlewaretoken]').value = ''")
    press(page, "Skapa ärendet")
    return shows(page, "Ingenting sparades.")


@wrong("413")
def _(town: Town) -> Page:
    page = town.page("anna", "/cases/new/")
    page.evaluate(
        "const reason = document.querySelector('[name=reason]'); reason.removeAttribute('maxlength');"
        " reason.value = 'x'.repeat(600_000)"
    )
    press(page, "Skapa ärendet")
    return shows(page, "För stort")


@wrong("400")
def _(town: Town) -> Page:
    return shows(town.page("anna", "/%00"), "Det gick inte att läsa")


# These two are what the product answers where it, or its database, is in trouble: their templates, at an address of the
# product's, so that its styles are found.


def answered_with(town: Town, template: str, **context: object) -> Page:
    page = town.page("anna")
    body = render_to_string(template, context)
    page.route("**/i-trouble/", lambda route: route.fulfill(body=body, content_type="text/html"))
    page.goto("/i-trouble/")
    return page


@wrong("500")
def _(town: Town) -> Page:
    return shows(answered_with(town, "500.html"), "Något gick fel")


@wrong("503 of a form")
def _(town: Town) -> Page:
    typed = [("text", "Hej")]
    return shows(answered_with(town, "503.html", address="/", posted=True, typed=typed), "det du skrev finns kvar")


# Help and the rest ---------------------------------------------------------------------------------------------------


@others("help, by the link in the head")
def _(town: Town) -> Page:
    page = town.case_page(town.case("Agda Andersson"))
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Hjälp").click()
    page = opened.value
    page.wait_for_load_state()
    expect(page.get_by_role("heading", name="Ärendet", exact=True)).to_be_in_viewport()
    return page


@others("the handbook's index")
def _(town: Town) -> Page:
    return shows(town.page("maria", "/hjalp/"), "Handbok för teleQ", "Dina sidor")


for _page in PAGES:

    def _read(town: Town, name: str = _page) -> Page:
        page = town.page("anna", f"/hjalp/{name}/")
        expect(page.locator(f"nav [aria-current][href='/hjalp/{name}/']")).to_have_count(1)
        return page

    others(f"the handbook: {_page}")(_read)


@others("the simulator, empty")
def _(town: Town) -> Page:
    SimulatedSms.objects.all().delete()
    return shows(town.page("anna", "/simulator/"), "Inget SMS har skickats än.")


@others("the simulator")
def _(town: Town) -> Page:
    for sender in ("teleQ", "+46701740699"):
        SimulatedSms.objects.create(to_number="+46701740605", sender=sender, text="Hej!", callback_url=town.address)
    return shows(town.page("anna", "/simulator/"), "Hej!", "Ett SMS från ett namn kan inte besvaras.")


@others("the telephone, before a call")
def _(town: Town) -> Page:
    return shows(town.page("anna", "/telephone/"), "Här står det som sägs i samtalet.", "Ring från")


def in_a_call(town: Town, to: str) -> Page:
    page = town.page("anna", "/telephone/")
    page.get_by_label("Ljud").uncheck()
    page.get_by_label("Räkna ned").uncheck()
    page.get_by_label("Ring till").select_option(number_text(read(to) or to))
    press(page, "Ring")
    return shows(page, "Vid livshotande tillstånd, lägg på och ring 112.")


@others("the telephone, in the menu")
def _(town: Town) -> Page:
    page = in_a_call(town, MENU_NUMBER)
    press(page, "1")
    return shows(page, "För rådgivning, tryck 1.", "Du tryckte 1")


@others("the telephone, keying a number")
def _(town: Town) -> Page:
    page = in_a_call(town, ADVICE_NUMBER)
    press(page, "2")
    shows(page, "Slå det telefonnummer som vi ska ringa, med riktnummer.")
    press(page, "0")
    return shows(page, "Slå siffrorna och avsluta med #")


@others("the telephone, ringing at a person's")
def _(town: Town) -> Page:
    page = in_a_call(town, ADVICE_NUMBER)
    press(page, "0")
    return shows(page, "Vad händer där?", "Samtalet kopplas.")


@others("the telephone, after a call")
def _(town: Town) -> Page:
    page = in_a_call(town, MENU_NUMBER)
    press(page, "Lägg på")
    return shows(page, "Du lade på", "Ring igen")
