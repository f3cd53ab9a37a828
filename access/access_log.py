"""The log of who has looked at which patient's data, and who has changed them (patientdatalagen 4 kap. 3 §).

The one way to write it. Each entry is one care provider's: what is looked for or gathered in several care providers'
queues makes one for each. A look that can't be noted is none: NotNoted leads to 503 (teleq/middleware/try_again.py).

- A read is noted before the page is made, and committed by then: nothing is sent of what nobody noted.
- A change is noted in the transaction that makes it: both, or neither.
- A refusal is noted outside the transaction that it ends.

Session and address are those of the request that is being answered, if any is.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from allauth.core import context
from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.db.models import Choices
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_noop, override
from phonenumber_field.phonenumber import PhoneNumber

from access.models import AccessEntry
from access.sessions import name_of
from teleq.client_address import client_network
from teleq.models import TODAY, CareProvider, ProviderRole, Queue, Role, User
from teleq.phone_numbers import number_text
from teleq.whole_numbers import LARGEST_ID

logger = logging.getLogger(__name__)

Act = AccessEntry.Act
OPERATOR = gettext_noop("Systemförvaltare")
AGAIN_AFTER = timedelta(hours=1)
"""What a page shows again, by itself or as it is reloaded, is noted again after this long."""


class NotNoted(OperationalError):
    """The log can't be written. Whoever asked is told to try again, and shown nothing."""


@dataclass(frozen=True)
class Key:
    """A telephone system's key: `access` doesn't know where they are kept."""

    pk: int
    name: str


Who = User | Key | None
"""None: teleQ itself, which writes the reserve lists (`Act.RESERVE`), or who calls the telephone menu (`PHONE`)."""


@dataclass(frozen=True)
class Look:
    """One patient, in one queue or in all of a care provider's, and what was done. A row of the log."""

    act: AccessEntry.Act
    care_provider_id: int | None
    queue_id: int | None = None
    number: PhoneNumber | str | None = None
    """A PhoneNumber or E.164."""
    person: str = ""
    """A personnummer, in twelve characters."""
    case_id: int | None = None
    had_case: bool | None = None
    """Whether the patient had a case in the queue; None where that can't be said."""
    protected: bool = False
    """Whether the patient has skyddade personuppgifter."""
    why: str = ""
    """What the user has given as their reason, where they are asked for one; what they were refused."""
    unless_lately: bool = False
    """Whether it is left out where the log has it from the last hour: same user, session, act, case and patient. For
    what a page shows again as it is reloaded, or asks by itself. The log alone is asked: what the client says of itself
    is nothing to go by."""


def note(  # noqa: PLR0913  each is a column of the log
    who: Who,
    act: AccessEntry.Act,
    number: PhoneNumber | str | None,
    person: str | None = None,
    *,
    queue: Queue,
    case_id: int | None = None,
    had_case: bool | None = None,
    protected: bool = False,
    why: str = "",
) -> None:
    """Note a look at one patient in a queue."""
    look = Look(act, queue.care_provider_id, queue.pk, number, person or "", case_id, had_case, protected, why)
    note_all(who, [look])


def note_all(who: Who, looks: Iterable[Look]) -> None:
    """Note several looks in one statement. None leave none, and cost none."""
    rows = [_row(look) for look in looks]
    if not rows:
        return
    try:
        with connection.cursor() as cursor:
            cursor.execute(NOTE, _of_request(who) | {name: [row[name] for row in rows] for name in rows[0]})
    except (OperationalError, InterfaceError):
        raise
    except DatabaseError as error:
        logger.error("The access log can't be written: %s", type(error.__cause__ or error).__name__)
        raise NotNoted("The access log can't be written.") from error


def note_search(
    user: User, number: PhoneNumber | str | None, person: str | None, hits: Sequence[Look], told: str = ""
) -> None:
    """Note a search in all of the user's queues, with whom it showed. Whether or not anything was found.

    `told` is what was typed where that is no whole number or personnummer: of whom nobody can say.
    """
    searched = [
        Look(
            Act.SEARCH,
            provider,
            number=number,
            person=person or "",
            had_case=None if told else _among(hits, provider),
            why=told,
            unless_lately=True,
        )
        for provider in own_care_providers(user)
    ]
    note_all(user, [*searched, *hits])


def _among(hits: Iterable[Look], provider: int | None) -> bool | None:
    return None if provider is None else any(hit.care_provider_id == provider for hit in hits)


def note_in_providers(  # noqa: PLR0913  as with note
    who: Who,
    act: AccessEntry.Act,
    care_provider_ids: Iterable[int],
    number: PhoneNumber | str | None,
    person: str | None = None,
    *,
    had_case: bool | None = None,
    protected: bool = False,
) -> None:
    """Note a look at one patient in all the care providers' queues at once; in none, for who is a member of none."""
    providers: list[int | None] = [*sorted(set(care_provider_ids))]
    look = Look(act, None, number=number, person=person or "", had_case=had_case, protected=protected)
    note_all(who, [replace(look, care_provider_id=provider) for provider in providers or [None]])


def note_refused(who: Who, looks: Iterable[Look]) -> None:
    """Note that somebody was refused; within the hour once, as an open page may go on asking. Not within a transaction
    that is rolled back by the refusal."""
    note_all(who, [replace(look, act=Act.REFUSED, unless_lately=True) for look in looks])


def refused_what_is_not(user: User, case_id: int | None = None, why: str = "") -> list[Look]:
    """What is to be noted where the user asked for what there isn't, or for no patient in particular: their own care
    providers' reviewers see it."""
    whole = CareProvider.objects.for_user(user).values_list("pk", flat=True)
    providers = {*own_care_providers(user), *whole}
    told = providers - {None} or providers
    return [Look(Act.REFUSED, provider, case_id=case_id, why=why) for provider in told]


def own_care_providers(user: User) -> list[int | None]:
    """Those in which the user is a member of a queue; None alone where there are none."""
    own = Queue.objects.for_user(user).order_by().values_list("care_provider", flat=True).distinct()
    return [*sorted(own)] or [None]


# Writing -------------------------------------------------------------------------------------------------------------

COLUMNS = {
    "act": "text",
    "care_provider_id": "bigint",
    "queue_id": "bigint",
    "case_id": "bigint",
    "phone_number": "text",
    "person": "text",
    "had_case": "boolean",
    "protected": "boolean",
    "why": "text",
}
"""What differs between the looks of a page, and its type in PostgreSQL."""


def _row(look: Look) -> dict[str, Any]:
    return {
        "act": look.act.value,
        "care_provider_id": look.care_provider_id,
        "queue_id": look.queue_id,
        "case_id": look.case_id if look.case_id is None or look.case_id <= LARGEST_ID else None,
        "phone_number": "" if look.number is None else number_text(look.number),
        "person": look.person,
        "had_case": look.had_case,
        "protected": look.protected,
        "why": look.why[:300],
        "unless_lately": look.unless_lately,
    }


def _of_request(who: Who) -> dict[str, Any]:
    """What all looks of a page have in common. The hours around now only say which months are looked through, by this
    machine's clock; PostgreSQL's says what is lately."""
    request: HttpRequest | None = context.request
    session = request.session.session_key if request and isinstance(who, User) else None
    return {
        "user": who.pk if isinstance(who, User) else None,
        "key": who.pk if isinstance(who, Key) else None,
        "key_name": who.name if isinstance(who, Key) else "",
        "session": name_of(session) if session else "",
        "address": client_network(request) if request else None,
        "yesterday": timezone.now() - timedelta(days=1),
        "tomorrow": timezone.now() + timedelta(days=1),
        "again_after": AGAIN_AFTER,
    }


def _told(roles: type[Choices]) -> str:
    """In Swedish, as they are stored."""
    with override(settings.LANGUAGE_CODE):
        return " ".join(f"WHEN '{role}' THEN '{label}'" for role, label in roles.choices)


def _the_same(of: str) -> str:
    """What makes two entries of a session the same. Never NULL, so that PostgreSQL can look each up in a hash."""
    ids = ", ".join(f"COALESCE({of}.{column}, 0)" for column in ("care_provider_id", "queue_id", "case_id"))
    return f"{ids}, {of}.act, {of}.phone_number, {of}.person, {of}.why"


IN_FORCE = f"(until IS NULL OR until >= {TODAY.template})"
"""As `teleq.models.GivenQuerySet.in_force`."""

NOTE = f"""
    WITH role AS MATERIALIZED (
        SELECT queue_id, care_provider_id, CASE role {_told(Role)} END AS role
        FROM teleq_membership AS given JOIN teleq_queue ON teleq_queue.id = queue_id
        WHERE user_id = %(user)s AND {IN_FORCE}
        UNION ALL
        SELECT NULL, care_provider_id, CASE role {_told(ProviderRole)} END
        FROM teleq_careproviderrole WHERE user_id = %(user)s AND {IN_FORCE}
        UNION ALL
        SELECT NULL, NULL, '{OPERATOR}' FROM teleq_user WHERE id = %(user)s AND is_superuser
    ), place AS (
        SELECT care_provider_id, queue_id, (
            SELECT string_agg(DISTINCT role.role, ', ') FROM role
            WHERE (role.care_provider_id = shown.care_provider_id OR role.care_provider_id IS NULL)
              AND (role.queue_id = shown.queue_id OR role.queue_id IS NULL OR shown.queue_id IS NULL)
        ) AS roles
        FROM (SELECT DISTINCT * FROM unnest(%(care_provider_id)s::bigint[], %(queue_id)s::bigint[])
              AS shown (care_provider_id, queue_id)) AS shown
    )
    INSERT INTO access_accessentry (user_id, intake_key_id, intake_key_name, roles, session, address,
                                    {", ".join(COLUMNS)})
    SELECT %(user)s, %(key)s, %(key_name)s, COALESCE(place.roles, ''), %(session)s, %(address)s::inet,
           {", ".join(f"shown.{column}" for column in COLUMNS)}
    FROM unnest({", ".join(f"%({column})s::{kind}[]" for column, kind in COLUMNS.items())},
                %(unless_lately)s::boolean[])
         WITH ORDINALITY AS shown ({", ".join(COLUMNS)}, unless_lately, place_on_page)
    JOIN place ON place.care_provider_id IS NOT DISTINCT FROM shown.care_provider_id
              AND place.queue_id IS NOT DISTINCT FROM shown.queue_id
    WHERE NOT shown.unless_lately OR ({_the_same("shown")}) NOT IN (
        SELECT {_the_same("noted")} FROM access_accessentry AS noted
        WHERE noted.user_id = %(user)s AND noted.session = %(session)s
          AND noted.at > statement_timestamp() - %(again_after)s AND noted.at BETWEEN %(yesterday)s AND %(tomorrow)s
    )
    ORDER BY place_on_page
"""  # noqa: S608  made of names in the code alone


# Months --------------------------------------------------------------------------------------------------------------

# What they do is in access/migrations/0002, in functions of the database: the product may not make or drop tables.
# What is past its time is dropped by administration/database/functions.py.

MONTHS_AHEAD = 3
"""Fewer months than this ready to be written in, and the operator is told. `make_months` makes twelve."""


def make_months() -> int:
    """Make the coming year's months that aren't there yet, and return how many were made."""
    return _called("SELECT access_make_months()")


def see_to_months() -> None:
    """Make the months that are missing, each night. Where that can't be done now, the log goes on in what there is."""
    try:
        make_months()
    except DatabaseError as error:
        logger.error("The access log's months can't be made: %s", type(error.__cause__ or error).__name__)
    if problem := problem_with_months():
        logger.error("The access log's months: %s", problem)


def problem_with_months() -> str:
    """What the operator is to see to; empty where all is well. In either case the log is written: what has no month of
    its own goes to the partition for that."""
    if has_stray_entries():
        return "Åtkomstloggen har poster utanför sina månader."
    ahead = months_ahead()
    if ahead < MONTHS_AHEAD:
        return f"Åtkomstloggen har {ahead} månader förberedda, och ska ha minst {MONTHS_AHEAD}."
    return ""


def has_stray_entries() -> bool:
    """Whether there are entries of no month of their own: they are in the partition for that."""
    return bool(_called("SELECT access_has_stray_entries()::int"))


def months_ahead() -> int:
    """How many months from this one on are ready to be written in."""
    return _called("SELECT access_months_ahead()")


def _called(query: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return int(cursor.fetchone()[0])
