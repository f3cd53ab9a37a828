"""A stand-in for an SMS provider and for the patient's telephone. Exists with TELEQ_DEMO=1 only.

It takes messages over HTTP and reports delivery to the address that came with each, so that the demonstration takes
the same way as a real provider does.
"""

import aiohttp
from django.utils.crypto import salted_hmac

from sms.models import SimulatedSms


def credential() -> str:
    """What whoever sends through the simulator shows: the workers and the web share SECRET_KEY, and nobody else."""
    return salted_hmac("teleq.simulator", "send", algorithm="sha256").hexdigest()


def callback(simulated_id: int) -> tuple[str, str]:
    """Where delivery of the message is reported, and the message's id here."""
    return SimulatedSms.objects.values_list("callback_url", flat=True).get(pk=simulated_id), f"sim-{simulated_id}"


async def report_delivery(callback_url: str, provider_message_id: str) -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        form = {"id": provider_message_id, "status": "delivered"}
        async with session.post(callback_url, data=form) as response:
            response.raise_for_status()
