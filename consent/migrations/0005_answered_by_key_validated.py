"""Checks the rows that are there, while others write: the constraints hold for new rows since the migration before."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("consent", "0004_answered_by_key"),
    ]

    operations = [
        ValidateConstraint(model_name="consent", name="consent_channel_is_valid"),
        ValidateConstraint(model_name="consent", name="yes_is_a_deliberate_act"),
        ValidateConstraint(model_name="consent", name="a_key_is_pressed_in_a_call"),
    ]
