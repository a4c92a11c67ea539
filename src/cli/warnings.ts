import { DiagLogLevel, diag } from '@opentelemetry/api';
import { environment } from '../config.ts';
import { type Output, printable } from './output.ts';

/** Node's warnings as sentences, without the process id and the advice about traces that Node puts around them. */
export function sayWarnings(output: Output): void {
  process.removeAllListeners('warning');
  process.on('warning', (warning) =>
    output.err(`${output.paintErr('yellow', 'warning:')} ${printable(warning.message)}`),
  );
}

const LEVELS: Readonly<Record<string, DiagLogLevel>> = {
  none: DiagLogLevel.NONE,
  error: DiagLogLevel.ERROR,
  warn: DiagLogLevel.WARN,
  info: DiagLogLevel.INFO,
  debug: DiagLogLevel.DEBUG,
  verbose: DiagLogLevel.VERBOSE,
  all: DiagLogLevel.ALL,
};

/** The server's own log on stderr: warnings and errors, or what OTEL_LOG_LEVEL says. */
export function logToStderr(output: Output): void {
  const say =
    (level: string) =>
    (...parts: unknown[]): void =>
      output.err(`${new Date().toISOString()} ${level} ${printable(parts.map(describe).join(' '))}`);
  const logger = {
    error: say('error'),
    warn: say('warn'),
    info: say('info'),
    debug: say('debug'),
    verbose: say('verbose'),
  };
  const level = LEVELS[(environment().OTEL_LOG_LEVEL ?? '').toLowerCase()] ?? DiagLogLevel.WARN;
  diag.setLogger(logger, { logLevel: level, suppressOverrideMessage: true });
}

function describe(part: unknown): string {
  return part instanceof Error
    ? part.message
    : typeof part === 'string'
      ? part
      : (JSON.stringify(part) ?? String(part));
}
