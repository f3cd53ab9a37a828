"""Where the race is run: two care providers, each with a queue that asks for consent and one that does not (yet)."""

from datetime import timedelta

from administration import queues
from cases.models import Case
from consent.models import ConsentText
from teleq.clock import database_now
from teleq.models import CareProvider, OutgoingSms, Queue, User

NUMBERS = [f"+467017406{last:02}" for last in range(5, 100)]
LANDLINE = "+46846500411"
RENTED = {"+46766861004": "simulator", "+46766861005": "kannel"}
"""The queues that ask for consent send from a number, each rented at another of the two providers."""


def build() -> None:
    User.objects.create(username="anna", first_name="Anna", last_name="Lind")
    for provider_name, number in zip(("Vårdgivare 1", "Vårdgivare 2"), RENTED, strict=True):
        provider = CareProvider.objects.create(name=provider_name, sms_consent_ordered=True)
        ConsentText.objects.create(care_provider=provider, text="Får vi skicka SMS till dig på det här numret?")
        for name, consent_required in (("Rådgivning", True), ("Tidbokning", False)):
            queue = queues.create_queue(Queue(care_provider=provider, unit="VC Spindeln", name=name))
            sender = {"sender": number} if consent_required else {}
            OutgoingSms.objects.filter(queue=queue).update(
                consent_required=consent_required, confirmation_on=True, **sender
            )
            soon = database_now() + timedelta(minutes=30)
            Case.objects.bulk_create(Case(queue=queue, phone_number=each, callback_at=soon) for each in NUMBERS[:5])
