import type { Attributes, AttributeValue } from '../../activity/activity.ts';

/** A group of attributes that belong together. */
export interface AttributeGroup {
  readonly title: string;
  readonly attributes: readonly { key: string; value: AttributeValue; explanation: string | undefined }[];
}

/** In the order of the drawer: prefixes of keys, OpenTelemetry semantic conventions 1.37 and GenAI conventions. */
const GROUPS: readonly [title: string, prefixes: readonly string[]][] = [
  ['What went wrong', ['exception.', 'error']],
  ['Model', ['gen_ai.']],
  ['HTTP', ['http.', 'url.', 'user_agent.', 'network.', 'client.', 'server.']],
  ['Gateway', ['gateway.', 'upstream.']],
  ['Database', ['db.']],
  ['Messaging', ['messaging.']],
  ['RPC', ['rpc.']],
  ['Code', ['code.', 'thread.']],
  ['Process', ['process.', 'host.', 'service.', 'container.', 'k8s.', 'cloud.', 'os.', 'telemetry.', 'deployment.']],
  ['livespan', ['livespan.', 'event.', 'call.']],
];

const EXPLANATIONS: Readonly<Record<string, string>> = {
  'call.id': 'The correlation id of the request.',
  'client.address': 'Address of who asked, as the server saw it.',
  'code.function.name': 'Function that ran.',
  'db.operation.name': 'What was done, such as SELECT or GET.',
  'db.query.text': 'The query.',
  'db.system.name': 'Kind of database.',
  'error.type': 'Class of the error; low in cardinality.',
  error: 'Why it failed.',
  'exception.message': 'What the exception says.',
  'exception.stacktrace': 'Where it was thrown.',
  'exception.type': 'Class of the exception.',
  'gateway.chunks': 'Pieces in which the response was sent.',
  'gateway.duration_ms': 'From request to end of response, ms.',
  'gateway.time_to_first_chunk_ms': 'From request to the first piece of the response, ms.',
  'gen_ai.input.messages': 'The prompt, captured because content was asked for.',
  'gen_ai.operation.name': 'chat, text_completion, embeddings and so on.',
  'gen_ai.output.messages': 'The answer, captured because content was asked for.',
  'gen_ai.provider.name': 'Who offers the model.',
  'gen_ai.request.max_tokens': 'Most tokens the model may answer with.',
  'gen_ai.request.model': 'Model that was asked for.',
  'gen_ai.request.stream': 'The answer was asked for in pieces.',
  'gen_ai.request.temperature': 'Randomness of the answer.',
  'gen_ai.response.finish_reasons': 'Why the model stopped.',
  'gen_ai.response.id': 'The answer, by the provider’s name.',
  'gen_ai.response.model': 'Model that answered.',
  'gen_ai.response.time_to_first_chunk': 'From the request to the first piece of the answer, s.',
  'gen_ai.usage.cache_read.input_tokens': 'Tokens of the prompt that came from a cache.',
  'gen_ai.usage.input_tokens': 'Tokens of the prompt.',
  'gen_ai.usage.output_tokens': 'Tokens of the answer.',
  'http.request.body.size': 'Bytes of the request’s body.',
  'http.request.method': 'HTTP method.',
  'http.response.body.size': 'Bytes of the response’s body.',
  'http.response.status_code': 'HTTP status.',
  'http.route': 'Pattern that matched the path.',
  'livespan.dropped.total': 'Activities lost before they reached the log.',
  'livespan.instance': 'The process that this is about.',
  'livespan.silent_ms': 'How long it had been silent when it was found lost, ms.',
  'messaging.destination.name': 'Queue or topic.',
  'messaging.system': 'Kind of broker.',
  'network.protocol.version': 'Version of HTTP.',
  'rpc.method': 'Method that was called.',
  'rpc.service': 'Service that was called.',
  'server.address': 'Host that was called.',
  'server.port': 'Port that was called.',
  'service.name': 'Who says this.',
  'upstream.attempt': 'Which try this was.',
  'upstream.attempts': 'Tries in all.',
  'upstream.duration_ms': 'From this try to its answer, ms.',
  'upstream.host': 'Where the request was sent on to.',
  'url.full': 'The whole address.',
  'url.path': 'Path of the address.',
  'user_agent.original': 'Program that asked.',
};

/** What an attribute means, where the conventions say; else `undefined`. */
export function explain(key: string): string | undefined {
  return Object.hasOwn(EXPLANATIONS, key) ? EXPLANATIONS[key] : undefined;
}

/** Attributes in groups; the application's own come first, for they are why people look. */
export function groupAttributes(attributes: Attributes): readonly AttributeGroup[] {
  const groups = new Map<string, AttributeGroup['attributes'][number][]>([['Attributes', []]]);
  for (const [title] of GROUPS) groups.set(title, []);
  for (const key of Object.keys(attributes).sort()) {
    const value = attributes[key];
    if (value === undefined) continue;
    const [title = 'Attributes'] = GROUPS.find(([, prefixes]) => prefixes.some((prefix) => isUnder(key, prefix))) ?? [];
    groups.get(title)?.push({ key, value, explanation: explain(key) });
  }
  return [...groups]
    .filter(([, members]) => members.length > 0)
    .map(([title, members]) => ({ title, attributes: members }));
}

function isUnder(key: string, prefix: string): boolean {
  return prefix.endsWith('.') ? key.startsWith(prefix) : key === prefix || key.startsWith(`${prefix}.`);
}
