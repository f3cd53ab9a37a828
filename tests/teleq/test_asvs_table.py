"""docs/asvs.md and docs/security.md name tests and files that are there, and every requirement once."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache

import pytest

from tests.conftest import ROOT

ASVS = "docs/asvs.md"
PAGES = [ASVS, "docs/security.md", "docs/threat-model.md", "SECURITY.md"]

# OWASP ASVS 5.0.0, levels 1 and 2: section:numbers, as in the OWASP/ASVS repository's 5.0/docs_en/…_5.0.0_en.csv.
REQUIREMENTS = """
    1.1:1-2 1.2:1-9 1.3:1-11 1.4:1-3 1.5:1-2
    2.1:1-3 2.2:1-3 2.3:1-4 2.4:1
    3.2:1-2 3.3:1-4 3.4:1-6 3.5:1-5 3.7:1-2
    4.1:1-3 4.2:1 4.3:1-2 4.4:1-4
    5.1:1 5.2:1-3 5.3:1-2 5.4:1-3
    6.1:1-3 6.2:1-12 6.3:1-4 6.4:1-4 6.5:1-5 6.6:1-3 6.8:1-4
    7.1:1-3 7.2:1-4 7.3:1-2 7.4:1-5 7.5:1-2 7.6:1-2
    8.1:1-2 8.2:1-3 8.3:1 8.4:1
    9.1:1-3 9.2:1-4
    10.1:1-2 10.2:1-2 10.3:1-4 10.4:1-11 10.5:1-5 10.6:1-2 10.7:1-3
    11.1:1-2 11.2:1-3 11.3:1-3 11.4:1-4 11.5:1 11.6:1
    12.1:1-3 12.2:1-2 12.3:1-4
    13.1:1 13.2:1-5 13.3:1-2 13.4:1-5
    14.1:1-2 14.2:1-4 14.3:1-3
    15.1:1-3 15.2:1-3 15.3:1-7
    16.1:1 16.2:1-5 16.3:1-4 16.4:1-3 16.5:1-3
    17.1:1 17.2:1-4 17.3:1-2
"""
HOW = ("Met", "Not met", "Does not apply", "Operator")


def required() -> list[str]:
    found = []
    for part in REQUIREMENTS.split():
        section, _, numbers = part.partition(":")
        first, _, last = numbers.partition("-")
        found += [f"{section}.{number}" for number in range(int(first), int(last or first) + 1)]
    return found


def rows() -> Iterator[tuple[list[str], str]]:
    """The requirements of each row, and how they are met."""
    for line in (ROOT / ASVS).read_text().splitlines():
        if line.startswith("|") and line[2:3].isdigit():
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            assert len(cells) == 3, line
            yield [number for part in cells[0].split(", ") for number in numbers_of(part)], cells[2]


def numbers_of(part: str) -> list[str]:
    """ "1.2.6" is one, "1.2.6–1.2.8" three."""
    first, _, last = part.partition("–")
    section, _, begin = first.rpartition(".")
    end_section, _, end = (last or first).rpartition(".")
    assert section == end_section, part
    return [f"{section}.{number}" for number in range(int(begin), int(end) + 1)]


def test_every_requirement_of_level_1_and_2_is_given_once_and_no_other():
    given = [number for numbers, _ in rows() for number in numbers]
    assert sorted(given) == sorted(required())
    assert len(required()) == 253


def test_each_row_says_first_whether_it_is_met():
    assert [how for _, how in rows() if not how.startswith(HOW)] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_is_named_is_there(page):
    named = list(named_tests(page))
    assert [f"{path}::{name}" for path, name in named if name not in names_in(path)] == []
    assert bool(named) == (page == ASVS)


def named_tests(page: str) -> Iterator[tuple[str, str]]:
    path = ""
    for code in re.findall(r"`([^`\n]+)`", (ROOT / page).read_text()):
        if "::" in code:
            before, _, name = code.partition("::")
            path = before or path
            yield path, name


@cache
def names_in(path: str) -> set[str]:
    """The tests of a file, those of a class as "Class::test"."""
    found = set()
    for node in ast.parse((ROOT / path).read_text()).body if (ROOT / path).is_file() else []:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(node.name)
        elif isinstance(node, ast.ClassDef):
            found |= {f"{node.name}::{each.name}" for each in node.body if isinstance(each, ast.FunctionDef)}
    return {name for name in found if name.split("::")[-1].startswith("test_")}


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_is_named_is_there(page):
    text, folder = (ROOT / page).read_text(), (ROOT / page).parent
    named = {ROOT / code for code in re.findall(r"`(\w[\w./-]*/[\w./-]*)`", text)}
    linked = {folder / link.partition("#")[0] for link in re.findall(r"\]\(([^):#]+(?:#[^)]*)?)\)", text)}
    assert sorted(str(path) for path in named | linked if not path.exists()) == []


@pytest.mark.parametrize("page", PAGES)
def test_every_heading_that_is_linked_to_is_there(page):
    folder = (ROOT / page).parent
    for file, anchor in re.findall(r"\]\(([^):#]*)#([^)]+)\)", (ROOT / page).read_text()):
        headings = re.findall(r"^#+ (.+)$", (folder / file if file else ROOT / page).read_text(), re.MULTILINE)
        slugs = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
        assert anchor in slugs, f"{file}#{anchor}"
