"""Admin > Loggkontroll: a sample of the access log is drawn, judged and closed by a care provider's Loggranskare.

Its administrator chooses how often, and sees when it was done and with what result; not whom it was about.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from access import access_log
from administration.admin.scoped import person, reviewed_care_providers, whole_care_providers
from administration.log_review import reviews, rules, telling
from administration.log_review.reviews import TITLE, Closed, NotDone, Read
from administration.models import LogReview, LogReviewInterval, ReviewedEntry
from cases.forms import PressField
from teleq.changes import AS_SHOWN, ChangedMeanwhile, ChangesForm
from teleq.models import CareProvider
from teleq.typed import ModelForm
from teleq.whole_numbers import whole_number

LONGEST = timedelta(days=92)
USUAL = timedelta(days=30)
PAGE_SIZE = 50
NOTHING_FOUND = gettext_lazy("Regeln hittade ingenting i perioden. Ingen loggkontroll påbörjades.")
INTERVAL_CHOSEN = gettext_lazy("{provider}: valet är sparat.")
SAVED = gettext_lazy("Sparat.")
NOTHING_CHANGED = gettext_lazy("Inget är ändrat.")
NOW_CLOSED = gettext_lazy("Loggkontrollen är avslutad.")
CLOSED_MEANWHILE = gettext_lazy("{who} har avslutat loggkontrollen. Ingenting sparades; nu visas det som gäller.")
DAY = {"type": "date", **AS_SHOWN}


class BeginForm(ModelForm[LogReview]):
    """What to draw a sample by."""

    press = PressField()

    class Meta:
        model = LogReview
        fields = ["care_provider", "rule", "since", "until", "size", "with_lists"]
        widgets = {name: forms.DateInput(attrs=DAY, format="%Y-%m-%d") for name in ("since", "until")}
        error_messages = {
            name: {"required": gettext_lazy("Välj en dag."), "invalid": gettext_lazy("Skriv en dag.")}
            for name in ("since", "until")
        }

    def __init__(self, *args: Any, providers: QuerySet[CareProvider], **kwargs: Any) -> None:
        today = timezone.localdate()
        usual = {"since": today - USUAL, "until": today, "size": LogReview.Size.TWENTY_FIVE, "rule": "random"}
        super().__init__(*args, **{"initial": usual, **kwargs})
        own = list(providers.order_by("name"))
        if len(own) == 1:
            self.instance.care_provider = own[0]
            del self.fields["care_provider"]
        else:
            field = self.fields["care_provider"]
            assert isinstance(field, forms.ModelChoiceField)
            field.queryset, field.empty_label = providers.order_by("name"), None
        _choose_from(self, "rule", LogReview.Rule.choices)
        _choose_from(self, "size", LogReview.Size.choices)

    def clean(self) -> None:
        super().clean()
        if press := self.cleaned_data.get("press"):
            self.instance.press = press
        since, until = self.cleaned_data.get("since"), self.cleaned_data.get("until")
        if until and until > timezone.localdate():
            self.add_error("until", _("Dagen har inte varit än."))
        elif since and until and not timedelta() <= until - since <= LONGEST:
            self.add_error("until", _("Välj samma dag som den första eller en senare, högst tre månader bort."))


class IntervalForm(ChangesForm[LogReviewInterval]):
    """How often a care provider's log is to be reviewed."""

    class Meta:
        model = LogReviewInterval
        fields = ["days"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _choose_from(self, "days", LogReviewInterval.Days.choices)

    def changed_by(self, name: str) -> str:
        return str(self.instance.chosen_by or super().changed_by(name))


class EntryForm(ChangesForm[ReviewedEntry]):
    """What the reviewer thinks of an entry."""

    class Meta:
        model = ReviewedEntry
        fields = ["outcome", "note"]
        widgets = {"note": forms.Textarea(attrs={"rows": 2})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _choose_from(self, "outcome", [("", _("Inte bedömd")), *ReviewedEntry.Outcome.choices])
        self.fields["note"].widget.attrs |= AS_SHOWN

    def changed_by(self, name: str) -> str:
        return str(self.instance.decided_by or super().changed_by(name))

    def clean(self) -> None:
        super().clean()
        data = self.cleaned_data
        if data.get("outcome") == ReviewedEntry.Outcome.UNJUSTIFIED and not data.get("note") and self.changed_data:
            self.add_error("note", _("Skriv varför åtkomsten är obefogad."))


class WholeForm(ChangesForm[LogReview]):
    """What the reviewer thinks of the whole sample, and what is done about it."""

    class Meta:
        model = LogReview
        fields = ["outcome", "action"]
        widgets = {"action": forms.Textarea(attrs={"rows": 3})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _choose_from(self, "outcome", [("", _("Inte valt")), *LogReview.Outcome.choices])
        self.fields["action"].widget.attrs |= AS_SHOWN

    def changed_by(self, name: str) -> str:
        return str(self.instance.changed_by or super().changed_by(name))


def _choose_from(form: forms.ModelForm[Any], name: str, choices: list[tuple[Any, Any]]) -> None:
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField)
    field.choices = choices
    field.widget.attrs |= AS_SHOWN


# All of them ---------------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def log_reviews_view(request: HttpRequest) -> HttpResponse:
    """GET lists them. POST draws a sample, or chooses how often it is to be done."""
    reviewed, administered = reviews.reviewed_by(person(request)), list(whole_care_providers(request).order_by("name"))
    reviews_here = reviewed.exists()
    if not (reviews_here or administered):
        raise PermissionDenied
    intervals = [_interval_form(provider) for provider in administered]
    begin = BeginForm(providers=reviewed) if reviews_here else None
    if request.method == "POST" and "interval" in request.POST:
        bound = _chosen_interval(request, administered)
        if bound.is_valid():
            return _choose(request, bound)
        intervals = [bound if form.instance == bound.instance else form for form in intervals]
    elif request.method == "POST":
        if begin is None:
            raise PermissionDenied
        begin = BeginForm(request.POST, instance=LogReview(made_by=person(request)), providers=reviewed)
        if begin.is_valid():
            drawn = reviews.begin(begin.save(commit=False))
            if drawn:
                return redirect("admin:log_review", drawn.pk)
            begin.add_error(None, NOTHING_FOUND)
    context = {
        "title": _(TITLE),
        "dues": reviews.dues(reviewed_care_providers(request)),
        "begin": begin,
        "rules": [(rule.label, rules.EXPLAINED[rule]) for rule in LogReview.Rule],
        "intervals": intervals,
        "page": _listed(request),
        "reviewed": set(reviewed.values_list("pk", flat=True)),
    }
    conflict = any(form.in_conflict for form in intervals)
    wrong = any(form.is_bound for form in intervals) or (begin is not None and begin.is_bound)
    status = 409 if conflict else 422 if wrong else 200
    return render(request, "admin/log_reviews.html", {**admin.site.each_context(request), **context}, status=status)


def _listed(request: HttpRequest) -> Any:
    """Those that are open first, then the latest."""
    own = LogReview.objects.for_care_providers(reviewed_care_providers(request)).with_progress()
    listed = own.select_related("care_provider", "made_by", "closed_by").order_by("-closed_at", "-id")
    return Paginator(listed, PAGE_SIZE).get_page(request.GET.get("page"))


def _interval_form(provider: CareProvider, data: Any = None) -> IntervalForm:
    return IntervalForm(data, instance=reviews.interval_of(provider), prefix=f"interval-{provider.pk}")


def _chosen_interval(request: HttpRequest, administered: Sequence[CareProvider]) -> IntervalForm:
    asked = request.POST.get("interval", "")
    provider = next((each for each in administered if str(each.pk) == asked), None)
    if provider is None:
        raise Http404
    return _interval_form(provider, request.POST)


def _choose(request: HttpRequest, form: IntervalForm) -> HttpResponse:
    provider = form.instance.care_provider
    try:
        reviews.choose_interval(provider, form.changes, by=person(request))
    except ChangedMeanwhile:  # at the same moment: judged once more, by what stands now
        form = _interval_form(provider, request.POST)
        if form.is_valid():
            reviews.choose_interval(provider, form.changes, by=person(request))
    messages.success(request, INTERVAL_CHOSEN.format(provider=provider))
    return redirect("admin:log_reviews")


# One -----------------------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
def log_review_view(request: HttpRequest, review_id: int) -> HttpResponse:
    """GET shows the sample. POST stores what was changed on the page, all or nothing, and may close the review."""
    review = _review(request, review_id)
    if request.method != "POST":
        return _page(request, review, _Forms(request, review))
    for last in (False, True):  # twice, where somebody else saved at the same moment
        page = _Forms(request, review, request.POST)
        if not review.is_open:
            return _closed_meanwhile(request, review)
        if not page.are_valid():
            return _page(request, review, page, 409 if page.in_conflict else 422)
        try:
            return _save(request, review, page)
        except Closed:
            return _closed_meanwhile(request, _review(request, review_id))
        except ChangedMeanwhile:
            if last:
                raise
            review = _review(request, review_id)
    raise AssertionError


def _review(request: HttpRequest, review_id: int) -> LogReview:
    """The review, if it is of a care provider whose log the user reviews. Another's is not found, which is noted."""
    user = person(request)
    own = reviews.reviewed_by(user)
    if not own.exists():
        raise PermissionDenied
    related = ("care_provider", "made_by", "closed_by", "changed_by")
    found = LogReview.objects.for_care_providers(own).select_related(*related).filter(pk=review_id).first()
    if found is None:
        access_log.note_refused(user, access_log.refused_what_is_not(user, why=TITLE))
        raise Http404
    return found


class _Forms:
    """The sample with a form for each entry that the user may judge, and the form for the whole."""

    def __init__(self, request: HttpRequest, review: LogReview, data: Any = None) -> None:
        user = person(request)
        self.read = reviews.read(review, by=user)
        self.left = [each.reviewed.place for each in self.read if not each.reviewed.outcome]
        """Which are not judged yet, by what is stored."""
        self.whole = WholeForm(data, instance=review, prefix="whole")
        self.entries = {
            each.reviewed.place: EntryForm(data, instance=each.reviewed, prefix=f"entry-{each.reviewed.place}")
            for each in self.read
            if not each.is_own_of(user)
        }

    @property
    def all(self) -> list[ChangesForm[Any]]:
        return [self.whole, *self.entries.values()]

    def are_valid(self) -> bool:
        """Each is asked, so that each says what is wrong with it."""
        wrong = [form for form in self.all if not form.is_valid()]
        return not wrong

    @property
    def in_conflict(self) -> bool:
        return any(form.in_conflict for form in self.all)

    @property
    def changed(self) -> bool:
        return any(form.changes for form in self.all)

    def rows(self) -> list[dict[str, Any]]:
        return [_row(each, self.entries.get(each.reviewed.place)) for each in self.read]


def _row(each: Read, form: EntryForm | None) -> dict[str, Any]:
    return {
        "reviewed": each.reviewed,
        "told": telling.sentences(each.entry) if each.entry else [],
        "same_day": [telling.briefly(other) for other in each.same_day],
        "form": form,
    }


def _save(request: HttpRequest, review: LogReview, page: _Forms) -> HttpResponse:
    """Raises Closed and ChangedMeanwhile."""
    closing = "close" in request.POST
    of_entries = {form.instance.pk: form.changes for form in page.entries.values() if form.changes}
    try:
        reviews.save(review, page.whole.changes, of_entries, by=person(request), closing=closing)
    except NotDone as missing:
        page.whole.add_error(None, str(missing))
        return _page(request, review, page, 422)
    address = reverse("admin:log_review", args=[review.pk])
    if closing:
        messages.success(request, NOW_CLOSED)
        return redirect(address)
    messages.success(request, SAVED if page.changed else NOTHING_CHANGED)
    at = request.POST.get("save", "")
    return redirect(f"{address}#entry-{at}" if whole_number(at) else address)


def _closed_meanwhile(request: HttpRequest, review: LogReview) -> HttpResponse:
    messages.error(request, CLOSED_MEANWHILE.format(who=review.closed_by))
    return _page(request, review, _Forms(request, review), 409)


def _page(request: HttpRequest, review: LogReview, page: _Forms, status: int = 200) -> HttpResponse:
    context = {
        "title": f"{_(TITLE)} {review.pk}",
        "review": review,
        "rows": page.rows(),
        "whole": page.whole,
        "places_with_errors": [place for place, form in page.entries.items() if form.errors],
        "judged": len(page.read) - len(page.left),
        "first_left": page.left[0] if page.left else None,
        "due": _due(review) if not review.is_open else None,
    }
    return render(request, "admin/log_review.html", {**admin.site.each_context(request), **context}, status=status)


def _due(review: LogReview) -> date | None:
    [due] = reviews.dues(CareProvider.objects.filter(pk=review.care_provider_id))
    return due.by
