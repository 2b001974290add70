# bootstrap for other CIs: Python, git and ssh, no root. Kustomize comes at run time, from its checksummed release,
# when a command needs it (image set does not).
#   docker build --tag registry.example.com/bootstrap:v1 .
# Give BASE by digest (docker buildx imagetools inspect python:3.13-slim-bookworm) to build the same image again.
ARG BASE=python:3.13-slim-bookworm

FROM ${BASE} AS build
COPY . /source
RUN python -m venv /opt/bootstrap \
    && /opt/bootstrap/bin/python -m pip install --no-cache-dir --disable-pip-version-check \
       --constraint /source/constraints.txt /source \
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
