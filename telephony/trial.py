"""Provring: a call that is made up. It goes through the real conversation, and leaves nothing behind.

The whole call is gone through again from its beginning with the keys so far, in a transaction that is rolled back. So a
trial books nothing, stores no answer, and is no call in the statistics. It comes from no number, or from one that PTS
has set aside for fiction: a patient's own would tell whoever tries when that patient is called.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from django.db import transaction

from telephony import conversation, voices
from telephony.conversation import Reply
from telephony.models import Call, PatientsNumber, Recording, Step
from telephony.models.call import new_token

FICTIONAL = "+46701740699"
PROVIDER = "trial"


@dataclass(frozen=True)
class Heard:
    """What is said after some keys, and what is waited for."""

    keys: str
    said: list[Recording]
    missing: list[str]
    """What has no recording."""
    reply: Reply
    is_over: bool

    @property
    def by_language(self) -> list[tuple[str, str]]:
        """What is said, in stretches of one language: its code, and the words."""
        stretches = groupby(self.said, key=lambda each: each.language)
        return [(language, " ".join(each.words for each in group)) for language, group in stretches]

    @property
    def sounds(self) -> list[list[Recording]]:
        """The same as sound: the recordings of each file. None of what has keyed digits in it: they would stand in the
        file's address."""
        return [] if self.reply.private else list(voices.together(self.said))


def go_through(
    number: PatientsNumber, keys: Iterable[str], *, calls_from: str, as_if_open: bool = False
) -> list[Heard]:
    """All that is heard, from the first word. `calls_from`: FICTIONAL, or nothing where the number is withheld."""
    number.is_on = True  # tried before it is switched on
    with transaction.atomic():
        if as_if_open:  # who sets a menu up does so in the evening too
            number.hours.all().delete()
        heard = _call(number, list(keys), calls_from)
        transaction.set_rollback(True)
    return heard


def _call(number: PatientsNumber, keys: list[str], calls_from: str) -> list[Heard]:
    call = Call.objects.create(
        provider=PROVIDER,
        call_id=new_token(),
        number=number,
        care_provider=number.care_provider,
        from_number=calls_from,
        language=number.languages[0],
    )
    heard = [_heard(call, "", conversation.begin(call, number))]
    for pressed in keys:
        if heard[-1].is_over:
            break
        heard.append(_heard(call, pressed, conversation.keyed(call, number, pressed)))
    return heard


def _heard(call: Call, keys: str, reply: Reply) -> Heard:
    there = voices.recorded(call.care_provider_id, reply.said)
    said = [there[each] for each in reply.said if each in there]
    missing = [each for each in reply.said if each not in there]
    return Heard(keys, said, missing, reply, call.step in (Step.OVER, Step.PERSON))
