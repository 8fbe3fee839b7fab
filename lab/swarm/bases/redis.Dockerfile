# As the public redis: account 999, which owns /data.
FROM mcp-swarm-lab/debian
RUN groupadd --gid 999 redis && useradd --uid 999 --gid 999 --home-dir /data redis \
    && apt-get update -qq && apt-get install -y -qq --no-install-recommends redis-server \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* && mkdir -p /data && chown 999:999 /data
VOLUME /data
WORKDIR /data
CMD ["redis-server"]
