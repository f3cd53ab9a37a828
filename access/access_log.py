"""The log of who has looked at which patient's data, and who has changed them (patientdatalagen 4 kap. 3 §).

Each entry is one care provider's: what is looked for or gathered in several care providers' queues makes one for each.
"""

from __future__ import annotations

from collections.abc import Iterable

from phonenumber_field.phonenumber import PhoneNumber

from access.models import AccessEntry
from teleq.models import Queue, User
from teleq.phone_numbers import number_text

Act = AccessEntry.Act


def note_numbers(user: User, act: Act, numbers: Iterable[tuple[Queue, PhoneNumber]]) -> None:
    """Note that a page showed several patients: an entry for each number. An empty page leaves none."""
    shown = sorted({(queue.care_provider_id, queue.pk, number_text(number)) for queue, number in numbers})
    AccessEntry.objects.bulk_create(
        AccessEntry(user=user, act=act, care_provider_id=provider, queue_id=queue, phone_number=number)
        for provider, queue, number in shown
    )


def note(  # noqa: PLR0913  each is a column of the log
    user: User,
    act: Act,
    number: PhoneNumber | str | None,
    person: str | None = None,
    *,
    queue: Queue,
    case_id: int | None = None,
) -> None:
    """Note a look at one patient in a queue. `number` is a PhoneNumber or E.164."""
    AccessEntry.objects.create(
        user=user,
        act=act,
        care_provider_id=queue.care_provider_id,
        queue=queue,
        phone_number=number_text(number) if number else "",
        person=person or "",
        case_id=case_id,
    )


def note_search(user: User, number: PhoneNumber | str | None, person: str | None) -> None:
    """Note a search in all of the user's queues, whether or not anything was found."""
    own = Queue.objects.for_user(user).order_by().values_list("care_provider", flat=True).distinct()
    note_in_providers(user, Act.SEARCH, own, number, person)


def note_in_providers(
    user: User,
    act: Act,
    care_provider_ids: Iterable[int],
    number: PhoneNumber | str | None,
    person: str | None = None,
) -> None:
    """Note a look at one patient in all the care providers' queues at once; in none, for who is a member of none."""
    providers: list[int | None] = [*sorted(set(care_provider_ids))]
    AccessEntry.objects.bulk_create(
        AccessEntry(
            user=user,
            act=act,
            care_provider_id=provider_id,
            phone_number=number_text(number) if number else "",
            person=person or "",
        )
        for provider_id in providers or [None]
    )
