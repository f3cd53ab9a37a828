"""Django's authentication backend: who is signed in, by a query that is put together once, as every page asks it."""

from __future__ import annotations

from django.contrib.auth.backends import ModelBackend
from django.db.models import QuerySet

from teleq.models import User
from teleq.prepared import Prepared


class Backend(ModelBackend):
    def get_user(self, user_id: int) -> User | None:
        user = next(iter(_user(user=user_id)), None)
        return user if user and self.user_can_authenticate(user) else None


@Prepared
def _user(user: int) -> QuerySet[User]:
    found: QuerySet[User] = User.objects.filter(pk=user)
    return found
