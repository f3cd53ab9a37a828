"""The verdict: may an SMS be sent, by consent? Screen, dry run and claim use this one rule (promise 7).

`CountsForATime.in_force` says when an answer has lapsed. PostgreSQL has the rule once more, in `sms.guard`.
"""

from datetime import datetime

from django.db import models
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy

from consent.models import Answer, Consent, JudgedAnswer, Withdrawal
from teleq.models import JudgedSettings, OutgoingSms


class Verdict(models.TextChoices):
    """Labels as in the manual, steps 8 and 9."""

    ALLOWED = "allowed", ""
    DECLINED = "declined", gettext_lazy("SMS-utskick avböjt")
    MISSING = "missing", gettext_lazy("Samtycke till SMS saknas")


def answer_in_force(consent: Consent | JudgedAnswer | None, at: datetime) -> Answer:
    """What the answer counts as at this aware instant: Ej valt if there is none, or if it has lapsed."""
    return consent.in_force(at) if consent else Answer.UNSET


def in_force_for(care_provider: models.Expression, number: str, at: datetime) -> Coalesce:
    """`answer_in_force` in SQL, for a query whose rows have a phone number in the column `number`."""
    of_number = {"care_provider": care_provider, "phone_number": models.OuterRef(number)}
    withdrawn = Withdrawal.objects.filter(**of_number).annotate(answer=models.Value(Answer.NO.value)).values("answer")
    stored = Consent.objects.filter(**of_number, valid_until__gt=at).values("answer")
    return Coalesce(models.Subquery(withdrawn[:1]), models.Subquery(stored), models.Value(Answer.UNSET.value))


def verdict(
    outgoing_sms: OutgoingSms | JudgedSettings | None, consent: Consent | JudgedAnswer | None, at: datetime
) -> Verdict:
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
