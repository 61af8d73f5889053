# One image for every role: `starbrush serve`, `serve --no-worker`, `worker`, `migrate`.
FROM python:3.12-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/starbrush
COPY requirements.lock /build/
RUN /opt/starbrush/bin/pip install --require-hashes -r /build/requirements.lock

FROM python:3.12-slim
ENV PATH=/opt/starbrush/bin:$PATH PYTHONPATH=/srv/starbrush PYTHONUNBUFFERED=1 PORT=8080
COPY --from=build /opt/starbrush /opt/starbrush
WORKDIR /srv/starbrush
COPY . .
# The command of the package, without a build tool in the image.
RUN printf '#!/opt/starbrush/bin/python\nfrom app.cli import main\nmain()\n' > /opt/starbrush/bin/starbrush \
    && chmod 755 /opt/starbrush/bin/starbrush \
    && python -m compileall -q app \
    && useradd --system --no-create-home starbrush
USER starbrush
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/readyz', timeout=4)"]
# Exec form: SIGTERM reaches the process, which drains for up to 150 s. Docker: `docker stop --time 180`.
CMD ["starbrush", "serve"]
