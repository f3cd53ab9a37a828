from typing import Any

from cryptography.fernet import InvalidToken
from django.core.management import BaseCommand, CommandError

from access.second_factor import encrypt_anew


class Command(BaseCommand):
    help = "Encrypts what is kept of second factors with today's SECRET_KEY. After it, SECRET_KEY_FALLBACKS can go."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            changed = encrypt_anew()
        except InvalidToken:
            raise CommandError(
                "En andra faktor är krypterad med en nyckel som inte finns här. Ingenting ändrades."
            ) from None
        self.stdout.write(f"Krypterade på nytt: {changed}.")
