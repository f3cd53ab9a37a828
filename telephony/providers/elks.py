"""46elks. Source: 46elks.se/docs: receive-call, call-actions, voice-ivr, voice-play, voice-connect, voice-hangup,
ip-addresses. Nothing has been tried against 46elks itself."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare

from telephony.calls import Incoming
from telephony.providers.base import Said, VoiceProvider
from teleq.client_address import comes_from

WAITS_FOR = 10
"""Seconds for a key, or for the next one."""


class Elks(VoiceProvider):
    name = "46elks"

    @classmethod
    def configuration_errors(cls) -> Iterator[str]:
        if not settings.VOICE_SECRET:
            yield "VOICE_SECRET is not set."

    def is_authentic_start(self, request: HttpRequest, secret: str) -> bool:
        """46elks signs nothing: the address has a secret in it, and its own addresses can be configured."""
        return constant_time_compare(secret, settings.VOICE_SECRET) and self.is_authentic_step(request)

    def is_authentic_step(self, request: HttpRequest) -> bool:
        return not settings.ELKS_ADDRESSES or comes_from(request, settings.ELKS_ADDRESSES)

    def parse_start(self, request: HttpRequest) -> Incoming:
        form = request.POST
        return Incoming(form.get("callid", ""), form.get("from", ""), form.get("to", ""))

    def parse_keys(self, request: HttpRequest) -> str:
        """`result` are the digits, or "failed" where none came. Of # alone the documentation doesn't tell what is sent:
        nothing, or #."""
        result = request.POST.get("result", "")
        if result in ("failed", "success", "busy"):
            return ""
        return result.rstrip("#") or "#"

    def parse_answered(self, request: HttpRequest) -> bool:
        return request.POST.get("result", "") == "success"

    def has_ended(self, request: HttpRequest) -> bool:
        return request.POST.get("result", "") == "hangup"

    def respond(self, said: Said, first: int = 0) -> HttpResponse:
        """A file at a time: all but the last are played, and the last one waits for keys."""
        audio, reply = said.audio(), said.reply
        if not audio:
            return self.refuse()
        action: dict[str, object] = {"whenhangup": said.ends_at()}
        if first >= len(audio):
            action |= self._connect(said) if reply.connect else {"hangup": "reject"}
        elif first < len(audio) - 1 or not reply.digits:
            action["play"] = audio[first]
            if first < len(audio) - 1 or reply.connect:
                action["next"] = said.goes_on_at(first + 1)
        else:
            action |= {"ivr": audio[first], "digits": reply.digits, "timeout": WAITS_FOR, "repeat": 1}
            action["next"] = said.goes_on_at()
        return JsonResponse(action)

    def _connect(self, said: Said) -> dict[str, object]:
        return {"connect": said.reply.connect, "next": said.goes_on_at()}

    def refuse(self) -> HttpResponse:
        return JsonResponse({"hangup": "reject"})
