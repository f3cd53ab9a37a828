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

# Where a container's processes keep what they count (teleq/metrics.py): in memory, gone with the container.
ENV PROMETHEUS_MULTIPROC_DIR=/tmp/metrics LOG_FORMAT=json
USER 10001
EXPOSE 8000
# By /readyz: Docker starts nothing anew and takes nobody away for it, but shows it, and healthy is to mean that it works.
HEALTHCHECK --start-period=30s CMD ["python", "healthcheck.py", "web"]
CMD ["gunicorn", "teleq.wsgi:application", "--bind=0.0.0.0:8000", "--worker-tmp-dir=/dev/shm", "--no-control-socket"]
