/** As much of Express 5 as the tests use; its own types are a package that nothing else here needs. */
declare module 'express' {
  import type { IncomingMessage, ServerResponse } from 'node:http';

  export interface Request extends IncomingMessage {
    params: Record<string, string>;
    body: unknown;
  }
  export interface Response extends ServerResponse {
    status(code: number): this;
    json(body: unknown): this;
  }
  export type NextFunction = (error?: unknown) => void;
  export type Handler = (request: Request, response: Response, next: NextFunction) => unknown;
  export type ErrorHandler = (error: Error, request: Request, response: Response, next: NextFunction) => unknown;
  export interface Router {
    (request: IncomingMessage, response: ServerResponse): void;
    use(...handlers: (string | Handler | ErrorHandler | Router)[]): this;
    get(path: string, ...handlers: Handler[]): this;
    post(path: string, ...handlers: Handler[]): this;
  }
  interface Express {
    (): Router;
    json(): Handler;
    Router(): Router;
  }
  const express: Express;
  export default express;
}
