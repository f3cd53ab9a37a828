from django.db import migrations, models

STATES = [
    ("declined", "SMS-utskick avböjt"),
    ("missing", "Samtycke till SMS saknas"),
    ("not_mobile", "Numret kan inte ta emot SMS (inte ett mobilnummer)."),
    ("content", "Texten kan inte skickas."),
]


class Migration(migrations.Migration):
    dependencies = [("sms", "0005_providers_and_inbound")]

    operations = [
        migrations.RemoveConstraint(model_name="message", name="refused_says_why"),
        migrations.AlterField(
            model_name="message",
            name="refusal",
            field=models.CharField(blank=True, choices=STATES, default="", max_length=20),
        ),
        migrations.AddConstraint(
            model_name="message",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("refusal__in", ["declined", "missing", "not_mobile", "content"]), ("state", "refused")
                )
                | models.Q(models.Q(("state", "refused"), _negated=True), ("refusal", "")),
                name="refused_says_why",
            ),
        ),
    ]
