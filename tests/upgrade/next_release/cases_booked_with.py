"""A column that the new code fills in and the old one leaves out."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("cases", "LATEST")]
    operations = [
        migrations.AddField(
            "case", "booked_with", models.CharField(blank=True, db_default="", default="", max_length=20)
        ),
    ]
