"""What a queue needs before patients meet it: what is done, what is missing, why that matters, and where it is mended.

The one place with these rules. Shown on the queue's page in Admin, and counted in the lists and on Utgående SMS.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

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
from teleq.models import Membership, OutgoingSms, Queue, Role, User
from teleq.phone_numbers import show

DEFAULT_SENDER = OutgoingSms._meta.get_field("sender").default


class Link(NamedTuple):
    label: str
    address: str


@dataclass(frozen=True)
class Missing:
    """What is missing and why it matters, and the pages that mend it: none where somebody else has to."""

    text: str
    links: tuple[Link, ...] = ()


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
        left = self.left
        return ngettext("%(number)d sak kvar", "%(number)d saker kvar", left) % {"number": left} if left else ""


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
    written = ConsentText.objects.read_out().filter(care_provider__in=providers)
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
        week = reverse("admin:teleq_queue_change", args=[stored.queue.pk]) + "#week"
        yield Missing(
            _("Kön har inga telefontider. Utan dem kan telefonsystemet inte boka någon tid."),
            (Link(_("Skriv telefontider"), week),),
        )


def _sender(stored: _Stored) -> Iterator[Missing]:
    outgoing_sms = stored.queue.outgoing_sms_or_none
    if outgoing_sms is None:
        yield Missing(_("Köns inställningar för SMS saknas. Inga SMS kan skickas."))
        return
    link = Link(_("Ändra avsändaren"), _outgoing_sms(stored.queue, "sender"))
    if outgoing_sms.sender == DEFAULT_SENDER:
        told = _(
            "SMS skickas från ”%(sender)s”, som patienten inte känner igen. Skriv vårdenhetens namn eller ett nummer."
        )
        yield Missing(told % {"sender": outgoing_sms.sender}, (link,))
    if problem := advice.reveals_care(outgoing_sms.sender):
        yield Missing(problem, (link,))


def _revealing(stored: _Stored) -> Iterator[Missing]:
    return _of_texts((advice.reveals_care(text), link) for text, link in _texts(stored))


def _without_a_way_out(stored: _Stored) -> Iterator[Missing]:
    """Where patients can reply, the reply STOPP is one."""
    outgoing_sms = stored.queue.outgoing_sms_or_none
    if outgoing_sms is None:
        return iter(())
    sender, number = outgoing_sms.sender, show(stored.queue.phone_number) or "{telefon}"
    return _of_texts((advice.can_not_be_declined(text, sender, number), link) for text, link in _texts(stored))


def _of_texts(judged: Iterable[tuple[str | None, Link]]) -> Iterator[Missing]:
    """What is wrong with texts, each thing once, with a link to each text that it is wrong with."""
    links: dict[str, list[Link]] = defaultdict(list)
    for problem, link in judged:
        if problem:
            links[problem].append(link)
    return (Missing(problem, tuple(to_texts)) for problem, to_texts in links.items())


def _texts(stored: _Stored) -> Iterator[tuple[str, Link]]:
    """Each text that is sent, as it is read, with the page where it is changed."""
    outgoing_sms = stored.queue.outgoing_sms_or_none
    if outgoing_sms is None:
        return
    for kind, field, text in automatic_texts(outgoing_sms):
        yield texts.automatic(text, outgoing_sms).text, Link(str(kind.label), _outgoing_sms(stored.queue, field))
    for standard_text in stored.standard_texts:
        name = _("Standardtexten ”%(name)s”") % {"name": standard_text.name}
        yield standard_text.text, Link(name, reverse("admin:sms_standardtext_change", args=[standard_text.pk]))


def _consent(stored: _Stored, user: User) -> Iterator[Missing]:
    """The first thing that is missing: the next can't be done before it."""
    queue, outgoing_sms = stored.queue, stored.queue.outgoing_sms_or_none
    if not queue.care_provider.sms_consent_ordered:
        # Others than the operator order it by their own routine.
        provider = reverse("admin:teleq_careprovider_change", args=[queue.care_provider_id])
        links = (Link(_("Ändra vårdgivaren"), provider),) if user.is_superuser else ()
        yield Missing(not_ordered_text(queue.care_provider), links)
    elif outgoing_sms and not outgoing_sms.consent_required:
        told = _(
            "Samtycke till SMS är inte aktiverat. SMS skickas då även till patienter som inte har tillfrågats, om de"
            " inte har sagt nej."
        )
        yield Missing(told, (Link(_("Aktivera samtycke till SMS"), _outgoing_sms(queue, "consent_required")),))
    elif not stored.has_text_to_read_out:
        links = () if user.is_superuser else (Link(_("Skriv texten"), reverse("admin:consent_consenttext_add")),)
        told = _("Det finns ingen text att läsa upp. Patienten ska få veta vad svaret gäller och hur länge det sparas.")
        yield Missing(told, links)


def _members(stored: _Stored) -> Iterator[Missing]:
    links = (Link(_("Välj användare"), reverse("admin:teleq_user_changelist")),)
    if Role.NURSE not in stored.roles:
        yield Missing(_("Kön har ingen medarbetare. Ingen ringer upp patienterna."), links)
    if Role.ADMINISTRATOR not in stored.roles:
        told = _(
            "Kön har ingen administratör bland sina medlemmar. Ingen kan ta bort en markering om skyddade"
            " personuppgifter."
        )
        yield Missing(told, links)


def _outgoing_sms(queue: Queue, field: str) -> str:
    return reverse("admin:teleq_outgoingsms_change", args=[queue.pk]) + f"#id_{field}"
