"""Admin's history: what was changed, from what to what, in words; on the object's page and on the first one."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.utils import timezone

from administration.history import in_words
from cases.models import ClosedDay, TelephoneHours
from sms.models import StandardText
from teleq.clock import database_now
from teleq.models import CareProvider, Membership, OutgoingSms, Queue, Role, User
from tests.administration.forms import save, shown, text_of

pytestmark = pytest.mark.django_db


def latest() -> list[str]:
    return in_words(LogEntry.objects.latest("pk"))


def test_a_box_that_is_ticked_goes_from_av_to_pa_on_the_objects_page_and_on_the_first(office, queue):
    OutgoingSms.objects.update(consent_required=False)
    save(office, f"/admin/teleq/outgoingsms/{queue.pk}/change/", consent_required="on")
    told = "Aktivera samtycke till SMS: av → på"
    assert latest() == [told]
    history = text_of(office.get(f"/admin/teleq/outgoingsms/{queue.pk}/history/"))
    assert f"Maria Ek {told}" in history
    assert "@" not in history
    assert told in text_of(office.get("/admin/"))


def test_texts_numbers_choices_and_telephone_numbers_are_told_as_the_form_shows_them(office, queue):
    address = f"/admin/teleq/outgoingsms/{queue.pk}/change/"
    save(office, address, sender="VCSpindeln", reminder_minutes="120")
    assert latest() == ["Avsändare: ”teleQ” → ”VCSpindeln”", "När: 1 timme före → 2 timmar före"]
    save(office, f"/admin/teleq/queue/{queue.pk}/change/", phone_number="08-465 004 01", max_attempts="4")
    assert latest() == ["Telefonnummer: tomt → 08-465 004 01", "Antal försök: 3 → 4"]
    outcomes = ["advice", "booked"]
    save(office, f"/admin/teleq/queue/{queue.pk}/change/", outcomes=outcomes)
    every = "Råd givet, Tid bokad, Hänvisad vidare, Ej nådd, Annat"
    assert latest() == [f"Resultat att välja bland vid Klart: {every} → Råd givet, Tid bokad"]


def test_hours_and_closed_days_are_told_with_their_queue(office, queue):
    monday = TelephoneHours.objects.create(queue=queue, weekday=0, opens=time(8), closes=time(16))
    tuesday = TelephoneHours.objects.create(queue=queue, weekday=1, opens=time(8), closes=time(16))
    day = ClosedDay.objects.create(queue=queue, day=date(2026, 12, 23), reason="Planering")
    address = f"/admin/teleq/queue/{queue.pk}/change/"
    closes = {"telephone_hours-0-closes": "16:30", "telephone_hours-1-DELETE": "on", "closed_days-0-DELETE": "on"}
    new = {"closed_days-1-day": "2026-12-28", "closed_days-1-reason": "Utbildning"}
    save(office, address, **closes, **new)
    assert {each.pk for each in queue.telephone_hours.all()} == {monday.pk}
    assert not ClosedDay.objects.filter(pk=day.pk).exists()
    assert not TelephoneHours.objects.filter(pk=tuesday.pk).exists()
    assert latest() == [
        "Telefontid Måndag 08.00–16.30: Stänger: 16.00 → 16.30",
        "Tog bort telefontid. Veckodag: Tisdag; Öppnar: 08.00; Stänger: 16.00",
        "Tog bort stängd dag. Dag: 23 december 2026; Anledning: ”Planering”",
        "Lade till stängd dag. Dag: 28 december 2026; Anledning: ”Utbildning”",
    ]


def test_a_members_role_and_last_day_are_told_with_who_and_where(office, nurse, queue, plain_queue):
    page = shown(office.get(f"/admin/teleq/user/{nurse.pk}/change/"))
    queues = [Membership.objects.get(pk=page[f"memberships-{place}-id"]).queue for place in (0, 1)]
    changed = {"memberships-0-role": Role.ADMINISTRATOR, "memberships-0-until": "2099-01-31"}
    save(office, f"/admin/teleq/user/{nurse.pk}/change/", **changed, **{"memberships-1-DELETE": "on"})
    assert latest() == [
        f"Medlemskap {nurse}, {queues[0]}: Roll: Medarbetare → Administratör",
        f"Medlemskap {nurse}, {queues[0]}: Till och med: tomt → 31 januari 2099",
        f"Tog bort medlemskap. Kö: {queues[1]}; Roll: Medarbetare",
    ]
    assert Membership.objects.filter(user=nurse).count() == 1


def test_a_care_provider_and_the_day_by_which_its_rights_are_gone_through(
    client, operator, provider_administrator, care_provider
):
    client.force_login(operator)
    save(client, f"/admin/teleq/careprovider/{care_provider.pk}/change/", opens_other_queues="on")
    assert latest() == ["Tillåt att ärenden öppnas i annan kö, med angiven anledning: av → på"]
    client.force_login(provider_administrator)
    field = f"day-{care_provider.pk}-rights_review_by"
    post = {"day": care_provider.pk, field: "2099-02-01", f"initial-{field}": ""}
    assert client.post("/admin/rights/", post).status_code == 302
    assert LogEntry.objects.latest("pk").user == provider_administrator
    assert latest() == ["Behörigheterna ska vara genomgångna senast: tomt → 1 februari 2099"]


def test_what_is_new_is_told_with_what_it_holds_and_so_is_what_is_removed(office, queue):
    office.post("/admin/sms/standardtext/add/", {"queue": queue.pk, "name": "ring", "text": "Ring oss."})
    holds = f"Kö: {queue}; Namn: ”ring”; Text: ”Ring oss.”; Föreslå efter sista försöket: av"
    assert latest() == [f"Lade till standardtext. {holds}"]
    assert office.post(f"/admin/sms/standardtext/{StandardText.objects.get().pk}/delete/", {"post": "yes"}).url
    assert latest() == [f"Tog bort standardtext. {holds}"]
    office.get("/admin/")  # says once what was just done
    first_page = office.get("/admin/")
    assert "Tog bort standardtext." in text_of(first_page)
    assert "/change/" not in first_page.content.decode()  # no link to what is gone


def test_a_new_wording_and_a_new_key_are_told_and_never_the_key_itself(
    client, operator, office, provider_administrator, care_provider, queue
):
    office.force_login(provider_administrator)
    office.post("/admin/consent/consenttext/add/", {"queue": queue.pk, "text": "Får vi skicka SMS?"})
    told = f"Vårdgivare: {care_provider}; Kö: {queue}"
    assert latest() == [f"Lade till text att läsa upp. {told}; Att läsa upp: ”Får vi skicka SMS?”"]
    office.force_login(operator)
    made = office.post(
        "/admin/intake/intakekey/add/", {"care_provider": care_provider.pk, "name": "Växeln", "queues": [queue.pk]}
    )
    [told] = latest()
    assert told.startswith("Lade till nyckel för telefonsystem. ")
    for part in (f"Vårdgivare: {care_provider}", "Namn: ”Växeln”", f"Köer: {queue}"):
        assert part in told
    assert made.context["new_key"] not in told


def test_a_save_that_changes_nothing_is_not_in_the_history(office, queue):
    save(office, f"/admin/teleq/outgoingsms/{queue.pk}/change/")
    assert not LogEntry.objects.exists()
    empty = text_of(office.get(f"/admin/teleq/outgoingsms/{queue.pk}/history/"))
    assert "Ingenting har ändrats här sedan det skapades." in empty


def test_what_somebody_else_has_changed_to_the_same_is_not_told_as_ones_own(office, queue):
    address = f"/admin/teleq/outgoingsms/{queue.pk}/change/"
    OutgoingSms.objects.update(sender="VCSpindeln")
    save(office, address, **{"initial-sender": "teleQ", "sender": "VCSpindeln", "free_text": None})
    assert latest() == ["Tillåt fritext: på → av"]


def test_a_name_from_right_to_left_turns_nothing_around_and_html_is_text(office, queue):
    save(office, f"/admin/teleq/queue/{queue.pk}/change/", name="<b>مركز</b>")
    body = office.get(f"/admin/teleq/queue/{queue.pk}/history/").content.decode()
    assert "<bdi>Namn: ”Rådgivning” → ”&lt;b&gt;مركز&lt;/b&gt;”</bdi>" in body
    assert "<b>مركز" not in body


def test_what_was_logged_before_it_was_told_from_what_to_what_can_still_be_read(office, queue, administrator):
    for message, told in (
        ('[{"added": {}}]', ["Skapades"]),
        ('[{"changed": {"fields": ["Avsändare"]}}]', ["Avsändare"]),
        ("Bytte nyckel.", ["Bytte nyckel."]),
    ):
        assert in_words(LogEntry(change_message=message)) == told


def test_the_history_is_latest_first_and_in_pages(office, queue, administrator):
    for number in range(101):
        entries = LogEntry.objects.log_actions(
            administrator.pk, [queue], 2, change_message=f"Ändring {number:03}.", single_object=True
        )
        assert entries
    first = text_of(office.get(f"/admin/teleq/queue/{queue.pk}/history/"))
    assert first.index("Ändring 100.") < first.index("Ändring 099.")
    assert "Ändring 000." not in first
    assert "Sida 1 av 2" in first
    assert "Ändring 000." in text_of(office.get(f"/admin/teleq/queue/{queue.pk}/history/?p=2"))


def test_the_first_page_shows_ones_own_changes_only(client, office, queue, operator, care_provider):
    save(office, f"/admin/teleq/queue/{queue.pk}/change/", max_attempts="7")
    assert "Antal försök: 3 → 7" in text_of(office.get("/admin/"))
    client.force_login(operator)
    assert "Antal försök" not in text_of(client.get("/admin/"))


def test_nobody_reads_the_history_of_what_they_do_not_administer(client, nurse, administrator, queue):
    other = Queue.objects.create(care_provider=CareProvider.objects.create(name="Region Norrsund"), unit="A", name="B")
    client.force_login(User.objects.get(pk=administrator.pk))
    assert client.get(f"/admin/teleq/queue/{other.pk}/history/").status_code == 404
    client.force_login(nurse)
    assert client.get(f"/admin/teleq/queue/{queue.pk}/history/").status_code == 403


@pytest.mark.parametrize("off", [-120, 120])
def test_a_change_is_dated_by_postgresqls_clock_whichever_host_it_was_made_at(off, office, queue, monkeypatch):
    hosts_clock = timezone.now() + timedelta(seconds=off)
    monkeypatch.setattr(LogEntry._meta.get_field("action_time"), "_get_default", lambda: hosts_clock)
    before = database_now()
    save(office, f"/admin/teleq/outgoingsms/{queue.pk}/change/", sender="VCSpindeln")
    assert before < LogEntry.objects.latest("pk").action_time < database_now()
