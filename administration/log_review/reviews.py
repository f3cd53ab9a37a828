"""Reviews: drawn, judged entry by entry, closed; and when each care provider's next one is due.

A review belongs to its care provider, and not to whoever began it: another Loggranskare may take it up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.db import transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from access import access_log
from access.access_log import Act, Look
from access.models import AccessEntry
from administration.log_review import rules
from administration.log_review.rules import Period
from administration.log_review.sample import draw
from administration.models import LogReview, LogReviewInterval, ReviewedEntry
from teleq import changes
from teleq.changes import ChangedMeanwhile, Changes
from teleq.clock import database_now
from teleq.models import CareProvider, ProviderRole, User

TITLE = gettext_noop("Loggkontroll")
Outcome = LogReview.Outcome


class Closed(Exception):
    """The review has been closed by somebody: nothing in it can be changed. Nothing was stored."""


class NotDone(Exception):
    """The review can't be closed as it stands. Its text is a sentence for the page."""


# Drawing -------------------------------------------------------------------------------------------------------------


def begin(review: LogReview) -> LogReview | None:
    """Draw a new review's sample and store both; None, and nothing stored, where the rule finds nothing.

    The same press of the button is one review, however often it arrives.
    """
    period = Period(review.since, review.until)
    found = rules.find(
        LogReview.Rule(review.rule),
        review.care_provider,
        period,
        with_lists=review.with_lists,
        reviewer=review.made_by,
    )
    drawn = draw(found, review.size)
    if not drawn:
        return LogReview.objects.filter(press=review.press, made_by=review.made_by).first()
    with transaction.atomic():
        # Whoever presses again meanwhile waits here till the first has stored all.
        LogReview.objects.bulk_create([review], ignore_conflicts=True)
        stored = LogReview.objects.get(press=review.press)
        if stored.made_by_id != review.made_by_id or stored.care_provider_id != review.care_provider_id:
            return None
        if not stored.entries.exists():
            ReviewedEntry.objects.bulk_create(
                ReviewedEntry(
                    review=stored, place=place, entry_id=each.entry_id, entry_at=each.at, because=each.because
                )
                for place, each in enumerate(drawn, start=1)
            )
    return stored


# Reading -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Read:
    """An entry of the sample as the log has it, with what else the user did that day with the same patient."""

    reviewed: ReviewedEntry
    entry: AccessEntry | None
    """None where the log has dropped its month."""
    same_day: Sequence[AccessEntry]

    def is_own_of(self, user: User) -> bool:
        """Nobody judges what they did themselves: it waits for another Loggranskare."""
        return self.entry is not None and self.entry.user_id == user.pk


def read(review: LogReview, *, by: User) -> list[Read]:
    """The sample, which is noted in the access log itself: within the hour once. A fixed number of queries."""
    sample = list(review.entries.select_related("decided_by").order_by("place"))
    entries = _entries(review, sample)
    _note(review, entries.values(), by)
    around = _around(entries.values())
    return [Read(each, entries.get(each.entry_id), around.get(each.entry_id, [])) for each in sample]


def _entries(review: LogReview, sample: Sequence[ReviewedEntry]) -> dict[int, AccessEntry]:
    if not sample:
        return {}
    first, last = sample[0].entry_at, sample[-1].entry_at + timedelta(seconds=1)
    log = AccessEntry.objects.for_care_providers([review.care_provider_id]).between(first, last)
    found = log.filter(pk__in=[each.entry_id for each in sample])
    return {entry.pk: entry for entry in found.select_related("user", "queue", "care_provider")}


def _note(review: LogReview, entries: Iterable[AccessEntry], by: User) -> None:
    looks = [
        Look(
            Act.REVIEW,
            entry.care_provider_id,
            entry.queue_id,
            entry.phone_number,
            entry.person,
            entry.case_id,
            protected=entry.protected,
            why=f"{TITLE} {review.pk}",
            unless_lately=True,
        )
        for entry in entries
    ]
    access_log.note_all(by, dict.fromkeys(looks))  # a patient may be in the sample several times


# Each probe is into one user's day, by the index access_by_user.
AROUND = """
    SELECT other.*, sampled.id AS sampled_id
    FROM unnest(%(ids)s::bigint[], %(users)s::bigint[], %(begins)s::timestamptz[], %(ends)s::timestamptz[],
                %(numbers)s::text[], %(persons)s::text[], %(cases)s::bigint[])
         AS sampled (id, user_id, begins, ends, phone_number, person, case_id)
    JOIN access_accessentry AS other
      ON other.user_id = sampled.user_id AND other.at >= sampled.begins AND other.at < sampled.ends
     AND other.at >= %(first)s AND other.at < %(last)s
     AND other.care_provider_id = %(provider)s AND other.id <> sampled.id
     AND (other.case_id = sampled.case_id
          OR other.person = sampled.person AND sampled.person <> ''
          OR other.phone_number = sampled.phone_number AND sampled.phone_number <> '')
    ORDER BY other.at, other.id
"""


def _around(entries: Iterable[AccessEntry]) -> dict[int, list[AccessEntry]]:
    """What each entry's user did the same day with the same patient, by the entry's id."""
    of_users = [entry for entry in entries if entry.user_id]
    if not of_users:
        return {}
    days = [Period(day, day) for day in (timezone.localdate(entry.at) for entry in of_users)]
    parameters = {
        "ids": [entry.pk for entry in of_users],
        "users": [entry.user_id for entry in of_users],
        "begins": [day.begins for day in days],
        "ends": [day.ends for day in days],
        "numbers": [entry.phone_number for entry in of_users],
        "persons": [entry.person for entry in of_users],
        "cases": [entry.case_id for entry in of_users],
        "first": min(day.begins for day in days),
        "last": max(day.ends for day in days),
        "provider": of_users[0].care_provider_id,
    }
    around: dict[int, list[AccessEntry]] = {}
    for other in AccessEntry.objects.raw(AROUND, parameters):
        sampled_id: int = other.sampled_id  # type: ignore[attr-defined]  # which the statement adds
        around.setdefault(sampled_id, []).append(other)
    return around


# Judging -------------------------------------------------------------------------------------------------------------


@transaction.atomic
def save(
    review: LogReview, whole: Changes, of_entries: Mapping[int, Changes], *, by: User, closing: bool = False
) -> None:
    """Store what was changed on the page of the review as a whole and of its entries, by their ids; and close it.

    Raises Closed, ChangedMeanwhile and NotDone; then nothing is stored.
    """
    held = LogReview.objects.select_for_update(no_key=True).get(pk=review.pk)
    if not held.is_open:
        raise Closed
    entries = held.entries.select_for_update(no_key=True).filter(pk__in=of_entries).order_by("pk")
    now = database_now()
    for entry in entries:
        if changed := changes.put(entry, of_entries[entry.pk]):
            entry.decided_by, entry.decided_at = by, now
            entry.save(update_fields=[*changed, "decided_by", "decided_at"])
    changed = changes.put(held, whole)
    if closing:
        if problem := why_not_closed(held):
            raise NotDone(problem)
        held.closed_by, held.closed_at = by, now
        changed += ["closed_by", "closed_at"]
    if changed:
        held.changed_by = by
        held.save(update_fields=[*changed, "changed_by"])


def why_not_closed(review: LogReview) -> str:
    """What is missing before the review can be closed, in a sentence; empty where nothing is."""
    if not review.outcome:
        return _("Välj ett resultat för hela loggkontrollen.")
    if review.outcome != Outcome.NOTHING and not review.action.strip():
        why = _("varför den avbryts") if review.outcome == Outcome.BROKEN_OFF else _("vad som görs eller har gjorts")
        return _("Skriv under Åtgärd %(why)s.") % {"why": why}
    if review.outcome == Outcome.BROKEN_OFF:
        return ""
    outcomes = list(review.entries.values_list("outcome", flat=True))
    if left := outcomes.count(""):
        return _("%(left)s av %(outcomes)s åtkomster är inte bedömda.") % {"left": left, "outcomes": len(outcomes)}
    if review.outcome == Outcome.NOTHING and any(each != ReviewedEntry.Outcome.JUSTIFIED for each in outcomes):
        return _("Någon åtkomst är oklar eller obefogad: resultatet kan inte vara Inget att anmärka.")
    return ""


# When the next is due ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Due:
    """When a care provider's log is to be reviewed the next time."""

    provider: CareProvider
    by: date | None
    """None where its administrator has not chosen how often."""
    last: date | None
    """When the last review was closed."""

    @property
    def overdue(self) -> bool:
        return self.by is not None and self.by < timezone.localdate()


def dues(providers: QuerySet[CareProvider]) -> list[Due]:
    """By name. Counted from the last review, or from the day when it was chosen how often. One query."""
    interval = LogReviewInterval.objects.filter(care_provider=OuterRef("pk"))
    done = LogReview.objects.carried_out().filter(care_provider=OuterRef("pk")).order_by("-closed_at")
    found = providers.annotate(
        review_days=Subquery(interval.values("days")),
        review_days_chosen_at=Subquery(interval.values("chosen_at")),
        reviewed_at=Subquery(done.values("closed_at")[:1]),
    ).order_by("name")
    return [_due(each) for each in found]


def _due(provider: CareProvider) -> Due:
    days, chosen_at, reviewed_at = (
        getattr(provider, name) for name in ("review_days", "review_days_chosen_at", "reviewed_at")
    )
    last = timezone.localdate(reviewed_at) if reviewed_at else None
    if not days:
        return Due(provider, None, last)
    return Due(provider, (last or timezone.localdate(chosen_at)) + timedelta(days=days), last)


def overdue(user: User) -> list[Due]:
    """Of the care providers whose log the user reviews, or whose administrator it is. One query."""
    return [due for due in dues(CareProvider.objects.for_user(user)) if due.overdue]


def reviewed_by(user: User) -> QuerySet[CareProvider]:
    """The care providers whose log the user reviews."""
    return CareProvider.objects.for_user(user, ProviderRole.LOG_REVIEWER)


def interval_of(provider: CareProvider) -> LogReviewInterval:
    """How often, which is not at all till it is chosen."""
    return LogReviewInterval.objects.get_or_create(care_provider=provider)[0]


@transaction.atomic
def choose_interval(provider: CareProvider, changed: Changes, *, by: User) -> None:
    """Choose how often, counted from now on where nothing has been reviewed. Raises ChangedMeanwhile."""
    stored = LogReviewInterval.objects.select_for_update(no_key=True).filter(care_provider=provider).first()
    if stored is None:
        raise ChangedMeanwhile
    if fields := changes.put(stored, changed):
        stored.chosen_by, stored.chosen_at = by, database_now()
        stored.save(update_fields=[*fields, "chosen_by", "chosen_at"])
