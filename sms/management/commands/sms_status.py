from typing import Any

from django.core.management import BaseCommand

from sms.management.brake import status


class Command(BaseCommand):
    help = "Says whether all SMS are stopped, since when, by whom and why, and how many wait."

    def handle(self, *args: Any, **options: Any) -> None:
        for line in status():
            self.stdout.write(line)
