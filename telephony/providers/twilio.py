"""Twilio. Source: twilio.com/docs/voice: request parameters, TwiML Gather, Play, Dial, Hangup; webhooks security.

Nothing has been tried against Twilio itself."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, tostring

from django.http import HttpRequest, HttpResponse

from telephony.calls import Incoming
from telephony.providers.base import WAITS_FOR, Said, VoiceProvider
from teleq.twilio import is_signed

WAITS_AFTER_EACH = 5
"""Where # alone means something: Twilio ends on it only after a digit, so that the end is told by silence."""
OVER = ("completed", "busy", "failed", "no-answer", "canceled")
"""A call's state once it is over (CallStatus)."""


class Twilio(VoiceProvider):
    name = "twilio"
    needs = (*VoiceProvider.needs, "TWILIO_AUTH_TOKEN")

    def is_authentic_step(self, request: HttpRequest) -> bool:
        return is_signed(request)

    def parse_start(self, request: HttpRequest) -> Incoming:
        """A withheld number is told in words, or in the digits that have their letters on a telephone's keys (266696687
        is ANONYMOUS): neither is a number that can be called."""
        form = request.POST
        return Incoming(form.get("CallSid", ""), form.get("From", ""), form.get("To", ""))

    def parse_keys(self, request: HttpRequest) -> str:
        """`Digits` has # and * in it where no key ends the input."""
        digits = request.POST.get("Digits", "")
        return digits.removesuffix("#") or digits

    def parse_answered(self, request: HttpRequest) -> bool:
        return request.POST.get("DialCallStatus", "") in ("completed", "answered")

    def has_ended(self, request: HttpRequest) -> bool:
        """At the address where a call comes Twilio also tells that it is over, if it is set as the number's status
        callback. With `Digits` or a called person's state the call goes on."""
        form = request.POST
        return form.get("CallStatus", "") in OVER and "Digits" not in form and "DialCallStatus" not in form

    def respond(self, said: Said, first: int = 0) -> HttpResponse:
        """All files at once: a key may be pressed at any time."""
        reply, response = said.reply, Element("Response")
        inside = self._gather(response, said) if reply.digits else response
        for address in said.audio():
            SubElement(inside, "Play").text = address
        if reply.connect:
            SubElement(response, "Dial", action=said.goes_on_at(), method="POST").text = reply.connect
        elif not reply.digits:
            SubElement(response, "Hangup")
        return _twiml(response)

    def _gather(self, response: Element, said: Said) -> Element:
        reply = said.reply
        ends_on_hash = reply.until_hash and not reply.hash_alone
        return SubElement(
            response,
            "Gather",
            input="dtmf",
            action=said.goes_on_at(),
            method="POST",
            actionOnEmptyResult="true",
            numDigits=str(reply.digits),
            timeout=str(WAITS_AFTER_EACH if reply.hash_alone else WAITS_FOR),
            finishOnKey="#" if ends_on_hash else "",
        )

    def refuse(self) -> HttpResponse:
        response = Element("Response")
        SubElement(response, "Hangup")
        return _twiml(response)


def _twiml(response: Element) -> HttpResponse:
    return HttpResponse(tostring(response, encoding="utf-8", xml_declaration=True), content_type="text/xml")
