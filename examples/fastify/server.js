import fastify from 'fastify';
import { emitEvent, startTelemetry, traceGateway } from 'livespan';

startTelemetry();
const app = fastify();
app.addHook('onRequest', traceGateway());
app.get('/hello/:name', async (request) => {
  const { name } = request.params;
  emitEvent('hello.greeted', { summary: `Greeted ${name}`, data: { name } });
  return { hello: name };
});
console.log(await app.listen({ port: Number(process.env.PORT ?? 3000), host: '127.0.0.1' }));
