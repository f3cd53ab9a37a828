"""The work list: the user's cases by booked time, a page at a time, in a fixed number of queries.

A page that stays open asks every five seconds whether what it shows has changed (static/js/list.js). The answer is in
`WorkList.version`, a digest of all that the page is made of; the page itself is made only where that differs. So both
are read by the same queries, in tuples rather than models: to make a model's object of each row, with its telephone
numbers parsed, would cost more than all the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from functools import cached_property, lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from django.conf import settings
from django.core.paginator import Page, Paginator
from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from cases import holding, inbound, needs, presence
from cases.models import CLOSED, Case, CaseQuerySet, Priority, Status, shows_consent
from consent.models import Answer, Consent, NumberKey
from consent.verdict import answer_in_force
from sms import brake
from sms.circuit_breaker import open_circuit
from sms.models import ProviderState, SendingStop
from teleq.clock import database_now
from teleq.models import Outcome, Queue, User, full_name
from teleq.phone_numbers import number_text
from teleq.prepared import Prepared
from teleq.swedish import clock, how_long
from teleq.whole_numbers import whole_number

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

PAGE_SIZE = 50
LISTED_AT_MOST = 5000

# Chosen --------------------------------------------------------------------------------------------------------------

OPEN, MINE, ALL = "open", "mine", "all"
STATUS_CHOICES = [
    (OPEN, gettext_lazy("Öppna")),
    (MINE, gettext_lazy("Mina")),
    *Status.choices,
    (ALL, gettext_lazy("Alla")),
]
WITH_CLOSED = (ALL, *CLOSED)
SORTS = {
    "time": ("callback_at", "id"),
    "status": ("-status", "callback_at", "id"),  # their names in code happen to be in the order of the work, backwards
    "priority": ("priority", "callback_at", "id"),
}
"""What the list may be sorted by. Each has its indexes; with a minus before it, it is read backwards."""


@dataclass(frozen=True)
class Choice:
    """What the user has chosen to see, as it stands in the address of the list and of the cases opened from it.

    Anything unknown reads as the default.
    """

    queue_id: int | None = None
    status: str = OPEN
    sort: str = ""
    """One of `SORTS`, with a minus where it is backwards; empty where it is the default."""
    page: int = 1

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Choice:
        status = query.get("status", OPEN)
        chosen = cls(
            queue_id=whole_number(query.get("queue", "")),
            status=status if status in dict(STATUS_CHOICES) else OPEN,
            page=whole_number(query.get("page", "")) or 1,
        )
        sort = query.get("sort", "")
        known = sort.removeprefix("-") in SORTS and sort != chosen.order
        return replace(chosen, sort=sort) if known else chosen

    @property
    def order(self) -> str:
        """As `sort`, said in any case: by time, and where closed ones are among them the latest first."""
        return self.sort or ("-time" if self.status in WITH_CLOSED else "time")

    @property
    def in_sections(self) -> bool:
        return self.order == "time" and self.status not in WITH_CLOSED

    def but(self, **changed: Any) -> Choice:
        """Another choice, on its first page."""
        return replace(self, **{"page": 1, **changed})

    @cached_property
    def query(self) -> str:
        """With its question mark; empty where all is as by default."""
        chosen = {"queue": self.queue_id, "status": self.status, "sort": self.sort, "page": self.page}
        defaults = {"queue": None, "status": OPEN, "sort": "", "page": 1}
        told = {name: value for name, value in chosen.items() if value != defaults[name]}
        return f"?{urlencode(told)}" if told else ""


# Shown ---------------------------------------------------------------------------------------------------------------


class Section(NamedTuple):
    """A part of the list: when its cases are to be called."""

    name: str
    heading: StrOrPromise


LATE, NOW = Section("late", gettext_lazy("Försenade")), Section("now", gettext_lazy("Att ringa nu"))
TODAY, COMING = Section("today", gettext_lazy("Senare idag")), Section("coming", gettext_lazy("Kommande dagar"))
SECTIONS = (LATE, NOW, TODAY, COMING)


class OwnQueue(NamedTuple):
    """One of the user's queues."""

    pk: int
    unit: str
    name: str
    care_provider_id: int
    max_attempts: int
    early_minutes: int
    release_minutes: int
    consent_required: bool | None
    """None where its settings are missing."""
    open_cases: int
    unread_sms: int
    held: int
    """How many of its cases the user has."""

    def __str__(self) -> str:
        return f"{self.unit} {self.name}"


@dataclass
class ListedCase:
    """What is read of a case."""

    pk: int
    queue_id: int
    callback_at: datetime
    name: str
    reason: str
    interpreter_language: str
    speak_with: str
    phone_number: str
    personal_identity_number: str
    """For the access log."""
    status: str
    outcome: str
    priority: int
    attempts: int
    taken_at: datetime | None
    call_began_at: datetime | None
    releases_at: datetime | None
    """When it is released, unless whoever has it comes back."""
    assignee_id: int | None
    assignee: str
    queue: OwnQueue
    protected: bool
    unread_sms: bool
    more_on_number: bool

    @property
    def is_open(self) -> bool:
        return self.status not in CLOSED

    @property
    def status_text(self) -> str:
        text = _(TEXTS[self.status])
        return f"{text} – {self.assignee}" if self.assignee else text

    @property
    def outcome_text(self) -> str:
        return _(TEXTS[self.outcome]) if self.outcome else ""

    @property
    def is_urgent(self) -> bool:
        return self.priority == Priority.URGENT

    @property
    def needs(self) -> list[str]:
        return needs.in_words(self.interpreter_language, self.speak_with)

    @property
    def consent_key(self) -> NumberKey:
        return (self.queue.care_provider_id, self.phone_number)


with override(settings.LANGUAGE_CODE):
    TEXTS = {each.value: str(each.label) for each in (*Status, *Outcome, *Answer)}
    """The words of what a row shows, to be translated there: to ask a choice for its label costs twice as much."""


@dataclass
class Row:
    case: ListedCase
    section: Section
    answer: Answer | None
    """None where the case doesn't show Samtycke till SMS."""
    to_be_asked: bool
    """Nobody has answered for the number, or the answer has lapsed. A chosen Ej valt is an answer."""
    more_on_number: bool
    """The patient's number has another open case in the user's queues. Not told of a case that is hidden."""
    overdue: bool
    unread_sms: bool
    """The patient has sent an SMS, and nobody has read it."""
    hidden: bool
    """The patient has protected personal data: neither name, number, reason nor what they need is shown."""
    open_at: list[str]
    """The colleagues who have the case open now, beside whoever has taken it."""
    released_at: datetime | None
    """When it is released, where that is soon and the user is who has it."""
    call: str
    """That a call is under way, or that one has no result yet; else empty."""
    at: datetime
    """When it was read."""

    @property
    def answer_text(self) -> str:
        return _(TEXTS[self.answer]) if self.answer else ""

    @property
    def time(self) -> str:
        """ "10.30"; of an overdue case of another day "från igår 10.30"."""
        written = clock(self.case.callback_at)
        return _("från %(time)s") % {"time": written} if self.overdue and not self.late_for else written

    @cached_property
    def late_for(self) -> str:
        """ "45 min försenad", of an overdue case of today. The page counts on by itself."""
        if not self.overdue or timezone.localdate(self.case.callback_at) < timezone.localdate(self.at):
            return ""
        return _("%(how_long)s försenad") % {"how_long": how_long(self.at - self.case.callback_at)}

    @cached_property
    def below_name(self) -> list[str]:
        """What the patient needs and why they call, in the row's second line."""
        if self.hidden:
            return []
        return [*self.case.needs, *([self.case.reason] if self.case.reason else [])]

    @property
    def seen(self) -> tuple[object, ...]:
        """What the user may see of it, but for what time alone changes."""
        case = self.case
        needed = (case.interpreter_language, case.speak_with)
        patient = ("",) if self.hidden else (case.name, case.reason, *needed, case.phone_number)
        stands = (case.queue_id, case.status, case.outcome, case.priority, case.attempts)
        whose = (case.assignee_id, case.assignee)
        told = (self.answer, self.to_be_asked, self.more_on_number, self.unread_sms)
        others = (self.open_at, self.released_at, self.call)
        return (case.pk, case.callback_at, self.section.name, self.hidden, *patient, *stands, *whose, *told, *others)


@dataclass
class WorkList:
    """All that the page of the list is made of."""

    chosen: Choice
    queues: list[OwnQueue]
    page: Page[Row]
    at: datetime
    open_circuit: ProviderState | None
    sending_stop: SendingStop | None
    rows: list[Row] = field(init=False)

    def __post_init__(self) -> None:
        self.rows = list(self.page)

    @cached_property
    def version(self) -> str:
        """Another one whenever the user may see something else. Time alone changes it where a row passes from one
        section to the next, and when a new day begins; minutes are counted in the page.

        Keyed, as it is a digest of what is known of patients and stands in an address.
        """
        circuit = self.open_circuit and self.open_circuit.shut_status
        stop = self.sending_stop and self.sending_stop.pk
        around = (self.queues, circuit, stop, self.page.number, self.page.paginator.num_pages, self.more_than_listed)
        seen = (timezone.localdate(self.at), around, [row.seen for row in self.rows])
        return blake2b(repr(seen).encode(), key=settings.SECRET_KEY.encode()[:64], digest_size=12).hexdigest()

    @property
    def open_cases(self) -> int:
        return sum(queue.open_cases for queue in self.queues)

    @property
    def held(self) -> int:
        return sum(queue.held for queue in self.queues)

    @property
    def inbound_sms(self) -> int:
        return sum(queue.unread_sms for queue in self.queues)

    @property
    def more_than_listed(self) -> bool:
        return self.page.paginator.count == LISTED_AT_MOST and not self.page.has_next()

    @property
    def shows_queue(self) -> bool:
        return len(self.queues) > 1 and not self.chosen.queue_id

    @property
    def tabs(self) -> list[tuple[str, OwnQueue | None, bool]]:
        """Address, queue and whether it is the chosen one; first all of them."""
        return [
            (self.chosen.but(queue_id=queue and queue.pk).query, queue, self.chosen.queue_id == (queue and queue.pk))
            for queue in (None, *self.queues)
        ]

    @property
    def sorting(self) -> dict[str, tuple[str, str]]:
        """Of each heading that the list may be sorted by: where it leads, and how the list is sorted by it now."""
        by, backwards = self.chosen.order.removeprefix("-"), self.chosen.order.startswith("-")
        told = {}
        for name in SORTS:
            now = ("descending" if backwards else "ascending") if name == by else ""
            sort = f"-{name}" if now == "ascending" else name
            told[name] = (Choice.of({**_asked(self.chosen), "sort": sort}).query, now)
        return told

    @property
    def previous(self) -> str:
        return self.chosen.but(page=self.page.previous_page_number()).query if self.page.has_previous() else ""

    @property
    def next(self) -> str:
        return self.chosen.but(page=self.page.next_page_number()).query if self.page.has_next() else ""

    @property
    def sections(self) -> list[tuple[Section | None, list[Row]]]:
        """The rows by their sections; in one without a heading where the list is sorted by something else."""
        if not self.chosen.in_sections:
            return [(None, self.rows)]
        return [*in_sections(self.rows)]


def _asked(chosen: Choice) -> dict[str, str]:
    return {"queue": str(chosen.queue_id or ""), "status": chosen.status}


def work_list(user: User, chosen: Choice) -> WorkList:
    queues = own_queues(user)
    if chosen.queue_id not in {queue.pk for queue in queues}:
        chosen = replace(chosen, queue_id=None)
    page, found = _page(user, chosen)
    at = database_now()
    page.object_list = _rows(found, queues, user, at)
    shown = [chosen.queue_id] if chosen.queue_id else [queue.pk for queue in queues]
    chosen = replace(chosen, page=page.number)
    return WorkList(chosen, queues, page, at, open_circuit(shown), brake.in_force())


def context(user: User, chosen: Choice) -> dict[str, Any]:
    shown = work_list(user, chosen)
    return {**told(shown), "statuses": STATUS_CHOICES}


def told(shown: WorkList) -> dict[str, Any]:
    """What the templates need of what changes by itself."""
    around = {"open_circuit": shown.open_circuit, "sending_stop": shown.sending_stop}
    return {"listing": shown, "rows": shown.rows, "chosen": shown.chosen, **around}


def latest(user: User, cases: CaseQuerySet, at_most: int, at: datetime) -> list[Row]:
    """Of these cases the latest, as the list shows them. What it shows is asked for of those alone."""
    chosen = cases.order_by("-callback_at", "-id").values("pk")[:at_most]
    own = Case.objects.for_user(user)
    found = _told(Case.objects.filter(pk__in=chosen), own).order_by("-callback_at", "-id").values_list(*COLUMNS)
    return _rows(list(found), own_queues(user), user, at)


def of_queue(queue: Queue, at: datetime) -> list[Row]:
    """All open cases of a queue as its list shows them, for nobody in particular: what its reserve list is made of. A
    fixed number of queries. The queue with its `outgoing_sms`."""
    own = Case.objects.in_queues(Queue.objects.filter(pk=queue.pk)).open()
    found = _told(own, own).order_by(*SORTS["time"]).values_list(*COLUMNS)
    outgoing_sms = queue.outgoing_sms_or_none
    as_own = OwnQueue(
        queue.pk,
        queue.unit,
        queue.name,
        queue.care_provider_id,
        queue.max_attempts,
        queue.early_minutes,
        queue.release_minutes,
        outgoing_sms.consent_required if outgoing_sms else None,
        open_cases=0,  # nobody asks for them
        unread_sms=0,
        held=0,
    )
    return _rows(list(found), [as_own], None, at)


def in_sections(rows: Iterable[Row]) -> list[tuple[Section, list[Row]]]:
    """Rows by their sections; those without any are left out."""
    parts = ((section, [row for row in rows if row.section == section]) for section in SECTIONS)
    return [(section, rows) for section, rows in parts if rows]


# Read ----------------------------------------------------------------------------------------------------------------

COLUMNS = (
    *("pk", "queue_id", "callback_at", "name", "reason", "interpreter_language", "speak_with"),
    *("phone_number", "personal_identity_number"),
    *("status", "outcome", "priority", "attempts", "taken_at", "call_began_at", "releases_at", "assignee_id"),
    *("assignee__first_name", "assignee__last_name", "assignee__username"),
    *("protected", "unread_sms", "more_on_number"),
)
"""What is read of each case, in this order."""
NUMBER = COLUMNS.index("phone_number")


def own_queues(user: User) -> list[OwnQueue]:
    return [OwnQueue(*row) for row in _own_queues(user=user.pk)]


@Prepared
def _own_queues(user: int) -> QuerySet[Queue, Any]:
    counted = Queue.objects.for_user(User(pk=user)).annotate(
        open_cases=_count_by_queue(Case.objects.open()),
        unread_sms=_count_by_queue(inbound.without_case()),
        held=_count_by_queue(holding.held_by(User(pk=user))),
    )
    settings = ("max_attempts", "early_minutes", "release_minutes", "outgoing_sms__consent_required")
    return counted.values_list("pk", "unit", "name", "care_provider_id", *settings, "open_cases", "unread_sms", "held")


def _count_by_queue(rows: QuerySet[Any]) -> Coalesce:
    """How many of these a queue has, for a query of queues."""
    of_queue = rows.filter(queue=OuterRef("pk")).order_by().values("queue")
    return Coalesce(Subquery(of_queue.annotate(how_many=Count("pk")).values("how_many")), 0)


def _page(user: User, chosen: Choice) -> tuple[Page[Any], list[tuple[Any, ...]]]:
    """The chosen page, or the last, and its cases.

    Counted only where there is more than one, and as far as anybody turns pages: to count a million takes longer than
    all the rest of the page.
    """
    in_one = chosen.queue_id is not None
    ids = {"user": user.pk} | ({"queue": chosen.queue_id} if chosen.queue_id is not None else {})
    listed, counted = _listed(chosen.status, chosen.order, in_one), _counted(chosen.status, in_one)
    pages: Paginator[Any] = Paginator([], PAGE_SIZE)
    found = listed.page(PAGE_SIZE + 1, 0, **ids) if chosen.page == 1 else []
    is_all = chosen.page == 1 and len(found) <= min(PAGE_SIZE, LISTED_AT_MOST)
    pages.count = len(found) if is_all else counted.count(LISTED_AT_MOST, **ids)
    page = pages.get_page(chosen.page)
    before = (page.number - 1) * PAGE_SIZE
    if chosen.page > 1:
        found = listed.page(PAGE_SIZE, before, **ids)
    return page, found[: min(PAGE_SIZE, pages.count - before)]


@lru_cache(maxsize=256)
def _listed(status: str, order: str, in_one_queue: bool) -> Prepared[Any]:
    def listed(cases: CaseQuerySet, user: int) -> QuerySet[Case, Any]:
        told = _told(cases, Case.objects.for_user(User(pk=user))).order_by(*SORTS[order.removeprefix("-")])
        return (told.reverse() if order.startswith("-") else told).values_list(*COLUMNS)

    def of_all(user: int) -> QuerySet[Case, Any]:
        return listed(_chosen(status, user), user)

    def of_one(user: int, queue: int) -> QuerySet[Case, Any]:
        return listed(_chosen(status, user).filter(queue=queue), user)

    return Prepared(of_one if in_one_queue else of_all)


@lru_cache(maxsize=64)
def _counted(status: str, in_one_queue: bool) -> Prepared[Any]:
    def of_all(user: int) -> QuerySet[Case, Any]:
        return _chosen(status, user).values_list("pk")

    def of_one(user: int, queue: int) -> QuerySet[Case, Any]:
        return of_all(user).filter(queue=queue)

    return Prepared(of_one if in_one_queue else of_all)


def _chosen(status: str, user: int) -> CaseQuerySet:
    cases = Case.objects.for_user(User(pk=user))
    if status in Status.values:
        cases = cases.filter(status=status)
    if status == MINE:
        cases = cases.filter(assignee=user)
    return cases if status in WITH_CLOSED else cases.open()


def _told(cases: CaseQuerySet, among: CaseQuerySet) -> CaseQuerySet:
    """Each with what the list shows of it. Whether its number has several open cases is asked among the others: all of
    the user's, whichever are shown."""
    same = among.open().filter(phone_number=OuterRef("phone_number")).exclude(pk=OuterRef("pk"))
    told: CaseQuerySet = cases.with_protection().annotate(
        unread_sms=inbound.unread_of_case(), more_on_number=Exists(same), releases_at=holding.releases_at()
    )
    return told


def _rows(found: Iterable[tuple[Any, ...]], queues: list[OwnQueue], user: User | None, at: datetime) -> list[Row]:
    """As the user sees them. Without one nothing is told of who has them open."""
    cases = list(_cases(found, {queue.pk: queue for queue in queues}))
    consents = Consent.objects.judged([case.consent_key for case in cases])
    open_at = presence.in_queues_of(user) if cases and user else {}
    tomorrow = _start_of_tomorrow(at)
    rows = []
    for case in cases:
        consent = consents.get(case.consent_key)
        answer = answer_in_force(consent, at)
        is_shown = shows_consent(case.queue.consent_required, answer)
        rows.append(
            Row(
                case=case,
                section=_section(case, at, tomorrow),
                answer=answer if is_shown else None,
                to_be_asked=case.is_open and is_shown and not (consent and consent.counts(at)),
                more_on_number=case.is_open and not case.protected and case.more_on_number,
                overdue=case.is_open and case.callback_at < at,
                unread_sms=case.is_open and case.unread_sms,
                hidden=case.protected,
                open_at=[name for name in open_at.get(case.pk, []) if name != case.assignee],
                released_at=holding.warned_of(case, at) if user and case.assignee_id == user.pk else None,
                call=holding.call_in_words(case, at),
                at=at,
            )
        )
    return rows


def _cases(found: Iterable[tuple[Any, ...]], queues: Mapping[int, OwnQueue]) -> Iterator[ListedCase]:
    for *columns, first_name, last_name, username, protected, unread_sms, more_on_number in found:
        columns[NUMBER] = number_text(columns[NUMBER])
        assignee = full_name(first_name, last_name, username) if username else ""
        queue = queues.get(columns[1])
        if queue:  # else somebody has been let into it in between
            yield ListedCase(*[*columns, assignee, queue, protected, unread_sms, more_on_number])


def _section(case: ListedCase, at: datetime, tomorrow: datetime) -> Section:
    """When the case is to be called; as early before its time as "Ta nästa ärende" gives it, it is to be called now."""
    if case.callback_at < at:
        return LATE
    if case.callback_at <= at + timedelta(minutes=case.queue.early_minutes):
        return NOW
    return TODAY if case.callback_at < tomorrow else COMING


def _start_of_tomorrow(at: datetime) -> datetime:
    tomorrow = timezone.localdate(at) + timedelta(days=1)
    return timezone.make_aware(datetime.combine(tomorrow, time.min))
