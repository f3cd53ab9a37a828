"""What the operator has to do before patients meet teleQ, in order: done, or left and where. For Admin's first page and
for `manage.py setup`."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from administration import checklist
from administration.checklist import Link
from administration.rights import administrators_of
from teleq.models import CareProvider, Queue, User, UserQuerySet


@dataclass(frozen=True)
class Step:
    name: str
    left: str = ""
    """What is left of it, in a sentence. Empty where it is done."""
    link: Link | None = None

    @property
    def is_done(self) -> bool:
        return not self.left


def steps() -> list[Step]:
    return [_operator(), _second_operator(), _care_provider(), _queue(), _administrator()]


def left() -> list[Step]:
    """The steps, while any of them is left: with those that are done, as one of them may be undone again."""
    told = steps()
    return [] if all(step.is_done for step in told) else told


def queues_left(user: User) -> list[tuple[Queue, str]]:
    """The queues that have something left on their checklists, and how much: for their administrators to do."""
    queues = list(Queue.objects.select_related("care_provider"))
    told = checklist.of_queues([queue.pk for queue in queues], user)
    return [(queue, told[queue.pk].told) for queue in queues if told[queue.pk].left]


def _operators() -> QuerySet[User]:
    operators: QuerySet[User] = User.objects.filter(is_superuser=True, is_active=True)
    return operators


def _operator() -> Step:
    has_been_in = _operators().filter(last_login__isnull=False).exists()
    told = _("Öppna länken, välj ett lösenord och lägg till en andra faktor.")
    return Step(_("Systemförvaltarens inloggning"), "" if has_been_in else told)


def _second_operator() -> Step:
    told = _(
        "Skapa en till på servern, med manage.py setup --operator ANVÄNDARNAMN. Bara en annan systemförvaltare kan"
        " återställa din andra faktor."
    )
    return Step(_("Två systemförvaltare"), "" if _operators().count() > 1 else told)


def _care_provider() -> Step:
    there = CareProvider.objects.exists()
    link = Link(_("Lägg till vårdgivare"), reverse("admin:teleq_careprovider_add"))
    told = _("Vårdgivaren är den som svarar för patienternas samtycke.")
    return Step(_("Vårdgivare"), "" if there else told, None if there else link)


def _queue() -> Step:
    there = Queue.objects.exists()
    link = Link(_("Lägg till kö"), reverse("admin:teleq_queue_add"))
    told = _("En kö är en vårdenhets telefonkö, med telefontider och avsändare för SMS.")
    return Step(_("Kö"), "" if there else told, None if there else link)


def _administrator() -> Step:
    name = _("Administratör hos varje vårdgivare")
    add = Link(_("Lägg till användare"), reverse("admin:teleq_user_add"))
    providers = CareProvider.objects.order_by("name")
    for provider in providers:
        administrators = list(_administrators(provider))
        if not administrators:
            return Step(name, _("%(provider)s har ingen administratör.") % {"provider": provider}, add)
        if not any(each.last_login for each in administrators):
            told = _("Administratören hos %(provider)s har inte loggat in än.") % {"provider": provider}
            page = reverse("admin:teleq_user_change", args=[administrators[0].pk])
            return Step(name, told, Link(_("Skapa en ny länk"), page))
    told = _("Administratören sköter vårdgivarens köer, texter och användare.")
    return Step(name, "" if providers else told, None if providers else add)


def _administrators(provider: CareProvider) -> UserQuerySet:
    return administrators_of(Queue.objects.filter(care_provider=provider), CareProvider.objects.filter(pk=provider.pk))
