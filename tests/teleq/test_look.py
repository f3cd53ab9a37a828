"""Colours and sizes stand in one place each; and text can be read, on light pages and on dark ones (WCAG 2.1 AA)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings

CSS = Path(settings.BASE_DIR) / "static" / "css"
OWN = ("teleq.css", "session.css")
LIGHT, DARK = 0, 1

SURFACES = ("page", "paper", "head", "now-soft")
MEANINGS = ("stop", "go", "wait")
BARS = ("yes", "no", "unset", "first", "second", "third")
TEXT = [
    *((text, surface) for text in ("ink", "quiet", "brand", "brand-deep") for surface in SURFACES),
    *((text, surface) for text in MEANINGS for surface in (f"{text}-soft", "page", "paper")),
    *(("on-brand", surface) for surface in ("brand", "brand-deep", "stop", "stop-deep", "quiet", "ink")),
    *(("on-top", surface) for surface in ("top", "top-deep")),
    ("stop", "head"),  # the heading of Försenade
    ("on-tag", "tag"),
    ("ink", "wait-soft"),
]
NOT_TEXT = [
    *(("edge", surface) for surface in ("page", "paper")),
    *(("focus", surface) for surface in (*SURFACES, *(f"{meaning}-soft" for meaning in MEANINGS))),
    *(
        (f"bar-{bar}", surface)
        for bar in ("yes", "no", "unset", "first", "second", "third")
        for surface in SURFACES[:2]
    ),
]


def source(name: str) -> str:
    return re.sub(r"/\*.*?\*/", "", (CSS / name).read_text(), flags=re.S)


def declared(name: str) -> dict[str, str]:
    """Each custom property of :root, and what it is given."""
    root = re.search(r":root \{(.*?)\}", source(name), re.S)
    assert root
    return dict(re.findall(r"--([\w-]+): ([^;]+);", root[1]))


COLOURS = declared("colours.css")


def colour(name: str, scheme: int) -> str:
    value = COLOURS[name]
    if points_at := re.fullmatch(r"var\(--([\w-]+)\)", value):
        return colour(points_at[1], scheme)
    both = re.findall(r"#([0-9a-f]+)\b", value)
    digits: str = both[scheme if len(both) > 1 else 0]
    return digits if len(digits) == 6 else "".join(digit * 2 for digit in digits)


def luminance(digits: str) -> float:
    """Relative luminance, as WCAG 2.1 defines it."""
    channels = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str, scheme: int) -> float:
    darker, lighter = sorted(luminance(colour(name, scheme)) for name in (one, other))
    return (lighter + 0.05) / (darker + 0.05)


def test_black_on_white_is_21_to_1():
    assert luminance("ffffff") == pytest.approx(1)
    assert (luminance("ffffff") + 0.05) / (luminance("000000") + 0.05) == pytest.approx(21)


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_stands_out_from_what_it_stands_on(scheme):
    unread = [(text, surface) for text, surface in TEXT if contrast(text, surface, scheme) < 4.5]
    assert unread == []


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_fields_the_mark_of_focus_and_bars_can_be_seen(scheme):
    unseen = [(line, surface) for line, surface in NOT_TEXT if contrast(line, surface, scheme) < 3]
    assert unseen == []


def test_focus_is_seen_in_the_dark_head_too():
    assert "--focus: var(--on-top)" in source("colours.css")
    assert all(contrast("on-top", surface, LIGHT) >= 3 for surface in ("top", "top-deep"))


def test_each_colour_that_is_used_is_declared_and_each_that_is_declared_is_used():
    names = set(COLOURS) | set(declared("sizes.css"))
    everywhere = "".join(source(path.name) for path in CSS.glob("*.css"))
    used = set(re.findall(r"var\(--([\w-]+)", everywhere))
    assert names - used == set()
    assert set(re.findall(r"var\(--([\w-]+)", "".join(map(source, OWN)))) - names == set()


@pytest.mark.parametrize("name", OWN)
def test_no_colour_is_written_as_a_number(name):
    assert re.findall(r"#[0-9a-f]{3,8}\b(?=[;, )])|\b(?:rgb|hsl|oklch)a?\(", source(name)) == []


@pytest.mark.parametrize("name", OWN)
def test_sizes_of_type_and_spaces_are_of_the_scale(name):
    rules = re.findall(r"((?:padding|margin|gap|row-gap|column-gap|font-size)[a-z-]*): ([^;}]+)", source(name))
    assert len(rules) > 2
    outside = [rule for rule in rules if re.search(r"(?<!\()\b[\d.]+(rem|em)\b", rule[1])]
    assert outside == []
