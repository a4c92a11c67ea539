import type { FastifyRequest } from 'fastify';
import { LivespanError } from '../errors.ts';

/**
 * The media types a route takes its body in; anything else, or a compressed body, is a 415. A page of another site can
 * post `text/plain` to us without asking, but none of these.
 */
export function takesBodies(types: readonly string[]): (request: FastifyRequest) => Promise<void> {
  return async (request) => {
    const encoding = request.headers['content-encoding'] ?? 'identity';
    if (types.includes(mediaType(request)) && encoding === 'identity') return;
    throw new LivespanError('unsupported_media_type', `This route takes ${types.join(' or ')}, not compressed`);
  };
}

/** `application/json; charset=utf-8` → `application/json`. */
export function mediaType(request: FastifyRequest): string {
  return request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
}
