# As the public postgres: account 999, and its programs on the PATH. start.sh is the entry point.
FROM mcp-swarm-lab/debian
RUN groupadd --gid 999 postgres && useradd --uid 999 --gid 999 --home-dir /var/lib/postgresql postgres \
    && apt-get update -qq && mkdir -p /etc/postgresql-common \
    && echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf \
    && apt-get install -y -qq --no-install-recommends postgresql \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /usr/lib/postgresql/*/lib/bitcode \
       /usr/lib/postgresql/*/lib/llvmjit* /usr/lib/*/libLLVM* /usr/lib/*/libz3* /usr/lib/*/perl \
    && ln -s /usr/lib/postgresql/*/bin/* /usr/local/bin/ \
    && install -d -o 999 -g 999 -m 1777 /var/lib/postgresql/data /var/run/postgresql
VOLUME /var/lib/postgresql/data
ENV PGDATA=/var/lib/postgresql/data
STOPSIGNAL SIGINT
CMD ["postgres"]
