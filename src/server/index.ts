export { createServer, type LivespanServer, type ServerOptions } from './server.ts';
