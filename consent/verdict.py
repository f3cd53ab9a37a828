"""May an SMS be sent? The one rule, for screen, claim and check alike (promise 7)."""

from datetime import datetime

from django.db import models
from django.db.models.functions import Coalesce

from consent.models import Answer, Consent, Withdrawal
from teleq.models import OutgoingSms


class Verdict(models.TextChoices):
    """The labels are the manual's words (steps 8 and 9)."""

    ALLOWED = "allowed", ""
    DECLINED = "declined", "SMS-utskick avböjt"
    MISSING = "missing", "Samtycke till SMS saknas"


def answer_in_force(consent: Consent | None, at: datetime) -> Answer:
    """No row, a lapsed row and a chosen Ej valt read the same."""
    return consent.in_force(at) if consent else Answer.UNSET


def in_force_for(care_provider: models.Expression, number: str, at: datetime) -> Coalesce:
    """`answer_in_force` in SQL, for a query whose rows have a number in this column: what PostgreSQL is to count by."""
    of_number = {"care_provider": care_provider, "phone_number": models.OuterRef(number)}
    withdrawn = Withdrawal.objects.filter(**of_number).annotate(answer=models.Value(Answer.NO.value)).values("answer")
    stored = Consent.objects.filter(**of_number, valid_until__gt=at).values("answer")
    return Coalesce(models.Subquery(withdrawn[:1]), models.Subquery(stored), models.Value(Answer.UNSET.value))


def verdict(outgoing_sms: OutgoingSms | None, consent: Consent | None, at: datetime) -> Verdict:
    """Whether a message may be sent, by its queue's settings and the answer stored for its number, at an aware instant.

    A Nej stops every message. Where the queue requires consent, only Ja lets one through. Where the settings are
    missing, none is let through: it is not known whether consent is required, nor who the sender is.
    """
    answer = answer_in_force(consent, at)
    if answer is Answer.NO:
        return Verdict.DECLINED
    if outgoing_sms is None or (outgoing_sms.consent_required and answer is not Answer.YES):
        return Verdict.MISSING
    return Verdict.ALLOWED
