FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /srv/teleq

COPY requirements.txt .
RUN pip install --no-cache-dir --require-hashes -r requirements.txt \
    && useradd --uid 10001 --no-create-home teleq \
    && install -d -o 10001 -m 0700 /reserve

COPY . .
# Settings insist on secrets, which collectstatic has no use for. These are gone when the line is done.
RUN SECRET_KEY=none DATABASE_URL=postgres:// REDIS_URL=redis:// python manage.py collectstatic --noinput --skip-checks

USER 10001
EXPOSE 8000
# Over HTTP it answers with a redirect to HTTPS, which is an answer too.
HEALTHCHECK --start-period=30s CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8000, timeout=5); c.request('GET', '/login/'); exit(c.getresponse().status >= 400)"]
CMD ["gunicorn", "teleq.wsgi:application", "--bind=0.0.0.0:8000", "--worker-tmp-dir=/dev/shm", "--no-control-socket"]
