import { readFileSync } from 'node:fs';
import { ROOT } from './compose-file.ts';

export interface Step {
  instruction: string;
  text: string;
}

export interface Stage {
  name: string;
  from: string;
  steps: Step[];
}

/** The stages of our Dockerfile with their steps, continued lines joined. */
export function readDockerfile(): Stage[] {
  const stages: Stage[] = [];
  const text = readFileSync(`${ROOT}Dockerfile`, 'utf8')
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '');
  for (const line of text.split('\n')) {
    const [, instruction, rest] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
    if (instruction === undefined || rest === undefined) continue;
    if (instruction === 'FROM') {
      const [, from = '', name = ''] = /^(\S+) AS (\S+)$/.exec(rest) ?? [];
      stages.push({ name, from, steps: [] });
    } else stages.at(-1)?.steps.push({ instruction, text: rest });
  }
  return stages;
}

/** `CMD ["a", "b"]`, also behind the flags of HEALTHCHECK. */
export function execForm(text: string): string[] {
  return JSON.parse(text.slice(text.indexOf('['))) as string[];
}
