"""What `teleq.swedish` writes, as template filters."""

from django import template

from teleq.swedish import clock, date_and_clock, day_and_clock, identity_number, last_day, of_planned, phone

register = template.Library()
for written in (clock, date_and_clock, day_and_clock, last_day, phone, identity_number, of_planned):
    register.filter(written)
