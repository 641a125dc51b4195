# Two stages: the first makes the environment from the lock file, the second has nothing else.
FROM python:3.12-slim AS build
WORKDIR /app
RUN python -m pip install --no-cache-dir --disable-pip-version-check uv
COPY pyproject.toml uv.lock README.md LICENSE ./
RUN uv sync --frozen --no-dev --no-install-project --no-cache
COPY hyperfade hyperfade
COPY core core
COPY exchange exchange
COPY storage storage
COPY messages messages
COPY notifiers notifiers
COPY bot bot
RUN uv sync --frozen --no-dev --no-editable --no-cache

FROM python:3.12-slim
RUN useradd --uid 10001 --create-home hyperfade && install -d -o hyperfade -g hyperfade /data
COPY --from=build /app/.venv /app/.venv
ENV PATH=/app/.venv/bin:$PATH HYPERFADE_HOME=/data PYTHONUNBUFFERED=1
USER hyperfade
VOLUME /data
STOPSIGNAL SIGTERM
ENTRYPOINT ["hyperfade"]
CMD ["run"]
