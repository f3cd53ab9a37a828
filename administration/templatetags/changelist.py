"""What Admin's lists need and Django has no tag for."""

from django import template
from django.contrib.admin.views.main import PAGE_VAR, ChangeList

register = template.Library()


@register.simple_tag
def page_address(cl: ChangeList, number: int) -> str:
    """Another page of the list, as it is sorted, filtered and searched."""
    return cl.get_query_string({PAGE_VAR: number})
