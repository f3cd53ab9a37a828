"""The work list, and finding and making cases."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from playwright.sync_api import Page, expect

from cases import acts, presence
from cases.models import Case, CaseEvent, Status
from demo.data import T
from sms.models import ProviderState
from teleq.clock import database_now
from teleq.models import CareProvider, Outcome
from tests.browser.states.catalogue import press, shows, state
from tests.browser.town import FREE_NUMBER, Town
from tests.cases.protecting import mark
from tests.database_roles import past_the_triggers

work_list, finding = partial(state, "the work list"), partial(state, "finding and making cases")


# The work list -------------------------------------------------------------------------------------------------------


@work_list("all sections")
def _(town: Town) -> Page:
    return shows(town.page("anna"), "Försenade", "Kommande dagar", "Pågående samtal sedan", "Brådskande")


@work_list("every status, sorted by it")
def _(town: Town) -> Page:
    return shows(town.page("anna", "/?status=all&sort=status"), "Avbokat", "Råd givet", "Namn saknas")


@work_list("one queue, a status without cases")
def _(town: Town) -> Page:
    return shows(town.page("anna", f"/?queue={town.queue(T).pk}&status=mine"), "Inga ärenden att visa.")


@work_list("a member of no queue")
def _(town: Town) -> Page:
    return shows(town.page("drift"), "Du är inte medlem i någon kö.")


@work_list("news that wait to be shown")
def _(town: Town) -> Page:
    page = town.page("anna")
    page.get_by_role("link", name="Agda Andersson").focus()
    presence.note(town.user("karim"), town.book(name="Berit Ny", phone_number="+46701740661"))
    page.evaluate("htmx.trigger('#work-list', 'poll')")
    expect(page.locator("#changes button")).to_be_visible()
    return page


@work_list("news that are shown")
def _(town: Town) -> Page:
    return shows(town.page("anna"), "Öppet hos Karim Noor")


@work_list("a protected patient and an unread SMS")
def _(town: Town) -> Page:
    mark(town.case("Greta Falk"), town.user("anna"))
    town.receive(town.case("Ulla Sjö").phone_number, "Jag kan först efter tolv.")
    return shows(town.page("anna"), "Skyddade personuppgifter", "Nytt SMS")


@work_list("a case that is about to be released")
def _(town: Town) -> Page:
    case, then = town.book(name="Lämnad Nyss", phone_number="+46701740664"), database_now() - timedelta(minutes=26)
    acts.take(case, by=town.user("maria"))
    Case.objects.filter(pk=case.pk).update(taken_at=then)
    with past_the_triggers():
        CaseEvent.objects.filter(case=case).update(at=then)
    return shows(town.page("maria"), "Släpps")


@work_list("one's own cases, released")
def _(town: Town) -> Page:
    page = town.page("maria")
    page.get_by_role("button", name="Släpp alla mina ärenden").click()
    return shows(page, "1 ärende är släppt.")


@work_list("nothing to call now")
def _(town: Town) -> Page:
    acts.take(town.case("Agda Andersson", "myran"), by=town.user("sara"))
    return shows(press(town.page("sara"), "Ta nästa ärende"), "Ta ändå")


@work_list("a provider that is silent")
def _(town: Town) -> Page:
    now = database_now()
    ProviderState.objects.update_or_create(
        name="simulator", defaults={"open_until": now + timedelta(hours=1), "silent_since": now}
    )
    page = shows(town.page("anna"), "SMS-leverantören svarar inte sedan")
    ProviderState.objects.update(open_until=None, silent_since=None)
    return page


# Finding -------------------------------------------------------------------------------------------------------------


def search(town: Town, text: str, username: str = "anna") -> Page:
    page = town.page(username)
    page.get_by_label("Sök ärende").fill(text)
    return press(page, "Sök")


@finding("a search with hits")
def _(town: Town) -> Page:
    return shows(search(town, "lind"), "2 ärenden.")


@finding("a search without hits")
def _(town: Town) -> Page:
    return shows(search(town, FREE_NUMBER), "Inget ärende i dina köer har det numret.")


@finding("a search for too little")
def _(town: Town) -> Page:
    return shows(search(town, "h"), "Skriv minst två bokstäver av namnet, eller tre siffror av numret.")


@finding("a search for a mistyped personnummer")
def _(town: Town) -> Page:
    return shows(search(town, "19121212-1213"), "Personnumret kan inte stämma.")


@finding("a search that is no longer kept")
def _(town: Town) -> Page:
    return shows(town.page("anna", "/cases/found/x-Y_1234/"), "Sökningen finns inte kvar.")


@finding("no replies")
def _(town: Town) -> Page:
    return shows(town.page("sara", "/inbound/"), "Inga olästa SMS.")


@finding("replies, one of a protected patient")
def _(town: Town) -> Page:
    hidden = town.book(name="Gömd", phone_number="+46701740667", personal_identity_number="")
    mark(hidden, town.user("anna"))
    acts.close(hidden, Status.DONE, by=town.user("anna"), outcome=Outcome.ADVICE)
    for number in (hidden.phone_number, "+46701740668"):
        town.receive(number, "Jag kan först efter tolv. " * 5)
    return shows(town.page("anna", "/inbound/"), "Markera som läst", "Skyddade personuppgifter")


@finding("a new case")
def _(town: Town) -> Page:
    return shows(town.page("anna", "/cases/new/"), "Skapa ärendet")


@finding("a new case with errors")
def _(town: Town) -> Page:
    page = town.page("anna", "/cases/new/")
    page.get_by_label("Telefonnummer").fill("hej")
    page.get_by_label("A-nummer").fill("hej")
    page.get_by_label("Personnummer").fill("19121212-1213")
    press(page, "Skapa ärendet")
    return shows(page, "Välj en kö.", "Skriv ett giltigt personnummer", "Välj en tid.")


# Another queue -------------------------------------------------------------------------------------------------------

ANOTHERS = "+46701740669"


def in_another_queue(town: Town) -> None:
    """Karim works in VC Spindeln Tidbokning no longer, in which two patients are."""
    CareProvider.objects.update(opens_other_queues=True)
    town.user("karim").memberships.filter(queue=town.queue(T)).delete()
    for name in ("Annan Kö", "Berit Testsson"):
        town.book(queue=town.queue(T), name=name, phone_number=ANOTHERS, personal_identity_number="")


@finding("a case of another queue, found")
def _(town: Town) -> Page:
    in_another_queue(town)
    return shows(search(town, ANOTHERS, "karim"), "Öppna ärende i annan kö")


def ask(town: Town) -> Page:
    return shows(press(search(town, ANOTHERS, "karim"), "Öppna ärende i annan kö"), "Beskriv varför")


@finding("a case of another queue, without a reason")
def _(town: Town) -> Page:
    return shows(press(ask(town), "Öppna ärendet"), "Beskriv varför du behöver öppna ärendet.")


def choose(town: Town) -> Page:
    page = ask(town)
    page.get_by_label("Anledning").select_option("Patienten ringde fel kö")
    page.get_by_label("Beskriv varför").fill("Patienten väntar i telefonen.")
    return shows(press(page, "Öppna ärendet"), "Din anledning är sparad")


@finding("cases of another queue, to choose among")
def _(town: Town) -> Page:
    return choose(town)


@finding("a case of another queue, read")
def _(town: Town) -> Page:
    page = choose(town)
    page.get_by_role("button", name="Öppna").first.click()
    return shows(page, "Du kan läsa det, men inte ändra det.")
