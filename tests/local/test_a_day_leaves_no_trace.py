"""A day at the product, as bin/run starts it: no number, name or text of it is in a log, the broker or an address."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus, unquote, urljoin

import pytest
import requests

from demo.logins import PASSWORD
from tests.cases.desk import Form, forms_on, in_a_month, squeezed
from tests.local.test_bin_run import ADDRESS, BIN_RUN, data_folder, environment, started

__all__ = ["data_folder", "environment"]

NUMBER, OTHER_NUMBER, WRONG_NUMBER = "070-174 06 81", "070-174 06 82", "070-174 06 8"
PERSON = "20000229-2381"
WORDS = ["Gullbritt", "Vinterhav", "Kvällsdimma", "Havtorn", "Sjögräs", "Tranbär", "Blåklint", "Renfana", "Älggräs"]
NAME, REASON, NOTE, DRAFT, SMS, REPLY, UNSENT, TYPED, WHY = (
    f"{WORDS[0]} {WORDS[1]}",
    *(f"{word} med mera" for word in WORDS[2:]),
    "Utan anledning Porsört",
)
WORDS = [*WORDS, "Porsört"]


def spellings(number: str) -> set[str]:
    """Of a Swedish telephone number: as it is typed, stored and sent."""
    digits = re.sub(r"\D", "", number)
    return {number, digits, digits[1:], f"+46{digits[1:]}", f"0046{digits[1:]}", re.sub("-", " ", number)}


SECRETS = {
    *spellings(NUMBER),
    *spellings(OTHER_NUMBER),
    *(PERSON, PERSON[2:], PERSON.replace("-", ""), PERSON[2:].replace("-", "")),
    *WORDS,
    *(quote(word) for word in WORDS),
    *(quote_plus(word) for word in WORDS),
    *(repr(word.encode())[2:-1] for word in WORDS),
    *(ascii(word)[1:-1] for word in WORDS),
    PASSWORD,
}


class Person:
    """In a browser. Keeps every address that was asked for or led to."""

    def __init__(self, product: str, username: str, asked: list[str]) -> None:
        self.product, self.asked, self.session = product, asked, requests.Session()
        self.page = self.open("/login/")
        self.press("Logga in", login=username, password=PASSWORD)

    def open(self, address: str) -> requests.Response:
        return self._shown(self.session.get(urljoin(self.product, address), timeout=30))

    def press(self, label: str, **typed: str) -> requests.Response:
        form, data = self._form(label)
        action = urljoin(self.page.url, data.pop("", "") or form.attributes.get("action") or self.page.url)
        headers = {"Referer": self.page.url}
        return self._shown(self.session.post(action, data | typed, headers=headers, timeout=30))

    def _form(self, label: str) -> tuple[Form, dict[str, str]]:
        for form in forms_on(self.page.text):
            for button in form.buttons:
                if squeezed(button.label).startswith(label):
                    own = {button.name: button.value} if button.name else {}
                    return form, form.fields | own | {"": button.formaction}
        raise AssertionError(
            f"no button {label!r} on {self.page.url}: {squeezed(re.sub('<[^>]*>', ' ', self.page.text))}"
        )

    def _shown(self, page: requests.Response) -> requests.Response:
        self.page = page
        self.asked += [each.url for each in (*page.history, page)]
        # "Ring" leads to the telephone, and no further; data-news is words to be read out.
        leads = r'(?:href|action|src|hx-get|hx-post|formaction|data-(?!news)\w+)="(?!tel:)([^"]*)"'
        self.asked += re.findall(leads, page.text)
        return page

    def wait_for(self, words: str) -> None:
        """As somebody does who reloads the page till it says so."""
        for _ in range(60):
            if words in self.open(self.page.url).text:
                return
            time.sleep(0.5)
        raise AssertionError(f"{words} never stood on {self.page.url}")


@pytest.fixture
def product(environment: dict[str, str], data_folder: Path) -> Iterator[str]:
    with started(BIN_RUN, environment, until="drift") as (_, said):
        found = ADDRESS.search(said)
        assert found
        yield f"http://127.0.0.1:{found[1]}/"


def a_day(product: str, asked: list[str]) -> None:
    anna = Person(product, "anna", asked)
    queue = re.search(r'<option value="(\d+)">[^<]*Rådgivning', anna.open("/cases/new/").text)
    assert queue
    told = {"queue": queue[1], "name": NAME, "reason": REASON, "personal_identity_number": PERSON}
    anna.press("Skapa ärendet", **told, phone_number=WRONG_NUMBER, callback_at=in_a_month())
    assert anna.page.status_code == 422
    anna.press("Skapa ärendet", **told, phone_number=NUMBER, callback_at=in_a_month())
    assert "Ärendet är skapat." in anna.page.text
    case = anna.page.url
    anna.press("Spara svaret", answer="yes")
    anna.open(case)
    anna.press("Skicka SMS", text=SMS)
    assert "SMS:et är på väg." in anna.page.text
    anna.page = anna.open(case)
    anna.wait_for("Levererat")
    anna.press("Spara anteckningen", note_text=NOTE)
    anna.session.post(
        f"{case}drafts/", {"field": "note", "text": DRAFT}, headers={"X-CSRFToken": anna.session.cookies["csrftoken"]}
    )
    anna.open("/")
    for query in (NUMBER, PERSON, TYPED):
        anna.open("/")
        anna.press("Sök", query=query)
    anna.open(case)
    anna.press("Spara numret", phone_number=OTHER_NUMBER)
    anna.press("Skicka SMS", text=UNSENT)
    anna.open("/simulator/")
    anna.press("Svara", text=REPLY)
    anna.page = anna.open("/inbound/")
    anna.wait_for(REPLY)
    anna.open("/simulator/")
    anna.press("Svara STOPP")
    karim = Person(product, "sara", asked)
    assert karim.open(case).status_code == 404
    vera = Person(product, "maria", asked)
    vera.open("/admin/patient-data/")
    vera.press("Visa", query=NUMBER)
    what_goes_wrong(product, anna)


def what_goes_wrong(product: str, anna: Person) -> None:
    """A wrong password, what can't be read, and what programs are turned away with."""
    wrong = {"login": NAME, "password": TYPED}
    login = requests.Session()
    form = forms_on(login.get(f"{product}login/", timeout=30).text)[0]
    login.post(f"{product}login/", form.fields | wrong, timeout=30)
    body = f'{{"phone_number": "{NUMBER}", "name": "{NAME}"}}'.encode()
    headers = {"Authorization": "Bearer nobody", "Content-Type": "application/json"}
    requests.post(f"{product}api/v1/callbacks", body, headers=headers, timeout=30)
    requests.post(f"{product}sms/inbound/kannel", {"from": NUMBER, "text": REPLY}, timeout=30)
    headers = {"X-CSRFToken": anna.session.cookies["csrftoken"]}
    anna.session.post(f"{product}cases/new/", {"name": NAME * 500, "reason": "\x00"}, headers=headers, timeout=30)


def test_no_number_name_or_text_of_the_day_is_in_a_log_the_broker_or_an_address(
    product: str, environment: dict[str, str], data_folder: Path
) -> None:
    asked: list[str] = []
    a_day(product, asked)
    places = {path.name: path.read_bytes().decode(errors="replace") for path in data_folder.glob("*.log")}
    assert {"web.log", "postgres.log", "valkey.log", "worker-manual.log", "worker-bulk.log", "beat.log"} <= set(places)
    places |= {f"valkey/{path.name}": path.read_bytes().decode(errors="replace") for path in broker_files(data_folder)}
    assert any(name.endswith(".aof") for name in places)
    places["addresses"] = "\n".join({*asked, *map(unquote, asked)})
    assert len(asked) > 50
    found = {(name, secret) for name, text in places.items() for secret in SECRETS if secret in text}
    assert found == set()


def broker_files(data_folder: Path) -> list[Path]:
    return [path for path in (data_folder / "valkey").rglob("*") if path.is_file() and path.suffix in (".aof", ".rdb")]
