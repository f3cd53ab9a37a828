"""Loads the demonstration into an empty database: care providers, queues and logins, and what is in data.py."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Any

import pghistory
from allauth.mfa.totp.internal.auth import TOTP
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction

from access.models import AccessEntry
from administration.models import LogReviewInterval
from administration.outgoing_sms import save_outgoing_sms
from administration.queues import create_queue
from cases.history import PHONE_MENU
from cases.models import Case, CaseEvent, CaseMessage, Note, Status, TelephoneHours
from consent.models import Channel, Consent, ConsentText
from consent.register import REGISTER, answer_in_case, current, valid_until
from consent.verdict import answer_in_force
from demo import data, telephone_menu
from demo.logins import LOGINS, PASSWORD, TOTP_KEY
from demo.models import SimulatedSms
from sms.content import placeholders
from sms.models import Kind, Message, StandardText
from sms.states import HANDED_OVER, State
from telephony.models import Call, Choice, Ended, PatientsNumber, Recording, Step
from telephony.sentences import CONSENT_QUESTION
from teleq.clock import database_now
from teleq.models import CareProvider, CareProviderRole, Lead, Membership, Queue, Role, User
from teleq.phone_numbers import number_text
from teleq.phone_numbers import read as read_number

JUDGED = HANDED_OVER | {State.REFUSED}


def load() -> bool:
    """Load the demonstration, in one transaction. False, and nothing done, where there is a care provider already."""
    with transaction.atomic():
        if CareProvider.objects.exists():
            return False
        _Loader().load()
        return True


class _Loader:
    """The steps of one loading, and what they share: the moment it began, and what has been made by then."""

    def __init__(self) -> None:
        self.start = database_now()
        self.half_hour = self.start.replace(minute=self.start.minute // 30 * 30, second=0, microsecond=0)
        self.queues: dict[str, Queue] = {}
        self.users: dict[str, User] = {}
        self.cases: dict[tuple[str, str], Case] = {}
        self.numbers: dict[str, PatientsNumber] = {}
        self.calls: dict[tuple[str, str], Call] = {}

    def load(self) -> None:
        self._care_providers()
        self._logins()
        self._telephone_menu()
        self._cases()
        self._calls()
        self._answers()
        self._messages()
        self._looks()

    # Care providers, queues and people

    def _care_providers(self) -> None:
        sundvik = CareProvider.objects.create(name="Region Sundvik", sms_consent_ordered=True)
        norrsund = CareProvider.objects.create(name="Region Norrsund")
        for provider in (sundvik, norrsund):
            ConsentText.objects.create(care_provider=provider, text=data.TO_READ_OUT)
        radgivning = self._queue(data.R, sundvik, "VC Spindeln", "Rådgivning", "08-465 004 01")
        tidbokning = self._queue(data.T, sundvik, "VC Spindeln", "Tidbokning", "08-465 004 02")
        self._queue(data.M, norrsund, "VC Myran", "Rådgivning", "08-465 004 03")
        # Round the clock, in short slots and with short notice, so that whoever tries it has not long to wait.
        self._open(radgivning, TelephoneHours.Weekday.values, time(0), time(23, 55), slot_minutes=5, slot_capacity=1)
        self._open(tidbokning, TelephoneHours.Weekday.values[:5], time(8), time(16), slot_minutes=15, slot_capacity=1)
        Queue.objects.filter(pk=radgivning.pk).update(responsible="Medicinskt ansvarig läkare, anknytning 4021")
        self._text(radgivning, consent_required=True, reminder_minutes=Lead.MINUTES_15)
        self._text(tidbokning, consent_required=False, reminder_minutes=Lead.HOURS_1)

    def _queue(self, key: str, provider: CareProvider, unit: str, name: str, phone_number: str) -> Queue:
        queue = create_queue(Queue(care_provider=provider, unit=unit, name=name, phone_number=phone_number))
        queue.outgoing_sms.sender = data.SENDERS.get(key, unit.replace(" ", ""))
        save_outgoing_sms(queue.outgoing_sms)
        for title, text in data.STANDARD_TEXTS.items():
            StandardText.objects.create(
                queue=queue,
                name=title,
                text=text.format(unit=unit),
                after_last_attempt=title == data.AFTER_LAST_ATTEMPT,
            )
        self.queues[key] = queue
        return queue

    def _open(self, queue: Queue, weekdays: list[int], opens: time, closes: time, **slots: int) -> None:
        Queue.objects.filter(pk=queue.pk).update(**slots)
        TelephoneHours.objects.bulk_create(
            TelephoneHours(queue=queue, weekday=weekday, opens=opens, closes=closes) for weekday in weekdays
        )

    def _text(self, queue: Queue, *, consent_required: bool, reminder_minutes: int) -> None:
        outgoing_sms = queue.outgoing_sms
        outgoing_sms.consent_required = consent_required
        outgoing_sms.confirmation_on = outgoing_sms.reminder_on = True
        outgoing_sms.reminder_minutes = reminder_minutes
        save_outgoing_sms(outgoing_sms)

    def _logins(self) -> None:
        hashed = make_password(PASSWORD)  # once: it is slow on purpose
        for login in LOGINS:
            user = User.objects.create(
                username=login.username,
                first_name=login.first_name,
                last_name=login.last_name,
                password=hashed,
                is_staff=login.operator,
                is_superuser=login.operator,
            )
            self.users[login.username] = user
            if login.second_factor:
                TOTP.activate(user, TOTP_KEY)
            if login.care_provider:
                provider = CareProvider.objects.get(name=login.care_provider)
                CareProviderRole.objects.create(user=user, care_provider=provider, role=login.provider_role)
            for key in login.queues:
                Membership.objects.create(
                    user=user, queue=self.queues[key], role=Role.ADMINISTRATOR if login.administrator else Role.NURSE
                )

    # Cases and what has happened to them

    def _cases(self) -> None:
        cases = Case.objects.bulk_create(self._case(place, patient) for place, patient in enumerate(data.PATIENTS))
        events: list[CaseEvent] = []
        notes: list[Note] = []
        for patient, case in zip(data.PATIENTS, cases, strict=True):
            self.cases[patient.queue, patient.name] = case
            events += self._events(patient, case)
            if patient.note:
                notes.append(Note(case=case, text=patient.note, author=self.users[patient.nurse]))
        CaseEvent.objects.bulk_create(events)
        Note.objects.bulk_create(notes)

    def _case(self, place: int, patient: data.Patient) -> Case:
        booked_at = self.start - timedelta(hours=3, minutes=7 * place)
        return Case(
            queue=self.queues[patient.queue],
            name=patient.name,
            reason=patient.reason,
            interpreter_language=patient.interpreter_language,
            speak_with=patient.speak_with,
            phone_number=patient.number,
            a_number=(patient.number if patient.a_number == data.SAME else patient.a_number) or None,
            personal_identity_number=patient.personal_identity_number,
            callback_at=self.half_hour + timedelta(minutes=30) * patient.half_hours,
            attempts=patient.attempts,
            status=patient.status,
            assignee=self.users[patient.nurse] if patient.status == Status.ONGOING else None,
            taken_at=self.start - timedelta(minutes=4) if patient.status == Status.ONGOING else None,
            call_began_at=self.start - timedelta(minutes=4) if patient.is_calling else None,
            priority=patient.priority,
            outcome=patient.outcome or "",
            created_at=booked_at,
            booked_at=booked_at,
        )

    def _events(self, patient: data.Patient, case: Case) -> Iterable[CaseEvent]:
        """Booked by telephone; then called every quarter of an hour; then taken or closed."""
        kinds = CaseEvent.Kind
        nurse = self.users[patient.nurse]
        yield CaseEvent(case=case, kind=kinds.CREATED, at=case.created_at, changes=self._told(patient, case))
        has_been_reached = patient.status == Status.DONE
        for attempt in range(1, patient.attempts + 1):
            reached = has_been_reached and attempt == patient.attempts
            yield CaseEvent(
                case=case,
                kind=kinds.REACHED if reached else kinds.NO_ANSWER,
                changes={"attempts": [attempt - 1, attempt]},
                detail=patient.how or "" if attempt == patient.attempts - has_been_reached else "",
                user=nurse,
                at=self.start - timedelta(minutes=10 + 15 * (patient.attempts - attempt)),
            )
        has_it = kinds.CALLED if patient.is_calling else kinds.TAKEN
        last = {Status.ONGOING: has_it, Status.DONE: kinds.DONE, Status.CANCELLED: kinds.CANCELLED}
        if patient.status in last:
            at, outcome = self.start - timedelta(minutes=4), patient.outcome or ""
            yield CaseEvent(case=case, kind=last[patient.status], user=nurse, at=at, detail=outcome)

    def _told(self, patient: data.Patient, case: Case) -> dict[str, list[Any]]:
        """Of the call that booked it, as `telephony.conversation.told` tells it."""
        past = next((past for past in data.CALLS if past.booked == (patient.queue, patient.name)), None)
        if past is None:
            return {}
        chose = Choice.objects.filter(key__in=past.keys).values_list("words__words", flat=True)
        keyed = data.KEYED_NUMBER in past.chose
        called_at = self._began(past, case)
        return {PHONE_MENU: [None, {"called_at": called_at.isoformat(), "chose": list(chose), "keyed": keyed}]}

    # The telephone menu, and calls to it

    def _telephone_menu(self) -> None:
        self.numbers = telephone_menu.set_up(CareProvider.objects.get(name="Region Sundvik"), self.queues)

    def _calls(self) -> None:
        calls = [self._call(place, past) for place, past in enumerate(data.CALLS)]
        Call.objects.bulk_create(calls)
        self.calls = {past.booked: call for past, call in zip(data.CALLS, calls, strict=True) if past.booked}

    def _call(self, place: int, past: data.PastCall) -> Call:
        number = self.numbers[past.to]
        case = self.cases[past.booked] if past.booked else None
        began = self._began(past, case)
        ended = case.booked_at + timedelta(seconds=20) if case else began + timedelta(seconds=40)
        caller = case.a_number if case else read_number(past.caller)
        chose: list[dict[str, Any]] = (
            [{"what": "language", "language": past.language}] if past.to == data.MENU_NUMBER else []
        )
        chose += [{"what": "menu", "key": key, "menu": number.menu_id} for key in past.keys]
        return Call(
            provider="46elks",
            call_id=f"demo-{place}",
            number=number,
            care_provider=number.care_provider,
            queue=self.queues[past.queue] if past.queue else None,
            from_number=number_text(caller) if caller else "",
            language=past.language,
            step=past.asked if past.ended == Ended.HUNG_UP else Step.OVER,
            asked=past.asked,
            choices=[*chose, *past.chose],
            case=case,
            ended=past.ended,
            full=past.is_full,
            started_at=began,
            heard_at=ended,
            ended_at=ended,
        )

    def _began(self, past: data.PastCall, case: Case | None) -> datetime:
        return (case.booked_at if case else self.start) - timedelta(minutes=past.minutes)

    # Answers

    def _answers(self) -> None:
        for given in data.ANSWERS:
            self._answer_long_ago(given)
        for number, answer in data.ANSWERED_NOW.items():
            case = self._case_with(number)
            answer_in_case(
                case.queue.care_provider,
                case.phone_number,
                answer,
                by=self.users["karim"],
                case_id=case.pk,
                queue_id=case.queue_id,
                seen_event=current(case.queue.care_provider_id, case.phone_number).event_id,
            )

    def _answer_long_ago(self, given: data.Given) -> None:
        """Write an answer as if it had been given then. Not through the register, which dates every answer now; to date
        it back afterwards would be one more event in its history."""
        case = self._case_with(given.number)
        with pghistory.context(**REGISTER):  # as the register would have told it then
            Consent.objects.update_or_create(
                care_provider=case.queue.care_provider,
                phone_number=case.phone_number,
                defaults=self._given(given, case),
            )

    def _given(self, given: data.Given, case: Case) -> dict[str, object]:
        by_nurse = given.channel == Channel.CASE
        call = self.calls[data.R, case.name] if given.channel == Channel.PHONE_KEYS else None
        answered_at = case.booked_at if call else self.start - given.ago
        return {
            "answer": given.answer,
            "answered_by": self.users["anna"] if by_nurse else None,
            "channel": given.channel,
            "case_id": case.pk if by_nurse else None,
            "call_id": call.pk if call else None,
            "text": self._asked_in(call) if call else self._read_out(case) if by_nurse else None,
            "answered_at": answered_at,
            "valid_until": valid_until(answered_at),
        }

    def _read_out(self, case: Case) -> ConsentText | None:
        return ConsentText.objects.current(case.queue.care_provider_id, case.queue_id)

    def _asked_in(self, call: Call) -> ConsentText | None:
        current = Recording.objects.current(call.care_provider_id)
        return current.get(sentence=CONSENT_QUESTION, language=call.language).consent_text

    def _case_with(self, number: str) -> Case:
        return next(
            self.cases[patient.queue, patient.name]
            for patient in data.PATIENTS
            if (patient.queue, patient.number) == (data.R, number)
        )

    # Messages

    def _messages(self) -> None:
        """Written and moved on as the gateway does it, so that the database's own guard takes them."""
        messages = [self._message(text) for text in data.TEXTS]
        self._note_answers(messages)
        Message.objects.bulk_create(messages)
        CaseMessage.objects.bulk_create(
            CaseMessage(case=self.cases[text.queue, text.patient], message=message, booking=1)
            for text, message in zip(data.TEXTS, messages, strict=True)
        )
        self._hand_over([m for text, m in zip(data.TEXTS, messages, strict=True) if text.state in HANDED_OVER])
        for text, message in zip(data.TEXTS, messages, strict=True):
            self._settle(text, message)
        Message.objects.write(messages, ["state", "state_at", "provider_message_id", "provider_status"])
        self._into_the_simulator([m for m in messages if m.state == State.DELIVERED])

    def _message(self, text: data.Text) -> Message:
        case = self.cases[text.queue, text.patient]
        manual = text.kind == Kind.MANUAL
        written_at = self._written_at(text, case)
        # What waits could not be handed over, and is tried again in a while.
        due_at = self.start + timedelta(minutes=10) if text.state == State.QUEUED else written_at
        return Message(
            key=f"manual:{case.pk}:demo" if manual else f"{text.kind}:{case.pk}:{case.booking}",
            kind=text.kind,
            queue=case.queue,
            to_number=case.phone_number,
            text=text.words.format(unit=case.queue.unit) if manual else _automatic_text(text.kind, case),
            author=self.users[text.author] if manual else None,
            created_at=written_at,
            due_at=due_at,
            send_before=max(case.callback_at, due_at + timedelta(minutes=1)),
            state=State.REFUSED if text.refusal else State.QUEUED,
            refusal=text.refusal or "",
            state_at=written_at,
        )

    def _written_at(self, text: data.Text, case: Case) -> datetime:
        if text.kind == Kind.CONFIRMATION:
            return case.booked_at
        if text.kind == Kind.REMINDER:
            return case.callback_at - timedelta(minutes=case.queue.outgoing_sms.reminder_minutes)
        return self.start + timedelta(minutes=text.minutes)

    def _note_answers(self, messages: list[Message]) -> None:
        """Copy onto each message that was judged the answer that decided it, as the gateway does."""
        keys = {m.key: (m.queue.care_provider_id, number_text(m.to_number)) for m in messages}
        consents = Consent.objects.by_number(keys.values())
        events = Consent.objects.latest_events(consents.values())
        for text, message in zip(data.TEXTS, messages, strict=True):
            if text.state in JUDGED:
                _note_answer(message, consents.get(keys[message.key]), events, self.start)

    def _hand_over(self, messages: list[Message]) -> None:
        claimed_at = database_now()
        for message in messages:
            message.state = State.SENDING
            message.state_at = message.claimed_at = claimed_at
            message.attempts = 1
            message.provider = "simulator"
        Message.objects.write(messages, ["state", "state_at", "claimed_at", "attempts", "provider"])

    def _settle(self, text: data.Text, message: Message) -> None:
        if text.state in (State.QUEUED, State.SENDING, State.REFUSED):
            return
        message.state = text.state
        message.state_at = message.send_before if text.state == State.EXPIRED else min(message.due_at, self.start)
        if text.state in (State.SENT, State.DELIVERED):
            message.provider_message_id = f"demo-{message.pk}"
        message.provider_status = {State.DELIVERED: "delivered", State.SENT: "created"}.get(text.state, "")

    def _into_the_simulator(self, messages: list[Message]) -> None:
        """Put the messages that were delivered on the patients' telephones."""
        SimulatedSms.objects.bulk_create(
            SimulatedSms(
                to_number=message.to_number,
                sender=message.queue.outgoing_sms.sender,
                text=message.text,
                callback_url=settings.TELEQ_URL,  # delivered already: never called
                received_at=message.state_at,
            )
            for message in sorted(messages, key=lambda message: message.state_at)
        )

    # Looks

    def _looks(self) -> None:
        """Written as if they had been noted then, so that its Loggranskare has something to review."""
        sundvik = CareProvider.objects.get(name="Region Sundvik")
        AccessEntry.objects.bulk_create(self._look(seen, sundvik) for seen in data.SEEN)
        LogReviewInterval.objects.create(care_provider=sundvik, days=LogReviewInterval.Days.MONTH)

    def _look(self, seen: data.Seen, provider: CareProvider) -> AccessEntry:
        user = self.users[seen.by]
        look = AccessEntry(
            user=user,
            at=self.start - timedelta(minutes=seen.minutes),
            act=seen.act,
            care_provider=provider,
            address="192.0.2.10",
            had_case=seen.patient is not None,
        )
        if seen.patient is None:
            look.phone_number, look.roles = number_text(read_number(seen.number) or ""), str(Role.NURSE.label)
            return look
        case = self.cases[seen.patient]
        look.queue, look.case_id = case.queue, case.pk
        look.phone_number, look.person = number_text(case.phone_number), case.personal_identity_number
        role = Membership.objects.filter(user=user, queue=case.queue).first()
        look.roles = role.get_role_display() if role else ""
        return look


def _note_answer(message: Message, consent: Consent | None, events: dict[int, int], at: datetime) -> None:
    message.consent_required = message.queue.outgoing_sms.consent_required
    message.consent_answer = answer_in_force(consent, at)
    if consent:
        message.consent_event_id = events[consent.pk]
        message.consent_channel = consent.channel
        message.consent_answered_at = consent.answered_at


def _automatic_text(kind: Kind, case: Case) -> str:
    texts = case.queue.outgoing_sms
    return placeholders.fill(
        texts.confirmation_text if kind == Kind.CONFIRMATION else texts.reminder_text, case.queue, case.callback_at
    )
