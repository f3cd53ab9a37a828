"""What `teleq.swedish` writes, as template filters."""

from django import template

from teleq.swedish import (
    clock,
    clock_only,
    date_and_clock,
    day_and_clock,
    day_of_month,
    identity_number,
    last_day,
    near_weekday,
    of_planned,
    phone,
)

register = template.Library()
for written in (
    *(clock, clock_only, date_and_clock, day_and_clock, day_of_month, last_day, near_weekday),
    *(phone, identity_number, of_planned),
):
    register.filter(written)
