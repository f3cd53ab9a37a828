"""What one person asks for and another has to confirm: the act, who may ask and confirm it, and what it does.

An act is a line in `SecondPersonRequest.Act` and one in ACTS; an app above this one puts its own there at start.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models.functions import Now

from access import second_factor
from access.models import SecondPersonRequest
from teleq.clock import database_now
from teleq.models import CareProvider, Queue, User

OPEN_FOR = timedelta(days=2)
"""How long what was asked for may be confirmed."""


class NotOpen(Exception):
    """It has been confirmed, taken back or become too old meanwhile. Nothing was done."""


@dataclass(frozen=True)
class Act:
    may_ask: Callable[[User, User], bool]
    """Whether this one may ask for it about that one."""
    may_confirm: Callable[[User, SecondPersonRequest], bool]
    """Whether this one may confirm it. The one who asked never may, whatever is said here."""
    carry_out: Callable[[SecondPersonRequest, User], None]
    """Do it, within the transaction of the confirmation by this one."""


def may_ask(act: str, about: User, user: User) -> bool:
    return ACTS[act].may_ask(user, about)


def ask(act: str, about: User, asked_by: User, why: str, **details: object) -> SecondPersonRequest:
    """Ask for it. What was asked for before about the same person, and still waits, is taken back.

    Raises PermissionDenied.
    """
    if not may_ask(act, about, asked_by):
        raise PermissionDenied
    with transaction.atomic():
        User.objects.select_for_update(of=("self",), no_key=True).get(pk=about.pk)
        waiting = SecondPersonRequest.objects.waiting(database_now()).filter(act=act, about=about, details=details)
        waiting.update(withdrawn_at=Now())
        return SecondPersonRequest.objects.create(
            act=act,
            about=about,
            asked_by=asked_by,
            why=why,
            details=details,
            confirm_before=database_now() + OPEN_FOR,
        )


@transaction.atomic
def confirm(request_id: int, by: User) -> SecondPersonRequest:
    """Carry it out, once. Raises PermissionDenied, NotOpen."""
    asked = _held(request_id)
    if not may_confirm(by, asked):
        raise PermissionDenied
    asked.confirmed_by, asked.carried_out_at = by, database_now()
    asked.save(update_fields=["confirmed_by", "carried_out_at"])
    ACTS[asked.act].carry_out(asked, by)
    return asked


@transaction.atomic
def withdraw(request_id: int, by: User) -> None:
    """By the one who asked, or whoever might have confirmed it. Raises PermissionDenied, NotOpen."""
    asked = _held(request_id)
    if by != asked.asked_by and not may_confirm(by, asked):
        raise PermissionDenied
    asked.withdrawn_at = database_now()
    asked.save(update_fields=["withdrawn_at"])


def may_confirm(user: User, asked: SecondPersonRequest) -> bool:
    return user.pk != asked.asked_by_id and ACTS[asked.act].may_confirm(user, asked)


def waiting_for(user: User) -> list[SecondPersonRequest]:
    """What the user has asked for or may confirm."""
    waiting = SecondPersonRequest.objects.waiting(database_now()).select_related("about", "asked_by")
    return [asked for asked in waiting if asked.asked_by_id == user.pk or may_confirm(user, asked)]


def _held(request_id: int) -> SecondPersonRequest:
    asked = SecondPersonRequest.objects.select_for_update(of=("self",)).filter(pk=request_id).first()
    if asked is None or not SecondPersonRequest.objects.waiting(database_now()).filter(pk=asked.pk).exists():
        raise NotOpen
    return asked


# A lost second factor ------------------------------------------------------------------------------------------------


def administers(user: User, person: User) -> bool:
    """The operator, or an administrator of one of the person's queues or care providers."""
    if user.is_superuser:
        return user.is_active
    colleagues = User.objects.colleagues_in(Queue.objects.administered_by(user))
    with_role = User.objects.with_role_in(CareProvider.objects.administered_by(user))
    return user.is_active and not person.is_superuser and (colleagues | with_role).filter(pk=person.pk).exists()


def _may_ask_for_reset(user: User, about: User) -> bool:
    return user != about and administers(user, about)


def _may_confirm_reset(user: User, asked: SecondPersonRequest) -> bool:
    return user != asked.about and administers(user, asked.about)


def _reset(asked: SecondPersonRequest, by: User) -> None:
    second_factor.reset(asked.about, by, f"Begärt av {asked.asked_by}: {asked.why}")


ACTS: dict[str, Act] = {
    SecondPersonRequest.Act.RESET_SECOND_FACTOR: Act(_may_ask_for_reset, _may_confirm_reset, _reset),
}
