"""What a queue needs before patients meet it: what is done, what is missing, why that matters, and where it is mended.

The one place with these rules. Shown on the queue's page in Admin, and counted in the lists and on Utgående SMS.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from administration import texts
from administration.outgoing_sms import automatic_texts, not_ordered_text
from cases.models import TelephoneHours
from consent.models import ConsentText
from sms.content import advice
from sms.models import StandardText
from teleq.models import CareProvider, Membership, OutgoingSms, Queue, Role, User
from teleq.phone_numbers import show

DEFAULT_SENDER = OutgoingSms._meta.get_field("sender").default


@dataclass(frozen=True)
class Missing:
    """What is missing and why it matters, and the page that mends it: none where somebody else has to."""

    text: str
    address: str = ""
    link: str = ""


@dataclass(frozen=True)
class Item:
    name: str
    missing: list[Missing]

    @property
    def is_done(self) -> bool:
        return not self.missing


@dataclass(frozen=True)
class Checklist:
    items: list[Item]

    @property
    def left(self) -> int:
        return sum(not item.is_done for item in self.items)

    @property
    def told(self) -> str:
        """ "3 saker kvar"; empty where nothing is."""
        return (
            ngettext("%(number)d sak kvar", "%(number)d saker kvar", self.left) % {"number": self.left}
            if (self.left)
            else ""
        )


@dataclass(frozen=True)
class _Stored:
    """What the items of one queue are judged by."""

    queue: Queue
    has_hours: bool
    standard_texts: list[StandardText]
    roles: set[str]
    """Of its members who can sign in."""
    has_text_to_read_out: bool


def of_queues(queue_ids: Collection[int], user: User) -> dict[int, Checklist]:
    """By the queue's id. Four queries, however many they are. Links are to what this user may open."""
    return {
        stored.queue.pk: Checklist(
            [
                Item(_("Telefontider"), list(_hours(stored))),
                Item(_("Avsändare"), list(_sender(stored))),
                Item(_("Texter som inte avslöjar vården"), list(_revealing(stored))),
                Item(_("Texter som säger hur man tackar nej"), list(_without_a_way_out(stored))),
                Item(_("Samtycke till SMS"), list(_consent(stored, user))),
                Item(_("Medlemmar"), list(_members(stored))),
            ]
        )
        for stored in _read(queue_ids)
    }


def _read(queue_ids: Collection[int]) -> Iterator[_Stored]:
    hours = TelephoneHours.objects.filter(queue=OuterRef("pk"))
    queues = Queue.objects.filter(pk__in=queue_ids).select_related("care_provider", "outgoing_sms")
    standard_texts = list(StandardText.objects.filter(queue__in=queue_ids))
    members = Membership.objects.in_force().filter(queue__in=queue_ids, user__is_active=True)
    roles = set(members.values_list("queue_id", "role"))
    providers = Queue.objects.filter(pk__in=queue_ids).order_by().values("care_provider")
    written = ConsentText.objects.filter(care_provider__in=providers)
    latest = written.order_by("care_provider_id", "queue_id", "-id").distinct("care_provider_id", "queue_id")
    read_out = {(text.care_provider_id, text.queue_id) for text in latest if text.text}
    for queue in queues.annotate(has_hours=Exists(hours)):
        yield _Stored(
            queue,
            queue.has_hours,  # type: ignore[attr-defined]  # annotated
            [text for text in standard_texts if text.queue_id == queue.pk],
            {role for queue_id, role in roles if queue_id == queue.pk},
            # Its own, or where it has none or an empty one, the care provider's.
            bool(read_out & {(queue.care_provider_id, queue.pk), (queue.care_provider_id, None)}),
        )


# The items -----------------------------------------------------------------------------------------------------------


def _hours(stored: _Stored) -> Iterator[Missing]:
    if not stored.has_hours:
        yield Missing(
            _("Kön har inga telefontider. Utan dem kan telefonsystemet inte boka någon tid."),
            reverse("admin:teleq_queue_change", args=[stored.queue.pk]) + "#week",
            _("Skriv telefontider"),
        )


def _sender(stored: _Stored) -> Iterator[Missing]:
    outgoing_sms = stored.queue.outgoing_sms_or_none
    if outgoing_sms is None:
        yield Missing(_("Köns inställningar för SMS saknas. Inga SMS kan skickas."))
        return
    link = _outgoing_sms(stored.queue, "#id_sender"), _("Ändra avsändaren")
    if outgoing_sms.sender == DEFAULT_SENDER:
        yield Missing(
            _(
                "SMS skickas från ”%(sender)s”, som patienten inte känner igen. Skriv vårdenhetens namn eller ett"
                " nummer."
            )
            % {"sender": outgoing_sms.sender},
            *link,
        )
    if problem := advice.reveals_care(outgoing_sms.sender):
        yield Missing(problem, *link)


def _revealing(stored: _Stored) -> Iterator[Missing]:
    for name, text, address in _texts(stored):
        if problem := advice.reveals_care(text):
            yield Missing(f"{name}: {problem}", address, _("Ändra texten"))


def _without_a_way_out(stored: _Stored) -> Iterator[Missing]:
    """Where patients can reply, the reply STOPP is one."""
    outgoing_sms = stored.queue.outgoing_sms_or_none
    if outgoing_sms is None:
        return
    number = show(stored.queue.phone_number) or "{telefon}"
    for name, text, address in _texts(stored):
        if problem := advice.can_not_be_declined(text, outgoing_sms.sender, number):
            yield Missing(f"{name}: {problem}", address, _("Ändra texten"))


def _texts(stored: _Stored) -> Iterator[tuple[str, str, str]]:
    """Each text that is sent: what it is called, how it is read, and the page where it is changed."""
    outgoing_sms = stored.queue.outgoing_sms_or_none
    if outgoing_sms is None:
        return
    for kind, field, text in automatic_texts(outgoing_sms):
        yield kind.label, texts.automatic(text, outgoing_sms).text, _outgoing_sms(stored.queue, f"#id_{field}")
    for standard_text in stored.standard_texts:
        name = _("Standardtexten ”%(name)s”") % {"name": standard_text.name}
        yield name, standard_text.text, reverse("admin:sms_standardtext_change", args=[standard_text.pk])


def _consent(stored: _Stored, user: User) -> Iterator[Missing]:
    """The first thing that is missing: the next can't be done before it."""
    queue, outgoing_sms = stored.queue, stored.queue.outgoing_sms_or_none
    if not queue.care_provider.sms_consent_ordered:
        yield Missing(not_ordered_text(queue.care_provider), *_care_provider(queue.care_provider, user))
    elif outgoing_sms and not outgoing_sms.consent_required:
        yield Missing(
            _(
                "Samtycke till SMS är inte aktiverat. SMS skickas då även till patienter som inte har tillfrågats, om"
                " de inte har sagt nej."
            ),
            _outgoing_sms(queue, "#id_consent_required"),
            _("Aktivera samtycke till SMS"),
        )
    elif not stored.has_text_to_read_out:
        link = () if user.is_superuser else (reverse("admin:consent_consenttext_add"), _("Skriv texten"))
        yield Missing(
            _("Det finns ingen text att läsa upp. Patienten ska få veta vad svaret gäller och hur länge det sparas."),
            *link,
        )


def _members(stored: _Stored) -> Iterator[Missing]:
    link = reverse("admin:teleq_user_changelist"), _("Välj användare")
    if Role.NURSE not in stored.roles:
        yield Missing(_("Kön har ingen medarbetare. Ingen ringer upp patienterna."), *link)
    if Role.ADMINISTRATOR not in stored.roles:
        yield Missing(
            _(
                "Kön har ingen administratör bland sina medlemmar. Ingen kan ändra kön, eller ta bort en markering om"
                " skyddade personuppgifter."
            ),
            *link,
        )


def _outgoing_sms(queue: Queue, field: str) -> str:
    return reverse("admin:teleq_outgoingsms_change", args=[queue.pk]) + field


def _care_provider(provider: CareProvider, user: User) -> tuple[str, ...]:
    """To the operator alone: others order the function by their own routine."""
    if not user.is_superuser:
        return ()
    return reverse("admin:teleq_careprovider_change", args=[provider.pk]), _("Ändra vårdgivaren")
