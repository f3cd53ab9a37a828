"""The log of who has looked at which patient's data, and who has changed them (patientdatalagen 4 kap. 3 §)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import pgtrigger
from phonenumber_field.phonenumber import PhoneNumber

from access.models import AccessEntry
from teleq.bulk_deletion import delete_batch
from teleq.models import User
from teleq.phone_numbers import number_text

Act = AccessEntry.Act


def note_numbers(user: User, act: Act, numbers: Iterable[PhoneNumber]) -> None:
    """Note that a page showed several patients: an entry for each number. An empty page leaves none."""
    shown = sorted({number_text(number) for number in numbers})
    AccessEntry.objects.bulk_create(AccessEntry(user=user, act=act, phone_number=number) for number in shown)


def note(
    user: User | None,
    act: Act,
    number: PhoneNumber | str | None,
    person: str | None = None,
    case_id: int | None = None,
) -> None:
    """Note a look at one patient: at a case, or a search by number or personnummer, whether or not anything was found.

    `number` is a PhoneNumber or E.164. No user means the operator's command line.
    """
    number = number_text(number) if number else ""
    AccessEntry.objects.create(user=user, act=act, phone_number=number, person=person or "", case_id=case_id)


def remove_old(before: datetime) -> int:
    """Delete a batch of the entries from before this time, and return how many. For retention only."""
    with pgtrigger.ignore("access.AccessEntry:append_only"):
        return delete_batch(AccessEntry.objects.filter(at__lt=before).order_by("at"))
