"""Admin: every page that its links lead to, and the states of those that ask, list or refuse."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from urllib.parse import urlsplit

from django.urls import Resolver404, resolve
from django.utils import timezone
from playwright.sync_api import Page, expect

from administration.rights import ask_for_right
from demo.data import T
from intake.keys import make_key
from intake.models import IntakeKey
from sms.models import UnplacedSms
from teleq.models import CareProvider, Role
from tests.browser.states.catalogue import press, shows, state
from tests.browser.town import Town

admin, reviewing = partial(state, "Admin"), partial(state, "Admin: logs, rights and keys")

PEOPLE = ("maria", "vera", "lars", "drift")
LINKS = "Array.from(document.querySelectorAll('#content a[href], main a[href]'), link => link.href)"


def by_links(town: Town) -> Iterator[tuple[str, Page]]:
    """Every page of Admin that a link leads to, once for each view, by whoever comes to it first; and everybody's
    first page."""
    seen: set[str] = set()
    for username in PEOPLE:
        ahead, asked = ["/admin/"], {"/admin/"}
        while ahead:
            address = ahead.pop(0)
            view = view_of(address)
            if view in seen and address != "/admin/":
                continue
            seen.add(view)
            page = town.page(username, address)
            yield f"{username} {view}", page
            for to in (urlsplit(link) for link in page.evaluate(LINKS)):
                is_page = to.path.startswith("/admin/") and "csv=" not in to.query
                if is_page and to.path not in asked:
                    asked.add(to.path)
                    ahead.append(to.path)


def view_of(path: str) -> str:
    try:
        return resolve(path).view_name
    except Resolver404:
        return path


def refused(page: Page) -> Page:
    """Saved, and told that nothing was: something is wrong in the form."""
    press(page, "Spara")
    expect(page.locator(".errornote")).to_be_visible()
    return page


# An administrator's --------------------------------------------------------------------------------------------------


@admin("the box, with what it would stop")
def _(town: Town) -> Page:
    page = town.page("maria", f"/admin/teleq/outgoingsms/{town.queue(T).pk}/change/")
    return shows(page, "Om du markerar rutan skickas SMS bara till den som har svarat Ja.")


@admin("texts with errors")
def _(town: Town) -> Page:
    page = town.page("maria", f"/admin/teleq/outgoingsms/{town.queue().pk}/change/")
    page.locator("[name=sender]").fill("1")
    page.locator("[name=confirmation_text]").fill("")
    return refused(page)


@admin("a new queue with errors")
def _(town: Town) -> Page:
    page = town.page("maria", "/admin/teleq/queue/add/")
    return refused(page)


@admin("a new standard text with errors")
def _(town: Town) -> Page:
    page = town.page("maria", "/admin/sms/standardtext/add/")
    return refused(page)


@admin("a new user with errors")
def _(town: Town) -> Page:
    page = town.page("maria", "/admin/teleq/user/add/")
    return refused(page)


@admin("a new user, and the link to hand over")
def _(town: Town) -> Page:
    page = town.page("maria", "/admin/teleq/user/add/")
    page.get_by_label("Användarnamn").fill("nya")
    page.locator("[name=memberships-0-queue]").select_option(label="VC Spindeln Rådgivning")
    press(page, "Spara")
    return shows(page, "Länk för lösenord")


@admin("the dry run's answer")
def _(town: Town) -> Page:
    page = town.page("maria", "/admin/teleq/outgoingsms/check/")
    page.get_by_label("Telefonnummer").fill("070-174 06 06")
    page.get_by_label("Kö").select_option(label="VC Spindeln Rådgivning")
    page.locator("#content [type=submit], #content button").last.click()
    return shows(page, "Nej: SMS-utskick avböjt")


@admin("statistics with their tables")
def _(town: Town) -> Page:
    page = town.page("maria", "/admin/statistics/")
    for table in page.get_by_text("Tabell", exact=True).all():
        table.click()
    expect(page.get_by_role("table").first).to_be_visible()
    return page


@admin("statistics with errors")
def _(town: Town) -> Page:
    return shows(town.page("maria", "/admin/statistics/?queue=&first=&last="), "Välj bland dina köer.")


@admin("a patient's extract")
def _(town: Town) -> Page:
    return shows(_extract(town, "Visa"), "Genom")


@admin("a patient's removal")
def _(town: Town) -> Page:
    return shows(_extract(town, "Ta bort …"), "Det går inte att ångra.")


def _extract(town: Town, button: str) -> Page:
    page = town.page("maria", "/admin/patient-data/")
    page.get_by_label("Telefonnummer eller personnummer").fill("070-174 06 09")
    return press(page, button)


# Logs, rights and keys -----------------------------------------------------------------------------------------------


@reviewing("what is overdue, on the first page")
def _(town: Town) -> Page:
    CareProvider.objects.update(
        rights_review_by=timezone.localdate() - timedelta(days=1), rights_review_asked_at=timezone.now()
    )
    return shows(town.page("vera", "/admin/"), "skulle ha varit genomgångna")


@reviewing("rights to go through")
def _(town: Town) -> Page:
    return shows(town.page("vera", "/admin/rights/"), "Bekräfta")


@reviewing("a right that is ended without a reason")
def _(town: Town) -> Page:
    page = town.page("vera", "/admin/rights/")
    page.get_by_role("link", name="Avsluta: Anna Lind").first.click()
    return shows(press(page, "Avsluta behörigheten"), "Skriv varför.")


@reviewing("what waits for a second person")
def _(town: Town) -> Page:
    drift = town.user("drift")
    ask_for_right(town.user("sara"), town.queue(), Role.NURSE, until=None, why="Vikarie i sommar.", by=drift)
    shows(town.page("drift", "/admin/second-person/"), "Vikarie i sommar.")
    return shows(town.page("maria", "/admin/second-person/"), "Vikarie i sommar.")


for _address in ("right", "invitation", "second-factor", "sign-out"):

    def _of_user(town: Town, address: str = _address) -> Page:
        page = town.page("drift", f"/admin/teleq/user/{town.user('anna').pk}/{address}/")
        expect(page.locator("#content form").first).to_be_visible()
        return page

    reviewing(f"the operator about a user: {_address}")(_of_user)


@reviewing("SMS in no queue, to the operator and to the care provider's administrator")
def _(town: Town) -> Page:
    sms = UnplacedSms.objects.create(
        sender="+46701740671", from_number="+46701740671", receiver="4671", text="STOPP", provider="kannel"
    )
    page = town.page("drift", "/admin/unplaced-sms/")
    page.get_by_role("combobox").select_option("Region Sundvik")
    page.get_by_role("button", name="Lämna").click()
    shows(page, "SMS:et är lämnat till Region Sundvik.")
    page = town.page("vera", "/admin/unplaced-sms/")
    page.locator(f"button[value='{sms.pk}']").click()
    return shows(page, "STOPP")


@reviewing("keys, one of which soon ends")
def _(town: Town) -> Page:
    provider = town.queue().care_provider
    key = IntakeKey(care_provider=provider, name="Växeln", until=timezone.localdate() + timedelta(days=12))
    make_key(key, by=town.user("drift"), queues=[town.queue()])
    shows(town.page("drift", "/admin/"), "går ut om")
    return shows(town.page("drift", "/admin/intake/intakekey/"), "Växeln")


@reviewing("a key that is changed for a new one")
def _(town: Town) -> Page:
    page = town.page("drift", f"/admin/intake/intakekey/{IntakeKey.objects.get(name='Växeln').pk}/new-secret/")
    page.get_by_role("radio", name="i sju dagar till").check()
    return shows(press(page, "Byt nyckel"), "Nyckeln är bytt")


for _page in ("change", "revoke", "history"):

    def _of_key(town: Town, page: str = _page) -> Page:
        key = IntakeKey.objects.filter(name="Växeln").latest("pk")
        return shows(town.page("drift", f"/admin/intake/intakekey/{key.pk}/{page}/"), "Växeln")

    reviewing(f"a key: {_page}")(_of_key)


@reviewing("a review of the log with a wrong period")
def _(town: Town) -> Page:
    page = town.page("lars", "/admin/log-reviews/")
    page.get_by_text("Vad reglerna hittar").click()
    page.get_by_label("Från").fill("")
    return shows(press(page, "Dra ett urval"), "Välj en dag.")


@reviewing("a sample to judge, closed too early")
def _(town: Town) -> Page:
    page = press(town.page("lars", "/admin/log-reviews/"), "Dra ett urval")
    shows(page, "Åtkomst 1 av")
    page.locator("#entry-1").get_by_label("Bedömning").select_option("Obefogad")
    press(page, "Avsluta loggkontrollen")
    return shows(page, "Skriv varför åtkomsten är obefogad.")


@reviewing("a review that is closed")
def _(town: Town) -> Page:
    page = town.page("lars", "/admin/log-reviews/")
    page.get_by_role("link", name="Fortsätt med").first.click()
    page.get_by_label("Resultat").select_option("Avbruten: räknas inte som gjord")
    page.get_by_label("Åtgärd").fill("Görs om.")
    press(page, "Avsluta loggkontrollen")
    return shows(page, "Loggkontrollen är avslutad.")


@reviewing("what has been reviewed, to the care provider's administrator")
def _(town: Town) -> Page:
    return shows(town.page("vera", "/admin/log-reviews/"), "Avbruten: räknas inte som gjord")


@reviewing("the extract of the log, with names")
def _(town: Town) -> Page:
    page = town.page("lars", "/admin/log-extract/")
    page.get_by_label("Telefonnummer eller personnummer").fill("070-174 06 11")
    page.get_by_label("Visa vem").check()
    press(page, "Visa")
    expect(page.get_by_role("cell", name="Maria Ek").first).to_be_visible()
    return page
