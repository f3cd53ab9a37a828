"""The work list's rows: each case in the words that are shown of it, and the section that it stands in."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from cases import holding, needs, presence
from cases.models import Priority, Status, shows_consent
from cases.work_list.reading import ListedCase, OwnQueue, cases_of
from consent.models import Answer, Consent
from consent.verdict import answer_in_force
from teleq.addresses import address
from teleq.clock import start_of_day
from teleq.models import Outcome, User
from teleq.phone_numbers import show
from teleq.swedish import clock, how_long, of_planned

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class Section(NamedTuple):
    """A part of the list: when its cases are to be called."""

    name: str
    heading: StrOrPromise


LATE, NOW = Section("late", gettext_lazy("Försenade")), Section("now", gettext_lazy("Att ringa nu"))
TODAY, COMING = Section("today", gettext_lazy("Senare idag")), Section("coming", gettext_lazy("Kommande dagar"))
SECTIONS = (LATE, NOW, TODAY, COMING)


with override(settings.LANGUAGE_CODE):
    TEXTS = {each.value: str(each.label) for each in (*Status, *Outcome, *Answer)}
    """The words of what a row shows, to be translated there: to ask a choice for its label costs twice as much."""


class Row(TypedDict):
    """A case in the words that its row shows. A dict, which a template finds the parts of in a third of the time."""

    case: ListedCase
    key: str
    """The row's id in the page."""
    section: Section
    mine: bool
    hidden: bool
    """The patient has protected personal data: neither name, number, reason nor what they need is shown."""
    address: str
    name: str
    time: str
    """ "10.30"; of an overdue case of another day "från igår 10.30"."""
    late_for: str
    """ "45 min försenad", of an overdue case of today. The page counts on by itself."""
    number: str
    below_name: str
    """What the patient needs and why they call, in the row's second line."""
    status: str
    outcome: str
    urgent: bool
    attempts: str
    answer: Answer | None
    """None where the case doesn't show Samtycke till SMS."""
    answer_text: str
    to_be_asked: bool
    """Nobody has answered for the number, or the answer has lapsed. A chosen Ej valt is an answer."""
    more_on_number: bool
    """The patient's number has another open case in the user's queues. Not told of a case that is hidden."""
    unread_sms: bool
    """The patient has sent an SMS, and nobody has read it."""
    open_at: list[str]
    """The colleagues who have the case open now, beside whoever has taken it."""
    released_at: datetime | None
    """When it is released, where that is soon and the user is who has it."""
    call: str
    """That a call is under way, or that one has no result yet; else empty."""


def in_sections(rows: Iterable[Row]) -> list[tuple[Section, list[Row]]]:
    """Rows by their sections; those without any are left out."""
    parts = ((section, [row for row in rows if row["section"] is section]) for section in SECTIONS)
    return [(section, rows) for section, rows in parts if rows]


def rows_of(found: Iterable[tuple[Any, ...]], queues: list[OwnQueue], user: User | None, at: datetime) -> list[Row]:
    """As the user sees them. Without one nothing is told of who has them open."""
    cases = list(cases_of(found, {queue.pk: queue for queue in queues}))
    consents = Consent.objects.judged([case.consent_key for case in cases])
    open_at = presence.in_queues_of(user) if cases and user else {}
    words = {value: _(text) for value, text in TEXTS.items()}
    no_name = _("Namn saknas")
    today, tomorrow = start_of_day(at), start_of_day(at, days=1)
    rows = []
    for case in cases:
        consent = consents.get(case.consent_key)
        answer = answer_in_force(consent, at)
        shows = shows_consent(case.queue.consent_required, answer)
        is_open, hidden = case.is_open, case.protected
        overdue, when = is_open and case.callback_at < at, clock(case.callback_at)
        late = how_long(at - case.callback_at) if overdue and case.callback_at >= today else ""
        below_name = [*needs.in_words(case.interpreter_language, case.speak_with), *filter(None, [case.reason])]
        status = words[case.status]
        rows.append(
            Row(
                case=case,
                key=f"case-{case.pk}",
                section=_section(case, at, tomorrow),
                mine=user is not None and case.assignee_id == user.pk,
                hidden=hidden,
                address=address("cases:case", case.pk),
                name=case.name or no_name,
                time=_("från %(time)s") % {"time": when} if overdue and not late else when,
                late_for=_("%(how_long)s försenad") % {"how_long": late} if late else "",
                number="" if hidden else show(case.phone_number),
                below_name="" if hidden else " · ".join(below_name),
                status=f"{status} – {case.assignee}" if case.assignee else status,
                outcome=words[case.outcome] if case.outcome else "",
                urgent=case.priority == Priority.URGENT,
                attempts=of_planned(case.attempts, case.queue.max_attempts),
                answer=answer if shows else None,
                answer_text=words[answer] if shows else "",
                to_be_asked=is_open and shows and not (consent and consent.counts(at)),
                more_on_number=is_open and not hidden and case.more_on_number,
                unread_sms=is_open and case.unread_sms,
                open_at=[name for name in open_at.get(case.pk, []) if name != case.assignee],
                released_at=case.released_at,
                call=holding.call_in_words(case, at),
            )
        )
    return rows


def _section(case: ListedCase, at: datetime, tomorrow: datetime) -> Section:
    """When the case is to be called; as early before its time as "Ta nästa ärende" gives it, it is to be called now."""
    if case.callback_at < at:
        return LATE
    if case.callback_at <= at + timedelta(minutes=case.queue.early_minutes):
        return NOW
    return TODAY if case.callback_at < tomorrow else COMING
