"""Admin > Reservrutin: the key that a care provider's reserve lists are encrypted with, and how the lists stand.

The care provider's administrator chooses the key. The operator, who has the folder, only sees how it stands: whoever
had both could read every patient's callback (docs/decisions/0044).
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop
from django.views.decorators.http import require_http_methods

from administration import reserve
from administration.admin.scoped import own_care_providers, person, whole_care_providers
from administration.models import ReserveKey
from teleq.changes import AS_SHOWN
from teleq.models import CareProvider, Queue, User
from teleq.whole_numbers import whole_number

TITLE = gettext_noop("Reservrutin")
SAVED = gettext_lazy("Nyckeln är sparad. Nästa listor krypteras med den.")
REMOVED = gettext_lazy("Nyckeln är borttagen. Inga fler listor skrivs.")
NOTHING = gettext_lazy("Ingenting ändrades.")
CHOSEN_MEANWHILE = gettext_lazy("Någon annan har ändrat nyckeln. Kontrollera vad som gäller nu. Ingenting sparades.")


class KeyForm(forms.Form):
    keys = forms.CharField(
        label=gettext_lazy("Publik nyckel"),
        help_text=gettext_lazy(
            "Börjar med age1. Skriv flera, en på varje rad, om listorna ska kunna öppnas med flera."
        ),
        max_length=1000,
        widget=forms.Textarea({"rows": 3, "spellcheck": "false", **AS_SHOWN}),
        error_messages={"required": gettext_lazy("Skriv den publika nyckeln.")},
    )

    def clean_keys(self) -> list[str]:
        keys = [*dict.fromkeys(self.cleaned_data["keys"].split())]
        if any(map(reserve.is_private_key, keys)):
            raise forms.ValidationError(
                _(
                    "Det här är en privat nyckel, som inte får lämna er. Använd den inte mer: skapa en ny, och skriv"
                    " raden som börjar med age1 här."
                )
            )
        if len(keys) > reserve.KEYS_AT_MOST:
            raise forms.ValidationError(_("Högst %(number)s nycklar.") % {"number": reserve.KEYS_AT_MOST})
        for key in keys:
            if not reserve.is_public_key(key):
                told = _("”%(key)s” är ingen publik nyckel från age. Kontrollera att hela raden är med.")
                raise forms.ValidationError(told % {"key": key[:80]})
        return keys


@require_http_methods(["GET", "HEAD", "POST"])
def reserve_view(request: HttpRequest) -> HttpResponse:
    """GET says how the lists of each care provider stand. POST chooses a key for one, or with `remove` none."""
    own = whole_care_providers(request)
    if not (person(request).is_superuser or own.exists()):
        raise PermissionDenied
    posted: tuple[int, KeyForm] | None = None
    if request.method == "POST":
        provider = get_object_or_404(own, pk=whole_number(request.POST.get("care_provider", "")) or 0)
        form = KeyForm(request.POST, auto_id=f"id_{provider.pk}_%s")
        if "remove" in request.POST:
            _choose(request, provider, [])
            return redirect("admin:reserve")
        if form.is_valid():
            _choose(request, provider, form.cleaned_data["keys"])
            return redirect("admin:reserve")
        posted = (provider.pk, _without_secret(form))
    context = {
        "title": _(TITLE),
        "shown": _shown(request, posted),
        "minutes": int(reserve.EVERY.total_seconds()) // 60,
        "has_own": own.exists(),
    }
    status = 422 if posted else 200
    return render(request, "admin/reserve.html", {**admin.site.each_context(request), **context}, status=status)


def _without_secret(form: KeyForm) -> KeyForm:
    """A private key isn't sent back to the page. All else that was typed is."""
    if reserve.is_private_key(form.data.get("keys", "")):
        form.data = {**form.data, "keys": ""}
    return form


def _choose(request: HttpRequest, provider: CareProvider, keys: list[str]) -> None:
    by: User = person(request)
    try:
        chosen = reserve.choose(provider, keys, by=by, seen=whole_number(request.POST.get("seen", "")) or 0)
    except reserve.ChosenMeanwhile:
        messages.error(request, CHOSEN_MEANWHILE)
        return
    if chosen is None:
        messages.info(request, NOTHING)
        return
    LogEntry.objects.log_actions(by.pk, [chosen], CHANGE, change_message="", single_object=True)
    messages.success(request, SAVED if keys else REMOVED)


def _shown(request: HttpRequest, posted: tuple[int, KeyForm] | None) -> list[dict[str, Any]]:
    """Of each care provider: how it stands, its queues' lists and its choices so far; and the form, where the user may
    choose."""
    providers = own_care_providers(request) if person(request).is_superuser else whole_care_providers(request)
    choosable = set(whole_care_providers(request).values_list("pk", flat=True))
    queues = Queue.objects.filter(care_provider__in=providers).select_related("reserve_list")
    choices = ReserveKey.objects.filter(care_provider__in=providers).select_related("chosen_by")
    lists, earlier = list(queues), list(choices)
    shown = []
    for standing in reserve.standings(providers):
        pk = standing.care_provider.pk
        form = posted[1] if posted and posted[0] == pk else KeyForm(auto_id=f"id_{pk}_%s", initial=_initial(standing))
        shown.append(
            {
                "standing": standing,
                "form": form if pk in choosable else None,
                "queues": [
                    (queue, getattr(queue, "reserve_list", None)) for queue in lists if queue.care_provider_id == pk
                ],
                "choices": [choice for choice in earlier if choice.care_provider_id == pk],
            }
        )
    return shown


def _initial(standing: reserve.Standing) -> dict[str, str]:
    return {"keys": standing.key.keys if standing.key else ""}
