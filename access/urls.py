"""Addresses for signing in and for one's own account. The names are those that django-allauth leads to."""

from django.urls import path

from access import session_views, views

urlpatterns = [
    path("login/", views.SignInView.as_view(), name="account_login"),
    path("login/andra-faktor/", views.SecondFactorView.as_view(), name="mfa_authenticate"),
    path("login/oidc/", views.oidc_begin, name="oidc_begin"),
    path("login/oidc/svar/", views.oidc_callback, name="oidc_callback"),
    path("logout/", views.sign_out, name="account_logout"),
    path("konto/", views.AccountView.as_view(), name="mfa_index"),
    path("konto/session/", session_views.status, name="session"),
    path("konto/session/fortsatt/", session_views.stay, name="session_stay"),
    path("konto/sessioner/logga-ut/", session_views.sign_out_everywhere, name="sign_out_everywhere"),
    path("konto/sessioner/<slug:name>/logga-ut/", session_views.sign_out_session, name="sign_out_session"),
    path("konto/losenord/", views.OwnPasswordView.as_view(), name="account_change_password"),
    path("konto/inbjudan/<uidb64>/<token>/", views.InvitationView.as_view(), name="invitation"),
    path("konto/app/", views.AddAppView.as_view(), name="mfa_activate_totp"),
    path("konto/app/ta-bort/", views.RemoveAppView.as_view(), name="mfa_deactivate_totp"),
    path("konto/passkey/", views.AddPasskeyView.as_view(), name="mfa_add_webauthn"),
    path("konto/passkey/<int:pk>/ta-bort/", views.RemovePasskeyView.as_view(), name="mfa_remove_webauthn"),
    path("konto/reservkoder/", views.RecoveryCodesView.as_view(), name="mfa_view_recovery_codes"),
    path("konto/reservkoder/nya/", views.NewRecoveryCodesView.as_view(), name="mfa_generate_recovery_codes"),
    path("konto/bekrafta/", views.ConfirmByPasswordView.as_view(), name="account_reauthenticate"),
    path("konto/bekrafta/kod/", views.ConfirmByCodeView.as_view(), name="mfa_reauthenticate"),
    path("konto/bekrafta/passkey/", views.ConfirmByPasskeyView.as_view(), name="mfa_reauthenticate_webauthn"),
]
