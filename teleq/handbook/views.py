"""Hjälp: the handbook's pages, and the way to them from the page that one is on."""

from __future__ import annotations

from typing import cast

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from teleq.handbook.pages import INDEX, PAGES, Page, address_of, read_page
from teleq.handbook.places import pages_of, place_for
from teleq.models import User


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    return _show(request, INDEX, read_page(INDEX))


@require_safe
def page(request: HttpRequest, page: str) -> HttpResponse:
    if page not in PAGES:
        raise Http404
    return _show(request, page, read_page(page))


@require_safe
def help_with(request: HttpRequest, view: str) -> HttpResponse:
    """Leads to what the handbook says about a view to somebody in the user's roles; where it says nothing, to the
    first of their pages."""
    own = pages_of(cast(User, request.user))
    name, anchor = place_for(view, own)
    address = address_of(name or (own[0] if own else INDEX))
    return redirect(f"{address}#{anchor}" if anchor else address)


def _show(request: HttpRequest, name: str, shown: Page) -> HttpResponse:
    own = pages_of(cast(User, request.user))
    others = [(each, title) for each, title in PAGES.items() if each not in own]
    context = {
        "name": name,
        "page": shown,
        "own": [(each, PAGES[each]) for each in own],
        "others": others,
    }
    return render(request, "teleq/handbook.html", context)
