"""An entry of the access log in words, as a reviewer reads it."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from access.access_log import Act
from access.models import AccessEntry
from teleq import personal_identity
from teleq.phone_numbers import show
from teleq.swedish import clock_only, weekday_and_clock

DID = {
    Act.LISTED: gettext_lazy("hade ärendet för {patient} i sin arbetslista"),
    Act.HIT: gettext_lazy("fick ärendet för {patient} som sökträff"),
    Act.INBOUND: gettext_lazy("hade ett SMS från {patient} i listan över inkomna SMS"),
    Act.STOPPED: gettext_lazy("hade ett SMS till {patient} i listan över stoppade SMS"),
    Act.LOST: gettext_lazy("hade {patient} i listan över återuppringningar som kan ha gått förlorade"),
    Act.RELATED: gettext_lazy("fick se {patient} i ett annat ärende"),
    Act.SEARCH: gettext_lazy("sökte på {patient}"),
    Act.VIEW: gettext_lazy("öppnade ärendet för {patient}"),
    Act.OTHER_QUEUE: gettext_lazy("öppnade ärendet för {patient} i en annan kö"),
    Act.CHANGE: gettext_lazy("arbetade i ärendet för {patient}"),
    Act.JOURNAL: gettext_lazy("tog fram text till journalen ur ärendet för {patient}"),
    Act.OPENED_REPLY: gettext_lazy("öppnade ett SMS från {patient}"),
    Act.BEGIN: gettext_lazy("började ett ärende från ett SMS från {patient}"),
    Act.CHECK: gettext_lazy("frågade om ett SMS till {patient} skulle skickas"),
    Act.EXTRACT: gettext_lazy("tog fram registerutdrag för {patient}"),
    Act.PLAN: gettext_lazy("såg vad en borttagning av uppgifter om {patient} tar bort"),
    Act.REMOVAL: gettext_lazy("tog bort uppgifter om {patient}"),
    Act.UNPLACED: gettext_lazy("läste ett SMS från {patient} som inte kunde placeras"),
    Act.API_READ: gettext_lazy("läste ärendet för {patient}"),
    Act.API_CHANGE: gettext_lazy("bokade eller ändrade ärendet för {patient}"),
    Act.REVIEW: gettext_lazy("granskade loggen om {patient}"),
    Act.LOG_EXTRACT: gettext_lazy("tog fram loggutdrag för {patient}"),
    Act.RESERVE: gettext_lazy("skrev {patient} i reservlistan"),
    Act.PHONE: gettext_lazy("fick veta eller ändrade tiden för {patient}"),
    Act.REFUSED: gettext_lazy("nekades åtkomst till {patient}"),
}
"""What the user did. An act that isn't here is told by its name."""


def sentences(entry: AccessEntry) -> list[str]:
    """Who did what, when and from where; whether the patient had a case; what was given as the reason."""
    did = DID.get(Act(entry.act))
    act = did.format(patient=patient(entry)) if did else f"– {entry.get_act_display()}: {patient(entry)} –"
    words = _("%(who)s %(did)s %(at)s från %(address)s.") if entry.address else _("%(who)s %(did)s %(at)s.")
    told = [words % {"who": _who(entry), "did": act, "at": weekday_and_clock(entry.at), "address": _address(entry)}]
    told += [_had_case(entry)] if entry.had_case is not None else []
    told += [_("Patienten hade skyddade personuppgifter.")] if entry.protected else []
    if entry.why and entry.act != Act.SEARCH:
        about = _("Gällde") if entry.act in (Act.REFUSED, Act.REVIEW) else _("Angiven anledning")
        told.append(f"{about}: {_(entry.why)}.")
    return told


def briefly(entry: AccessEntry) -> str:
    """One of the others of the day: "10.41 Öppnade ärendet"."""
    return f"{clock_only(entry.at)} {entry.get_act_display()}"


def patient(entry: AccessEntry) -> str:
    """ "070-174 06 05 (personnummer 19121212-1212)", or as much of it as the entry has; of a search, what was typed."""
    kind = personal_identity.kind_of(entry.person) if entry.person else None
    person = f"{_(kind.value) if kind else _('personnummer')} {personal_identity.hyphenated(entry.person)}"
    if entry.phone_number:
        return show(entry.phone_number) + (f" ({person})" if entry.person else "")
    if entry.person:
        return person
    if entry.act == Act.SEARCH and entry.why:
        return f"”{entry.why}”"
    return _("ärende %(case_id)s") % {"case_id": entry.case_id} if entry.case_id else _("en uppgift som inte finns")


def _who(entry: AccessEntry) -> str:
    if entry.queue:
        where = _("i %(queue)s") % {"queue": entry.queue}
    else:
        where = _("hos %(care_provider)s") % {"care_provider": entry.care_provider}
    if entry.user is None:
        return f"{entry.who}, {where},"
    return f"{entry.user}, {_roles(entry) or _('utan roll')} {where},"


def _roles(entry: AccessEntry) -> str:
    """They are logged in Swedish."""
    return ", ".join(_(role) for role in entry.roles.split(", "))


def _had_case(entry: AccessEntry) -> str:
    if entry.queue_id:
        return _("Patienten hade ett ärende i kön.") if entry.had_case else _("Patienten hade inget ärende i kön.")
    if entry.had_case:
        return _("Patienten hade ett ärende hos vårdgivaren.")
    return _("Patienten hade inget ärende hos vårdgivaren.")


def _address(entry: AccessEntry) -> str:
    """Of an IPv6 address only the network is kept (`teleq.client_address`)."""
    return f"{entry.address}/64" if ":" in str(entry.address) else str(entry.address)
