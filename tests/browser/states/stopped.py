"""While all sending is stopped, and afterwards: what the operator, the queue's administrator and nurses see."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from playwright.sync_api import Page

from cases import callbacks
from demo.data import R
from sms import brake
from sms.models import Message, SendingStop
from tests.browser.states.catalogue import press, shows, state
from tests.browser.town import Town
from tests.database_roles import past_the_triggers

stopped = partial(state, "all sending is stopped")

ADDRESS = "/admin/sms-stop/"
WORDS = "Alla SMS-utskick är stoppade sedan"


@stopped("nothing is stopped, and no reason is given")
def _(town: Town) -> Page:
    return shows(press(town.page("drift", ADDRESS), "Stoppa alla utskick"), "Skriv varför.")


@stopped("just stopped")
def _(town: Town) -> Page:
    page = town.page("drift", ADDRESS)
    page.get_by_label("Varför du stoppar utskicken").fill("Fel länk i påminnelsen.")
    return shows(press(page, "Stoppa alla utskick"), WORDS, "Alla SMS-utskick är stoppade.")


@stopped("the work list")
def _(town: Town) -> Page:
    return shows(town.page("anna"), WORDS)


@stopped("a case where an SMS was just written")
def _(town: Town) -> Page:
    page = town.case_page(town.case("Agda Andersson"))
    page.get_by_label("Skriv meddelande").fill("Hej. Vi ringer i dag.")
    return shows(press(page, "Skicka SMS"), WORDS, "SMS:et är sparat och väntar.")


@stopped("what waits, some of it too late, and no reason to release it")
def _(town: Town) -> Page:
    case, at = town.case("Fatima Hassan"), SendingStop.objects.get().stopped_at
    number = case.phone_number.as_e164
    late = callbacks.send_sms(case, "Hej.", token="late", shown=number, by=town.user("anna"))
    with past_the_triggers():
        Message.objects.filter(pk=late.pk).update(
            due_at=at - timedelta(hours=1), send_before=at + timedelta(microseconds=1)
        )
    page = press(town.page("drift", ADDRESS), "Släpp utskicken")
    page.get_by_text("Väntar, efter kö").click()
    return shows(page, "Skriv varför.", "VC Spindeln Rådgivning")


@stopped("too late already, to the queue's administrator")
def _(town: Town) -> Page:
    page = town.page("maria", f"/admin/stopped-sms/?queue={town.queue(R).pk}&reason=stop")
    return shows(page, WORDS, "Fatima Hassan")


@stopped("the settings")
def _(town: Town) -> Page:
    return shows(town.page("maria", f"/admin/teleq/outgoingsms/{town.queue(R).pk}/change/"), WORDS)


@stopped("a restored copy that was stopped before")
def _(town: Town) -> Page:
    brake.hold_restored_copy()
    shows(town.page("anna"), "Återställd kopia: inga SMS skickas.")
    return shows(town.page("drift", ADDRESS), "Återställd kopia: inga SMS skickas.", "Stoppat av Driften")


@stopped("a case in a restored copy")
def _(town: Town) -> Page:
    return shows(town.case_page(town.case("Agda Andersson")), "Återställd kopia: inga SMS skickas.")


@stopped("released, with what became too late")
def _(town: Town) -> Page:
    for stop in SendingStop.objects.in_force():
        brake.release(stop.pk, "Länken är rättad.", by=town.user("drift"))
    return shows(town.page("drift", ADDRESS), "VC Spindeln Rådgivning: 1 SMS")


@stopped("what became too late, on the first page of the queue's administrator")
def _(town: Town) -> Page:
    return shows(town.page("maria", "/admin/"), "1 SMS skickades inte i tid")
