from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("cases", "0004_by_time")]

    operations = [
        migrations.AddField(model_name="intakecall", name="asked", field=models.JSONField(default=dict)),
        migrations.AlterField(
            model_name="caseevent",
            name="kind",
            field=models.CharField(
                choices=[
                    ("created", "Ärendet skapades"),
                    ("taken", "Tog ärendet"),
                    ("released", "Släppte ärendet"),
                    ("answered", "Fick svar"),
                    ("no_answer", "Uppringning utan svar"),
                    ("done", "Klart"),
                    ("cancelled", "Avbokat"),
                    ("reopened", "Ärendet öppnades igen"),
                    ("moved", "Tiden ändrades"),
                    ("number_changed", "Telefonnumret ändrades"),
                    ("details_changed", "Uppgifterna ändrades"),
                    ("earlier_reason", "Tidigare kontaktorsak"),
                ],
                max_length=20,
            ),
        ),
    ]
