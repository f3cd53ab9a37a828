"""The callback: a patient who is to be called back, and what has happened to the case."""

from cases.models.case import CLOSED, Case, CaseQuerySet, Priority, Status, shows_consent
from cases.models.event import CaseEvent, CaseEventQuerySet, FromTo, NoAnswer
from cases.models.hours import ClosedDay, Slot, TelephoneHours, WeeklyHours
from cases.models.message import CaseMessage, CaseMessageQuerySet
from cases.models.presence import Presence, PresenceQuerySet
from cases.models.protection import ProtectionMark, ProtectionMarkQuerySet
from cases.models.writing import Draft, DraftQuerySet, Note

__all__ = [
    "CLOSED",
    "Case",
    "CaseEvent",
    "CaseEventQuerySet",
    "CaseMessage",
    "CaseMessageQuerySet",
    "CaseQuerySet",
    "ClosedDay",
    "Draft",
    "DraftQuerySet",
    "FromTo",
    "NoAnswer",
    "Note",
    "Presence",
    "PresenceQuerySet",
    "Priority",
    "ProtectionMark",
    "ProtectionMarkQuerySet",
    "Slot",
    "Status",
    "TelephoneHours",
    "WeeklyHours",
    "shows_consent",
]
