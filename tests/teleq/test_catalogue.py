"""The English catalogue agrees with the code: nothing is missing, left over or guessed, and what is filled in is the
same on both sides."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from gettext import GNUTranslations
from symtable import SymbolTable, symtable

import pytest
from babel.messages import Catalog
from babel.messages.catalog import Message
from django.template import Context, Template
from django.utils.translation import gettext, ngettext, override, pgettext

from local import messages


@pytest.fixture(scope="module")
def marked() -> Catalog:
    """The strings that are marked in code and templates."""
    return messages.extracted()


@pytest.fixture(scope="module")
def english() -> Catalog:
    return messages.read(messages.ENGLISH)


def keys(catalog: Catalog) -> set[tuple[object, str | None]]:
    return {(message.id, message.context) for message in catalog if message.id}


def pairs(message: Message) -> list[tuple[str, str]]:
    """Each Swedish form with its English one."""
    if isinstance(message.id, str):
        return [(message.id, str(message.string))]
    return list(zip(message.id, message.string, strict=True))


def test_the_catalogue_has_what_is_marked_and_nothing_else(marked, english):
    assert len(marked) > 900
    assert keys(english) - keys(marked) == set(), "bin/messages has not been run since a string went"
    assert keys(marked) - keys(english) == set(), "bin/messages has not been run since a string came"


def test_every_string_is_in_english_and_none_is_a_guess(english):
    assert messages.untranslated(english) == []


PLACES = re.compile(r"%\(\w+\)[a-z]|%[%a-zA-Z]|\{\w*\}|</?\w+[^>]*>|\n")
"""What is filled in, and what marks up: the same on both sides, though a translator may turn them round."""


def test_what_is_filled_in_is_the_same_in_both_languages(english):
    unlike = [
        (swedish, in_english)
        for message in english
        if message.id
        for swedish, in_english in pairs(message)
        if Counter(PLACES.findall(swedish)) != Counter(PLACES.findall(in_english))
    ]
    assert unlike == []


def test_blanks_at_the_ends_are_the_same_in_both_languages(english):
    ends = [
        (swedish, in_english)
        for message in english
        if message.id
        for swedish, in_english in pairs(message)
        if (swedish[:1] == " ", swedish[-1:] == " ") != (in_english[:1] == " ", in_english[-1:] == " ")
    ]
    assert ends == []


@pytest.mark.parametrize("path", sorted(messages.LOCALE.glob("*/LC_MESSAGES/*.po")), ids=lambda path: path.parts[-3])
def test_what_is_compiled_is_what_the_catalogue_says(path):
    with path.with_suffix(".mo").open("rb") as compiled:
        stored = GNUTranslations(compiled)
    for message in messages.read(path):
        for number, (of_id, text) in enumerate(pairs(message) if message.id else []):
            if isinstance(message.id, str):
                told = stored.pgettext(message.context, of_id) if message.context else stored.gettext(of_id)
            else:
                told = stored.ngettext(*message.id, 1 if number == 0 else 2)
            assert told == text


def test_in_swedish_every_string_is_what_stands_in_the_code(marked):
    """None is taken for one of Django's own, which a Swedish catalogue translates."""
    with override("sv"):
        shown = {message.id: in_the_active_language(message) for message in marked if message.id}
    assert {of_id: text for of_id, text in shown.items() if of_id != text} == {}


def in_the_active_language(message: Message) -> str | tuple[str, str]:
    if message.context:
        return pgettext(message.context, message.id)
    if isinstance(message.id, str):
        return gettext(message.id)
    return ngettext(*message.id, 1), ngettext(*message.id, 2)


@pytest.mark.parametrize(
    ("template", "swedish", "english"),
    [
        ("{% translate 'Samtycke till SMS' %}", "Samtycke till SMS", "Consent to SMS"),
        ("{% translate 'SMS-utskick avböjt' %}", "SMS-utskick avböjt", "SMS declined"),
        ("{% translate 'Samtycke till SMS saknas' %}", "Samtycke till SMS saknas", "Consent to SMS missing"),
        ("{% translate 'Ej valt' %}", "Ej valt", "Not chosen"),
        ("{% translate 'Lägg till svar' %}", "Lägg till svar", "Add reply"),
        ("{% translate 'Aktivera samtycke till SMS' %}", "Aktivera samtycke till SMS", "Require consent to SMS"),
    ],
)
def test_the_manuals_words_in_both_languages(template, swedish, english):
    for language, words in (("sv", swedish), ("en", english)):
        with override(language):
            assert Template("{% load i18n %}" + template).render(Context()) == words


def scopes(table: SymbolTable) -> Iterator[SymbolTable]:
    yield table
    for inner in table.get_children():
        yield from scopes(inner)


def test_no_function_that_translates_gives_the_underscore_another_value():
    """`_` is gettext in the whole of a function or in none of it, and Python finds out when the line is reached."""
    wrong = [
        f"{path.name}: {scope.get_name()}"
        for path in messages.sources()
        if path.suffix == ".py"
        for scope in scopes(symtable(path.read_text(), path.name, "exec"))
        if scope.get_type() == "function" and "_" in scope.get_identifiers()
        if scope.lookup("_").is_assigned() and scope.lookup("_").is_referenced()
    ]
    assert wrong == []


def test_a_template_is_read_as_django_reads_it():
    code = messages.as_python(
        "<p>\n    {% translate 'Ett' %}{% blocktranslate with name=case.name count number=2 %}{{ number }} av"
        " {{ name }}{% plural %}{{ number }} till {{ name }}{% endblocktranslate %}\n"
        "  {{ name|default:_('Ingen') }}</p>"
    ).decode()
    assert all(text in code for text in ("'Ett'", "'Ingen'", "'%(number)s av %(name)s'", "'%(number)s till %(name)s'"))
