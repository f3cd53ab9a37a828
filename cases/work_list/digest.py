"""Whether a page of the work list that stays open still shows what stands.

It asks every five seconds (static/js/list.js). The answer is `version`, which PostgreSQL makes of what the list's own
queries find; the page itself is made only where that differs.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import Any

from django.conf import settings
from django.db.models import Case as Choose
from django.db.models import (
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
    When,
)
from django.db.models.functions import Now
from django.db.models.lookups import LessThan, LessThanOrEqual

from cases import holding, presence
from cases.models import Case
from cases.work_list.choice import OPEN, Choice
from cases.work_list.reading import (
    COLUMNS,
    FOR_THE_LOG,
    LISTED_AT_MOST,
    OF_PATIENT,
    PAGE_SIZE,
    counted,
    listed,
    queues_of,
)
from consent.models import Consent, Withdrawal
from sms.circuit_breaker import SHOWN_AFTERWARDS
from sms.models import ProviderState, SendingStop
from teleq.clock import MINUTE
from teleq.models import Queue, Today, User
from teleq.prepared import Digest


def version(user: User, chosen: Choice) -> str:
    """Another one whenever the user may see something else: one statement, which reads nothing of any patient. Time
    alone changes it where a row passes from one section to the next, where something lapses, and when a new day begins;
    minutes are counted in the page. It may change where nothing is seen of it; then the page is made once for nothing.

    Keyed, as it is a digest of what is known of patients and stands in an address.
    """
    digest = _digest(chosen.status, chosen.order, chosen.queue_id is not None, chosen.page)(**chosen.ids(user))
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
            queues_of.make(user),
            _as_seen(cases)[:listed_at_most],
            presence.of_queues.make(user),
            ProviderState.objects.filter(open_until__gt=Now() - SHOWN_AFTERWARDS).order_by("pk").values_list(),
            SendingStop.objects.in_force().order_by("pk").values_list("pk"),
        ]

    def of_all(user: int) -> list[QuerySet[Any, Any]]:
        return shown(listed(status, order, False).make(user), counted(status, False).make(user), user)

    def of_one(user: int, queue: int) -> list[QuerySet[Any, Any]]:
        return shown(listed(status, order, True).make(user, queue), counted(status, True).make(user, queue), user)

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
