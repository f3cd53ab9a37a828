"""The house: imports go one way, cases → sms → consent → the floor of teleq, and there is one door out (promise 1)."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BELOW = {"cases": {"cases", "sms", "consent"}, "sms": {"sms", "consent"}, "consent": {"consent"}}
FLOOR = {"constraints", "database", "changes", "clock", "models", "pasted", "personal_identity", "phone_numbers"}
HOUSE = {"cases", "sms", "consent", "teleq"}
FILES = [path for app in sorted(HOUSE) for path in sorted((ROOT / app).rglob("*.py")) if "migrations" not in path.parts]


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: a relative import hides where it goes"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def app_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", [path for path in FILES if app_of(path) != "teleq"], ids=name_of)
def test_an_app_imports_only_what_is_below_it(path):
    for module in imported(path):
        package = module.split(".")[0]
        if package == "teleq":
            assert module.split(".")[1] in FLOOR, f"{module}: of teleq, apps import the floor only"
        elif package in HOUSE:
            assert package in BELOW[app_of(path)], module


def test_the_floor_imports_no_app_and_no_roof():
    for name in FLOOR:
        ours = [module for module in imported(ROOT / "teleq" / f"{name}.py") if module.split(".")[0] in HOUSE]
        assert not [module for module in ours if not module.startswith(tuple(f"teleq.{floor}" for floor in FLOOR))]


def users_of(module: str) -> set[str]:
    return {name_of(path) for path in FILES if any(name.startswith(module) for name in imported(path))}


def test_promise_1_only_the_flight_hands_messages_over():
    sending = {name_of(path) for path in FILES if "provider.send(" in path.read_text()}
    assert sending == {"sms/flight.py"}


def test_promise_1_only_the_gateway_has_a_flight_and_records_what_became_of_it():
    assert users_of("sms.flight") == users_of("sms.outcomes") == {"sms/gateway.py"}


def test_promise_1_nothing_else_speaks_http():
    """The providers, who sends through them, who asks them what became of it, and the demonstration's stand-in. And
    bin/run, which asks its own web server whether it answers."""
    speaking = users_of("aiohttp") | users_of("http.client") | users_of("requests") | users_of("urllib.request")
    assert {name for name in speaking if not name.startswith("sms/providers/")} == {
        "sms/flight.py",
        "sms/receipts.py",
        "sms/simulator.py",
    }


def test_promise_1_providers_are_known_below_the_gateway_only():
    assert not [name for name in users_of("sms.providers") if not name.startswith("sms/")]
