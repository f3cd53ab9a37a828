"""Who may give whom a right: what Admin > Användare and Behörigheter att gå igenom do.

A queue's administrator gives rights in the queue; a care provider's in all its queues, and the roles for the whole of
it. The operator makes the first administrator, where there has never been one. Whatever else the operator would give,
and any way in to the account of somebody who has a right, another has to confirm (docs/decisions/0016).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from access import rights, second_person
from access.models import RightsChange, SecondPersonRequest
from access.rights import Given, Right
from access.second_person import Act
from teleq import changes
from teleq.changes import Changes
from teleq.clock import database_now
from teleq.models import CareProvider, CareProviderRole, Membership, ProviderRole, Queue, Role, User, UserQuerySet

GIVE_RIGHT, MAKE_LINK = SecondPersonRequest.Act.GIVE_RIGHT, SecondPersonRequest.Act.MAKE_LINK


class WithoutAdministrator(Exception):
    """A queue or care provider would have no administrator. Nothing was done. Its text is a sentence for the page."""

    def __init__(self, left: Iterable[Queue | CareProvider]) -> None:
        names = ", ".join(str(each) for each in left)
        super().__init__(
            _("%(names)s skulle sakna administratör. Gör först någon annan till administratör.") % {"names": names}
        )


class ChangedMeanwhile(Exception):
    """The right is not what the page showed any more, or is gone. Nothing was done."""


# Who administers -----------------------------------------------------------------------------------------------------


def _active_memberships() -> QuerySet[Membership]:
    return Membership.objects.in_force().filter(role=Role.ADMINISTRATOR, user__is_active=True)


def _active_roles() -> QuerySet[CareProviderRole]:
    return CareProviderRole.objects.in_force().filter(role=ProviderRole.ADMINISTRATOR, user__is_active=True)


def administrators_of(queues: QuerySet[Queue], providers: QuerySet[CareProvider]) -> UserQuerySet:
    """Who can sign in and administers any of these queues, or these care providers as a whole."""
    memberships = _active_memberships().filter(user=OuterRef("pk"), queue__in=queues)
    roles = _active_roles().filter(user=OuterRef("pk"))
    of_these = roles.filter(Q(care_provider__in=providers) | Q(care_provider__queues__in=queues))
    found: UserQuerySet = User.objects.filter(Exists(memberships) | Exists(of_these))
    return found


def queues_left_by(user: User, queue_ids: Collection[int]) -> list[Queue]:
    """The queues among these that nobody else administers. For use in a transaction.

    All of them are locked till it ends: of two administrators who leave at the same time, the second one sees that the
    first has left.
    """
    held = list(Queue.objects.select_for_update(no_key=True).filter(pk__in=queue_ids).order_by("pk"))
    # A statement of its own: one that waited for the lock reads what was true before the wait.
    others = _active_memberships().filter(queue=OuterRef("pk")).exclude(user=user)
    roles = _active_roles().filter(care_provider=OuterRef("care_provider")).exclude(user=user)
    return list(Queue.objects.filter(~Exists(others), ~Exists(roles), pk__in=[queue.pk for queue in held]))


def providers_left_by(user: User, provider_ids: Collection[int]) -> list[CareProvider]:
    """As `queues_left_by`, of care providers and those who administer the whole of them."""
    held = list(CareProvider.objects.select_for_update(no_key=True).filter(pk__in=provider_ids).order_by("pk"))
    others = _active_roles().filter(care_provider=OuterRef("pk")).exclude(user=user)
    return list(CareProvider.objects.filter(~Exists(others), pk__in=[provider.pk for provider in held]))


# The operator --------------------------------------------------------------------------------------------------------


def queues_never_administered() -> QuerySet[Queue]:
    """Where the operator makes the first administrator: nobody is or has been one, active or not."""
    was = RightsChange.objects.filter(after=Right.ADMINISTRATOR, queue=OuterRef("pk"))
    is_or_ended = Membership.objects.filter(role=Role.ADMINISTRATOR, queue=OuterRef("pk"))
    providers = providers_never_administered()
    return Queue.objects.filter(~Exists(was), ~Exists(is_or_ended), care_provider__in=providers)


def providers_never_administered() -> QuerySet[CareProvider]:
    was = RightsChange.objects.filter(after=Right.PROVIDER_ADMINISTRATOR, care_provider=OuterRef("pk"))
    is_or_ended = CareProviderRole.objects.filter(role=ProviderRole.ADMINISTRATOR, care_provider=OuterRef("pk"))
    return CareProvider.objects.filter(~Exists(was), ~Exists(is_or_ended))


def _other_administrators(user: User) -> UserQuerySet:
    """Who administers any of the places where the user has a right, but for the user."""
    queues = Queue.objects.filter(memberships__user=user)
    providers = CareProvider.objects.filter(roles__user=user)
    return administrators_of(queues, providers).exclude(pk=user.pk)


def has_right(user: User) -> bool:
    return user.memberships.exists() or user.provider_roles.exists()


def is_operators_alone(user: User) -> bool:
    """Whether the operator may make a way in to the account unaided: it has no right, or it is a first administrator's
    who has not been in yet."""
    if not has_right(user):
        return True
    never_in = user.last_login is None and not user.has_usable_password()
    return never_in and not _other_administrators(user).exists()


def _may_be_asked_about(user: User, _about: User) -> bool:
    return user.is_active and user.is_superuser


def _may_confirm(user: User, about: User, administrators: QuerySet[User]) -> bool:
    """One of the administrators; where there is none, another operator."""
    if user == about or not user.is_active:
        return False
    others = administrators.exclude(pk=about.pk)
    return others.filter(pk=user.pk).exists() or (user.is_superuser and not others.exists())


def _may_confirm_right(user: User, asked: SecondPersonRequest) -> bool:
    queues = Queue.objects.filter(pk=asked.details.get("queue", 0))
    providers = CareProvider.objects.filter(pk=asked.details.get("care_provider", 0))
    return _may_confirm(user, asked.about, administrators_of(queues, providers).exclude(pk=asked.asked_by_id))


def _may_confirm_link(user: User, asked: SecondPersonRequest) -> bool:
    return _may_confirm(user, asked.about, _other_administrators(asked.about).exclude(pk=asked.asked_by_id))


def ask_for_right(  # noqa: PLR0913  each is a part of what is asked for
    about: User, place: Queue | CareProvider, role: Role | ProviderRole, *, until: date | None, why: str, by: User
) -> SecondPersonRequest:
    """Ask that somebody is given a right. Raises PermissionDenied."""
    where = "queue" if isinstance(place, Queue) else "care_provider"
    details = {where: place.pk, "role": role.value, "until": until.isoformat() if until else None}
    return second_person.ask(GIVE_RIGHT, about, by, why, **details)


def _give_right(asked: SecondPersonRequest, by: User) -> None:
    details = asked.details
    given = {
        "until": date.fromisoformat(details["until"]) if details["until"] else None,
        "why": f"Begärt av {asked.asked_by}: {asked.why}"[:200],
    }
    with rights.on_record(asked.about, by=by):
        if "queue" in details:
            Membership.objects.update_or_create(
                user=asked.about, queue_id=details["queue"], defaults={**given, "role": details["role"]}
            )
        else:
            CareProviderRole.objects.update_or_create(
                user=asked.about, care_provider_id=details["care_provider"], role=details["role"], defaults=given
            )


def _make_link(_asked: SecondPersonRequest, _by: User) -> None:
    """Whoever confirms it makes the link, and hands it over: `administration.admin.second_person` shows it once."""


def told(asked: SecondPersonRequest) -> str:
    """What is asked for, in words: the act, and of a right which one, where and until when."""
    if asked.act != GIVE_RIGHT:
        return asked.get_act_display()
    details = asked.details
    place = (
        Queue.objects.filter(pk=details["queue"]).first()
        if "queue" in details
        else CareProvider.objects.filter(pk=details["care_provider"]).first()
    )
    until = _(", till och med %(day)s") % {"day": details["until"]} if details["until"] else ""
    return f"{asked.get_act_display()}: {Right(details['role']).label}, {place}{until}"


def add_acts() -> None:
    """Put the acts of this app among those that wait for a second person."""
    second_person.ACTS[GIVE_RIGHT] = Act(_may_be_asked_about, _may_confirm_right, _give_right)
    second_person.ACTS[MAKE_LINK] = Act(_may_be_asked_about, _may_confirm_link, _make_link)


# Going through them --------------------------------------------------------------------------------------------------


def to_go_through(user: User) -> list[Given]:
    """Every membership in the queues that the user administers, and every role for the whole of their care providers;
    those that have not been gone through for longest first. Two queries."""
    memberships = Membership.objects.filter(queue__in=Queue.objects.administered_by(user))
    roles = CareProviderRole.objects.filter(care_provider__in=CareProvider.objects.administered_by(user))
    found: list[Given] = [
        *memberships.select_related("user", "reviewed_by", "queue__care_provider"),
        *roles.select_related("user", "reviewed_by", "care_provider"),
    ]
    return sorted(found, key=lambda given: (given.reviewed_at, str(given)))


def provider_of(given: Given) -> CareProvider:
    return given.queue.care_provider if isinstance(given, Membership) else given.care_provider


def is_due(given: Given) -> bool:
    """Whether it has not been gone through since its care provider chose a day for it."""
    asked_at = provider_of(given).rights_review_asked_at
    return asked_at is not None and given.reviewed_at < asked_at


def is_overdue(given: Given) -> bool:
    by = provider_of(given).rights_review_by
    return is_due(given) and by is not None and by < timezone.localdate()


def how_many_overdue(user: User) -> int:
    """For the first page. Two queries, however many there are."""
    past = {"rights_review_by__lt": timezone.localdate()}
    late = CareProvider.objects.filter(**past, rights_review_asked_at__gt=OuterRef("reviewed_at"))
    memberships = Membership.objects.filter(queue__in=Queue.objects.administered_by(user)).filter(
        Exists(late.filter(pk=OuterRef("queue__care_provider")))
    )
    roles = CareProviderRole.objects.filter(care_provider__in=CareProvider.objects.administered_by(user)).filter(
        Exists(late.filter(pk=OuterRef("care_provider")))
    )
    return memberships.count() + roles.count()


def shown_as(given: Given) -> str:
    """What a page was shown with, to be posted back."""
    return f"{given.role} {given.until or ''}"


@transaction.atomic
def confirm(given: Given, by: User, shown: str) -> None:
    """Somebody has gone through it: it stands. Raises PermissionDenied and ChangedMeanwhile."""
    rights.confirm(_held(given, by, shown), by)


@transaction.atomic
def end(given: Given, by: User, shown: str, why: str) -> None:
    """Take the right away. Raises PermissionDenied, ChangedMeanwhile and WithoutAdministrator."""
    held = _held(given, by, shown)
    left: list[Queue] | list[CareProvider] = []
    if isinstance(held, Membership) and held.role == Role.ADMINISTRATOR:
        left = queues_left_by(held.user, [held.queue_id])
    elif isinstance(held, CareProviderRole) and held.role == ProviderRole.ADMINISTRATOR:
        left = providers_left_by(held.user, [held.care_provider_id])
    if left:
        raise WithoutAdministrator(left)
    with rights.on_record(held.user, by=by, ended_because={rights.place_of(held): why}):
        held.delete()


def _held(given: Given, by: User, shown: str) -> Given:
    """The right as it stands, its row locked."""
    found: Given | None = type(given)._default_manager.select_for_update(of=("self",)).filter(pk=given.pk).first()
    if found is None or shown_as(found) != shown:
        raise ChangedMeanwhile
    if isinstance(found, Membership):
        own = Queue.objects.administered_by(by).filter(pk=found.queue_id).exists()
    else:
        own = CareProvider.objects.administered_by(by).filter(pk=found.care_provider_id).exists()
    if not own:
        raise PermissionDenied
    return found


@transaction.atomic
def choose_day(provider: CareProvider, changed: Changes) -> CareProvider:
    """Choose till when every right of the care provider is to be gone through, counted from now on, or that there is no
    such day. Raises teleq.changes.ChangedMeanwhile."""
    stored = CareProvider.objects.select_for_update(no_key=True).get(pk=provider.pk)
    if changes.put(stored, changed):
        stored.rights_review_asked_at = database_now() if stored.rights_review_by else None
        stored.save(update_fields=["rights_review_by", "rights_review_asked_at"])
    return stored
