# quest82 serve in a container, on the CPU:
#
#   docker build --tag quest82 --build-arg PIP_EXTRA_INDEX_URL=... .
#   docker run --publish 127.0.0.1:8000:8000 --volume "$PWD/models:/models:ro" \
#       --read-only --tmpfs /tmp quest82
#
# The argument is the address of PyTorch's CPU wheels, which PyTorch's own installation page names.
# Without it the image works, and is some gigabytes larger by libraries for GPUs that it never uses.
# Who can reach the port may ask: give a key with --env QUEST82_API_KEY=... before you publish it.

FROM python:3.12-slim AS build
ARG PIP_EXTRA_INDEX_URL=""
ENV PIP_NO_CACHE_DIR=1 TORCH_HOME=/opt/weights
WORKDIR /build
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY quest82 quest82
RUN python -m venv /opt/quest82 \
    && /opt/quest82/bin/pip install --constraint constraints.txt ".[fast,serve]"
# The backbone's weights are inside: the container needs no network.
RUN /opt/quest82/bin/quest82 weights

FROM python:3.12-slim
COPY --from=build /opt /opt
ENV PATH=/opt/quest82/bin:$PATH TORCH_HOME=/opt/weights OMP_WAIT_POLICY=PASSIVE
RUN useradd --system --uid 10001 --create-home quest82
USER quest82
WORKDIR /models
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=90s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health', timeout=4)"]
ENTRYPOINT ["quest82", "serve", "--host", "0.0.0.0", "--port", "8000"]
CMD ["--v1", "mean.safetensors", "--v2", "lstm.safetensors"]
