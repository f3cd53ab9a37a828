"""The telephone menu's data: numbers and menus, what is said, and calls."""

from telephony.models.call import Call, Ended, SpokenFile, Step
from telephony.models.menu import Announcement, CallersHours, Choice, Menu, PatientsNumber, QueueByPhone
from telephony.models.recording import Language, Recording

__all__ = [
    "Announcement",
    "Call",
    "CallersHours",
    "Choice",
    "Ended",
    "Language",
    "Menu",
    "PatientsNumber",
    "QueueByPhone",
    "Recording",
    "SpokenFile",
    "Step",
]
