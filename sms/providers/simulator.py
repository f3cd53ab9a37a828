"""The demonstration's provider: teleQ's own simulator (`demo`), used over HTTP like any other provider."""

from collections.abc import Iterator

from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare, salted_hmac

from sms.providers.base import (
    Delivery,
    DeliveryReport,
    OutboundMessage,
    Outcome,
    Provider,
    Reply,
    Request,
    Response,
    SendResult,
    form_encoded,
    http_failure,
)

REPORTED = {"delivered": Delivery.DELIVERED, "failed": Delivery.FAILED}


class Simulator(Provider):
    name = "simulator"

    def __init__(self) -> None:
        self.url = f"{settings.TELEQ_URL}/simulator/send"
        self.headers = {"Authorization": f"Bearer {credential()}", "Content-Type": "application/x-www-form-urlencoded"}

    @classmethod
    def configuration_errors(cls) -> Iterator[str]:
        if not settings.TELEQ_DEMO:
            yield "it sends nothing. It is allowed in the demonstration only."

    @classmethod
    def configuration_warnings(cls) -> tuple[str, ...]:
        return ()  # is_authentic_reply needs no setting

    def build_request(self, message: OutboundMessage) -> Request:
        form = {
            "to": message.to,
            "from": message.sender,
            "message": message.text,
            "whendelivered": message.callback_url,
        }
        return Request("POST", self.url, self.headers, form_encoded(form))

    def parse_response(self, response: Response) -> SendResult:
        if response.status != 201:
            return http_failure(response.status)
        return SendResult(Outcome.ACCEPTED, provider_message_id=response.text, status="created")

    def parse_report(self, request: HttpRequest) -> DeliveryReport:
        status = request.POST.get("status", "")
        return DeliveryReport(REPORTED.get(status, Delivery.NOT_FINAL), status, request.POST.get("id", ""))

    def is_authentic_reply(self, request: HttpRequest) -> bool:
        return constant_time_compare(request.headers.get("Authorization", ""), f"Bearer {credential()}")

    def parse_reply(self, request: HttpRequest) -> Reply:
        form = request.POST
        return Reply(form.get("from", ""), form.get("to", ""), form.get("message", ""), form.get("id", ""))


def credential() -> str:
    """What the simulator's clients authenticate with. Derived from SECRET_KEY, which only workers and web know."""
    return salted_hmac("teleq.simulator", "send", algorithm="sha256").hexdigest()
