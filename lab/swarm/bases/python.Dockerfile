# As the public python:X.Y-slim: CPython in /usr/local, with pip, without bytecode.
FROM mcp-swarm-lab/debian
COPY usr-local /usr/local
RUN ldconfig && export PYTHONDONTWRITEBYTECODE=1 && python -m ensurepip >/dev/null 2>&1 && ln -sf pip3 /usr/local/bin/pip && python -m pip --version
CMD ["python3"]
