"""A recording for the telephone menu in a browser: chosen, saved, and listened to."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from telephony import shipped, wav
from telephony.models import Recording
from tests.browser.accessible import check

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

SECONDS = """async () => {
    const audio = document.querySelector("audio");
    return await new Promise(done => {
        audio.onended = () => done(audio.duration);
        audio.onerror = () => done(audio.error.message);
        audio.play().catch(error => done(String(error)));
    });
}"""
"""How long it is, once it has been played to its end; or what was wrong."""


def a_second_of(form: wav.Form) -> bytes:
    return wav.write(form, b"\x7f\x80" * (form.rate * form.frame // 2))


@pytest.mark.parametrize("form", [wav.Form(wav.PCM, 1, 8000, 16), wav.Form(wav.MU_LAW, 1, 8000, 8)], ids=str)
def test_a_sentence_is_recorded_and_heard(form, sign_in, provider_administrator, care_provider, tmp_path: Path):
    (tmp_path / "hej.wav").write_bytes(a_second_of(form))
    page = sign_in(provider_administrator)
    page.goto("/admin/recordings/")
    page.get_by_role("link", name="Svenska").click()
    page.get_by_role("link", name="Tack och hej då.").click()
    page.get_by_label("Det som sägs i inspelningen").fill("Tack, hej!")
    page.get_by_label("Ljudfil").set_input_files(tmp_path / "hej.wav")
    page.get_by_role("button", name="Spara", exact=True).click()
    expect(page.get_by_text("Inspelningen är sparad.")).to_be_visible()
    assert Recording.objects.get().words == "Tack, hej!"
    assert page.evaluate(SECONDS) == pytest.approx(1, abs=0.05)


def test_the_test_voice_is_taken_in_and_heard(sign_in, provider_administrator, care_provider):
    page = sign_in(provider_administrator)
    page.goto(f"/admin/recordings/{care_provider.pk}/en/")
    page.get_by_role("button", name="Ta in teleQ:s provröst").click()
    expect(page.get_by_role("row", name="If this is life-threatening")).to_contain_text("teleQ:s provröst")
    spoken = wav.read((shipped.FOLDER / "en" / "emergency.wav").read_bytes()).seconds
    assert page.evaluate(SECONDS) == pytest.approx(spoken, abs=0.05)


def test_the_pages_are_accessible(sign_in, provider_administrator, care_provider):
    shipped.load(care_provider, "sv")
    page = sign_in(provider_administrator)
    for address in (
        "",
        f"{care_provider.pk}/sv/",
        f"{care_provider.pk}/sv/?missing",
        f"{care_provider.pk}/so/goodbye/",
    ):
        page.goto(f"/admin/recordings/{address}")
        check(page)
    page.get_by_role("button", name="Spara", exact=True).click()
    expect(page.get_by_text("Välj en ljudfil i WAV eller MP3.")).to_be_visible()
    check(page)
