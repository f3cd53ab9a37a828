import os

from django.core.management import call_command
from django.core.wsgi import get_wsgi_application

os.environ["TELEQ_PROCESS"] = "web"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "teleq.settings")

application = get_wsgi_application()
call_command("check")  # a web server doesn't run the system checks by itself; an error there stops the start
