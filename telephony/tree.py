"""A number's whole menu as a tree: what each key leads to, all the way down. For the picture beside its form."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from telephony.models import Choice, PatientsNumber
from telephony.models.menu import LeadsSomewhere
from teleq.phone_numbers import show

AGAIN = gettext_lazy("visas ovan")


@dataclass(frozen=True)
class Node:
    """A place in the menu: how one comes there, what it is called, and what can be chosen there."""

    key: str
    name: str
    kind: str
    said: str = ""
    """The words that offer it."""
    below: list[Node] = field(default_factory=list)


def of_number(number: PatientsNumber) -> Node:
    """Menus may lead back to one another: each is drawn once, and named after that. One query."""
    return _node(number, "", "", number.person_number, Choice.objects.by_menu(number.care_provider_id), set())


def _node(  # noqa: PLR0913, PLR0917
    where: LeadsSomewhere, key: str, said: str, person: object, choices: dict[int, list[Choice]], drawn: set[int]
) -> Node:
    if where.queue:
        return Node(key, str(where.queue), _("kö"), said)
    if where.announcement:
        return Node(key, str(where.announcement), _("meddelande"), said)
    if where.menu is None:
        return Node(key, show(str(person)), _("en person"), said)
    if where.menu.pk in drawn:
        return Node(key, f"{where.menu.name} ({AGAIN})", _("meny"), said)
    drawn.add(where.menu.pk)
    below = list(_below(choices.get(where.menu.pk, ()), choices, drawn))
    return Node(key, where.menu.name, _("meny"), said, below)


def _below(there: Iterable[Choice], choices: dict[int, list[Choice]], drawn: set[int]) -> Iterable[Node]:
    for choice in there:
        yield _node(choice, str(choice.key), choice.words.words, choice.person_number, choices, drawn)
