"""A patient with a telephone, by way of a server that speaks 46elks' protocol as it is documented."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.test import Client

from telephony import voices
from telephony.models import Call, SpokenFile

IDS = count(1)


@dataclass
class Caller:
    """One call. `said` is all that was heard since the last key, in words."""

    dials: str
    calls_from: str
    client: Client = field(default_factory=Client)
    said: str = ""
    action: dict[str, Any] = field(default_factory=dict)
    call_id: str = field(default_factory=lambda: f"c{next(IDS)}")
    ends_at: str = ""
    """Where the provider tells that the caller hung up: what it was told last."""
    hung_up: bool = False

    def call(self) -> Caller:
        form = {"direction": "incoming", "callid": self.call_id, "from": self.calls_from, "to": self.dials}
        self._hear(self._post(f"/telefon/46elks/samtal/{settings.VOICE_SECRET}", **form))
        return self

    def press(self, keys: str) -> Caller:
        """Keys, with # where the number of them isn't known; "" is silence."""
        assert "ivr" in self.action, f"nothing is waited for: {self.action}"
        self._hear(self._post(self.action["next"], callid=self.call_id, result=keys or "failed"))
        return self

    def again(self, keys: str, action: dict[str, Any]) -> Caller:
        """The provider repeats an earlier request."""
        self._hear(self._post(action["next"], callid=self.call_id, result=keys))
        return self

    def person(self, result: str) -> Caller:
        """What came of calling the person."""
        assert "connect" in self.action, self.action
        self._hear(self._post(self.action["next"], callid=self.call_id, result=result))
        return self

    def hang_up(self) -> Caller:
        self._post(self.ends_at, callid=self.call_id)
        self.hung_up = True
        return self

    @property
    def row(self) -> Call:
        return Call.objects.get(call_id=self.call_id)

    @property
    def is_over(self) -> bool:
        return "next" not in self.action

    def _hear(self, action: dict[str, Any]) -> None:
        self.said = ""
        self.ends_at = action.get("whenhangup", self.ends_at)
        while "play" in action and "next" in action:
            self._listen(action["play"])
            action = self._post(action["next"], callid=self.call_id, result="success")
        self._listen(action.get("play") or action.get("ivr"))
        self.action = action

    def _listen(self, address: str | None) -> None:
        if address:
            path = urlsplit(address).path
            assert self.client.get(path).status_code == 200
            self.said = f"{self.said} {voices.words(SpokenFile.objects.get(address=path.rpartition('/')[2]))}".strip()

    def _post(self, address: str, **form: str) -> dict[str, Any]:
        response = self.client.post(urlsplit(address).path, form)
        assert response.status_code in (200, 204), response.status_code
        return json.loads(response.content) if response.content else {}
