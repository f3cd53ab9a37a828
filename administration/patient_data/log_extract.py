"""Loggutdrag: at which unit and when somebody has taken part of a patient's data (patientdatalagen 8 kap. 5 §).

The patient is to be able to judge whether each access was justified (HSLF-FS 2016:40 4 kap. 10 §), so it says what was
done too; and who did it, where the care provider chooses to tell. No other care provider has direct access to what is
in teleQ: all of it is the care provider's own electronic access. Attempts that were refused showed nobody anything,
and are left out. It is in Swedish, whatever the screen speaks.
"""

from __future__ import annotations

from django.conf import settings
from django.utils.translation import gettext_lazy, override

from access.access_log import Act
from access.models import AccessEntry
from administration.patient_data.extract import Section
from administration.patient_data.stored import Patient, Stored, note_gathered
from teleq.models import CareProvider, User
from teleq.swedish import date_and_clock

OF_SEVERAL = gettext_lazy(
    "Numret används av flera personer, och utdraget gäller alla. Sök på personnummer för att få det som är en persons."
)
ALL_THERE_IS = (
    "All elektronisk åtkomst som finns i åtkomstloggen hos {provider}, också telefonsystemets. Ingen annan"
    " vårdgivare har direktåtkomst. Att patienten har visats i en lista noteras högst en gång i timmen för varje"
    " användare, och att ärendet har skrivits i köns reservlista en gång om dagen."
)


def log_extract(patient: Patient, provider: CareProvider, *, with_names: bool, by: User) -> Section:
    """Every look at the patient's data in the care provider's queues, the first one first. It is written to the access
    log first, and so is in itself. A fixed number of queries."""
    stored = Stored(patient, provider.queues.all())
    note_gathered(by, Act.LOG_EXTRACT, stored)
    looks = AccessEntry.objects.of_patient(patient.number, patient.person, stored.case_ids)
    entries = looks.for_care_providers([provider.pk]).exclude(act=Act.REFUSED).order_by("at", "id")
    with override(settings.LANGUAGE_CODE):
        rows = [
            (date_and_clock(entry.at), _unit(entry), entry.get_act_display(), *([entry.who] if with_names else []))
            for entry in entries.select_related("user", "queue", "care_provider")
        ]
        columns = ("När", "Vårdenhet", "Vad", *(("Vem",) if with_names else ()))
        return Section("Åtkomst till uppgifterna", columns, rows, ALL_THERE_IS.format(provider=provider))


def warning_of_others(patient: Patient, provider: CareProvider) -> str:
    """What to know before the extract is handed over: that some of it may be about another. Empty where it can't be."""
    return str(OF_SEVERAL) if patient.number and Stored(patient, provider.queues.all()).shared else ""


def _unit(entry: AccessEntry) -> str:
    """The unit, and not its queue; the care provider, where it was in several queues at once."""
    return entry.queue.unit if entry.queue else str(entry.care_provider)
