"""A call to the telephone menu, from the first word to the booking: what the caller hears, and what a key does."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from access.access_log import Act
from access.models import AccessEntry
from cases.models import Case, CaseEvent, ClosedDay
from intake import booking
from telephony.models import Call, Choice, Ended, Menu, QueueByPhone
from telephony.sentences import said_in
from tests.conftest import LANDLINE, MOBILE
from tests.telephony.conftest import recorded

pytestmark = pytest.mark.django_db

EMERGENCY = "Vid livshotande tillstånd, lägg på och ring 112."
WITHHELD = "anonymous"
PERSON_NUMBER = "+46846500460"


# The first words -----------------------------------------------------------------------------------------------------


def test_the_first_words_are_of_112(caller):
    assert caller().said.startswith(EMERGENCY)


def test_the_first_free_time_is_offered_and_one_key_books_it(caller, eight):
    call = caller()
    assert "Välkommen till Vårdcentralen Spindeln. Vi ringer dig" in call.said
    assert "klockan åtta på det nummer du ringer från. Numret kan vara dolt när vi ringer." in call.said
    assert not Case.objects.exists()
    call.press("1")
    case = Case.objects.get()
    assert (case.callback_at, case.phone_number, case.a_number) == (eight, MOBILE, MOBILE)
    assert call.said.startswith("Tack. Tiden är bokad. Vi ringer dig")
    assert call.is_over


def test_a_number_that_is_not_in_use_says_so(number, caller):
    number.is_on = False
    number.save()
    call = caller()
    assert "Numret är inte i bruk." in call.said
    assert call.is_over
    assert call.row.ended == Ended.NOT_IN_USE


def test_a_number_that_nobody_has_set_up_is_hung_up_on_and_makes_no_call(caller):
    assert caller(dials="+46846500499").action == {"hangup": "reject"}
    assert not Call.objects.exists()


# Closed --------------------------------------------------------------------------------------------------------------


ADVICE = "För råd om vård, ring 1177, dygnet runt."


@pytest.fixture
def opens(number, day) -> str:
    """The number is closed today. When it opens, in words."""
    number.hours.create(weekday=day.weekday(), opens="08:00", closes="16:00")
    if day == timezone.localdate() + timedelta(days=1):
        return "i morgon klockan åtta"
    words = said_in("sv")
    weekday, of_month, month = f"weekday_{day.weekday()}", f"day_{day.day}", f"month_{day.month}"
    return f"{words[weekday]} den {words[of_month]} {words[month]} klockan åtta"


def test_outside_the_hours_it_is_said_who_is_closed_when_they_open_and_1177(opens, caller):
    call = caller()
    assert call.said.startswith(
        "Vid livshotande tillstånd, lägg på och ring 112. Välkommen till Vårdcentralen Spindeln. Telefonen är stängd"
    )
    assert call.said.endswith(f" Vi öppnar {opens} {ADVICE}")
    assert call.is_over
    assert call.row.ended in (Ended.CLOSED, Ended.CLOSED_DAY)  # a day off, where this is run on one


def test_on_a_closed_day_of_the_queue_the_call_ends(queue, caller):
    ClosedDay.objects.create(queue=queue, day=timezone.localdate())
    call = caller()
    assert call.said.endswith(f"Spindeln. Telefonen är stängd i dag. Vi öppnar i morgon {ADVICE}")
    assert call.row.ended == Ended.CLOSED_DAY


def test_where_nobody_knows_when_it_opens_nothing_is_said_of_that(queue, caller):
    today = timezone.localdate()
    ClosedDay.objects.bulk_create(ClosedDay(queue=queue, day=today + timedelta(days=day)) for day in range(370))
    assert caller().said.endswith(f"Telefonen är stängd i dag. {ADVICE}")


def test_the_care_providers_own_words_are_said_instead_and_1177_all_the_same(number, opens, announce, caller):
    number.closed_announcement = announce("Vi svarar vardagar åtta till tolv.")
    number.save()
    assert caller().said.endswith(f"Spindeln. Vi svarar vardagar åtta till tolv. Vi öppnar {opens} {ADVICE}")


def test_in_english_it_is_said_in_english(number, opens, voices_of, announce, caller):
    voices_of("en")
    number.greeting, number.languages = announce("Välkommen.", english="Welcome to Spindeln."), ["en"]
    number.save()
    call = caller()
    assert "Welcome to Spindeln. Our telephone is closed" in call.said
    assert call.said.endswith("at eight o'clock in the morning For advice on care, call 1177, day and night.")


def test_whoever_has_a_time_is_told_it_when_it_is_closed_too_and_nobody_else_is(request, caller):
    caller().press("1").hang_up()
    opens = request.getfixturevalue("opens")
    call = caller()
    assert f" Vi öppnar {opens} Du blir uppringd" in call.said
    assert call.said.endswith(f"omkring klockan åtta {ADVICE}")
    assert call.is_over
    look = AccessEntry.objects.filter(act=Act.PHONE).latest("pk")
    assert look.case_id == Case.objects.get().pk
    for another in ("+46701740606", WITHHELD):
        assert "Du blir uppringd" not in caller(calls_from=another).said


# Languages and menus -------------------------------------------------------------------------------------------------


@pytest.fixture
def menu(number, announce, queue, plain_queue) -> Menu:
    menu = Menu.objects.create(care_provider=number.care_provider, name="Huvudmeny")
    for key, words, where in (
        (1, "För rådgivning, tryck 1.", {"queue": queue}),
        (2, "För tidbokning, tryck 2.", {"queue": plain_queue}),
        (3, "För öppettider, tryck 3.", {"announcement": announce("Vi har öppet åtta till fem.")}),
        (4, "För vaccination, tryck 4.", {"person_number": PERSON_NUMBER}),
    ):
        Choice.objects.create(of_menu=menu, key=key, order=key, words=announce(words), **where)
    number.queue, number.menu = None, menu
    number.save()
    return menu


def test_a_menu_says_its_choices_in_order_and_a_key_leads_to_a_queue(menu, caller, queue):
    call = caller()
    assert call.said.endswith(
        "För rådgivning, tryck 1. För tidbokning, tryck 2. För öppettider, tryck 3. För vaccination, tryck 4."
    )
    call.press("1").press("1")
    assert Case.objects.get().queue == queue
    assert call.row.choices[0] == {"what": "menu", "key": "1", "menu": menu.pk}


def test_a_choice_can_be_a_message_and_the_end(menu, caller):
    call = caller().press("3")
    assert call.said == "Vi har öppet åtta till fem."
    assert call.is_over
    assert call.row.ended == Ended.ANNOUNCEMENT


def test_a_choice_can_be_a_person(menu, caller):
    call = caller().press("4")
    assert call.action["connect"] == PERSON_NUMBER
    call.person("success")
    assert call.is_over
    assert call.row.ended == Ended.PERSON


def test_a_menu_can_lead_to_a_menu(menu, caller, announce, queue):
    inner = Menu.objects.create(care_provider=menu.care_provider, name="Recept")
    Choice.objects.create(of_menu=inner, key=1, words=announce("För recept, tryck 1."), queue=queue)
    Choice.objects.create(of_menu=menu, key=5, order=5, words=announce("För recept, tryck 5."), menu=inner)
    call = caller().press("5")
    assert call.said == "För recept, tryck 1."
    call.press("1")
    assert "Vi ringer dig" in call.said


@pytest.fixture
def in_english_too(number, voices_of, announce):
    voices_of("en")
    number.greeting = announce("Välkommen till Spindeln.", english="Welcome to Spindeln.")
    number.languages = ["sv", "en"]
    number.save()
    return number


TWO_LANGUAGES = "För svenska, tryck ett For English, press two"


def test_of_several_languages_one_is_chosen_first_and_each_offers_itself_in_its_own(in_english_too, caller):
    call = caller()
    assert call.said.endswith(TWO_LANGUAGES)
    call.press("2")
    assert call.said.startswith("Welcome to Spindeln. We will call you")
    call.press("1")
    assert call.said.startswith("Thank you. It is booked.")
    assert call.row.language == "en"


def test_112_is_said_in_each_of_the_languages_before_one_is_chosen(in_english_too, caller):
    assert caller().said == (
        "Vid livshotande tillstånd, lägg på och ring 112."
        f" If this is life-threatening, hang up and call 112. {TWO_LANGUAGES}"
    )


def test_a_third_language_says_it_as_soon_as_it_is_recorded(in_english_too, care_provider, caller):
    in_english_too.languages = ["sv", "en", "so"]
    in_english_too.save()
    assert caller().said.startswith(f"{EMERGENCY} If this is life-threatening, hang up and call 112. För svenska")
    recorded(care_provider, "emergency", "Haddii ay tahay xaalad nafta halis gelinaysa, wac 112.", "so")
    assert caller().said.startswith(
        f"{EMERGENCY} If this is life-threatening, hang up and call 112."
        " Haddii ay tahay xaalad nafta halis gelinaysa, wac 112. För svenska"
    )


def test_a_number_that_is_not_in_use_says_so_in_each_language(in_english_too, caller):
    in_english_too.is_on = False
    in_english_too.save()
    assert "Numret är inte i bruk." in caller().said
    assert caller().said.endswith("This number is not in use. For advice on care, call 1177.")


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("", "Vi hörde ingen knapptryckning. We did not hear you press a key."),
        ("7", "Jag förstod inte det. I did not get that."),
    ],
)
def test_before_a_language_is_chosen_all_is_said_in_each(keys, said, in_english_too, caller):
    call = caller().press(keys)
    assert call.said == f"{said} {TWO_LANGUAGES}"
    call.press(keys).press(keys)
    assert call.said.startswith("Ingenting är bokat. Ring igen när du vill.")
    assert call.said.endswith(
        "Nothing is booked. Call again when you like. For advice on care, call 1177, day and night."
    )
    assert call.is_over


# The number to call back ---------------------------------------------------------------------------------------------


def test_another_number_is_keyed_read_back_and_confirmed(caller):
    call = caller().press("2")
    assert call.said == "Slå det telefonnummer som vi ska ringa, med riktnummer. Avsluta med fyrkant."
    call.press("0701740606#")
    assert call.said == (
        "Du har slagit noll sju noll ett sju fyra noll sex noll sex Tryck 1 om det är rätt, eller 2 för att slå om."
    )
    call.press("1")
    assert "på det nummer du har slagit." in call.said
    call.press("1")
    case = Case.objects.get()
    assert (case.phone_number, case.a_number) == ("+46701740606", MOBILE)


def test_a_number_that_was_misread_is_keyed_again(caller):
    call = caller().press("2").press("0701740606#").press("2").press("0701740607#").press("1").press("1")
    assert Case.objects.get().phone_number == "+46701740607"
    assert call.is_over


def test_what_is_no_number_is_said_to_be_none_and_asked_for_again(caller):
    call = caller().press("2").press("070#")
    assert call.said.startswith("Det är inget giltigt telefonnummer. Slå det telefonnummer")
    assert call.said.endswith("Avsluta med fyrkant.")


@pytest.mark.parametrize("calls_from", [WITHHELD, "", "+4670", "unknown"])
def test_who_calls_from_no_usable_number_is_asked_for_one(calls_from, caller):
    call = caller(calls_from=calls_from)
    assert "Numret du ringer från går inte att ringa upp. Slå det telefonnummer" in call.said
    call.press("0701740606#").press("1").press("1")
    case = Case.objects.get()
    assert (case.phone_number, case.a_number) == ("+46701740606", None)


def test_a_landline_can_be_called_back(caller):
    caller(calls_from=LANDLINE).press("1")
    assert Case.objects.get().phone_number == LANDLINE


# Personnummer --------------------------------------------------------------------------------------------------------


@pytest.fixture
def asks_identity(queue):
    QueueByPhone.objects.create(queue=queue, asks_personal_identity=True)


@pytest.mark.parametrize("keys", ["191212121212", "1212121212#"])
def test_a_personnummer_is_keyed_in_ten_or_twelve_digits_and_never_read_back_in_full(keys, asks_identity, caller):
    call = caller()
    assert "Slå personnumret för den som ärendet gäller, tio eller tolv siffror" in call.said
    call.press(keys)
    assert call.said.startswith("Personnumret slutar på ett två ett två Tryck 1")
    call.press("1").press("1")
    assert Case.objects.get().personal_identity_number in ("191212121212", "201212121212")


def test_hash_alone_is_for_who_has_none(asks_identity, caller):
    call = caller().press("#")
    assert "Vi ringer dig" in call.said
    call.press("1")
    assert Case.objects.get().personal_identity_number == ""


def test_silence_is_not_none(asks_identity, caller):
    call = caller().press("")
    assert call.said.startswith("Vi hörde ingen knapptryckning. Slå personnumret")


def test_a_personnummer_with_a_wrong_check_digit_is_asked_for_again(asks_identity, caller):
    call = caller().press("191212121213")
    assert call.said.startswith("Det är inget giltigt personnummer. Slå personnumret")  # said once what is wrong


# Times ---------------------------------------------------------------------------------------------------------------


def test_other_times_come_three_at_a_time(caller, eight):
    call = caller().press("3")
    assert "klockan åtta femton tryck ett" in call.said
    assert "klockan åtta trettio tryck två" in call.said
    assert "klockan åtta fyrtiofem tryck tre" in call.said
    assert "Tryck 4 för fler tider." in call.said  # in a week
    call.press("2")
    assert "klockan åtta trettio på det nummer du ringer från." in call.said
    call.press("1")
    assert Case.objects.get().callback_at == eight + timedelta(minutes=30)


def test_more_times_are_those_after_and_at_the_end_they_begin_again(caller):
    call = caller().press("3").press("4")
    assert "klockan åtta tryck ett" in call.said
    while "Det finns inga fler tider." not in call.said:
        call.press("4")
    assert "klockan åtta tryck ett" in call.said


def test_nine_ends_and_nothing_is_booked(caller):
    call = caller().press("9")
    assert call.said == "Ingenting är bokat. Tack och hej då."
    assert call.is_over
    assert not Case.objects.exists()
    assert call.row.ended == Ended.DONE


def test_a_time_that_somebody_else_takes_meanwhile_is_said_to_be_taken_and_the_next_is_offered(caller, book, eight):
    call = caller()
    book(callback_at=eight, phone_number="+46701740699")
    call.press("1")
    assert call.said.startswith("Tiden hann bli bokad av någon annan. Vi ringer dig")
    assert "klockan åtta femton" in call.said
    call.press("1")
    assert Case.objects.get(phone_number=MOBILE).callback_at == eight + timedelta(minutes=15)


def test_when_there_are_no_times_at_all_it_is_said_and_counted(number, queue, caller):
    queue.telephone_hours.all().delete()
    call = caller()
    assert call.said.endswith(
        "Det finns inga lediga tider just nu. Ring igen i morgon. För råd om vård, ring 1177, dygnet runt."
    )
    assert (call.row.ended, call.row.full) == (Ended.FULL, True)


def test_when_there_are_no_times_a_person_is_called_where_there_is_one(number, queue, caller):
    number.person_number = PERSON_NUMBER
    number.save()
    queue.telephone_hours.all().delete()
    call = caller()
    assert call.action["connect"] == PERSON_NUMBER
    assert call.row.full


# A time that is booked already ---------------------------------------------------------------------------------------


def test_a_second_call_says_when_one_is_called_and_never_the_queue(caller, queue, eight):
    caller().press("1").hang_up()
    call = caller()
    assert "Du blir uppringd" in call.said
    assert "klockan åtta" in call.said
    assert queue.name not in call.said
    assert call.said.endswith("3 för att boka även för någon annan, eller 9 för att avsluta.")


def test_the_time_can_be_changed(caller, eight):
    caller().press("1").hang_up()
    call = caller().press("1").press("2")
    assert call.said.startswith("Tiden är ändrad. Du blir uppringd")
    case = Case.objects.get()
    assert case.callback_at == eight + timedelta(minutes=30)
    assert call.row.ended == Ended.MOVED


def test_the_time_can_be_cancelled_and_is_asked_about_once_more_first(caller):
    caller().press("1").hang_up()
    call = caller().press("2")
    assert Case.objects.open().exists()
    call.press("1")
    assert call.said == "Tiden är avbokad. Tack och hej då."
    assert not Case.objects.open().exists()
    assert call.row.ended == Ended.CANCELLED


def test_a_second_child_gets_a_time_beside_the_first(caller, eight):
    caller().press("1").hang_up()
    caller().press("3").press("1").hang_up()
    assert list(Case.objects.order_by("callback_at").values_list("callback_at", flat=True)) == [
        *(eight, eight + timedelta(minutes=15)),
    ]


def test_of_two_times_one_is_chosen_first(caller, eight):
    caller().press("1").hang_up()
    caller().press("3").press("1").hang_up()
    call = caller()
    assert "Vilken tid gäller det?" in call.said
    call.press("2").press("2").press("1")
    assert Case.objects.open().get().callback_at == eight


def test_a_time_that_a_nurse_works_with_can_not_be_changed(caller, nurse):
    caller().press("1").hang_up()
    Case.objects.update(assignee=nurse, status="ongoing", taken_at=timezone.now())
    call = caller()
    assert call.said.endswith("Tryck 3 för att boka även för någon annan, eller 9 för att avsluta.")
    call.press("1")
    assert call.said.startswith("Jag förstod inte det.")


def test_a_nurse_who_takes_it_between_two_words_keeps_it(caller, nurse):
    caller().press("1").hang_up()
    call = caller().press("2")
    Case.objects.update(assignee=nurse, status="ongoing", taken_at=timezone.now())
    call.press("1")
    assert call.said.startswith("Tiden går inte att ändra här just nu")
    assert Case.objects.open().exists()


def test_another_care_providers_times_are_not_told(caller, other_queue, book):
    book(queue=other_queue)
    assert "Du blir uppringd" not in caller().said


# Wrong keys ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        *((keys, "Jag förstod inte det.") for keys in ("7", "#", "*", "11")),
        ("", "Vi hörde ingen knapptryckning."),
    ],
)
def test_what_means_nothing_and_silence_are_asked_again_twice_and_then_the_call_ends(keys, said, caller):
    call = caller()
    for _ in range(2):
        call.press(keys)
        assert call.said.startswith(f"{said} Vi ringer dig")
    call.press(keys)
    assert call.said == "Ingenting är bokat. Ring igen när du vill. För råd om vård, ring 1177, dygnet runt."
    assert call.is_over
    assert call.row.ended == Ended.GAVE_UP


def test_a_person_is_the_way_out_where_there_is_one(number, caller):
    number.person_number = PERSON_NUMBER
    number.save()
    call = caller().press("").press("").press("")
    assert call.action["connect"] == PERSON_NUMBER
    call.person("failed")
    assert call.said == "Ingen kan svara just nu. Ring igen när du vill. För råd om vård, ring 1177, dygnet runt."


def test_a_right_key_forgets_the_wrong_ones(caller):
    call = caller().press("7").press("7").press("3").press("7")
    assert call.said.startswith("Jag förstod inte det.")


def test_after_a_wrong_key_the_same_times_are_said_again(caller):
    call = caller().press("3")
    said = call.said
    call.press("8")
    assert call.said == f"Jag förstod inte det. {said}"


# Ends ----------------------------------------------------------------------------------------------------------------


def test_whoever_hangs_up_before_the_key_has_booked_nothing(caller):
    caller().hang_up()
    assert not Case.objects.exists()
    assert Call.objects.get().ended == Ended.HUNG_UP


def test_a_call_that_is_over_keeps_no_digits(caller):
    call = caller().press("2").press("0701740606#")
    assert "0701740606" in str(call.row.memory) or "+46701740606" in str(call.row.memory)
    call.hang_up()
    assert (call.row.memory, call.row.reply) == ({}, {})
    assert "701740606" not in str(call.row.choices)


def test_the_case_says_that_the_patient_booked_it(caller, eight):
    caller().press("1")
    assert booking.may_be_changed(Case.objects.get())
    assert CaseEvent.objects.get().user is None
