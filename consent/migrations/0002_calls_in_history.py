"""An answer's history knows the call in which it was given: its triggers write that from the migration after next."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("consent", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="consentevent",
            name="call_id",
            field=models.BigIntegerField(null=True, verbose_name="samtal"),
        ),
        migrations.AlterField(
            model_name="consentevent",
            name="channel",
            field=models.CharField(
                choices=[
                    ("case", "Ärende"),
                    ("sms", "SMS från patienten"),
                    ("phone_keys", "Telefon, knappval"),
                    ("restored", "Återställning"),
                ],
                max_length=10,
                verbose_name="genom",
            ),
        ),
    ]
