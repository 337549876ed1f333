# One daemon for every profile of the volume /data: see docs/daemon.md.
FROM node:24-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci
COPY . .
RUN npm run build && npm prune --omit=dev

FROM node:24-bookworm-slim
# git and bubblewrap: what the agent's tools run programs with.
RUN apt-get update \
  && apt-get install --yes --no-install-recommends bubblewrap git tini \
  && rm -rf /var/lib/apt/lists/* \
  && install --directory --owner=node --group=node --mode=0700 /data
WORKDIR /opt/kith
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
COPY --from=build /build/bin/kith.js ./bin/kith.js
RUN ln --symbolic /opt/kith/bin/kith.js /usr/local/bin/kith
ENV NODE_ENV=production KITH_HOME=/data
USER node
VOLUME /data
EXPOSE 7423/tcp
# Exits 1 while a profile does not run, 6 without a daemon.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 \
  CMD ["kith", "daemon", "status", "--json"]
STOPSIGNAL SIGTERM
# tini reaps what programs of jobs and agents leave behind.
ENTRYPOINT ["tini", "--", "kith"]
CMD ["daemon", "start", "--foreground"]
