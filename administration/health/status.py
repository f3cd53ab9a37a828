"""/status: the facts as JSON. Times are ISO 8601 in UTC, by PostgreSQL's clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from administration.health.facts import Facts, Process
from administration.health.parts import Part
from administration.health.problems import problems


def as_json(facts: Facts, parts: Sequence[Part]) -> dict[str, Any]:
    return {
        "version": facts.version,
        "at": _time(facts.at),
        "parts": {part.name: part.problem or "ok" for part in parts},
        "lanes": {
            lane.lane.value: {
                "waiting": lane.count,
                "oldest_due_at": _time(lane.oldest_due_at),
                "oldest_waiting_seconds": round(facts.age(lane.oldest_due_at or facts.at)),
            }
            for lane in facts.lanes
        },
        "unknown": {"count": facts.unknown, "within_days": facts.unknown_within.days},
        "circuits": {
            circuit.provider: {"state": circuit.state, "since": _time(circuit.since)} for circuit in facts.circuits
        },
        "sending_stopped_since": _time(facts.sending_stop.stopped_at) if facts.sending_stop else None,
        "beat": _process(facts.beat) if facts.beat else None,
        "workers": {worker.name: _process(worker) for worker in facts.workers},
        "last_sweep": _time(facts.last_sweep),
        "last_retention": _time(facts.last_retention),
        "access_log": {"months_ahead": facts.months_ahead, "stray_entries": facts.has_stray_entries},
        "reserve_lists_late": len(facts.late_reserve_lists),
        "archiving_fails_since": _time(facts.archiving_fails_since),
        "alerts": sorted({problem.alert for problem in problems(facts, parts)}),
    }


def _process(process: Process) -> dict[str, Any]:
    return {
        "queues": process.queues,
        "version": process.version,
        "since": _time(process.since),
        "last_sign": _time(process.last_sign),
        "alive": process.is_fresh,
    }


def _time(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat(timespec="seconds") if at else None
