"""A stand-in for an SMS provider and for the patient's telephone. Exists with TELEQ_DEMO=1 only.

It takes messages over HTTP, reports delivery to the address that came with each, and hands patients' replies to teleQ's
address for inbound SMS: the same way that a real provider goes.
"""

import secrets

from django.conf import settings
from django.urls import reverse

from demo import network
from demo.models import SimulatedSms
from sms.providers.simulator import credential
from teleq.phone_numbers import number_text


def report_delivery(simulated_id: int) -> None:
    """Tell teleQ that the message has come to the patient's telephone. Raises network.NotTold."""
    simulated = SimulatedSms.objects.get(pk=simulated_id)
    _post(simulated.callback_url, {"id": f"sim-{simulated.pk}", "status": "delivered"})


def report_answer(simulated_id: int, text: str) -> None:
    """Tell teleQ what the patient replied to it. Raises network.NotTold."""
    simulated = SimulatedSms.objects.get(pk=simulated_id)
    form = {
        "id": f"sim-{secrets.token_hex(8)}",
        "from": number_text(simulated.to_number),
        "to": simulated.sender,
        "message": text,
    }
    _post(f"{settings.TELEQ_URL}{reverse('sms:inbound', args=['simulator'])}", form)


def _post(url: str, form: dict[str, str]) -> None:
    network.post(url, form, Authorization=f"Bearer {credential()}")
