import { createServer } from 'node:http';

const LOOPBACK = ['127.0.0.1', 'localhost', '[::1]'];
const server = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost');
  const target = URL.parse(searchParams.get('url') ?? '');
  if (pathname === '/hello') response.end('Hello!\n');
  else if (pathname === '/slow') setTimeout(() => response.end('Done.\n'), 2_000);
  else if (pathname === '/relay' && LOOPBACK.includes(target?.hostname)) {
    const answer = await fetch(target, { redirect: 'manual' }).catch(() => undefined);
    response.writeHead(answer?.status ?? 502).end(answer && (await answer.text()));
  } else response.writeHead(404).end('Try /hello, /slow or /relay?url=http://127.0.0.1:<port>/hello\n');
});
server.listen(process.env.PORT ?? 3000, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
