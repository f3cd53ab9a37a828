"""The handbook's pages as HTML. They are Markdown in docs/handbok, and are read as well where they lie."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from struct import unpack
from typing import Any, cast

from django.conf import settings
from django.templatetags.static import static
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import slugify
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

FOLDER: Path = settings.HANDBOOK
PICTURES = "bilder"
INDEX = "README"
"""The page that leads to the others, by its file's name: forges show that one for the folder."""
ROLES = {
    "medarbetare": "Medarbetare",
    "administrator": "Administratör",
    "loggranskare": "Loggranskare",
    "systemforvaltare": "Systemförvaltare",
}
"""One page for each, in the order in which they are listed."""
PAGES = {**ROLES, "tillganglighet": "Underlag till tillgänglighetsredogörelse"}


@dataclass(frozen=True)
class Page:
    title: str
    html: SafeString
    headings: tuple[tuple[str, str], ...]
    """Of the second level, in order: the anchor and what it says."""


@cache
def read_page(name: str) -> Page:
    """One of the handbook's pages, or its index. Made once in each process: it changes with the release only."""
    text = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    tokens = _MARKDOWN.parse(text)
    headings = [
        (token.tag, str(token.attrGet("id")), tokens[place + 1].content)
        for place, token in enumerate(tokens)
        if token.type == "heading_open"
    ]
    [title] = [said for tag, _, said in headings if tag == "h1"]
    html = cast(str, _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}))
    return Page(
        title=title,
        html=mark_safe(html),  # noqa: S308  from our own files, and HTML in them is text
        headings=tuple((anchor, said) for tag, anchor, said in headings if tag == "h2"),
    )


def anchor_of(heading: str) -> str:
    """The heading's anchor, as forges make it: links between pages lead right in both places."""
    return slugify(heading, allow_unicode=True)


def _anchors_on_headings(state: Any) -> None:
    for place, token in enumerate(state.tokens):
        if token.type == "heading_open":
            token.attrSet("id", anchor_of(state.tokens[place + 1].content))


def _link(
    renderer: RendererHTML, tokens: Sequence[Token], place: int, options: OptionsDict, env: MutableMapping[str, Any]
) -> str:
    """A link to another page's file leads to that page here."""
    token = tokens[place]
    file, number_sign, anchor = str(token.attrGet("href")).partition("#")
    if file.endswith(".md"):
        name = file.removesuffix(".md")
        token.attrSet("href", address_of(name) + number_sign + anchor)
    return renderer.renderToken(tokens, place, options, env)


def _picture(
    renderer: RendererHTML, tokens: Sequence[Token], place: int, options: OptionsDict, env: MutableMapping[str, Any]
) -> str:
    """A picture has its size, so that the text stays where it is when the picture comes."""
    token = tokens[place]
    file = FOLDER / str(token.attrGet("src"))
    width, height = unpack(">II", file.read_bytes()[16:24])  # in every PNG, its header comes first
    attributes = {"src": static(f"handbok/{file.name}"), "width": width, "height": height, "loading": "lazy"}
    for name, value in attributes.items():
        token.attrSet(name, str(value))
    return renderer.image(tokens, place, options, env)


def address_of(page: str) -> str:
    return reverse("handbook:index") if page == INDEX else reverse("handbook:page", args=[page])


def with_anchors() -> MarkdownIt:
    """Markdown whose headings can be linked to. HTML in it is text."""
    markdown = MarkdownIt("commonmark", {"html": False})
    markdown.core.ruler.push("anchors", _anchors_on_headings)
    return markdown


def _markdown() -> MarkdownIt:
    markdown = with_anchors()
    markdown.add_render_rule("link_open", _link)
    markdown.add_render_rule("image", _picture)
    return markdown


_MARKDOWN = _markdown()
