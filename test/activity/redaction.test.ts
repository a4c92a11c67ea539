import { describe, expect, it } from 'vitest';
import { createRedactor } from '../../src/activity/redaction.ts';

const redactor = createRedactor([]);

describe('keys that are secret by default', () => {
  it.each([
    'authorization',
    'Authorization',
    'http.request.header.authorization',
    'headers.proxy-authorization',
    'cookie',
    'http.response.header.set-cookie',
    'cookies.theme',
    'password',
    'db.password',
    'dbPassword',
    'dbpassword',
    'user_passwd',
    'pwd',
    'password2',
    'passphrase',
    'secret',
    'client_secret',
    'clientSecret',
    'AWS_SECRET_ACCESS_KEY',
    'token',
    'accessToken',
    'access_token',
    'accesstoken',
    'x-csrf-token',
    'auth.token.value',
    'refresh_tokens',
    'apiKey',
    'api-key',
    'api_key',
    'apikey',
    'x-api-key',
    'X-API-Key',
    'APIKey',
    'openai.api.key',
    'Ocp-Apim-Subscription-Key',
    'accessKeyId',
    'privateKey',
    'private_key_pem',
    'credential',
    'credentials.user',
    'sessionId',
    'session_id',
    'session.id',
    'session-cookie',
    'JSESSIONID',
    'PHPSESSID',
    'jwt',
  ])('%s', (key) => {
    expect(redactor.isSecret(key)).toBe(true);
    expect(redactor.isSecret(key, 'text')).toBe(true);
  });
});

describe('keys that are not', () => {
  it.each([
    'gen_ai.request.model',
    'author',
    'tokenizer',
    'tokenization.ms',
    'secretary',
    'passwordless',
    'key',
    'cache.key',
    'keyboard',
    'session',
    'http.request.method',
    'accessibility',
    'gen_ai.token.type',
    'monkey',
    'compass',
  ])('%s', (key) => expect(redactor.isSecret(key, 'text')).toBe(false));

  it.each([
    'gen_ai.usage.input_tokens',
    'gen_ai.usage.output_tokens',
    'max_tokens',
    'maxTokens',
    'tokens',
    'usage.prompt_tokens_details.cached_tokens',
    'token_count',
    'tokenLimit',
    'token.usage',
  ])('%s counts tokens: figures stay, text does not', (key) => {
    expect(redactor.isSecret(key, 17)).toBe(false);
    expect(redactor.isSecret(key, 17n)).toBe(false);
    expect(redactor.isSecret(key, [1, 2])).toBe(false);
    expect(redactor.isSecret(key, true)).toBe(false);
    expect(redactor.isSecret(key, 'eyJhbGciOi')).toBe(true);
    expect(redactor.isSecret(key, ['eyJhbGciOi'])).toBe(true);
  });

  it('a token that is a number is still a token', () => expect(redactor.isSecret('token', 123_456)).toBe(true));
});

describe("the user's own patterns", () => {
  const own = createRedactor(['ssn', '*_PIN', 'user.email', 'a.*.z', '']);
  it.each(['ssn', 'user.SSN', 'ssn.last4', 'card_pin', 'x.card_pin.y', 'user.email', 'user.email.home', 'a.b.c.z'])(
    '%s',
    (key) => expect(own.isSecret(key)).toBe(true),
  );
  it.each(['ssns', 'pin', 'email', 'my.user.email', 'user.emails', 'a.z'])('not %s', (key) =>
    expect(own.isSecret(key)).toBe(false),
  );
  it('come beside the built-in ones', () => expect(own.isSecret('password')).toBe(true));
  it('make a key of counts a secret', () => {
    expect(createRedactor(['*_tokens']).isSecret('input_tokens', 5)).toBe(true);
  });
});

it('gives the same decision whether it is kept or made anew', () => {
  const fresh = createRedactor([]);
  for (let index = 0; index < 10_000; index += 1) expect(fresh.decide(`k${index}.password`)).toBe('secret');
  expect(fresh.decide('k0.password')).toBe('secret');
  expect(fresh.decide(`${'long.'.repeat(100)}password`)).toBe('secret');
  expect(fresh.decide('livespan.id')).toBe('reserved');
});
