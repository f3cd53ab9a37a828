"""Where the faults happen: forty care providers, each with a queue, half of which ask for consent."""

from __future__ import annotations

from administration import queues
from benchmarks.at_size import execute
from benchmarks.gateway import copy_the_one, number_sql
from consent import register
from consent.models import Answer, Consent
from teleq.models import CareProvider, OutgoingSms, Queue, User

CARE_PROVIDERS, NUMBERS, HOT = 40, 95, 5
FIRST_NUMBER = 605
TEXT = "Vi ringer dig {tid}. Häls. {enhet}"


def build() -> None:
    """Each of the 95 fictional numbers has an answer at each care provider."""
    nurse = User.objects.create(username="anna")
    for place in range(CARE_PROVIDERS):
        provider = CareProvider.objects.create(name=f"Vårdgivare {place}", sms_consent_ordered=True)
        queue = queues.create_queue(Queue(care_provider=provider, unit="VC Spindeln", name="Rådgivning"))
        OutgoingSms.objects.filter(queue=queue).update(
            consent_required=place % 2 == 0,
            free_text=True,
            confirmation_on=True,
            confirmation_text=TEXT,
            reminder_on=True,
            reminder_minutes=60,
            reminder_text=TEXT,
        )
    first = CareProvider.objects.earliest("pk")
    register.answer_in_case(first, number(0), Answer.YES, by=nurse, case_id=1, seen_event=None)
    copy_the_one(
        Consent,
        f"teleq_careprovider AS p, generate_series(0, {NUMBERS - 1}) AS n WHERE p.id > {first.pk} OR n > 0",
        care_provider_id="p.id",
        phone_number=number_sql("n"),
    )
    execute("VACUUM ANALYZE")


def empty() -> None:
    """Neither cases nor messages: each fault begins with none, however many were before it."""
    execute("TRUNCATE cases_case, sms_message, sms_unsettled CASCADE")


def ask_anew() -> None:
    """As the answers are before each fault: 85 % Ja, the others Nej and Ej valt."""
    execute(
        "UPDATE consent_consent SET channel = 'case', case_id = 1,"
        " answered_by_id = (SELECT id FROM teleq_user WHERE username = 'anna'), answer ="
        " CASE (care_provider_id * 7 + right(phone_number, 2)::int) % 20"
        " WHEN 0 THEN 'no' WHEN 1 THEN 'no' WHEN 2 THEN 'unset' ELSE 'yes' END"
    )


def all_say_nej() -> None:
    execute("UPDATE consent_consent SET answer = 'no'")


def number(place: int) -> str:
    return f"+46701740{FIRST_NUMBER + place}"
