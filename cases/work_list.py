"""The work list: the user's cases by booked time, a page at a time, in a fixed number of queries.

A page that stays open asks every five seconds whether what it shows has changed (static/js/list.js). The answer is
`version`, which PostgreSQL makes of what the list's own queries find; the page itself is made only where that differs,
of tuples rather than models: to make a model's object of each row, with its telephone numbers parsed, would cost more
than all the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict
from urllib.parse import urlencode

from django.conf import settings
from django.core.paginator import Page, Paginator
from django.db.models import Case as Choose
from django.db.models import (
    Count,
    DateTimeField,
    Exists,
    ExpressionWrapper,
    F,
    Func,
    IntegerField,
    OuterRef,
    QuerySet,
    Subquery,
    TextField,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Now
from django.db.models.lookups import LessThan, LessThanOrEqual
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from cases import holding, inbound, needs, presence
from cases.models import CLOSED, Case, CaseQuerySet, Priority, Status, shows_consent
from consent.models import Answer, Consent, NumberKey, Withdrawal
from consent.verdict import answer_in_force
from sms import brake
from sms.circuit_breaker import SHOWN_AFTERWARDS, open_circuit
from sms.models import ProviderState, SendingStop
from teleq.addresses import address
from teleq.clock import MINUTE, database_now, start_of_day
from teleq.models import Outcome, Queue, Today, User, full_name
from teleq.phone_numbers import number_text, show
from teleq.prepared import Digest, Prepared
from teleq.swedish import clock, how_long, of_planned
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
    released_at: datetime | None
    """When it is released, where that is soon and the user is who has it."""
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
    def consent_key(self) -> NumberKey:
        return (self.queue.care_provider_id, self.phone_number)


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


@dataclass
class WorkList:
    """All that the page of the list is made of."""

    chosen: Choice
    queues: list[OwnQueue]
    page: Page[Row]
    at: datetime
    open_circuit: ProviderState | None
    sending_stop: SendingStop | None
    version: str
    """As `version` told it before anything was read: what comes meanwhile is asked for again."""
    rows: list[Row] = field(init=False)

    def __post_init__(self) -> None:
        self.rows = list(self.page)

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
    shown = version(user, chosen)
    queues = own_queues(user)
    if chosen.queue_id not in {queue.pk for queue in queues}:
        chosen = replace(chosen, queue_id=None)
    page, found = _page(user, chosen)
    at = database_now()
    page.object_list = _rows(found, queues, user, at)
    queue_ids = [chosen.queue_id] if chosen.queue_id else [queue.pk for queue in queues]
    chosen = replace(chosen, page=page.number)
    return WorkList(chosen, queues, page, at, open_circuit(queue_ids), brake.in_force(), shown)


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
    told = _told(Case.objects.filter(pk__in=chosen), own, user.pk).order_by("-callback_at", "-id")
    return _rows(list(told.values_list(*COLUMNS)), own_queues(user), user, at)


def of_queue(queue: Queue, at: datetime) -> list[Row]:
    """All open cases of a queue as its list shows them, for nobody in particular: what its reserve list is made of. A
    fixed number of queries. The queue with its `outgoing_sms`."""
    own = Case.objects.in_queues(Queue.objects.filter(pk=queue.pk)).open()
    found = _told(own, own, None).order_by(*SORTS["time"]).values_list(*COLUMNS)
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
    parts = ((section, [row for row in rows if row["section"] is section]) for section in SECTIONS)
    return [(section, rows) for section, rows in parts if rows]


# Whether it still shows what stands ----------------------------------------------------------------------------------


def version(user: User, chosen: Choice) -> str:
    """Another one whenever the user may see something else: one statement, which reads nothing of any patient. Time
    alone changes it where a row passes from one section to the next, where something lapses, and when a new day begins;
    minutes are counted in the page. It may change where nothing is seen of it; then the page is made once for nothing.

    Keyed, as it is a digest of what is known of patients and stands in an address.
    """
    ids = {"user": user.pk} | ({"queue": chosen.queue_id} if chosen.queue_id is not None else {})
    digest = _digest(chosen.status, chosen.order, chosen.queue_id is not None, chosen.page)(**ids)
    return blake2b(digest.encode(), key=settings.SECRET_KEY.encode()[:64], digest_size=12).hexdigest()


@lru_cache(maxsize=256)
def _digest(status: str, order: str, in_one_queue: bool, page: int) -> Digest:
    """Of the rows up to the end of the page, as it is the last one that is shown where there are fewer by now. How many
    cases there are is told by the queues, but where others than the open ones are listed."""
    listed_at_most = min(page * PAGE_SIZE + 1, LISTED_AT_MOST)

    def shown(cases: QuerySet[Case, Any], counted: QuerySet[Case, Any], user: int) -> list[QuerySet[Any, Any]]:
        how_many = () if status == OPEN else (RowCount(counted[:LISTED_AT_MOST]),)
        own = Queue.objects.for_user(User(pk=user))
        return [
            own.values_list(Today(), *how_many)[:1],
            _own_queues.make(user),
            _as_seen(cases)[:listed_at_most],
            presence.of_queues.make(user),
            ProviderState.objects.filter(open_until__gt=Now() - SHOWN_AFTERWARDS).order_by("pk").values_list(),
            SendingStop.objects.in_force().order_by("pk").values_list("pk"),
        ]

    def of_all(user: int) -> list[QuerySet[Any, Any]]:
        return shown(_listed(status, order, False).make(user), _counted(status, False).make(user), user)

    def of_one(user: int, queue: int) -> list[QuerySet[Any, Any]]:
        return shown(_listed(status, order, True).make(user, queue), _counted(status, True).make(user, queue), user)

    return Digest(of_one if in_one_queue else of_all, is_kept=page == 1)


class RowCount(Subquery):
    """How many rows a query finds, within another query."""

    template = "(SELECT count(*) FROM (%(subquery)s) AS counted)"
    output_field = IntegerField()


def _as_seen(cases: QuerySet[Case, Any]) -> QuerySet[Case, Any]:
    """What the user may see of each, and what is told of it by other tables or by time."""
    number = {"care_provider": OuterRef("queue__care_provider"), "phone_number": OuterRef("phone_number")}
    to_be_called = ExpressionWrapper(Now() + F("queue__early_minutes") * MINUTE, output_field=DateTimeField())
    return cases.values_list(
        *(column for column in COLUMNS if column not in (*OF_PATIENT, FOR_THE_LOG)),
        Choose(When(protected=False, then=Func(*OF_PATIENT, function="ROW", output_field=TextField())), default=None),
        LessThan(F("callback_at"), Now()),
        LessThanOrEqual(F("callback_at"), to_be_called),
        LessThanOrEqual(F("call_began_at"), Now() - holding.CALL_LASTS),
        Exists(Withdrawal.objects.filter(**number)),
        Subquery(Consent.objects.filter(**number).values("answer")),
        Exists(Consent.objects.filter(valid_until__gt=Now(), **number)),
    )


# Read ----------------------------------------------------------------------------------------------------------------

OF_PATIENT = ("name", "reason", "interpreter_language", "speak_with", "phone_number")
"""What is hidden of who has protected personal data."""
FOR_THE_LOG = "personal_identity_number"
COLUMNS = (
    *("pk", "queue_id", "callback_at", *OF_PATIENT, FOR_THE_LOG),
    *("status", "outcome", "priority", "attempts", "taken_at", "call_began_at", "released_at", "assignee_id"),
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
        own = Case.objects.for_user(User(pk=user))
        told = _told(cases, own, user).order_by(*SORTS[order.removeprefix("-")])
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


def _told(cases: CaseQuerySet, among: CaseQuerySet, user: int | None) -> CaseQuerySet:
    """Each with what the list shows of it. Whether its number has several open cases is asked among the others: all of
    the user's, whichever are shown. Nobody in particular is told when any is released."""
    same = among.open().filter(phone_number=OuterRef("phone_number")).exclude(pk=OuterRef("pk"))
    told: CaseQuerySet = cases.with_protection().annotate(
        unread_sms=inbound.unread_of_case(),
        more_on_number=Exists(same),
        released_at=holding.warned_at(user) if user else Value(None, DateTimeField()),
    )
    return told


def _rows(found: Iterable[tuple[Any, ...]], queues: list[OwnQueue], user: User | None, at: datetime) -> list[Row]:
    """As the user sees them. Without one nothing is told of who has them open."""
    cases = list(_cases(found, {queue.pk: queue for queue in queues}))
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
