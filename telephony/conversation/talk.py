"""What every step of a conversation does: say something, wait for keys, go on to another step, end the call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime

from telephony.models import Call, Ended, PatientsNumber, Step
from teleq.clock import database_now
from teleq.phone_numbers import number_text

WRONG_KEYS = 3
"""How many times in a row no key, or one that means nothing, is met by saying it again; the last one by a way out."""
PERSON_KEY = "0"


@dataclass
class Reply:
    """What is said, and what is then waited for: keys, a person who answers, or nothing, which ends the call."""

    said: list[str] = field(default_factory=list)
    """Sentences, each as its language and its key: "sv:booked"."""
    digits: int = 0
    """How many keys are waited for at the most; 0: none."""
    until_hash: bool = False
    """Whether # ends the keys: there may be fewer."""
    hash_alone: bool = False
    """Whether # means something with no digits before it."""
    connect: str = ""
    """The number that the call is put through to, in E.164."""
    private: bool = False
    """Whether it has a patient's digits in it: nobody keeps it."""


@dataclass
class Memory:
    """What the conversation goes on from. Kept with the call, and emptied when it ends."""

    menu: int | None = None
    number: str = ""
    """Where the patient wants to be called, in E.164; empty: where they call from."""
    keyed: str = ""
    """A number or personnummer that is read back before it is taken."""
    identity: str | None = None
    """None: not asked for yet. Empty: has none."""
    at: str = ""
    """The time that is offered, in ISO 8601."""
    times: list[str] = field(default_factory=list)
    """Those that were said last."""
    cases: list[int] = field(default_factory=list)
    """The callbacks that the number has, whose times were told."""
    case: int | None = None
    """The one of them that the patient has chosen."""
    beside: bool = False
    """Whether a callback for somebody else is booked."""
    languages: list[str] = field(default_factory=list)
    """What is said is said in each of them, until the caller has chosen one. Empty: in the call's language."""
    wrong: int = 0


@dataclass(frozen=True)
class Handling:
    """What a step does."""

    ask: Callable[[Talk], None]
    """Says what there is to choose, and waits for keys; or goes on to another step at once."""
    keyed: Callable[[Talk, str], bool]
    """Takes the keys, and says whether they meant something: empty where none came, "#" for # alone."""


class Talk:
    """A call's conversation, from where it stands. Steps go to each other by name."""

    def __init__(self, call: Call, number: PatientsNumber, steps: Mapping[Step, Handling]) -> None:
        self.call, self.number = call, number
        self.memory, self.reply = Memory(**call.memory), Reply()
        self.now: datetime = database_now()
        self._steps = steps

    def ask(self, step: Step) -> bool:
        """Go to a step. What it says comes after what has been said on the way. Always true: a key has led here."""
        self.call.step = step
        self._steps[step].ask(self)
        return True

    def go_to(self, step: Step) -> bool:
        """As `ask`, after keys that were understood."""
        self.memory.wrong = 0
        return self.ask(step)

    def take(self, keys: str) -> None:
        step = Step(self.call.step)
        if not (self._steps[step].keyed(self, keys) or self._wants_a_person(keys)):
            self._misunderstood(step, keys)

    def remembered(self) -> Reply:
        """The reply, with the memory stored in the call. Nothing is remembered of a call that is over."""
        if self.reply.digits:
            self.call.asked = self.call.step
        self.call.memory = {} if self.call.step == Step.OVER else asdict(self.memory)
        return self.reply

    def say(self, *sentences: str, language: str = "") -> None:
        """In the language, or in the call's; in each of the number's where the caller is yet to choose one."""
        for each in [language] if language else self.memory.languages or [self.call.language]:
            self.reply.said += [f"{each}:{sentence}" for sentence in sentences]

    def wait_for(self, digits: int = 1, *, until_hash: bool = False) -> None:
        self.reply.digits, self.reply.until_hash = digits, until_hash

    def end(self, how: Ended) -> bool:
        """Say no more than what has been said."""
        self.call.ended, self.call.step = how, Step.OVER
        return True

    def say_goodbye(self, how: Ended) -> bool:
        self.say("goodbye")
        return self.end(how)

    def put_through(self, number: str) -> bool:
        self.say("connecting")
        self.call.step, self.call.ended = Step.PERSON, Ended.PERSON
        self.call.chose("person")
        self.reply.connect = number
        return True

    def has_a_person(self) -> str:
        """The number to a person, in E.164; empty where there is none."""
        return number_text(self.number.person_number) if self.number.person_number else ""

    def _wants_a_person(self, keys: str) -> bool:
        """0, wherever it means nothing else."""
        person = self.has_a_person()
        return keys == PERSON_KEY and bool(person) and self.put_through(person)

    def _misunderstood(self, step: Step, keys: str) -> None:
        """Say that nothing was pressed, or nothing that means anything, and ask again; after the third time, a person
        or the end."""
        self.memory.wrong += 1
        if self.memory.wrong < WRONG_KEYS:
            if not self.reply.said:  # else the step has said what is wrong
                self.say("wrong_key" if keys else "no_key")
            self.ask(step)
        elif person := self.has_a_person():
            self.put_through(person)
        else:
            self.say(*([] if self.call.case_id else ["nothing_booked"]), "call_again")
            self.end(Ended.GAVE_UP)


def chosen(keys: str, among: list[str]) -> str | None:
    """The one of them that a key stands for, counted from 1."""
    return among[int(keys) - 1] if keys.isascii() and keys.isdigit() and 1 <= int(keys) <= len(among) else None
