"""What `administration.history` reads, as template filters."""

from django import template

from administration.history import in_words

register = template.Library()
register.filter(in_words)
