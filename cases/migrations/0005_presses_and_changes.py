from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0004_by_time"),
    ]

    operations = [
        migrations.RemoveField(model_name="caseevent", name="detail"),
        migrations.AddField(
            model_name="caseevent",
            name="changes",
            field=models.JSONField(
                default=dict, help_text="Från och till, efter kolumn. Nummer i E.164, tider i ISO 8601."
            ),
        ),
        migrations.AddField(
            model_name="case",
            name="press",
            field=models.UUIDField(
                editable=False, help_text="Vilket tryck på Skapa ärendet som skapade det.", null=True
            ),
        ),
        migrations.AddConstraint(
            model_name="case",
            constraint=models.UniqueConstraint(fields=("press",), name="one_case_per_press"),
        ),
        migrations.AddField(
            model_name="note",
            name="press",
            field=models.UUIDField(editable=False, help_text="Vilket tryck på Spara som sparade den.", null=True),
        ),
        migrations.AddConstraint(
            model_name="note",
            constraint=models.UniqueConstraint(fields=("case", "press"), name="one_note_per_press"),
        ),
        migrations.AddConstraint(
            model_name="intakekey",
            constraint=models.UniqueConstraint(
                condition=Q(("revoked_at", None)),
                fields=("care_provider", "name"),
                name="one_valid_key_per_name",
            ),
        ),
    ]
