"""Care providers, and whether they have ordered Samtycke för SMS: what Admin > Vårdgivare saves."""

from django.db import transaction
from django.utils.translation import gettext as _

from teleq import changes
from teleq.changes import Changes
from teleq.models import CareProvider, OutgoingSms


class InUse(Exception):
    """A queue of the care provider has Samtycke för SMS on, so the order can't be withdrawn. Its text says so."""


def in_use_text(care_provider: CareProvider) -> str:
    return _(
        "Beställningen kan inte tas bort: en kö hos %(care_provider)s har samtycke till SMS"
        " aktiverat. Avaktivera först i Utgående SMS."
    ) % {"care_provider": care_provider}


def consent_in_use(care_provider: CareProvider) -> bool:
    """Whether a queue of the care provider has Samtycke för SMS on."""
    return OutgoingSms.objects.filter(queue__care_provider=care_provider, consent_required=True).exists()


@transaction.atomic
def save_care_provider(provider: CareProvider, changed: Changes | None = None) -> None:
    """Save a care provider. With `changed`, only what a page has changed of it.

    Raises InUse where the order is withdrawn while a queue has the function on, and ChangedMeanwhile.
    """
    if provider.pk:
        stored = CareProvider.objects.select_for_update(no_key=True).get(pk=provider.pk)
        if changed is not None:
            changes.put(stored, changed)
            provider = stored
        if not provider.sms_consent_ordered and consent_in_use(stored):
            raise InUse(in_use_text(stored))
    provider.save()
