"""The demonstration's provider: teleQ's own simulator, spoken to over HTTP like any other."""

import aiohttp
from django.conf import settings

from sms.providers.base import OutboundMessage, Outcome, SendResult, http_failure
from sms.simulator import credential


class Simulator:
    name = "simulator"

    async def send(self, session: aiohttp.ClientSession, message: OutboundMessage) -> SendResult:
        form = {
            "to": message.to,
            "from": message.sender,
            "message": message.text,
            "whendelivered": message.callback_url,
        }
        headers = {"Authorization": f"Bearer {credential()}"}
        async with session.post(f"{settings.TELEQ_URL}/simulator/send", data=form, headers=headers) as response:
            if response.status != 201:
                return http_failure(response.status)
            return SendResult(Outcome.ACCEPTED, provider_message_id=(await response.text()), status="created")
