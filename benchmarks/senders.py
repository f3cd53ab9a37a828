"""The ways of sending that run in processes of their own: `python -m benchmarks.senders KIND COUNT`.

Each says "ready" when all is imported, checked and connected, begins at a line on stdin, says how many it has done, and
stays until stdin is closed, so that what it has cost can be read.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import closing
from itertools import islice

import aiohttp
import django

django.setup()

from django.conf import settings
from django.core.checks import run_checks
from django.db import connection
from yarl import URL

from sms import gateway, outcomes
from sms.dispatcher import CONNECTIONS
from sms.http_client import HttpClient, NoResponse
from sms.models import Lane
from sms.providers.base import OutboundMessage, Outcome, Response, SendResult
from sms.providers.simulator import Simulator
from teleq.celery import keep_what_stays_out_of_garbage_collections

TEXT = "Påminnelse: vi ringer upp dig torsdag 26 november kl. 10.30. Häls. VC Spindeln"


def one_message() -> OutboundMessage:
    receipts = f"{settings.TELEQ_URL}/sms/receipts/simulator/123456/{'t' * 32}"
    return OutboundMessage(id=1, to="+46701740605", sender="teleQ", text=TEXT, callback_url=receipts)


def libcurl_alone(count: int) -> int:
    """Post as the simulator's provider class does, without database or gateway."""
    provider, message, left = Simulator(), one_message(), iter(range(count))
    done = 0
    with closing(HttpClient[int](CONNECTIONS)) as client:
        while done < count:
            for number in islice(left, client.idle):
                client.start(number, provider.build_request(message))
            client.wait(1)
            for _, response in client.perform():
                assert not isinstance(response, NoResponse)
                assert provider.parse_response(response).outcome is Outcome.ACCEPTED
                done += 1
    return done


def aiohttp_alone(count: int) -> int:
    """The same requests by another client, to hold libcurl against."""
    asyncio.run(_post_all(count))
    return count


async def _post_all(count: int) -> None:
    provider, message, left = Simulator(), one_message(), iter(range(count))

    async def post_one_after_another() -> None:
        for _ in left:
            request = provider.build_request(message)
            async with session.post(url, data=request.body, headers=request.headers, allow_redirects=False) as answer:
                provider.parse_response(Response(answer.status, await answer.read()))

    url = URL(provider.url)  # made once: otherwise aiohttp takes a third more time for each post
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(connector=connector, cookie_jar=jar) as session:
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


WAYS = {"libcurl": libcurl_alone, "aiohttp": aiohttp_alone, "claim": claim_and_record, "gateway": the_gateway}


def main(kind: str, count: str) -> None:
    # As a worker's process is before its first task: `teleq.celery` has checked the system, which loads all there is.
    run_checks()
    keep_what_stays_out_of_garbage_collections()
    connection.ensure_connection()
    print("ready", flush=True)
    sys.stdin.readline()
    done = WAYS[kind](int(count))
    print(json.dumps({"done": done, "ended": time.time()}), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
