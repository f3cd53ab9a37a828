"""What is unwise in a text: that it tells which care it is about, links, no way to say no, a costly character."""

from __future__ import annotations

import pytest

from sms.content import advice

NAME, NUMBER = "VCSpindeln", "+46701740698"
A_WAY_OUT = "Vill du inte ha SMS? Ring 08-465 004 01."


@pytest.mark.parametrize(
    "text",
    [
        "Vi ringer dig från Barnpsykiatriska mottagningen.",
        "Häls. BUP",
        "Välkommen till Beroendemottagningen Sundvik",
        "Din tid på ungdomsmottagningen är bokad.",
        "Ditt provsvar har kommit.",
        "Tid för cellprovtagning",
        "HIV-testet är bokat",
        "Astmamottagningen ringer upp dig kl. 10.30.",
        "Häls. KOL-mottagningen",
        "Tid för hjärtsviktskontroll",
    ],
)
def test_words_for_a_kind_of_care_are_told_with_the_word(text):
    told = advice.reveals_care(text)
    assert "kan avslöja vilken vård det gäller" in told
    assert told[1 : told.index("”", 1)].lower() in text.lower()


@pytest.mark.parametrize(
    "text",
    [
        "Hej. Vi har försökt nå dig tre gånger. Om du fortfarande vill komma i kontakt med oss, vänligen ring igen."
        " Häls. VC Spindeln",
        "Din tid är bokad: vi ringer upp dig torsdag 24 september kl. 10.30. Häls. VC Spindeln",
        "Tiden kan ändras beroende på kön.",
        "Vi ringer upp dig av hela vårt hjärta, också om du bor på Kolgatan.",
        "Vi ringer stina@hivlösa.",
    ],
)
def test_what_could_be_about_anything_is_not(text):
    assert advice.reveals_care(text) is None


@pytest.mark.parametrize("link", ["https://1177.se/boka", "www.vc.se", "boka.regionen.se", "bit.ly"])
def test_a_link_is_told(link):
    assert f"en länk ({link}" in advice.holds_a_link(f"Boka på {link} nu")


@pytest.mark.parametrize("text", ["Vi ringer kl. 10.30.", "Hej.Vi ringer.", "Kl. 8.00-9.00"])
def test_times_and_full_stops_are_no_links(text):
    assert advice.holds_a_link(text) is None


def test_from_a_name_a_text_has_to_say_how_one_declines():
    assert "kan inte svara STOPP" in advice.can_not_be_declined("Vi ringer.", NAME, "{telefon}")
    assert "Ring {telefon}." in advice.can_not_be_declined("Vi ringer.", NAME, "{telefon}")
    assert advice.can_not_be_declined(A_WAY_OUT, NAME, "") is None
    assert advice.can_not_be_declined("Inga SMS? Ring 1177.", NAME, "") is None
    assert "ber patienten att svara STOPP" in advice.can_not_be_declined(f"Svara STOPP. {A_WAY_OUT}", NAME, "")


def test_a_time_is_no_number_to_call():
    assert advice.can_not_be_declined("Vi ringer torsdag 24 september 2026 kl. 10.30.", NAME, "")


@pytest.mark.parametrize("text", ["Vi ringer.", "Svara STOPP om du inte vill ha SMS."])
def test_from_a_number_one_declines_by_a_reply(text):
    assert advice.can_not_be_declined(text, NUMBER, "") is None


def test_a_character_outside_the_sms_alphabet_is_named():
    assert advice.costs_more("Välkommen, det går bra: 25 € [åäö]") is None
    assert "”ł” finns inte i SMS-alfabetet (GSM-7)" in advice.costs_more("Michał")


@pytest.mark.parametrize("text", ["a" * 500_000, "a-" * 250_000, "a." * 250_000, "0 " * 250_000, "psy" * 150_000])
def test_however_much_is_posted_the_first_of_it_is_read(text):
    beginning = text[: advice.READ_AT_MOST]
    assert advice.of_text(text, NAME, "") == advice.of_text(beginning, NAME, "")


def test_a_word_is_told_whole():
    assert advice.reveals_care("Häls. Barn- och ungdomspsykiatrin, Sundvik").startswith("”ungdomspsykiatrin” kan")


def test_of_no_text_nothing_is_said():
    assert advice.of_text("", NAME, "") == []
