"""Admin > Behörigheter att gå igenom: every right in one's own queues and care providers, to confirm or end.

The day till which they are to be gone through is chosen by the care provider's administrator.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from access.rights import Given
from administration import history, rights
from administration.admin.scoped import DAY, own_care_providers, person, whole_care_providers
from administration.admin.users import why_field
from administration.rights import ChangedMeanwhile, WithoutAdministrator
from teleq.changes import AS_SHOWN, ChangesForm
from teleq.models import CareProvider, CareProviderRole, Membership, Queue
from teleq.whole_numbers import whole_number

PAGE_SIZE = 100
CONFIRMED = gettext_lazy("{given} är genomgånget.")
ENDED = gettext_lazy("{given}: behörigheten är avslutad.")
CHANGED = gettext_lazy("Behörigheten har ändrats av någon annan. Ingenting gjordes; nu visas det som gäller.")
DAY_CHOSEN = gettext_lazy("{provider}: behörigheterna ska vara genomgångna senast den dag som du valde.")
DAY_REMOVED = gettext_lazy("{provider}: ingen dag är vald.")


class DayForm(ChangesForm[CareProvider]):
    """By when a care provider's rights are to be gone through."""

    class Meta:
        model = CareProvider
        fields = ["rights_review_by"]
        widgets = {"rights_review_by": DAY}
        error_messages = {"rights_review_by": {"invalid": gettext_lazy("Skriv en dag.")}}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["rights_review_by"].widget.attrs |= AS_SHOWN

    def clean_rights_review_by(self) -> Any:
        by = self.cleaned_data["rights_review_by"]
        if by and "rights_review_by" in self.changed_data and by < timezone.localdate():
            raise forms.ValidationError(_("Dagen har redan varit."))
        return by


class EndForm(forms.Form):
    why = why_field(gettext_lazy("Varför behörigheten avslutas"))


@require_http_methods(["GET", "HEAD", "POST"])
def rights_view(request: HttpRequest) -> HttpResponse:
    """GET lists them. POST confirms one that was shown, or chooses a care provider's day."""
    if request.method == "POST" and "confirm" in request.POST:
        kind, __, number = request.POST["confirm"].partition(" ")
        _confirm(request, _right(request, kind, number))
        return redirect(f"{request.path}?page={_page_number(request)}")
    forms_of_days = [DayForm(instance=each, prefix=f"day-{each.pk}") for each in _whole(request)]
    if request.method == "POST":
        bound = _chosen_day(request)
        if bound.is_valid():
            provider = rights.choose_day(bound.instance, bound.changes)
            history.note(person(request), provider, bound)
            chosen = DAY_CHOSEN if provider.rights_review_by else DAY_REMOVED
            messages.success(request, chosen.format(provider=provider))
            return redirect("admin:rights")
        forms_of_days = [bound if form.instance == bound.instance else form for form in forms_of_days]
    page = Paginator(rights.to_go_through(person(request)), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "title": _("Behörigheter att gå igenom"),
        "page": page,
        "rows": [_row(given) for given in page],
        "day_forms": forms_of_days,
        "others": own_care_providers(request).exclude(pk__in=[each.instance.pk for each in forms_of_days]),
    }
    status = 422 if any(form.is_bound for form in forms_of_days) else 200
    return render(request, "admin/rights.html", {**admin.site.each_context(request), **context}, status=status)


def end_view(request: HttpRequest, kind: str, given_id: int) -> HttpResponse:
    """GET asks why, on a page of its own; POST ends the right."""
    given = _right(request, kind, str(given_id))
    form = EndForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            rights.end(given, person(request), request.POST.get("shown", ""), form.cleaned_data["why"])
            messages.success(request, ENDED.format(given=given))
        except ChangedMeanwhile:
            messages.error(request, CHANGED)
        except WithoutAdministrator as refusal:
            messages.error(request, str(refusal))
        return redirect("admin:rights")
    context = {"title": _("Avsluta behörigheten"), "form": form, **_row(given)}
    status = 422 if form.is_bound else 200
    return render(request, "admin/end_right.html", {**admin.site.each_context(request), **context}, status=status)


def _row(given: Given) -> dict[str, Any]:
    return {
        "given": given,
        "kind": _kind(given),
        "place": given.queue if isinstance(given, Membership) else given.care_provider,
        "shown": rights.shown_as(given),
        "due": rights.is_due(given),
        "overdue": rights.is_overdue(given),
        "ended": given.until is not None and given.until < timezone.localdate(),
    }


KINDS: dict[str, type[Given]] = {"membership": Membership, "role": CareProviderRole}


def _kind(given: Given) -> str:
    return next(kind for kind, model in KINDS.items() if isinstance(given, model))


def _right(request: HttpRequest, kind: str, number: str) -> Given:
    """The right, where it is in one of the user's own places; else 404."""
    pk = whole_number(number)
    if kind == "membership":
        own = Membership.objects.filter(queue__in=Queue.objects.administered_by(person(request)))
        return get_object_or_404(own.select_related("user", "reviewed_by", "queue__care_provider"), pk=pk)
    if kind == "role":
        roles = CareProviderRole.objects.filter(care_provider__in=whole_care_providers(request))
        return get_object_or_404(roles.select_related("user", "reviewed_by", "care_provider"), pk=pk)
    raise Http404


def _confirm(request: HttpRequest, given: Given) -> None:
    try:
        rights.confirm(given, person(request), request.POST.get("shown", ""))
        messages.success(request, CONFIRMED.format(given=given))
    except ChangedMeanwhile:
        messages.error(request, CHANGED)


def _whole(request: HttpRequest) -> list[CareProvider]:
    return list(whole_care_providers(request).order_by("name"))


def _chosen_day(request: HttpRequest) -> DayForm:
    asked = request.POST.get("day", "")
    provider = next((each for each in _whole(request) if str(each.pk) == asked), None)
    if provider is None:
        raise Http404
    return DayForm(request.POST, instance=provider, prefix=f"day-{provider.pk}")


def _page_number(request: HttpRequest) -> int:
    return whole_number(request.GET.get("page", ""), largest=10**8) or 1
