"""What a provider of calls is asked: who calls, which keys were pressed, and how a reply is written for it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.crypto import constant_time_compare

from telephony.calls import Incoming
from telephony.conversation import Reply
from telephony.models import Call, SpokenFile

WAITS_FOR = 10
"""Seconds for a key, or for the next one."""


@dataclass(frozen=True)
class Said:
    """A reply to a call: what is waited for, and the files that say it."""

    call: Call
    reply: Reply
    files: list[SpokenFile]

    def audio(self) -> list[str]:
        """The address of each file."""
        return [f"{settings.TELEQ_URL}{reverse('telephony:audio', args=[file.address])}" for file in self.files]

    def goes_on_at(self, file: int = 0) -> str:
        """Where the provider tells what came next. `file`: the first one that is still to be played."""
        return self._address("telephony:turn", self.call.turn, file)

    def ends_at(self) -> str:
        """Where the provider tells that the caller has hung up."""
        return self._address("telephony:hangup")

    def _address(self, name: str, *more: int) -> str:
        return f"{settings.TELEQ_URL}{reverse(name, args=[self.call.provider, self.call.token, *more])}"


class VoiceProvider(ABC):
    name: ClassVar[str]

    needs: ClassVar[tuple[str, ...]] = ("VOICE_SECRET",)
    """The settings without which no call can be taken."""

    @classmethod
    def configuration_errors(cls) -> Iterator[str]:
        """What is missing before calls can be taken."""
        yield from (f"{name} is not set." for name in cls.needs if not getattr(settings, name))

    def is_authentic_start(self, request: HttpRequest, secret: str) -> bool:
        """Whether a call that comes is told of by the provider. `secret` stands in the address."""
        return constant_time_compare(secret, settings.VOICE_SECRET) and self.is_authentic_step(request)

    @abstractmethod
    def is_authentic_step(self, request: HttpRequest) -> bool:
        """Likewise of a call's later steps, whose addresses have the call's own token in them."""

    @abstractmethod
    def parse_start(self, request: HttpRequest) -> Incoming: ...

    @abstractmethod
    def parse_keys(self, request: HttpRequest) -> str:
        """Digits; "#" for # alone; empty where no key came."""

    @abstractmethod
    def parse_answered(self, request: HttpRequest) -> bool:
        """Whether the person answered whom the call was put through to."""

    @abstractmethod
    def has_ended(self, request: HttpRequest) -> bool:
        """Whether the request tells that the caller has hung up."""

    @abstractmethod
    def respond(self, said: Said, first: int = 0) -> HttpResponse:
        """The reply in the provider's words, from that file on."""

    @abstractmethod
    def refuse(self) -> HttpResponse:
        """The end of a call that nothing is known of."""

    def acknowledgement(self) -> HttpResponse:
        return HttpResponse(status=204)
