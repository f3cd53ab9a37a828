"""What each of the product's roles may do to each table. A table that isn't here is out of their reach.

`s`elect, `i`nsert, `u`pdate, `d`elete; nobody may truncate. Both web and workers are `teleq_product`. No role may use
a sequence, as identity columns ask for no right to it, nor a partition: whoever may write a table may do so through it.
"""

from __future__ import annotations

from django.core.management import CommandError
from django.db import connection, transaction

from administration.database.functions import MADE_BY_MIGRATIONS, functions, run_as_owner

PRODUCT, RETENTION = "teleq_product", "teleq_retention"
RIGHTS = {"s": "SELECT", "i": "INSERT", "u": "UPDATE", "d": "DELETE"}

TABLES = {
    # table: (what teleq_product may, what teleq_retention may)
    # Records: written once, and deleted by nobody but the functions. History is written by triggers alone.
    "access_accessentry": ("si", ""),
    "access_signin": ("si", ""),
    "access_rightschange": ("si", ""),
    "django_admin_log": ("si", ""),
    "consent_consentevent": ("s", "s"),
    "administration_retentionrun": ("s", "si"),
    "sms_sendingstop": ("siu", ""),
    "sms_sendingdatabase": ("su", ""),
    "administration_logreview": ("siu", ""),
    "administration_logreviewinterval": ("siu", ""),
    "administration_reviewedentry": ("siu", ""),
    "administration_logreviewevent": ("s", ""),
    "administration_logreviewintervalevent": ("s", ""),
    "administration_reviewedentryevent": ("s", ""),
    "administration_reservekey": ("si", ""),
    # What a patient has: deleted by the functions, which check that it may go.
    "consent_consent": ("siu", ""),
    "sms_message": ("siu", "s"),
    "sms_unsettled": ("su", ""),  # to lock its rows; they are written by triggers
    "sms_inboundsms": ("siu", ""),
    "sms_unplacedsms": ("siu", ""),
    "sms_lostsms": ("sid", ""),
    "cases_case": ("siu", "s"),
    "cases_caseevent": ("si", "s"),
    "cases_casemessage": ("si", ""),
    "cases_note": ("si", ""),
    "cases_protectionmark": ("siu", ""),
    "cases_protectionmarkevent": ("s", ""),
    "intake_intakecall": ("siu", ""),
    "telephony_call": ("siu", "sd"),
    "telephony_spokenfile": ("siud", ""),
    # What comes and goes.
    "consent_withdrawal": ("siud", ""),
    "cases_draft": ("siud", ""),
    "cases_presence": ("siud", ""),
    "cases_slot": ("siu", ""),
    "access_session": ("siud", ""),
    "sms_providerstate": ("siu", ""),
    "administration_writtenreservelist": ("siu", ""),
    # What administrators set up.
    "teleq_careprovider": ("siu", ""),
    "teleq_queue": ("siu", "s"),
    "teleq_outgoingsms": ("siu", ""),
    "cases_telephonehours": ("siud", ""),
    "cases_closedday": ("siud", ""),
    "sms_standardtext": ("siud", ""),
    "consent_consenttext": ("si", ""),
    "intake_intakekey": ("siu", ""),
    "telephony_announcement": ("siud", ""),
    "telephony_menu": ("siud", ""),
    "telephony_choice": ("siud", ""),
    "telephony_patientsnumber": ("siud", ""),
    "telephony_callershours": ("siud", ""),
    "telephony_queuebyphone": ("siud", ""),
    "telephony_recording": ("siu", ""),
    "intake_intakekey_queues": ("sid", ""),
    # People, their rights and how they sign in.
    "teleq_user": ("siu", "s"),
    "teleq_membership": ("siud", ""),
    "teleq_careproviderrole": ("siud", ""),
    "access_secondpersonrequest": ("siu", ""),
    "mfa_authenticator": ("siud", ""),
    "account_emailaddress": ("siud", ""),
    "account_emailconfirmation": ("siud", ""),
    "socialaccount_socialaccount": ("siud", ""),
    "socialaccount_socialapp": ("s", ""),
    "socialaccount_socialtoken": ("siud", ""),
    # Django's groups and permissions aren't used.
    "auth_group": ("s", ""),
    "auth_group_permissions": ("s", ""),
    "auth_permission": ("s", ""),
    "teleq_user_groups": ("s", ""),
    "teleq_user_user_permissions": ("s", ""),
    "django_content_type": ("s", ""),
    "django_migrations": ("s", ""),
    # Counted from what retention takes away.
    "administration_daytotal": ("s", "si"),
    "administration_callbackday": ("s", "sid"),
    "administration_callbackmark": ("s", "siu"),
    "consent_historymark": ("s", ""),
    "sms_retentionmark": ("s", ""),
    # django-pghistory's table for contexts; ours stand in the events.
    "pghistory_context": ("", ""),
    "demo_simulatedsms": ("siud", ""),
    "demo_simulatedcall": ("siu", ""),
    # Every process leaves its own, and takes away those of processes that are gone.
    "administration_sign": ("siud", "siud"),
}


def lay_down(**_: object) -> None:
    """Give every role the rights that are stated here, and take away all others. After `migrate`, as the owner.

    In one transaction: a product that is running never lacks a right.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT quote_ident(current_database())")
        database = cursor.fetchone()[0]
        roles = f"{PRODUCT}, {RETENTION}"
        cursor.execute(
            f"""
            REVOKE ALL ON DATABASE {database} FROM PUBLIC;
            GRANT CONNECT ON DATABASE {database} TO {roles};
            REVOKE ALL ON SCHEMA public FROM PUBLIC;
            GRANT USAGE ON SCHEMA public TO {roles};
            REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, {roles};
            REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM PUBLIC, {roles};
            REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC, {roles};
            ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
            """
        )
        there = set(connection.introspection.table_names(cursor))
        for table in sorted(TABLES.keys() & there):
            for role, letters in zip((PRODUCT, RETENTION), TABLES[table], strict=True):
                if letters:
                    rights = ", ".join(RIGHTS[letter] for letter in letters)
                    cursor.execute(f"GRANT {rights} ON {table} TO {role}")
        if TABLES.keys() <= there:
            for function in functions():
                cursor.execute(function.create())
            for signature, role in MADE_BY_MIGRATIONS.items():
                cursor.execute(run_as_owner(signature, role))


def differences() -> list[str]:
    """The tables of which a role may do something else than is stated here, or which are not there. For `setup`."""
    wrong = set()
    with connection.cursor() as cursor:
        there = set(connection.introspection.table_names(cursor))
        for role, place in ((PRODUCT, 0), (RETENTION, 1)):
            for right in RIGHTS.values():
                stated = {table for table, letters in TABLES.items() if right in _in_words(letters[place])}
                cursor.execute(
                    "SELECT name FROM unnest(%s::text[]) AS name WHERE has_table_privilege(%s, quote_ident(name), %s)",
                    [sorted(there), role, right],
                )
                may = {name for [name] in cursor}
                wrong |= (stated & there) ^ may
    return sorted(wrong | (TABLES.keys() - there))


def _in_words(letters: str) -> set[str]:
    return {RIGHTS[letter] for letter in letters}


def require_owner(**_: object) -> None:
    """Before `migrate`: whoever makes the tables owns them. Raises CommandError."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_roles WHERE rolname = ANY (%s)", [[PRODUCT, RETENTION]])
        [roles] = cursor.fetchone()
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        [is_superuser] = cursor.fetchone()
    if roles != 2:
        raise CommandError("The database's roles are missing: have a superuser run database/roles.sql.")
    if is_superuser:
        raise CommandError("Migrate as the database's owner, teleq: what a superuser makes runs with all rights.")
