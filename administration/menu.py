"""The menu of Admin: its pages by task, each with a line that says what it is for.

Who sees which of them is said elsewhere: of a model by its page's class, of the pages beside the models by
`administration.site`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Page(NamedTuple):
    says: str | Promise
    """What the page is for, to somebody who has not been there."""
    often: bool = False
    """Whether it stands in the row of links on every page."""


Group = tuple[str | Promise, dict[str, Page]]

SMS: Group = (
    _("SMS till patienter"),
    {
        "OutgoingSms": Page(
            _("Aktivera samtycke till SMS. Avsändare, bokningsbekräftelse och påminnelse för varje kö."), often=True
        ),
        "StandardText": Page(_("Färdiga texter att välja bland när någon skickar SMS från ett ärende."), often=True),
        "stopped_sms": Page(_("SMS som inte nådde patienten: varför, och i vilket ärende.")),
        "ConsentText": Page(_("Det som läses upp när patienten får frågan om SMS.")),
        "teleq_outgoingsms_check": Page(_("Pröva ett nummer: skulle SMS:et skickas nu, och om inte, varför?")),
        "unplaced_sms": Page(_("SMS från patienter som inte hör till någon kö. Ett av dem kan vara ett STOPP.")),
    },
)
QUEUES: Group = (
    _("Köer och ärenden"),
    {
        "Queue": Page(_("Namn, telefonnummer, telefontider, stängda dagar och antal försök."), often=True),
        "held_cases": Page(_("Vilka som har ärenden nu. Släpp ärenden för den som är frånvarande.")),
        "reserve": Page(_("Listor att ringa efter när teleQ inte går att nå: nyckeln som de krypteras med.")),
        "statistics": Page(_("Hur det går i köerna: svar om SMS, SMS och återuppringningar."), often=True),
    },
)
PHONE: Group = (
    _("Telefonmeny"),
    {
        "recordings": Page(_("Det menyn säger: ord att läsa in, inspelningar att lyssna på och byta.")),
    },
)
USERS: Group = (
    _("Användare och behörigheter"),
    {
        "User": Page(
            _("Lägg till en kollega, ändra roll, skapa en ny länk för lösenord eller stäng av ett konto."), often=True
        ),
        "rights": Page(_("Vem som har vilken roll. Bekräfta rollen, eller avsluta den.")),
        "second_person": Page(_("Det som någon har begärt och en annan person ska bekräfta.")),
        "RightsChange": Page(_("Vilka roller som har getts, ändrats och avslutats, när och av vem.")),
        "SignIn": Page(_("Vilka som har loggat in och ut, misslyckade försök och byten av lösenord.")),
    },
)
PATIENTS: Group = (
    _("Patienters uppgifter"),
    {
        "log_reviews": Page(_("Stickprov ur åtkomstloggen: var det befogat att läsa om patienten?"), often=True),
        "log_extract": Page(
            _("Vilka enheter som har tagit del av en patients uppgifter, att lämna ut till patienten."), often=True
        ),
        "patient_data": Page(_("Det som är sparat om en patient, att lämna ut eller ta bort.")),
    },
)
SYSTEM: Group = (
    _("Vårdgivare och drift"),
    {
        "CareProvider": Page(_("Vårdgivarna, och om de har beställt Samtycke för SMS."), often=True),
        "IntakeKey": Page(
            _("Nycklar som telefonsystem bokar återuppringningar med: skapa, byt och återkalla."), often=True
        ),
        "operations": Page(_("Vad som är fel i driften just nu, och vad man gör åt det."), often=True),
        "sms_stop": Page(_("Stoppa alla SMS i alla köer på en gång, och släpp dem igen. Vad som väntar.")),
        "RetentionRun": Page(_("Vad som har gallrats, natt för natt.")),
    },
)
GROUPS = [SMS, QUEUES, PHONE, USERS, PATIENTS, SYSTEM]
REVIEWERS_GROUPS = [PATIENTS, SMS, QUEUES, PHONE, USERS, SYSTEM]
"""For whoever only reviews logs: their own work first."""

OTHERS: Group = (_("Övrigt"), {})


def grouped(found: Mapping[str, dict[str, Any]], groups: list[Group], here: str) -> list[dict[str, Any]]:
    """The pages that somebody may open, in the shape of Django's list of apps.

    `found` has them by the model's name or the address's, `here` is the address of the page that is shown.
    """
    addresses = [page["admin_url"] for page in found.values()]
    around = max((address for address in addresses if here.startswith(address)), key=len, default="")
    placed = {key for _title, pages in groups for key in pages}
    left = {key: Page("") for key in found if key not in placed}
    shown = []
    for title, pages in [*groups, (OTHERS[0], left)]:
        entries = [
            {
                **found[key],
                "says": page.says,
                "often": page.often,
                "is_here": found[key]["admin_url"] == around,
            }
            for key, page in pages.items()
            if key in found
        ]
        if entries:
            shown.append({"name": title, "models": entries})
    return shown
