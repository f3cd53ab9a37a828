"""Everything that differs between machines is read from the environment; README lists the names.

A missing secret stops the start: there is no fallback for SECRET_KEY, DATABASE_URL or REDIS_URL.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pghistory
from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from teleq.environment import Environment
from teleq.logs import FORMATTERS

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment()  # a variable NAME, or a file that NAME_FILE names

# Demonstration: allows the simulator and the demonstration logins. Set by bin/run and bin/test only.
TELEQ_DEMO = env.bool("TELEQ_DEMO", default=False)

SECRET_KEY = env.str("SECRET_KEY")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])  # what it has been
DEBUG = False
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "teleq.apps.TeleqConfig",
    "access.apps.AccessConfig",
    "consent.apps.ConsentConfig",
    "sms.apps.SmsConfig",
    "cases.apps.CasesConfig",
    "intake.apps.IntakeConfig",
    "telephony.apps.TelephonyConfig",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "administration.apps.AdministrationConfig",
    "demo.apps.DemoConfig",
    "administration.apps.TeleqAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.forms",
    "django_htmx",
    "phonenumber_field",
    "pgtrigger",
    "pghistory",
    "csp",
    "ninja",
]

MIDDLEWARE = [
    "teleq.middleware.request_id.RequestIdMiddleware",  # first, so that every log line has it
    "teleq.middleware.page_times.PageTimesMiddleware",
    "teleq.middleware.headers.HeadersMiddleware",
    "teleq.middleware.probes.ProbesMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",  # before static files, which are to have it too
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "teleq.middleware.compression.CompressionMiddleware",
    "teleq.middleware.readable.ReadableMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "access.middleware.SessionEndMiddleware",
    "teleq.middleware.language.LanguageMiddleware",
    "teleq.middleware.access.LoginMiddleware",
    "access.middleware.SecondFactorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "teleq.middleware.access.NoStoreMiddleware",
    "teleq.middleware.shown_to.ShownToMiddleware",
    "teleq.middleware.try_again.TryAgainMiddleware",
]

ROOT_URLCONF = "teleq.urls"
WSGI_APPLICATION = "teleq.wsgi.application"
FORM_RENDERER = "teleq.form_renderer.FormRenderer"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "teleq.context.navigation",
            ],
            # A page has dozens of addresses, words and inputs: these are Django's own tags, and quicker.
            "builtins": ["teleq.templatetags.pages"],
            "libraries": {"i18n": "teleq.templatetags.i18n", "static": "teleq.templatetags.static"},
        },
    },
]

# Data ----------------------------------------------------------------------------------------------------------------

# Each kind of process signs in to PostgreSQL by its own role, and the owner, who migrates, is none of theirs. What each
# may do, and how long it waits for locks and statements, stands with the role: database/roles.sql.
TELEQ_PROCESS = env.str("TELEQ_PROCESS", default="")  # wsgi.py, celery.py and manage.py each say which they are
_database = env.db("DATABASE_URL")
_asked_for: dict[str, Any] = _database.pop("OPTIONS", {})  # after the address' question mark, in libpq's words
DATABASES = {
    "default": {
        **_database,
        "OPTIONS": {
            # A connection that is cut is found out within some ten seconds; PostgreSQL's end has the same.
            "connect_timeout": 5,
            "tcp_user_timeout": 10_000,
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            **_asked_for,
        },
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "ATOMIC_REQUESTS": False,  # the claim must commit on its own, and a wake-up must follow its row
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "teleq.User"

# History is written by triggers in PostgreSQL. These settings are baked into the triggers by the migrations: a change
# here needs `makemigrations`. The clock is read at the event, not at the start of its transaction.
PGHISTORY_CREATED_AT_FUNCTION = "clock_timestamp()"
PGHISTORY_CONTEXT_FIELD = pghistory.ContextJSONField()
PGHISTORY_CONTEXT_ID_FIELD = pghistory.ContextUUIDField(null=True)
PGHISTORY_OBJ_FIELD = pghistory.ObjForeignKey(db_index=True)
PGHISTORY_APPEND_ONLY = False  # its trigger has a switch; ours, in teleq.triggers, has none

# Language, time and numbers -------------------------------------------------------------------------------------------

LANGUAGE_CODE = "sv"  # whoever has not chosen another (teleq.middleware.language)
LANGUAGES = [("sv", "Svenska"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = "teleq.formats"  # dates and times as Swedes and the British write them
TIME_ZONE = "Europe/Stockholm"
USE_TZ = True
PHONENUMBER_DEFAULT_REGION = "SE"
PHONENUMBER_DB_FORMAT = "E164"
PHONENUMBER_DEFAULT_FORMAT = "E164"  # what is read on screen is written by teleq.phone_numbers

# Signing in and safety ------------------------------------------------------------------------------------------------

AUTHENTICATION_BACKENDS = ["access.backend.Backend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "cases:work_list"
LOGOUT_REDIRECT_URL = "account_login"
SESSION_ENGINE = "access.session_store"
SESSION_IDLE_MINUTES = env.float("SESSION_IDLE_MINUTES", default=30)  # access.sessions says what else ends a session
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_AGE = int(timedelta(hours=12).total_seconds())  # longer than access.sessions lets any last
CALL_UNDER_WAY = "cases.acts.call_began"
SESSION_COOKIE_HTTPONLY = True
# What a page says once is kept in the session: in a cookie of its own it would name people, and lack "__Host-".
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "teleq.middleware.shown_to.csrf_failure"
HTTPS_ONLY = env.bool("HTTPS_ONLY", default=not TELEQ_DEMO)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS_ONLY
if HTTPS_ONLY:
    # A browser takes these names from this very host only, over HTTPS, for every path: no neighbour can plant them.
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
# Kannel, on the same network, speaks plain HTTP, and follows no redirection: its reports would be lost.
SECURE_REDIRECT_EXEMPT = [r"^sms/(receipts|inbound)/"]
SECURE_HSTS_SECONDS = int(timedelta(days=365).total_seconds()) if HTTPS_ONLY else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
# Browsers' preload list holds whole domains: whether the region's is on it is for the region to say.
# And two of Django's libraries of template tags are ours (TEMPLATES), which it takes for a mistake.
SILENCED_SYSTEM_CHECKS = ["security.W021", "templates.W003"]
# Only behind a proxy that sets X-Forwarded-Proto itself, and puts the address that it saw last in X-Forwarded-For.
BEHIND_PROXY = env.bool("BEHIND_PROXY", default=False)
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "access.passwords.WellKnownWordValidator"},
    {"NAME": "access.passwords.OwnNamesValidator"},
]

# A form with a file in it is refused, but where a view says that it takes one (teleq.uploads). What is larger than this
# gets 413 before it is read at all; proxy/nginx.conf.template has the same limit.
FILE_UPLOAD_HANDLERS = ["teleq.uploads.NoFiles"]
DATA_UPLOAD_MAX_NUMBER_FILES = 1
DATA_UPLOAD_MAX_MEMORY_SIZE = 512 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000

PASSWORD_RESET_TIMEOUT = int(timedelta(days=env.int("INVITATION_DAYS", default=3)).total_seconds())

# Whoever signs in with a password shows a second factor too. In the demonstration the password is enough.
SECOND_FACTOR_REQUIRED = not TELEQ_DEMO

ACCOUNT_ADAPTER = "access.adapters.AccountAdapter"
ACCOUNT_AUTHENTICATED_LOGIN_REDIRECTS = False  # somebody else may sign in at the same computer
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]  # there is no sign-up; allauth checks that they fit the sign-in
ACCOUNT_REAUTHENTICATION_TIMEOUT = int(timedelta(minutes=15).total_seconds())
ACCOUNT_RATE_LIMITS = False  # access.limits counts in PostgreSQL; allauth's own go through a cache
MFA_RATE_LIMITS = False
MFA_ADAPTER = "access.adapters.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_ISSUER = "teleQ"
MFA_TOTP_TOLERANCE = 1  # half a minute either way: telephones' clocks differ
MFA_RECOVERY_CODES_SHOW_ONCE = True
SOCIALACCOUNT_ADAPTER = "access.adapters.IdentityProviderAdapter"
# Nothing is kept in a cache: it would have to be shared by all processes, and everything that counts is in PostgreSQL.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}

# Sign-in by OpenID Connect: where OIDC_SERVER_URL is set, such as the region's identity provider (docs/sign-in.md).
OIDC_SERVER_URL = env.str("OIDC_SERVER_URL", default="").rstrip("/")
# Where the browser is led from there, if elsewhere: the sign-in page's security policy has to let it through.
OIDC_ORIGINS = [origin.strip() for origin in env.list("OIDC_ORIGINS", default=[])]
OIDC_CLIENT_ID = env.str("OIDC_CLIENT_ID", default="")
OIDC_CLIENT_SECRET = env.str("OIDC_CLIENT_SECRET", default="")
OIDC_NAME = env.str("OIDC_NAME", default="SITHS")  # on the button
OIDC_SCOPES = env.list("OIDC_SCOPES", default=["openid", "profile"])
OIDC_HSA_ID_CLAIM = env.str("OIDC_HSA_ID_CLAIM", default="employeeHsaId")
OIDC_COMMISSION_CLAIM = env.str("OIDC_COMMISSION_CLAIM", default="")  # medarbetaruppdrag, such as commissionHsaId
# Those that are let in; any, if empty.
OIDC_COMMISSIONS = [commission.strip() for commission in env.list("OIDC_COMMISSIONS", default=[])]
# Levels of assurance that are enough; without any, our own second factor is asked for too.
OIDC_ACR = [acr.strip() for acr in env.list("OIDC_ACR", default=[])]
OIDC_MAKE_ACCOUNTS = env.bool("OIDC_MAKE_ACCOUNTS", default=False)
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "object-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

STATIC_URL = "static/"
STATIC_ROOT = env.path("STATIC_ROOT", default=str(BASE_DIR / "staticfiles"))
HANDBOOK = BASE_DIR / "docs" / "handbok"  # what Hjälp shows (teleq.handbook); its pictures are of made-up people
STATICFILES_DIRS = [BASE_DIR / "static", ("handbok", HANDBOOK / "bilder")]
WHITENOISE_ALLOW_ALL_ORIGINS = False  # no other site has a use for our files
WHITENOISE_USE_FINDERS = TELEQ_DEMO  # the demonstration needs no collectstatic
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if TELEQ_DEMO
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# Wake-ups -------------------------------------------------------------------------------------------------------------

CELERY_BROKER_URL = env.str("REDIS_URL")
# Publishing gives up at once when the broker is gone, so that pressing "Skicka SMS" still responds: without
# max_retries 0, kombu tries for 6 s whatever the time-outs.
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_connect_timeout": 0.3, "socket_timeout": 0.3, "max_retries": 0}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Else a worker gives up for good when the broker has been away for three quarters of an hour.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_CHANNEL_ERROR_RETRY = True  # where Redis is full, workers don't end
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False  # a wake-up that is lost costs a minute; one that is run twice costs nothing
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_DB_REUSE_MAX = 10_000  # else Celery closes the database connection round every task
CELERY_TIMEZONE = TIME_ZONE
CELERY_TASK_DEFAULT_QUEUE = "bulk"
CELERY_TASK_ROUTES = {
    "sms.tasks.deliver_manual": {"queue": "manual"},
    # Of their own, beside the bulk messages: a worker takes from its queues in turn.
    "sms.tasks.sweep": {"queue": "sweep"},
    "cases.tasks.remind": {"queue": "sweep"},
    "cases.tasks.release_left_behind": {"queue": "sweep"},
    "telephony.tasks.close_silent_calls": {"queue": "sweep"},
    "administration.tasks.remove_what_is_past_its_time": {"queue": "retention"},
    # Of their own: a disk that doesn't answer holds up nothing else.
    "administration.tasks.write_reserve_lists": {"queue": "reserve"},
}
# How often a worker looks by itself for what neither beat nor the broker has had done (administration.health.stand_in).
LOOK_EVERY = timedelta(seconds=env.int("LOOK_EVERY_SECONDS", default=30))
# The tasks have no `expires`: beat's clock would set it and a worker's would compare with it, and two machines' clocks
# differ. Of the runs that pile up while no worker is there, the first does it all and the others find nothing to do.
CELERY_BEAT_SCHEDULE = {
    "remind": {"task": "cases.tasks.remind", "schedule": 60.0},
    "release_left_behind": {"task": "cases.tasks.release_left_behind", "schedule": 60.0},
    "sweep": {"task": "sms.tasks.sweep", "schedule": 60.0},
    "close_silent_calls": {"task": "telephony.tasks.close_silent_calls", "schedule": 60.0},
    "retention": {"task": "administration.tasks.remove_what_is_past_its_time", "schedule": crontab(hour=2, minute=40)},
    "reserve": {"task": "administration.tasks.write_reserve_lists", "schedule": crontab(minute="*/15")},
}

# SMS ------------------------------------------------------------------------------------------------------------------


def by_provider(name: str) -> list[tuple[str, str]]:
    """What a variable says of providers, as `46elks=1.6,twilio=10`. Whether it makes sense is checked at the start."""
    pairs = (each.partition("=") for each in env.list(name, default=[]))
    return [(provider.strip(), said.strip()) for provider, _, said in pairs]


# In order: a message goes to the first that takes messages and can send for its sender.
SMS_PROVIDERS = [name.strip() for name in env.list("SMS_PROVIDERS", default=["simulator"] if TELEQ_DEMO else [])]
SMS_RATES = by_provider("SMS_RATES")  # messages a second that a provider takes
SMS_NUMBERS = by_provider("SMS_NUMBERS")  # telephone numbers, in E.164, that are rented at a provider
# Where the product itself is reached: by the SMS provider with its delivery reports, and by the simulator.
TELEQ_URL = env.str("TELEQ_URL", default="http://127.0.0.1:8000").rstrip("/")
SMS_INBOUND_PASSWORD = env.str("SMS_INBOUND_PASSWORD", default="")  # a provider's, for patients' replies
# How long a delivery report is waited for: most networks give up an SMS within three days.
SMS_REPORT_WITHIN = timedelta(hours=env.int("SMS_REPORT_WITHIN_HOURS", default=72))

KANNEL_URL = env.str("KANNEL_URL", default="")  # http://kannel:13013/cgi-bin/sendsms
KANNEL_USERNAME = env.str("KANNEL_USERNAME", default="")
KANNEL_PASSWORD = env.str("KANNEL_PASSWORD", default="")
ELKS_URL = env.str("ELKS_URL", default="https://api.46elks.com/a1/sms")
ELKS_USERNAME = env.str("ELKS_USERNAME", default="")
ELKS_PASSWORD = env.str("ELKS_PASSWORD", default="")
# Where its reports may come from; anywhere, if empty.
ELKS_ADDRESSES = [address.strip() for address in env.list("ELKS_ADDRESSES", default=[])]
TWILIO_URL = env.str("TWILIO_URL", default="https://api.twilio.com")
TWILIO_ACCOUNT_SID = env.str("TWILIO_ACCOUNT_SID", default="")
TWILIO_AUTH_TOKEN = env.str("TWILIO_AUTH_TOKEN", default="")

# Telephone menu -------------------------------------------------------------------------------------------------------

# Stands in the address that 46elks tells of a call at, as 46elks signs nothing: /telefon/46elks/samtal/<secret>.
VOICE_SECRET = env.str("VOICE_SECRET", default="teleq-demo" if TELEQ_DEMO else "")

# Retention ------------------------------------------------------------------------------------------------------------

# Answers go when they have lapsed: after 14 months, by the manual. The rest is kept no longer than it is needed (GDPR
# article 5.1 e): what an SMS said, while somebody may ask about it; that it was sent and by which answer, as long as
# that may have to be shown; a closed case, as long as the patient may call about it. The patient's record is elsewhere.
KEEP_SMS_TEXTS = timedelta(days=env.int("KEEP_SMS_TEXTS_DAYS", default=90))
KEEP_SMS = timedelta(days=env.int("KEEP_SMS_DAYS", default=730))
KEEP_CASES = timedelta(days=env.int("KEEP_CASES_DAYS", default=365))
KEEP_CALLS = timedelta(days=env.int("KEEP_CALLS_DAYS", default=90))
KEEP_DRAFTS = timedelta(days=env.int("KEEP_DRAFTS_DAYS", default=7))
# HSLF-FS 2016:40 4 kap. 9 §: five years at least.
KEEP_ACCESS_LOG = timedelta(days=env.int("KEEP_ACCESS_LOG_DAYS", default=1827))

# Health and metrics ---------------------------------------------------------------------------------------------------

# What /status and /metrics ask for: "Authorization: Bearer ...". Without one configured these addresses don't exist.
STATUS_TOKEN = env.str("STATUS_TOKEN", default="")
# A worker's own metrics, on this port; none, if empty. What PROMETHEUS_MULTIPROC_DIR is, teleq.metrics says.
METRICS_PORT = env.int("METRICS_PORT", default=0)
# A file that a worker, or beat, touches at each sign of life that it leaves: its container's health check looks at it.
SIGN_FILE = env.str("SIGN_FILE", default="")

# Reservrutin ----------------------------------------------------------------------------------------------------------

# Where the reserve lists are written: a folder that outlives teleQ's own machines. Only their worker needs to know.
RESERVE_FOLDER = env.str("RESERVE_FOLDER", default="")

# Logs hold ids: no phone number, no personnummer, no message text. ----------------------------------------------------

LOG_FORMAT = env.str("LOG_FORMAT", default="text")
if LOG_FORMAT not in FORMATTERS:
    raise ImproperlyConfigured(f"LOG_FORMAT is {LOG_FORMAT!r}; it must be one of: {', '.join(FORMATTERS)}.")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": FORMATTERS,
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        "django": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        "teleq.start": {"level": "INFO"},  # which release it is; Celery lets nothing but warnings through by default
        # Django's request logger attaches the request, form data included, to what an error reporter would send.
        "django.request": {"level": "ERROR"},
    },
}
DEFAULT_EXCEPTION_REPORTER_FILTER = "django.views.debug.SafeExceptionReporterFilter"
