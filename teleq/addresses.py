"""Addresses of pages with ids in them, by Django's `reverse`, which makes each view's address once, with places for the
ids: a page has dozens of addresses, and to make one takes longer than most of what is shown."""

from __future__ import annotations

from functools import lru_cache

from django.urls import reverse

_PLACES = [f"720391458000000000{number}" for number in range(10)]
"""Stand for ids: no row has such a one."""


def address(view: str, *ids: int, current_app: str | None = None) -> str:
    """As `reverse` makes it. Raises NoReverseMatch where no view of that name takes so many ids."""
    made = _with_places(view, len(ids), current_app)
    for place, each in zip(_PLACES, ids, strict=False):
        made = made.replace(place, str(each))
    return made


@lru_cache(maxsize=1024)
def _with_places(view: str, places: int, current_app: str | None) -> str:
    return reverse(view, args=_PLACES[:places], current_app=current_app)
