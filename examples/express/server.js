import express from 'express';
import { emitEvent, startTelemetry, traceGateway } from 'livespan';

startTelemetry();
const app = express();
app.use(traceGateway());
app.get('/hello/:name', (request, response) => {
  const { name } = request.params;
  emitEvent('hello.greeted', { summary: `Greeted ${name}`, data: { name } });
  response.json({ hello: name });
});
const server = app.listen(process.env.PORT ?? 3000, '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});
