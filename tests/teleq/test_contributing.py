"""CONTRIBUTING.md names every file that a new provider, or a new kind of automatic SMS, touches."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APPS = ("teleq", "access", "consent", "sms", "cases", "intake", "telephony", "administration", "demo")
FOLDERS = (*APPS, "local", "templates", "static", "tests", "docs", "benchmarks")
TEXTS = (".py", ".html", ".js", ".yml", ".md")


def named_under(heading: str) -> set[str]:
    """The files at the beginning of each line of this section's list."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    section = text.partition(f"### {heading}\n")[2].partition("\n### ")[0]
    lines = [line for line in section.splitlines() if line.startswith("- ")]
    return {name for line in lines for name in re.findall(r"`([\w/.-]+\.\w+)`", line.partition(" – ")[0])}


def files_that_say(pattern: str, *but_not: str) -> set[str]:
    """The project's files in which a line has these words."""
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.*")] + list(ROOT.glob("*.*"))
    names = {path.relative_to(ROOT).as_posix(): path for path in files if path.suffix in TEXTS}
    return {
        name for name, path in names.items() if not name.startswith(but_not) and re.search(pattern, path.read_text())
    }


def test_a_new_provider_touches_the_files_that_one_of_today_is_in():
    in_them = files_that_say(
        *("ELKS_|46elks|providers.elks", "CONTRIBUTING.md", "docs/decisions/", "docs/asvs.md", "docs/security.md"),
        *(
            "tests/teleq/test_contrib",
            "telephony/",
            "tests/telephony/",
            "benchmarks/calls",
            "docs/handbok/",
        ),  # telephone calls: providers of their own
        *("demo/", "tests/demo/", "tests/browser/test_telephone"),  # and a telephone to call by
    )
    assert named_under("A new SMS provider") == in_them


def test_a_new_kind_of_automatic_sms_touches_the_files_of_the_product_that_the_reminder_is_in():
    tests_and_docs = ("tests/", "benchmarks/", "docs/", "CONTRIBUTING.md", "README.md")
    in_them = files_that_say(r"\bREMINDER\b|\breminder_(on|text|minutes)\b", *tests_and_docs)
    assert named_under("A new kind of automatic SMS") == {name for name in in_them if "/migrations/" not in name}
