"""Delivery reports as the simulator's provider makes them."""

from sms.providers.base import Delivery, DeliveryReport
from sms.providers.simulator import REPORTED


def told(status: str, provider_message_id: str = "") -> DeliveryReport:
    return DeliveryReport(REPORTED.get(status, Delivery.NOT_FINAL), status, provider_message_id)
