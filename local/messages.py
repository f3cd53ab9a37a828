"""What bin/messages does: the strings of code and templates into locale/en, and what is translated there compiled.

The Swedish string is the message's id. locale/en says each of them in English; locale/sv says Django's own in another
Swedish than Django's, and is compiled only. Babel does it, so that nothing is needed but what pip installs. What is
compiled is committed: production has no tools.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from babel.messages import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
LOCALE = ROOT / "locale"
ENGLISH = LOCALE / "en" / "LC_MESSAGES" / "django.po"
APPS = ("teleq", "access", "consent", "sms", "cases", "intake", "telephony", "administration", "demo")
FUNCTIONS: dict[str, Any] = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop")),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (1, 2)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), ((1, "c"), 2)),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), ((1, "c"), 2, 3)),
}
"""What marks a string, and which of its arguments are the string, its plural and its context."""
NOTE = "Translators:"
"""A comment that begins so is for whoever translates."""
HEADER = "# Made by bin/messages. Which English word stands for which Swedish one: docs/glossary.md"


def main() -> int:
    catalog = read(ENGLISH)
    catalog.update(extracted(), no_fuzzy_matching=True, update_creation_date=False)
    ENGLISH.parent.mkdir(parents=True, exist_ok=True)
    ENGLISH.write_bytes(written(catalog))
    for path in sorted(LOCALE.glob("*/LC_MESSAGES/*.po")):
        path.with_suffix(".mo").write_bytes(compiled(read(path)))
    missing = untranslated(catalog)
    for text in missing:
        sys.stdout.write(f"Not in English: {text}\n")
    sys.stdout.write(f"{ENGLISH.relative_to(ROOT)}: {len(catalog)} strings, {len(missing)} of them not in English.\n")
    return 1 if missing else 0


def extracted() -> Catalog:
    """Every string that is marked, in the order of the files."""
    catalog = Catalog()
    for path in sources():
        code = path.read_bytes() if path.suffix == ".py" else as_python(path.read_text())
        for _, message, comments, context in extract("python", io.BytesIO(code), FUNCTIONS, [NOTE]):
            name = path.relative_to(ROOT).as_posix()
            catalog.add(message, locations=[(name, 0)], auto_comments=comments, context=context)
    return catalog


def sources() -> Iterator[Path]:
    for app in APPS:
        yield from sorted(path for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts)
    yield from sorted((ROOT / "templates").rglob("*.html"))


def as_python(template: str) -> bytes:
    """A template as something that Babel reads as it reads Python, by way of Django. In a bracket, the blanks that
    lines begin with mean nothing."""
    return f"({templatize(template)}\n)".encode()


def read(path: Path) -> Catalog:
    """A catalogue as it is stored; an empty one where there is none yet. Its header says nothing that changes."""
    language = path.parent.parent.name
    catalog = Catalog(locale=language)
    if path.exists():
        with path.open("rb") as stored:
            catalog = read_po(stored, locale=language)
    catalog.header_comment = HEADER
    catalog.project, catalog.version, catalog.fuzzy = "teleQ", "1", False
    catalog.msgid_bugs_address = catalog.last_translator = catalog.language_team = "teleQ"
    catalog.creation_date = catalog.revision_date = datetime(2026, 1, 1, tzinfo=UTC)
    return catalog


def written(catalog: Catalog) -> bytes:
    """Without line numbers, which change with every change, and without what is used no more."""
    return _bytes(lambda file: write_po(file, catalog, width=120, ignore_obsolete=True, include_lineno=False))


def compiled(catalog: Catalog) -> bytes:
    return _bytes(lambda file: write_mo(file, catalog))


def _bytes(write: Callable[[io.BytesIO], None]) -> bytes:
    file = io.BytesIO()
    write(file)
    return file.getvalue()


def untranslated(catalog: Catalog) -> list[str]:
    """The ids of what has no translation, or only a guess at one."""
    missing = []
    for message in catalog:
        texts = message.string if isinstance(message.string, (list, tuple)) else [message.string]
        if message.id and (message.fuzzy or not all(texts)):
            missing.append(message.id if isinstance(message.id, str) else message.id[0])
    return missing


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
