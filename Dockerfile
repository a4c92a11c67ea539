# The livespan server (target `server`, the default) and the example gateway (target `gateway`). The last stages hold Node,
# the C library it needs, and what `npm pack` would hold with its dependencies: no shell, no package manager.
FROM node:24.21.0-alpine AS build
WORKDIR /build
COPY package.json package-lock.json ./
# No script of any dependency runs; one of them would only bring the Node that this image has.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json tsconfig.monitor.json vite.config.ts vite.package.config.ts ./
COPY src ./src
RUN npm run build
RUN npm prune --omit=dev --ignore-scripts --no-audit --no-fund
RUN find node_modules dist -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.md' -o -name '*.d.mts' -o -name '*.d.cts' \) -delete

FROM scratch AS runtime
COPY --from=build /lib/ld-musl-*.so.1 /lib/
COPY --from=build /usr/lib/libstdc++.so.6 /usr/lib/libgcc_s.so.1 /usr/lib/
COPY --from=build /usr/local/bin/node /usr/local/bin/node
WORKDIR /app
ENV NODE_ENV=production PATH=/usr/local/bin
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
USER 65532:65532

FROM runtime AS gateway
COPY examples ./examples
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=5 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT ?? 8080}/v1/models`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "--import", "livespan/register", "examples/gateway/server.js"]

FROM runtime AS server
EXPOSE 4317 4318 4319
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=5 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.LIVESPAN_PORT ?? 4319}/ready`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/cli/main.js", "serve"]
