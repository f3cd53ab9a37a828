"""Drawing a sample: each entry that a rule finds is as likely as any other to be in it.

What a rule finds is read once. Where that is no more than can be put in random order at little cost, it is. Where it is
more, random ids of the period are looked up instead, and those that the rule does not find are passed over: so no
review reads and sorts millions of rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from random import SystemRandom
from typing import Any

from django.db import connection

from administration.log_review.rules import Found

READ_AT_MOST = 100_000
"""Entries that are put in random order."""
AT_ONCE = 10_000
"""Ids that are looked up in one statement: a tenth of a second."""
ROUNDS = 300

_random = SystemRandom()


@dataclass(frozen=True)
class Drawn:
    entry_id: int
    at: datetime
    because: str


def draw(found: Found, size: int, *, read_at_most: int = READ_AT_MOST) -> list[Drawn]:
    """At most `size` entries, by time. Fewer where the rule finds fewer."""
    drawn = _from_all(found, size, read_at_most)
    if drawn is None:
        drawn = _by_ids(found, size)
    return sorted(drawn, key=lambda each: (each.at, each.entry_id))


def _from_all(found: Found, size: int, read_at_most: int) -> list[Drawn] | None:
    """None where there are more than `read_at_most`: those that were read are not any, but the ones that came first."""
    statement = (
        f"SELECT id, at, because, count(*) OVER () FROM ({found.statement} LIMIT %(enough)s) AS found"  # noqa: S608
        " ORDER BY random() LIMIT %(size)s"
    )
    rows = _rows(statement, {**found.parameters, "enough": read_at_most + 1, "size": size})
    if rows and rows[0][3] > read_at_most:
        return None
    return [Drawn(*row[:3]) for row in rows]


def _by_ids(found: Found, size: int) -> list[Drawn]:
    """Any id of the period is as likely as any other, and so is any that the rule finds."""
    drawn: dict[int, Drawn] = {}
    for ids in _random_ids(found):
        statement = f"{found.statement} AND entry.id = ANY (%(ids)s)"
        there = {row[0]: Drawn(*row) for row in _rows(statement, {**found.parameters, "ids": ids})}
        # In the order in which they were drawn: the one that PostgreSQL finds them in follows their time.
        drawn |= {each: there[each] for each in ids if each in there}
        if len(drawn) >= size:
            break
    return list(drawn.values())[:size]


def _random_ids(found: Found) -> Iterator[list[int]]:
    """Again and again some of the ids that the period's entries have. Ids are given in the order of time, but for those
    that were written at the same moment: hence the margin."""
    bounds = (
        "SELECT id FROM access_accessentry AS entry WHERE entry.care_provider_id = %(provider)s"
        " AND entry.at >= %(begins)s AND entry.at < %(ends)s ORDER BY entry.at {} LIMIT 1"
    )
    [[first]], [[last]] = (_rows(bounds.format(way), found.parameters) for way in ("ASC", "DESC"))
    ids = range(max(first - AT_ONCE, 1), last + AT_ONCE + 1)
    for _ in range(ROUNDS):
        yield _random.sample(ids, min(AT_ONCE, len(ids)))


def _rows(statement: str, parameters: dict[str, Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())
