"""Drafts: what somebody is writing is kept on the server until it is saved, so that no ending session costs it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import QuerySet

from cases.models import Case, Draft
from sms.models import InboundSms
from teleq.clock import database_now
from teleq.models import User
from teleq.phone_numbers import number_text
from teleq.prepared import Prepared

Field = Draft.Field
LONGEST = 10_000
"""Characters. More than any of the fields takes: what is too long to be saved is still somebody's words."""


@dataclass(frozen=True)
class Place:
    """Where somebody writes: in a case, or in the form for a new one, which may be begun from a patient's SMS.

    Whoever makes one has looked the case or the SMS up by `for_user`.
    """

    user: User
    case: Case | None = None
    inbound: InboundSms | None = None

    @property
    def fields(self) -> tuple[Field, ...]:
        return Draft.OF_CASE if self.case else Draft.OF_NEW_CASE

    @property
    def columns(self) -> dict[str, object]:
        return {
            "user_id": self.user.pk,
            "case_id": self.case.pk if self.case else None,
            "queue_id": self.inbound.queue_id if self.inbound else None,
            "phone_number": number_text(self.inbound.from_number) if self.inbound else "",
        }


def of(place: Place) -> dict[str, Draft]:
    """What the user is writing there, by field. One query."""
    if place.case:
        return {draft.field: draft for draft in _of_case(user=place.user.pk, case=place.case.pk)}
    return {draft.field: draft for draft in Draft.objects.for_user(place.user).filter(**place.columns)}


@Prepared
def _of_case(user: int, case: int) -> QuerySet[Draft]:
    return Draft.objects.for_user(User(pk=user)).filter(case=case)


def texts(drafts: Mapping[str, Draft]) -> dict[str, str]:
    return {field: draft.text for field, draft in drafts.items()}


def keep(place: Place, field: Field, text: str) -> Draft | None:
    """Keep what is written now in place of what was before. Nothing written is nothing kept."""
    text = text.replace("\x00", "")  # which PostgreSQL has no place for
    if not text.strip():
        discard(place, [field])
        return None
    draft = Draft(**place.columns, field=field, text=text[:LONGEST], saved_at=database_now())
    Draft.objects.bulk_create(
        [draft],
        update_conflicts=True,
        unique_fields=["user", "case", "queue", "phone_number", "field"],
        update_fields=["text", "saved_at"],
    )
    return draft


def begin(place: Place, field: Field, text: str) -> bool:
    """Begin for the user, with this text, and say whether that was done: not where they have begun themselves."""
    if Draft.objects.for_user(place.user).filter(**place.columns, field=field).exists():
        return False
    keep(place, field, text)
    return True


def discard_as(place: Place, field: Field, text: str) -> None:
    """Take away what was begun for the user with this text, if they have left it as it was."""
    Draft.objects.for_user(place.user).filter(**place.columns, field=field, text=text).delete()


def discard(place: Place, fields: Iterable[Field]) -> None:
    Draft.objects.for_user(place.user).filter(**place.columns, field__in=fields).delete()
