/** The example gateway, with leave to keep what is said. Prints its URL. */
import { startGateway } from '../../../examples/gateway/server.js';

const { url } = await startGateway({
  upstreamUrl: process.env.UPSTREAM_URL ?? '',
  gateway: { captureContent: true },
});
process.stdout.write(`${url}\n`);
