import json
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from administration.patient_data import removal
from administration.patient_data.extract import as_json, extract
from administration.patient_data.stored import patient_of
from cases.forms import SearchForm
from teleq.models import Queue


class Command(BaseCommand):
    help = "Registerutdrag: what is stored about a patient with a care provider, as JSON. With --remove: take it away."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("care_provider", help="the care provider's name")
        parser.add_argument("--remove", action="store_true", help="take away what may go, and say what stays and why")

    def handle(self, *args: Any, **options: Any) -> None:
        """The number is read from standard input: an argument would be kept in the shell's history."""
        queues = Queue.objects.filter(care_provider__name=options["care_provider"])
        if not queues:
            raise CommandError("Vårdgivaren finns inte, eller har inga köer.")
        form = SearchForm({"query": input("Telefonnummer eller personnummer: ")})
        if not form.is_valid():
            raise CommandError(form.errors["query"][0])
        patient = patient_of(form)
        if options["remove"]:
            self.stdout.write(removal.warning_of_others(patient, queues))
            for item in removal.remove(patient, queues, by=None):
                self.stdout.write(f"{item.what}: {item.count}. {item.kept_because or 'Borttaget.'}")
        else:
            sections = as_json(extract(patient, queues, by=None))
            self.stdout.write(json.dumps(sections, ensure_ascii=False, indent=2))
