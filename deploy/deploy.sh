#!/bin/sh
# `make deploy IMAGE [PATTERN]`: build, Swarm mode if it is off, the label of the data node, deploy.
set -eu
image=$1 pattern=${2:-}
set -- --compose-file stack.yml
if [ -n "$pattern" ]; then
    if [ ! -e "deploy/patterns/$pattern.yml" ]; then
        echo "PATTERN=$pattern is not there. Expected one of: $(ls deploy/patterns | sed 's/\.yml$//' | paste -sd ' ' -)." >&2
        exit 2
    fi
    set -- "$@" --compose-file "deploy/patterns/$pattern.yml"
fi
if [ -e "${SECRETS_DIR:-secrets}/auth_tokens" ]; then  # callers are listed: only they may call
    set -- "$@" --compose-file deploy/auth.yml
    if [ "$pattern" = split ]; then set -- "$@" --compose-file deploy/auth-live.yml; fi
fi
docker build -f server/Dockerfile -t "$image" .
if [ "$(docker info --format '{{.Swarm.LocalNodeState}}')" != active ]; then
    # With several addresses Docker asks for a choice: set ADVERTISE to the one others can reach.
    docker swarm init ${ADVERTISE:+--advertise-addr "$ADVERTISE"}
fi
# Redis and PostgreSQL stay on one node with their volumes: this one, unless you chose another.
if [ -z "$(docker node ls --quiet --filter node.label=mcp-swarm.data=true)" ]; then
    docker node update --label-add mcp-swarm.data=true "$(docker info --format '{{.Swarm.NodeID}}')"
fi
MCP_IMAGE=$image docker stack deploy "$@" mcp-swarm
echo "Deployed. Watch: docker stack ps mcp-swarm. Other nodes need $image too: from a registry, or docker save | docker load."
