"""An entry of the access log in words, as a reviewer reads it."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from access.access_log import Act
from access.models import AccessEntry
from teleq import personal_identity
from teleq.phone_numbers import show
from teleq.swedish import clock_only, weekday_and_clock

DID = {
    Act.LISTED: "hade ärendet för {patient} i sin arbetslista",
    Act.HIT: "fick ärendet för {patient} som sökträff",
    Act.INBOUND: "hade ett SMS från {patient} i listan över inkomna SMS",
    Act.STOPPED: _("hade ett SMS till {patient} i listan över stoppade SMS"),
    Act.RELATED: "fick se {patient} i ett annat ärende",
    Act.SEARCH: "sökte på {patient}",
    Act.VIEW: "öppnade ärendet för {patient}",
    Act.OTHER_QUEUE: "öppnade ärendet för {patient} i en annan kö",
    Act.CHANGE: "arbetade i ärendet för {patient}",
    Act.OPENED_REPLY: "öppnade ett SMS från {patient}",
    Act.BEGIN: "började ett ärende från ett SMS från {patient}",
    Act.CHECK: "frågade om ett SMS till {patient} skulle skickas",
    Act.EXTRACT: "tog fram registerutdrag för {patient}",
    Act.PLAN: "såg vad en borttagning av uppgifter om {patient} tar bort",
    Act.REMOVAL: "tog bort uppgifter om {patient}",
    Act.UNPLACED: "läste ett SMS från {patient} som inte kunde placeras",
    Act.API_READ: "läste ärendet för {patient}",
    Act.API_CHANGE: "bokade eller ändrade ärendet för {patient}",
    Act.REVIEW: "granskade loggen om {patient}",
    Act.LOG_EXTRACT: "tog fram loggutdrag för {patient}",
    Act.REFUSED: "nekades åtkomst till {patient}",
}
"""What the user did. An act that isn't here is told by its name."""


def sentences(entry: AccessEntry) -> list[str]:
    """Who did what, when and from where; whether the patient had a case; what was given as the reason."""
    did = DID.get(Act(entry.act))
    act = str(did).format(patient=patient(entry)) if did else f"– {entry.get_act_display()}: {patient(entry)} –"
    at, whence = weekday_and_clock(entry.at), f" från {_address(entry)}" if entry.address else ""
    told = [f"{_who(entry)} {act} {at}{whence}."]
    told += [_had_case(entry)] if entry.had_case is not None else []
    told += ["Patienten hade skyddade personuppgifter."] if entry.protected else []
    if entry.why and entry.act != Act.SEARCH:
        about = "Gällde" if entry.act in (Act.REFUSED, Act.REVIEW) else "Angiven anledning"
        told.append(f"{about}: {entry.why}.")
    return told


def briefly(entry: AccessEntry) -> str:
    """One of the others of the day: "10.41 Öppnade ärendet"."""
    return f"{clock_only(entry.at)} {entry.get_act_display()}"


def patient(entry: AccessEntry) -> str:
    """ "070-174 06 05 (personnummer 19121212-1212)", or as much of it as the entry has; of a search, what was typed."""
    kind = personal_identity.kind_of(entry.person) if entry.person else None
    person = f"{kind.value if kind else 'personnummer'} {personal_identity.hyphenated(entry.person)}"
    if entry.phone_number:
        return show(entry.phone_number) + (f" ({person})" if entry.person else "")
    if entry.person:
        return person
    if entry.act == Act.SEARCH and entry.why:
        return f"”{entry.why}”"
    return f"ärende {entry.case_id}" if entry.case_id else "en uppgift som inte finns"


def _who(entry: AccessEntry) -> str:
    where = f"i {entry.queue}" if entry.queue else f"hos {entry.care_provider}"
    if entry.user is None:
        return f"{entry.who}, {where},"
    role = entry.roles or "utan roll"
    return f"{entry.user}, {role} {where},"


def _had_case(entry: AccessEntry) -> str:
    where = "i kön" if entry.queue_id else "hos vårdgivaren"
    return f"Patienten hade {'ett' if entry.had_case else 'inget'} ärende {where}."


def _address(entry: AccessEntry) -> str:
    """Of an IPv6 address only the network is kept (`teleq.client_address`)."""
    return f"{entry.address}/64" if ":" in str(entry.address) else str(entry.address)
