"""The checklist of a queue: what is left before patients meet it, why it matters, and where it is mended."""

from __future__ import annotations

from datetime import time, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from administration import checklist
from administration.checklist import Item
from administration.queues import create_queue
from cases.models import TelephoneHours
from consent.models import ConsentText
from sms.models import StandardText
from teleq.models import CareProvider, Membership, OutgoingSms, Queue, Role, User
from tests.administration.forms import save, text_of
from tests.conftest import make_queue
from tests.database_roles import as_owner

pytestmark = pytest.mark.django_db

HOURS, SENDER, REVEALING, WAY_OUT = (
    "Telefontider",
    "Avsändare",
    "Texter som inte avslöjar vården",
    "Texter som säger hur man tackar nej",
)
CONSENT, MEMBERS = "Samtycke till SMS", "Medlemmar"
A_NAME, A_NUMBER = "VCSpindeln", "+46701740698"


@pytest.fixture
def ready(queue: Queue, nurse: User, administrator: User) -> Queue:
    """Nothing is left to do."""
    TelephoneHours.objects.create(queue=queue, weekday=0, opens=time(8), closes=time(12))
    OutgoingSms.objects.filter(queue=queue).update(sender=A_NUMBER)
    return queue


def items(queue: Queue, user: User) -> dict[str, Item]:
    return {item.name: item for item in checklist.of_queues([queue.pk], user)[queue.pk].items}


def left(queue: Queue, user: User) -> dict[str, list[str]]:
    """What is missing of each item that is not done."""
    return {name: [each.text for each in item.missing] for name, item in items(queue, user).items() if item.missing}


def test_of_a_queue_that_has_all_nothing_is_left(ready, administrator):
    assert left(ready, administrator) == {}
    assert checklist.of_queues([ready.pk], administrator)[ready.pk].told == ""


def test_of_a_new_queue_all_but_its_texts_and_its_maker_is_left(care_provider, administrator):
    new = create_queue(Queue(care_provider=care_provider, unit="VC Tallen", name="Ny"), administrator)
    assert sorted(left(new, administrator)) == sorted([HOURS, SENDER, CONSENT, MEMBERS])
    assert checklist.of_queues([new.pk], administrator)[new.pk].told == "4 saker kvar"


def test_without_telephone_hours_nothing_can_be_booked(ready, administrator):
    ready.telephone_hours.all().delete()
    item = items(ready, administrator)[HOURS]
    assert "kan telefonsystemet inte boka någon tid" in item.missing[0].text
    assert [link.address for link in item.missing[0].links] == [f"/admin/teleq/queue/{ready.pk}/change/#week"]
    assert checklist.of_queues([ready.pk], administrator)[ready.pk].told == "1 sak kvar"


@pytest.mark.parametrize(
    ("sender", "said"),
    [("teleQ", "inte känner igen"), ("BUPSundvik", None), ("BUP", "avslöja"), ("AstmaMott", "avslöja")],
)
def test_the_sender_is_one_that_the_patient_knows_and_nobody_else_learns_from(sender, said, ready, administrator):
    OutgoingSms.objects.filter(queue=ready).update(sender=sender)
    told = left(ready, administrator).get(SENDER, [])
    assert [said in each for each in told] == ([True] if said else [])


def test_each_text_that_is_sent_is_read_as_the_patient_would(ready, administrator):
    Queue.objects.filter(pk=ready.pk).update(unit="Psykiatrin Sundvik")
    text = "Vi ringer. Häls. {enhet}"
    OutgoingSms.objects.filter(queue=ready).update(confirmation_on=True, confirmation_text=text, reminder_text=text)
    standard = StandardText.objects.create(queue=ready, name="prov", text="Ditt provsvar har kommit.")
    told = items(ready, administrator)[REVEALING].missing
    assert ["”Psykiatrin”" in told[0].text, "”provsvar”" in told[1].text] == [True, True]
    assert [tuple(link) for each in told for link in each.links] == [
        ("Bokningsbekräftelse", f"/admin/teleq/outgoingsms/{ready.pk}/change/#id_confirmation_text"),
        ("Standardtexten ”prov”", f"/admin/sms/standardtext/{standard.pk}/change/"),
    ]


def test_from_a_name_each_text_says_how_one_declines(ready, administrator):
    Queue.objects.filter(pk=ready.pk).update(phone_number="+46846500401")
    on = OutgoingSms.objects.filter(queue=ready)
    on.update(reminder_on=True, reminder_text="Vi ringer snart.", sender=A_NAME)
    StandardText.objects.create(queue=ready, name="nummer", text="Ring oss på 08-465 004 01.")
    vague = StandardText.objects.create(queue=ready, name="ring", text="Ring oss.")
    [told] = items(ready, administrator)[WAY_OUT].missing
    assert told.text.startswith("Patienten kan inte svara STOPP på SMS från ett namn.")
    assert [link.label for link in told.links] == ["Påminnelse om återuppringning", "Standardtexten ”ring”"]
    vague.delete()
    on.update(reminder_text="Vi ringer snart. Inga SMS? Ring {telefon}.")
    assert WAY_OUT not in left(ready, administrator)
    on.update(reminder_text="Vi ringer snart.", sender=A_NUMBER)
    assert WAY_OUT not in left(ready, administrator)


def test_consent_is_ordered_turned_on_and_has_a_text_to_read_out(ready, administrator, operator, care_provider):
    ConsentText.objects.create(care_provider=care_provider, queue=ready, text="")  # reads the care provider's
    assert CONSENT not in left(ready, administrator)
    with as_owner():
        ConsentText.objects.all().delete()
    assert left(ready, administrator)[CONSENT][0].startswith("Det finns ingen text att läsa upp.")
    OutgoingSms.objects.filter(queue=ready).update(consent_required=False)
    assert left(ready, administrator)[CONSENT][0].startswith("Samtycke till SMS är inte aktiverat.")
    CareProvider.objects.update(sms_consent_ordered=False)
    [told] = items(ready, administrator)[CONSENT].missing
    assert told.text.startswith(f"Samtycke för SMS är inte beställt för {care_provider}.")
    assert told.links == ()
    [to_operator] = items(ready, operator)[CONSENT].missing
    assert [link.address for link in to_operator.links] == [f"/admin/teleq/careprovider/{care_provider.pk}/change/"]


@pytest.mark.parametrize(("role", "word"), [(Role.NURSE, "medarbetare"), (Role.ADMINISTRATOR, "administratör")])
def test_a_member_counts_while_their_right_does_and_they_can_sign_in(role, word, ready, administrator):
    members = Membership.objects.filter(queue=ready, role=role)
    for change in ("ended", "inactive"):
        if change == "ended":
            members.update(until=timezone.localdate() - timedelta(days=1))
        else:
            members.update(until=None)
            User.objects.filter(memberships__in=members).update(is_active=False)
        [told] = left(ready, administrator)[MEMBERS]
        assert told.startswith(f"Kön har ingen {word}")


def test_another_queues_hours_texts_and_members_do_not_count(ready, care_provider, administrator):
    other = make_queue(care_provider, "Ny", True)
    assert {HOURS, SENDER, MEMBERS} <= set(left(other, administrator))


def test_many_queues_cost_as_many_queries_as_one(ready, plain_queue, administrator):
    for ids in ([ready.pk], [ready.pk, plain_queue.pk]):
        StandardText.objects.create(queue_id=ids[-1], name=f"{len(ids)}", text="Hej.")
        with CaptureQueriesContext(connection) as queries:
            assert set(checklist.of_queues(ids, administrator)) == set(ids)
        assert len(queries) == 4


# In Admin ------------------------------------------------------------------------------------------------------------


def test_the_queues_page_tells_what_is_done_and_what_is_left_with_a_link(office, queue):
    page = office.get(f"/admin/teleq/queue/{queue.pk}/change/")
    text = text_of(page)
    assert "Checklista: 3 saker kvar" in text  # hours, sender, a nurse
    assert "Samtycke till SMS Klart" in text
    assert "Telefontider Kvar Kön har inga telefontider." in text
    assert f'href="/admin/teleq/outgoingsms/{queue.pk}/change/#id_sender"' in page.content.decode()


def test_the_list_of_queues_and_utgaende_sms_say_how_much_is_left(office, ready, plain_queue):
    in_list = text_of(office.get("/admin/teleq/queue/"))
    assert "3 saker kvar" in in_list  # hours, sender, consent of the other queue
    assert "Klart" in in_list
    assert "3 saker kvar" in text_of(office.get("/admin/teleq/outgoingsms/"))
    for address in ("/admin/teleq/queue/", "/admin/teleq/outgoingsms/"):  # what they are is one press away
        told = f'<a href="/admin/teleq/queue/{plain_queue.pk}/change/#checklist">3 saker kvar</a>'
        assert told in office.get(address).content.decode()
    page = office.get(f"/admin/teleq/outgoingsms/{plain_queue.pk}/change/")
    assert "3 saker kvar i köns checklista." in text_of(page)
    assert f'href="/admin/teleq/queue/{plain_queue.pk}/change/#checklist"' in page.content.decode()
    assert "i köns checklista" not in text_of(office.get(f"/admin/teleq/outgoingsms/{ready.pk}/change/"))


def test_the_lists_cost_as_many_queries_with_many_queues_as_with_few(office, administrator, care_provider):
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            for address in ("/admin/teleq/queue/", "/admin/teleq/outgoingsms/"):
                assert office.get(address).status_code == 200
        return len(queries)

    few = cost()
    for name in ("Ett", "Två", "Tre"):
        create_queue(Queue(care_provider=care_provider, unit="VC Tallen", name=name), administrator)
    assert cost() == few


def test_whoever_makes_a_queue_comes_to_its_checklist(office, care_provider):
    post = {"care_provider": care_provider.pk, "unit": "VC Tallen", "name": "Rådgivning"}
    response = save(office, "/admin/teleq/queue/add/", **post)
    made = Queue.objects.get(unit="VC Tallen")
    assert response.url == f"/admin/teleq/queue/{made.pk}/change/"
    assert "Checklista: 4 saker kvar" in text_of(office.get(response.url))


def test_before_it_is_made_there_is_none(office):
    assert "Checklista" not in text_of(office.get("/admin/teleq/queue/add/"))
