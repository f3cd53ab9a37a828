"""A number's whole menu as a tree: what each key leads to, all the way down. For the picture beside its form."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from telephony.models import Choice, PatientsNumber
from telephony.models.menu import LeadsSomewhere
from telephony.sentences import SENTENCES
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
    drawing = _Drawing(Choice.objects.by_menu(number.care_provider_id), number.person_number)
    return drawing.node(number)


@dataclass
class _Drawing:
    choices: dict[int, list[Choice]]
    """By the menu that they stand in."""
    person: object
    """The number's own person: with 0 in each menu that has no 0 of its own."""
    drawn: set[int] = field(default_factory=set)

    def node(self, where: LeadsSomewhere, key: str = "", said: str = "", person: object = "") -> Node:
        if where.queue:
            return Node(key, str(where.queue), _("kö"), said)
        if where.announcement:
            return Node(key, str(where.announcement), _("meddelande"), said)
        if where.menu is None:
            return Node(key, show(str(person)), _("en person"), said)
        if where.menu.pk in self.drawn:
            return Node(key, f"{where.menu.name} ({AGAIN})", _("meny"), said)
        self.drawn.add(where.menu.pk)
        return Node(key, where.menu.name, _("meny"), said, list(self._below(where.menu.pk)))

    def _below(self, menu_id: int) -> Iterator[Node]:
        there = self.choices.get(menu_id, ())
        for choice in there:
            yield self.node(choice, str(choice.key), choice.words.words, choice.person_number)
        if self.person and all(choice.key for choice in there):
            yield Node("0", show(str(self.person)), _("en person"), SENTENCES["for_a_person"].swedish)
