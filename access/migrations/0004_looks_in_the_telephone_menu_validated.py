"""Checks the rows that are there, while others write: the constraints hold for new rows since the migration before."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0003_looks_in_the_telephone_menu"),
    ]

    operations = [
        ValidateConstraint(model_name="accessentry", name="a_look_is_a_users_or_a_keys"),
    ]
