"""The demonstration's provider: teleQ's own simulator, spoken to over HTTP like any other."""

from urllib.parse import urlencode

import aiohttp
from django.conf import settings
from yarl import URL

from sms.providers.base import OutboundMessage, Outcome, SendResult, http_failure
from sms.simulator import credential


class Simulator:
    name = "simulator"

    def __init__(self) -> None:
        # Made once: aiohttp takes a third more time for a post with an address and a form that it has to read first.
        self.url = URL(f"{settings.TELEQ_URL}/simulator/send")
        self.headers = {"Authorization": f"Bearer {credential()}", "Content-Type": "application/x-www-form-urlencoded"}

    async def send(self, session: aiohttp.ClientSession, message: OutboundMessage) -> SendResult:
        form = {
            "to": message.to,
            "from": message.sender,
            "message": message.text,
            "whendelivered": message.callback_url,
        }
        async with session.post(self.url, data=urlencode(form).encode(), headers=self.headers) as response:
            if response.status != 201:
                return http_failure(response.status)
            return SendResult(Outcome.ACCEPTED, provider_message_id=(await response.text()), status="created")
