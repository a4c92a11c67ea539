import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export interface Service {
  image?: string;
  command?: string[];
  build?: { context: string; target: string };
  ports?: string[];
  volumes?: string[];
  environment?: Record<string, string>;
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test: string[] };
  init?: boolean;
  profiles?: string[];
  secrets?: string[];
}

export interface ComposeFile {
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
  secrets: Record<string, { environment?: string }>;
}

/** What `docker-compose.yml` says, as far as tests ask. */
export function readComposeFile(): ComposeFile {
  return parse(readFileSync(`${ROOT}docker-compose.yml`, 'utf8')) as ComposeFile;
}
