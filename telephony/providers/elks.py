"""46elks. Source: 46elks.se/docs: receive-call, call-actions, voice-ivr, voice-play, voice-connect, voice-hangup,
ip-addresses. Nothing has been tried against 46elks itself."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse

from telephony.calls import Incoming
from telephony.providers.base import WAITS_FOR, Said, VoiceProvider
from teleq.client_address import comes_from


class Elks(VoiceProvider):
    name = "46elks"

    def is_authentic_step(self, request: HttpRequest) -> bool:
        """46elks signs nothing: its own addresses can be configured."""
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
                action["skippable"] = False  # a key would end the call in the middle of its last words
        else:
            action |= {"ivr": audio[first], "digits": reply.digits, "timeout": WAITS_FOR, "repeat": 1}
            action["next"] = said.goes_on_at()
        return JsonResponse(action)

    def _connect(self, said: Said) -> dict[str, object]:
        return {"connect": said.reply.connect, "next": said.goes_on_at()}

    def refuse(self) -> HttpResponse:
        return JsonResponse({"hangup": "reject"})
