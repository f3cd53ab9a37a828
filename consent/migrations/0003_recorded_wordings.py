"""Wordings that are recorded, and not read out."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("consent", "0002_calls_in_history"),
    ]

    operations = [
        migrations.AddField(
            model_name="consenttext",
            name="recorded",
            field=models.BooleanField(db_default=False, default=False, editable=False, verbose_name="inspelad"),
        ),
    ]
