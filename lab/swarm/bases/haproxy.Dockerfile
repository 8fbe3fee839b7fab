# As the public haproxy: account 99, which the stack names; Debian's package has another.
FROM mcp-swarm-lab/debian
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends haproxy \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
    && groupadd --gid 99 balancer && useradd --uid 99 --gid 99 --no-create-home balancer
USER 99:99
STOPSIGNAL SIGUSR1
CMD ["haproxy", "-W", "-db", "-f", "/usr/local/etc/haproxy/haproxy.cfg"]
