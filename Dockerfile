# bootstrap for other CIs: Python, git and ssh, no root. Kustomize comes at run time, from its checksummed release,
# when a command needs it (image set does not).
#   docker build --tag registry.example.com/bootstrap:v1 .
# BASE is by digest, so that the same image is built again; another: docker buildx imagetools inspect python:3.13-slim-bookworm
ARG BASE=python:3.13-slim-bookworm@sha256:01f42367a0a94ad4bc17111776fd66e3500c1d87c15bbd6055b7371d39c124fb

FROM ${BASE} AS build
COPY . /source
# Every file by its sha256; then the source itself, from this checkout and nothing from the network.
RUN python -I -m venv /opt/bootstrap \
    && /opt/bootstrap/bin/python -I -m pip install --no-cache-dir --disable-pip-version-check \
       --require-hashes --only-binary :all: --requirement /source/requirements.txt --requirement /source/requirements-cel.txt \
    && /opt/bootstrap/bin/python -I -m pip install --no-cache-dir --disable-pip-version-check \
       --no-deps --no-index --no-build-isolation /source \
    && /opt/bootstrap/bin/python -m pip uninstall --yes pip

FROM ${BASE}
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates git openssh-client \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 65532 --user-group --create-home bootstrap
COPY --from=build /opt/bootstrap /opt/bootstrap
ENV PATH=/opt/bootstrap/bin:$PATH
USER 65532:65532
WORKDIR /work
ENTRYPOINT ["bootstrap"]
