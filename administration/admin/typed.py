"""Django's classes with the models that they are about, as in `ModelAdmin[Queue]`.

mypy knows these classes as generic. When the program runs they are not: here they take a model and do nothing with it.
"""

from typing import TYPE_CHECKING

from django.contrib import admin
from django.contrib.auth import admin as auth_admin
from django.contrib.auth import forms as auth_forms
from django.forms import models

__all__ = [
    "AdminPasswordChangeForm",
    "BaseInlineFormSet",
    "BaseModelAdmin",
    "ModelAdmin",
    "TabularInline",
    "UserAdmin",
    "UserChangeForm",
    "UserCreationForm",
]

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin, TabularInline
    from django.contrib.admin.options import BaseModelAdmin
    from django.contrib.auth.admin import UserAdmin
    from django.contrib.auth.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
    from django.forms.models import BaseInlineFormSet
else:

    def _generic(django):
        return type(django)(django.__name__, (django,), {"__class_getitem__": classmethod(lambda cls, _models: cls)})

    AdminPasswordChangeForm = _generic(auth_forms.AdminPasswordChangeForm)
    BaseInlineFormSet = _generic(models.BaseInlineFormSet)
    BaseModelAdmin = _generic(admin.options.BaseModelAdmin)
    ModelAdmin = _generic(admin.ModelAdmin)
    TabularInline = _generic(admin.TabularInline)
    UserAdmin = _generic(auth_admin.UserAdmin)
    UserChangeForm = _generic(auth_forms.UserChangeForm)
    UserCreationForm = _generic(auth_forms.UserCreationForm)
