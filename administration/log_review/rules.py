"""What a sample may be drawn from: the entries of the access log that a rule finds in a period.

All of them are one care provider's. Left out are what only came with a list (unless it is asked for), the reviewer's
own entries, which another reviewer has to judge, and what a telephone system read by itself.

Rules about names: users have no personnummer in teleQ, so all that can be known is that names are alike. They are
compared with the name in the case, as it is now and as long as the case is kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from statistics import median
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy, override

from access.models import AccessEntry
from administration.models import LogReview
from cases.free_times import public_holidays
from teleq.models import CareProvider, Role, User

Act = AccessEntry.Act
Rule = LogReview.Rule

MANY_FROM = 20
"""Patients in a day that are not many, however few others have."""
TIMES_AS_MANY = 2
FIRST_HOUR, LAST_HOUR = time(6), time(20)
"""Working hours where a queue has no telephone hours of its own, and for what is in no queue."""

EXPLAINED = {
    Rule.RANDOM: gettext_lazy("Dras bland allt som användare har öppnat, sökt, gjort eller tagit fram."),
    Rule.SURNAME: gettext_lazy(
        "Användarens efternamn finns i namnet i ärendet. teleQ känner inte till användarnas personnummer: regeln visar"
        " bara att namnen är lika, och vanliga efternamn ger träffar mellan personer som inte är släkt. Den hittar bara"
        " ärenden som finns kvar och har ett namn."
    ),
    Rule.COLLEAGUE: gettext_lazy(
        "En annan medlems för- och efternamn finns i namnet i ärendet. Också här visar regeln bara att namnen är lika,"
        " i ärenden som finns kvar och har ett namn."
    ),
    Rule.MANY_PATIENTS: format_lazy(
        gettext_lazy(
            "Användaren öppnade, sökte eller tog fram minst {number} patienter på en dag, och minst dubbelt så många"
            " som en vanlig dag: medianen av alla användares dagar i perioden."
        ),
        number=MANY_FROM,
    ),
    Rule.OUTSIDE_HOURS: gettext_lazy(
        "Utanför köns telefontider, en stängd dag eller en helgdag. Där telefontider saknas: före 06.00, från 20.00,"
        " lördag eller söndag. Den som kommer en stund före telefontiden är med."
    ),
    Rule.NO_CASE: gettext_lazy(
        "Patienten hade inget ärende i kön när uppgifterna visades, eller sökningen hittade inget."
    ),
    Rule.PROTECTED: gettext_lazy("Patienten hade skyddade personuppgifter när uppgifterna visades."),
    Rule.OTHER_QUEUE: gettext_lazy("Användaren öppnade ett ärende i en kö som den inte hade någon roll i."),
    Rule.REFUSED: gettext_lazy("Användaren eller telefonsystemet bad om något som det inte fick se."),
}
"""For the page: what each rule finds, and what it can't."""


@dataclass(frozen=True)
class Period:
    """From and with a day to and with another, by the clock in Stockholm."""

    first: date
    last: date

    @property
    def begins(self) -> datetime:
        return timezone.make_aware(datetime.combine(self.first, time()))

    @property
    def ends(self) -> datetime:
        return timezone.make_aware(datetime.combine(self.last + timedelta(days=1), time()))


@dataclass(frozen=True)
class Found:
    """The entries that a rule finds: a statement that gives each one's id, time, and why it was found, in words."""

    statement: str
    parameters: dict[str, Any] = field(default_factory=dict)


def find(rule: LogReview.Rule, provider: CareProvider, period: Period, *, with_lists: bool, reviewer: User) -> Found:
    """The statement for a rule; it can be added to with AND."""
    shown = [act.value for act in AccessEntry.SHOWN]
    with override(settings.LANGUAGE_CODE):  # as they are logged
        roles_in_queue = [str(role.label) for role in Role]
    parameters = {
        "provider": provider.pk,
        "begins": period.begins,
        "ends": period.ends,
        "reviewer": reviewer.pk,
        "left_out": [Act.REFUSED.value, *(() if with_lists else shown)],
        "shown": [*shown, Act.REVIEW.value],
        "holidays": _holidays_of(period),
        "refused": Act.REFUSED.value,
        "opened": [Act.VIEW.value, Act.OTHER_QUEUE.value],
        "roles_in_queue": roles_in_queue,
        "first_hour": FIRST_HOUR,
        "last_hour": LAST_HOUR,
    }
    if rule is Rule.MANY_PATIENTS:
        parameters |= _days_with_many(parameters)
    beside, told, where = STATEMENTS[rule]
    acts = "entry.act = %(refused)s" if rule is Rule.REFUSED else "entry.act <> ALL (%(left_out)s)"
    others = "IS DISTINCT FROM" if rule is Rule.REFUSED else "<>"
    found = f"""
        {beside.before} SELECT entry.id, entry.at, {told} AS because FROM access_accessentry AS entry {beside.joined}
        WHERE {OF_PROVIDER} AND {acts} AND entry.user_id {others} %(reviewer)s AND {where}
    """  # noqa: S608  of names in the code alone, here and below
    return Found(found, parameters)


@dataclass(frozen=True)
class Beside:
    """What a rule reads beside the log."""

    before: str = ""
    joined: str = ""


OF_PROVIDER = "entry.care_provider_id = %(provider)s AND entry.at >= %(begins)s AND entry.at < %(ends)s"
LOCAL = "entry.at AT TIME ZONE 'Europe/Stockholm'"


def _words(name: str) -> str:
    """A name in small letters between blanks, so that whole words are found in it."""
    return f"(' ' || translate(lower(normalize({name})), ',', ' ') || ' ')"


NAMED_CASES = """
    SELECT kept.id AS case_id, kept.name FROM cases_case AS kept JOIN teleq_queue ON teleq_queue.id = kept.queue_id
    WHERE teleq_queue.care_provider_id = %(provider)s AND kept.name <> ''
"""
OPENED_BY = f"""
    SELECT DISTINCT entry.user_id, entry.case_id FROM access_accessentry AS entry
    WHERE {OF_PROVIDER} AND entry.case_id IS NOT NULL AND entry.user_id IS NOT NULL
"""  # noqa: S608

SAME_SURNAME = Beside(
    f"""
    WITH named AS ({NAMED_CASES}), opened AS ({OPENED_BY}), alike AS MATERIALIZED (
        SELECT opened.user_id, opened.case_id FROM opened JOIN named USING (case_id)
        JOIN teleq_user ON teleq_user.id = opened.user_id
        WHERE trim(last_name) <> '' AND strpos({_words("named.name")}, {_words("trim(last_name)")}) > 0
    )
    """,  # noqa: S608
    "JOIN alike ON alike.user_id = entry.user_id AND alike.case_id = entry.case_id",
)
# Looked up word by word, as every case by every member would be millions to compare.
SAME_AS_COLLEAGUE = Beside(
    f"""
    WITH named AS ({NAMED_CASES}), opened AS ({OPENED_BY}), word AS (
        SELECT named.case_id, named.name, string_to_table({_words("named.name")}, ' ') AS word
        FROM named WHERE named.case_id IN (SELECT case_id FROM opened)
    ), member AS (
        SELECT id, trim(first_name) AS first_name, trim(last_name) AS last_name,
               substring(lower(normalize(trim(last_name))) FROM '[^ ]+$') AS word
        FROM teleq_user WHERE trim(first_name) <> '' AND trim(last_name) <> '' AND id IN (
            SELECT user_id FROM teleq_membership JOIN teleq_queue ON teleq_queue.id = queue_id
            WHERE care_provider_id = %(provider)s
        )
    ), alike AS MATERIALIZED (
        SELECT word.case_id, array_agg(DISTINCT member.id) AS member_ids,
               string_agg(DISTINCT member.first_name || ' ' || member.last_name, ', ') AS names
        FROM word JOIN member USING (word)
        WHERE strpos({_words("word.name")}, {_words("member.last_name")}) > 0
          AND strpos({_words("word.name")}, {_words("member.first_name")}) > 0
        GROUP BY word.case_id
    )
    """,  # noqa: S608
    "JOIN alike ON alike.case_id = entry.case_id AND array_remove(alike.member_ids, entry.user_id) <> '{}'",
)
MANY_A_DAY = Beside(
    joined=f"""
    JOIN unnest(%(many_users)s::bigint[], %(many_days)s::date[], %(many_counts)s::int[])
         AS many (user_id, day, patients)
      ON many.user_id = entry.user_id AND many.day = ({LOCAL})::date
    """
)
AT_A_TIME = Beside(joined=f"CROSS JOIN LATERAL (SELECT {LOCAL} AS at) AS local")
OUTSIDE = """
    CASE
        WHEN local.at::date = ANY (%(holidays)s::date[]) THEN true
        WHEN EXISTS (SELECT FROM cases_closedday AS closed
                     WHERE closed.queue_id = entry.queue_id AND closed.day = local.at::date) THEN true
        WHEN EXISTS (SELECT FROM cases_telephonehours AS hours WHERE hours.queue_id = entry.queue_id)
        THEN NOT EXISTS (SELECT FROM cases_telephonehours AS hours
                         WHERE hours.queue_id = entry.queue_id
                           AND hours.weekday = extract(isodow FROM local.at)::int - 1
                           AND local.at::time >= hours.opens AND local.at::time < hours.closes)
        ELSE extract(isodow FROM local.at) > 5
             OR local.at::time < %(first_hour)s OR local.at::time >= %(last_hour)s
    END
"""
NOT_IN_QUEUE = """
    entry.act = ANY (%(opened)s) AND entry.queue_id IS NOT NULL
    AND NOT string_to_array(entry.roles, ', ') && %(roles_in_queue)s::text[]
"""

STATEMENTS = {
    Rule.RANDOM: (Beside(), "''", "true"),
    Rule.SURNAME: (SAME_SURNAME, "'Patienten har samma efternamn som användaren.'", "true"),
    Rule.COLLEAGUE: (SAME_AS_COLLEAGUE, "left('Patienten heter som ' || alike.names || '.', 200)", "true"),
    Rule.MANY_PATIENTS: (
        MANY_A_DAY,
        "many.patients || ' patienter den dagen. En vanlig dag i perioden: ' || %(usual)s::text || '.'",
        "entry.act <> ALL (%(shown)s)",
    ),
    Rule.OUTSIDE_HOURS: (AT_A_TIME, "''", OUTSIDE),
    Rule.NO_CASE: (Beside(), "''", "entry.had_case = false"),
    Rule.PROTECTED: (Beside(), "''", "entry.protected"),
    Rule.OTHER_QUEUE: (Beside(), "'Användaren hade ingen roll i kön.'", NOT_IN_QUEUE),
    Rule.REFUSED: (Beside(), "''", "true"),
}
"""What each reads beside the log, what it says of an entry, and which it finds."""


def _holidays_of(period: Period) -> list[date]:
    years: Iterable[int] = range(period.first.year, period.last.year + 1)
    return [day for year in years for day in public_holidays(year) if period.first <= day <= period.last]


A_DAYS_PATIENTS = f"""
    SELECT entry.user_id, ({LOCAL})::date,
           count(DISTINCT coalesce(nullif(entry.person, ''), nullif(entry.phone_number, ''), entry.case_id::text))
    FROM access_accessentry AS entry
    WHERE {OF_PROVIDER} AND entry.user_id IS NOT NULL AND entry.act <> ALL (%(shown)s) AND entry.act <> %(refused)s
    GROUP BY 1, 2
"""  # noqa: S608


def _days_with_many(parameters: dict[str, Any]) -> dict[str, Any]:
    """Which users had unusually many patients on which days, and how many they usually have."""
    with connection.cursor() as cursor:
        cursor.execute(A_DAYS_PATIENTS, parameters)
        days: list[tuple[int, date, int]] = cursor.fetchall()
    usual = median(patients for _, _, patients in days) if days else 0
    enough = max(MANY_FROM, TIMES_AS_MANY * usual)
    many = [day for day in days if day[2] >= enough]
    return {
        "many_users": [user for user, _, _ in many],
        "many_days": [day for _, day, _ in many],
        "many_counts": [patients for _, _, patients in many],
        "usual": f"{usual:g}".replace(".", ","),
    }
