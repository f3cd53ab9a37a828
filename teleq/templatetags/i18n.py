"""Django's library of the same name, with a quicker `{% translate %}`, of which a page has sixty."""

from __future__ import annotations

from typing import Any

from django import template
from django.template import Context
from django.template.base import Parser, Token
from django.templatetags import i18n
from django.utils.safestring import mark_safe
from django.utils.translation import gettext

register = template.Library()
register.tags |= i18n.register.tags
register.filters |= i18n.register.filters


class TranslateNode(i18n.TranslateNode):
    """Of a text that stands in the template it makes no lazy string, only to read that at once."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        text = self.filter_expression.var.literal
        is_plain = isinstance(text, str) and not (self.filter_expression.filters or self.message_context or self.noop)
        self.msgid = str(text).replace("%", "%%") if is_plain else ""

    def render(self, context: Context) -> str:
        if not self.msgid:
            return super().render(context)
        words = mark_safe(gettext(self.msgid).replace("%%", "%"))  # noqa: S308  as all that stands in a template is
        if self.asvar:
            context[self.asvar] = words
            return ""
        return words


@register.tag("translate")
def translate(parser: Parser, token: Token) -> TranslateNode:
    node = i18n.do_translate(parser, token)
    return TranslateNode(node.filter_expression, node.noop, node.asvar, node.message_context)
