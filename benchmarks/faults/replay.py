"""What was committed, in the order of the commits: read from PostgreSQL's own log, by a logical replication slot.

Neither clocks nor the events' ids tell that order; locks are released after the commit is in the log.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import datetime

from benchmarks.at_size import execute, read
from benchmarks.faults.tally import Answered, Change, Claimed, Refused, Switched

SLOT = "faults"
AT_ONCE = 50_000
CHANGES = """
    SELECT data FROM pg_logical_slot_get_changes(%s, NULL, %s)
    WHERE data LIKE 'COMMIT%%' OR data LIKE 'table public.consent_consent: %%'
        OR data LIKE 'table public.teleq_outgoingsms: %%'
        OR (data LIKE 'table public.sms_message: %%' AND (data LIKE '%% state[character varying]:''sending''%%'
            OR data LIKE '%% state[character varying]:''refused''%%'))
"""
"""With the commits, so that nothing at all is the end."""
OF_INTEREST = re.compile(
    r"table public\.(consent_consent|teleq_outgoingsms|sms_message): (?:INSERT|UPDATE): "
    r"(?:old-key: .*? new-tuple: )?(.*)",
    re.DOTALL,
)


def begin() -> list[Change]:
    """From now on. Returns how answers and switches stand."""
    end()
    execute("SELECT pg_create_logical_replication_slot(%s, 'test_decoding')", [SLOT])
    answers, at = read("SELECT care_provider_id, phone_number, answer FROM consent_consent"), time.time()
    switches = read("SELECT queue_id, consent_required FROM teleq_outgoingsms")
    return [
        *(Answered((provider, number), answer, at) for provider, number, answer in answers),
        *(Switched(*switch) for switch in switches),
    ]


def changes() -> Iterator[Change]:
    """What has been committed since, each once."""
    judged_at: dict[int, str] = {}
    while lines := read(CHANGES, SLOT, AT_ONCE):
        for (line,) in lines:
            if found := OF_INTEREST.match(line):
                table, columns = found.groups()
                if change := _change(table, columns, judged_at):
                    yield change


def end() -> None:
    """Let PostgreSQL throw its log away."""
    execute("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = %s", [SLOT])


def _change(table: str, columns: str, judged_at: dict[int, str]) -> Change | None:
    if table == "consent_consent":
        of = int(_column(columns, "care_provider_id")), _column(columns, "phone_number")
        return Answered(of, _column(columns, "answer"), _time(_column(columns, "answered_at")))
    if table == "teleq_outgoingsms":
        return Switched(int(_column(columns, "queue_id")), _column(columns, "consent_required") == "true")
    message, state = int(_column(columns, "id")), _column(columns, "state")
    what = {"sending": Claimed, "refused": Refused}.get(state)
    # A message is changed in other ways too while it is `sending`; each claim has a time of its own.
    at = state if what is Refused else _column(columns, "claimed_at")
    if what is None or judged_at.get(message) == at:
        return None
    judged_at[message] = at
    return what(message, int(_column(columns, "queue_id")), _column(columns, "to_number"))


def _column(columns: str, name: str) -> str:
    """Of `name[type]:value`, the value; no text that a patient or nurse writes stands before those asked for."""
    found = re.search(rf"(?:^| ){name}\[[^:]*?\]:(?:'((?:[^']|'')*)'|(\S+))", columns)
    assert found, f"no {name} in the log"
    return found[1] if found[1] is not None else found[2]


def _time(written: str) -> float:
    return datetime.fromisoformat(written).timestamp()
