"""The race: a crowd for some seconds, and then the checker. Behind tests/sms/test_race.py and `benchmarks/run race`.

Needs a migrated database without rows of the product's in it, and leaves rows there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random

from django.db import connection

from local.servers import WORKER
from tests.database_roles import address_as, as_owner
from tests.race import checker, town, witness
from tests.race.checker import Evidence
from tests.race.provider import Post, Provider, opened

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Result:
    seed: str
    counts: dict[str, int]
    violations: list[str]


def race(seed: str, seconds: float, database: str = "") -> Result:
    """`database` is the address by which the crowd reaches it, as a worker, unless that is PostgreSQL's own."""
    with as_owner():
        witness.sql(witness.ON)
    try:
        town.build()
        deadlocks = _deadlocks()
        with opened(Provider(Random(f"{seed} provider"))) as provider:
            done = _let_loose(seed, seconds, provider, database or address_as(WORKER))
        evidence = _gathered(provider.posts, accepted=done["accepted in bulk"])
        counts = done | _counted(evidence) | {"deadlocks": _deadlocks() - deadlocks}
        return Result(seed, counts, list(checker.violations(evidence)))
    finally:
        with as_owner():
            witness.sql(witness.OFF)


def _let_loose(seed: str, seconds: float, provider: Provider, database: str) -> dict[str, int]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.race.crowd", seed, str(seconds)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        env=os.environ
        | {"DJANGO_SETTINGS_MODULE": "teleq.settings", "DATABASE_URL": database, "TELEQ_URL": provider.url}
        | {
            "SMS_PROVIDERS": "simulator,kannel",
            "SMS_NUMBERS": ",".join(f"{provider}={number}" for number, provider in town.RENTED.items()),
            "KANNEL_URL": f"{provider.url}/kannel",
            "KANNEL_USERNAME": "race",
            "KANNEL_PASSWORD": "race",
        }
        | {"REDIS_URL": "memory://localhost", "LOG_LEVEL": "ERROR"},  # wake-ups go to nobody: the workers never sleep
    ) as crowd:
        assert crowd.stdout
        provider.is_calm = crowd.stdout.readline() == b"settling\n"
        told = crowd.stdout.read()
    assert crowd.returncode == 0, "the crowd stumbled"
    done: dict[str, int] = json.loads(told)
    return done


def _deadlocks() -> int:
    [[deadlocks]] = _rows("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    return int(deadlocks)


def _rows(query: str) -> list[tuple]:
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def _gathered(posts: list[Post], accepted: int) -> Evidence:
    answers = _rows(
        "SELECT pgh_id, care_provider_id, phone_number, answer, valid_until, pgh_created_at FROM consent_consentevent"
    )
    judgements = _rows(
        "SELECT message_id, queue_id, care_provider_id, j.phone_number, at_once, state, refusal, accepted_at,"
        " begun_at, judged_at, send_before, noted_event, noted_answer, latest_event, consent_required"
        " FROM race.judgement j"
        " JOIN teleq_queue q ON q.id = j.queue_id ORDER BY j.id"
    )
    messages = _rows(
        "SELECT m.id, to_number, text, state, provider, provider_status IN ('delivered', 'failed'), EXISTS ("
        " SELECT FROM cases_casemessage cm JOIN cases_caseevent e USING (case_id) WHERE cm.message_id = m.id"
        " AND e.kind IN ('moved', 'done', 'number_changed')) FROM sms_message m"
    )
    [[kept]] = _rows("SELECT count(*) FROM sms_message WHERE key LIKE 'race:%'")
    return Evidence(
        landline=town.LANDLINE,
        rented=town.RENTED,
        answers={id: checker.Answered(id, (provider, number), *rest) for id, provider, number, *rest in answers},
        switches=[checker.Switched(*row) for row in _rows("SELECT * FROM race.switch ORDER BY id")],
        seen={(what, id): at for what, id, at in _rows("SELECT what, id, min(at) FROM race.seen GROUP BY 1, 2")},
        judgements=[
            checker.Judgement(message, queue, (provider, number), *rest)
            for message, queue, provider, number, *rest in judgements
        ],
        messages=[checker.Sms(*row) for row in messages],
        posts=posts,
        accepted=accepted,
        kept=kept,
    )


def _counted(evidence: Evidence) -> dict[str, int]:
    judged = Counter(each.refusal or each.state for each in evidence.judgements)
    ended = Counter(message.state for message in evidence.messages)
    instants = [each for each in evidence.judgements if not each.at_once and checker.same_instant(each, evidence)]
    return {
        "messages": len(evidence.messages),
        "judged": judged.total(),
        "let through": judged["sending"],
        **{f"refused: {reason}": judged[reason] for reason in ("declined", "missing", "not_mobile")},
        **{state: ended[state] for state in ("sent", "delivered", "failed", "expired", "cancelled", "unknown")},
        "handed over": len(evidence.posts),
        "by the second provider": sum(post.provider == "kannel" for post in evidence.posts),
        "handed over again": len(evidence.posts) - len({post.message_id for post in evidence.posts}),
        "in the same instant as a first answer": len(instants),
        "let through in the same instant as a first Nej": sum(
            each.state == "sending" and evidence.answers[each.latest_event].answer == "no" for each in instants
        ),
    }
