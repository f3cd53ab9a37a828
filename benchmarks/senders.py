"""The ways of sending that run in processes of their own: `python -m benchmarks.senders KIND COUNT`.

Each says "ready" when all is imported and connected, begins at a line on stdin, says how many it has done, and stays
until stdin is closed, so that what it has cost can be read.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import aiohttp
import django

django.setup()

from django.conf import settings
from django.db import connection

from sms import gateway, outcomes
from sms.dispatcher import CONNECTIONS
from sms.models import Lane
from sms.providers.base import TIME_LIMIT, OutboundMessage, Outcome, SendResult
from sms.providers.simulator import Simulator

TEXT = "Påminnelse: vi ringer upp dig torsdag 26 november kl. 10.30. Häls. VC Spindeln"


def aiohttp_alone(count: int) -> int:
    asyncio.run(_post_all(count))
    return count


async def _post_all(count: int) -> None:
    """Post as the simulator's provider class does, without database or gateway."""
    provider, left = Simulator(), iter(range(count))
    receipts = f"{settings.TELEQ_URL}/sms/receipts/simulator/123456/{'t' * 32}"
    message = OutboundMessage(id=1, to="+46701740605", sender="teleQ", text=TEXT, callback_url=receipts)

    async def post_one_after_another() -> None:
        for _ in left:
            await provider.send(session, message)

    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(timeout=TIME_LIMIT, connector=connector, cookie_jar=jar) as session:
        await asyncio.gather(*(post_one_after_another() for _ in range(CONNECTIONS)))


def claim_and_record(_: int) -> int:
    done = 0
    while (claimed := gateway.claim(Lane.BULK, "simulator")).judged:
        result = SendResult(Outcome.ACCEPTED, provider_message_id="id-123456", status="created")
        outcomes.record({message.pk: result for message in claimed.sending})
        done += claimed.judged
    return done


def the_gateway(_: int) -> int:
    done = 0
    while judged := gateway.drain(Lane.BULK):
        done += judged
    return done


def main(kind: str, count: str) -> None:
    connection.ensure_connection()
    print("ready", flush=True)
    sys.stdin.readline()
    done = {"aiohttp": aiohttp_alone, "claim": claim_and_record, "gateway": the_gateway}[kind](int(count))
    print(json.dumps({"done": done, "ended": time.time()}), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
