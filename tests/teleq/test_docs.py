"""What the documentation names is there: files, headings, commands, services, secrets; and its SQL runs."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from django.core.management import get_commands, load_command_class
from django.db import connection

from consent.models import Answer
from sms.models import Kind
from tests.conftest import MOBILE, ROOT

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    if "node_modules" not in path.parts
)
OPERATE = [page for page in PAGES if page.startswith("docs/operate/")]
UNITS = sorted((ROOT / "docs/operate/systemd").glob("*.service"))


def text_of(page: str) -> str:
    return (ROOT / page).read_text()


def slugs(text: str) -> set[str]:
    """The headings' anchors, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    plain = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading) for heading in headings]
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in plain}


# Links ---------------------------------------------------------------------------------------------------------------


def links(page: str) -> Iterator[tuple[Path, str]]:
    """Those within the repository: the file, and the heading."""
    for file, anchor in re.findall(r"\]\(([^():#\s]*)(?:#([^)\s]+))?\)", text_of(page)):
        yield ((ROOT / page).parent / file if file else ROOT / page), anchor


@pytest.mark.parametrize("document", PAGES)
def test_every_link_leads_somewhere(document):
    assert [str(file) for file, _ in links(document) if not file.exists()] == []


@pytest.mark.parametrize("document", PAGES)
def test_every_heading_that_is_linked_to_is_there(document):
    with_heading = [(file, anchor) for file, anchor in links(document) if anchor and file.suffix == ".md"]
    assert [f"{file}#{anchor}" for file, anchor in with_heading if anchor not in slugs(file.read_text())] == []


def test_links_are_found_and_headings_are_what_github_makes_of_them():
    assert len(list(links("docs/operate/README.md"))) >= 8
    assert slugs("# A `b` c: [D](e) – f\n```\n# no heading\n```\n") == {"a-b-c-d--f"}


# Commands ------------------------------------------------------------------------------------------------------------

OUR_COMMANDS = {name: app for name, app in get_commands().items() if not app.startswith(("django.", "allauth"))}


@pytest.mark.parametrize("document", PAGES)
def test_every_command_of_manage_py_that_is_named_is_there(document):
    if document.startswith("docs/decisions/"):
        pytest.skip("what was so when it was decided")
    named = set(re.findall(r"(?:manage\.py|teleq-manage) ([a-z]\w+)", text_of(document)))
    assert named - get_commands().keys() - {"is"} == set()


@pytest.mark.parametrize("document", PAGES)
def test_every_option_of_our_commands_that_is_named_is_there(document):
    """What stands behind the command, within its code or its line, and after a backslash on the next."""
    ours = "|".join(OUR_COMMANDS)
    for name, said in re.findall(rf"(?:manage\.py |teleq-manage |`)({ours})\b((?:\\\n|[^`\n])*)", text_of(document)):
        known = load_command_class(OUR_COMMANDS[name], name).create_parser("manage.py", name).format_help()
        assert set(re.findall(r"--[a-z][a-z-]+", said)) - set(re.findall(r"--[a-z-]+", known)) == set(), name


@pytest.mark.parametrize("document", PAGES)
def test_every_service_of_compose_that_is_named_is_there(document):
    named: set[str] = set()
    verbs = r"docker compose (?:exec(?: -T)?|restart|logs|ps|up)((?: (?:-d|--[\w=-]+(?: \d+h)?))*)((?: [a-z-]+)*)"
    for verb in re.finditer(verbs, text_of(document)):
        words = verb[2].split()
        named |= set(words[:1] if " exec" in verb[0] else words)
    assert named - COMPOSE["services"].keys() == set()


@pytest.mark.parametrize("document", OPERATE)
def test_every_secret_that_is_named_is_one(document):
    named = set(re.findall(r"secrets/([a-z]\w+[a-z])\b(?!\*)", text_of(document))) - {"database"}
    assert named - COMPOSE["secrets"].keys() == set()


def test_every_secret_says_how_it_is_changed():
    """Each of them, by its name or by the row that speaks of several."""
    table = text_of("docs/operate/incidents.md").partition("## A secret has leaked")[2]
    untold = {name for name in COMPOSE["secrets"] if name not in table}
    assert untold == {
        *(name for name in COMPOSE["secrets"] if name.startswith(("database_", "postgres_"))),  # "Database passwords"
        *("tls_certificate",),  # no secret
    }


# SQL -----------------------------------------------------------------------------------------------------------------


def statements() -> list[str]:
    """Of the pages, and of the file that psql is given, without what is psql's own."""
    blocks = [block for page in OPERATE for block in re.findall(r"```sql\n(.*?)```", text_of(page), re.DOTALL)]
    file = re.sub(r"^\\.*$", "", text_of("docs/operate/why.sql"), flags=re.MULTILINE)
    blocks.append(file.replace(":'number'", "'+46701740605'"))
    return [each.strip() for block in blocks for each in block.split(";") if re.sub(r"--.*", "", each).strip()]


@pytest.mark.django_db
@pytest.mark.parametrize("statement", statements())
def test_the_sql_runs_by_the_products_role(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        assert cursor.description


@pytest.mark.django_db
def test_the_sql_tells_which_answer_a_message_had(accept, say):
    event = say(Answer.NO).event_id
    message = accept(kind=Kind.MANUAL)  # judged at once, and refused
    [messages] = [each for each in statements() if "FROM sms_message AS m" in each and "DISTINCT" not in each]
    [answers] = [each for each in statements() if "FROM consent_consentevent" in each]
    told = [(row["id"], row["refusal"], row["consent_event_id"]) for row in rows(messages)]
    assert told == [(message.pk, "declined", event)]
    assert [(row["event"], row["answer"], row["answered_by"]) for row in rows(answers)] == [(event, "no", "anna")]


def rows(statement: str) -> list[dict[str, object]]:
    with connection.cursor() as cursor:
        cursor.execute(statement.replace("+46701740605", MOBILE))
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]


# Units ---------------------------------------------------------------------------------------------------------------


def test_the_units_run_what_the_containers_run():
    services = COMPOSE["services"]
    ours = {name for name, each in services.items() if each["image"] == "teleq"} - {"migrate"}
    assert {path.stem.removeprefix("teleq-") for path in UNITS} == ours
    for path in UNITS:
        unit = configparser.RawConfigParser(strict=False)
        unit.read(path)
        words = unit["Service"]["ExecStart"].replace("%%", "%").split()
        service = services[path.stem.removeprefix("teleq-")]
        [from_image] = re.findall(r'^CMD \["(.+)"\]$', text_of("Dockerfile"), re.MULTILINE)
        command = service.get("command") or re.sub(r"=[\d.]+:8000", "=127.0.0.1:8000", from_image).split('", "')
        assert [words[0].removeprefix("/srv/teleq/.venv/bin/"), *words[1:]] == command
        [role] = [each["source"] for each in service["secrets"] if isinstance(each, dict)]
        assert unit["Service"]["LoadCredential"] == f"database_url:/etc/teleq/secrets/{role}"


def test_the_hosts_settings_name_the_secrets_that_the_containers_have():
    named = dict(
        line.split("=", 1) for line in text_of("docs/operate/systemd/teleq.env").splitlines() if "_FILE=" in line
    )
    environment = COMPOSE["services"]["web"]["environment"]
    in_compose = {name: Path(value).name for name, value in environment.items() if name.endswith("_FILE")}
    assert {name: Path(path).name for name, path in named.items()} | {"DATABASE_URL_FILE": "database_url"} == in_compose
