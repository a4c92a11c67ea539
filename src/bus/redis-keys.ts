/** Names of one feed in Redis (contract, "Redis layout"). All keys share one hash slot. */
export interface RedisKeys {
  stream: string;
  meta: string;
  seen: string;
  instances: string;
  /** Hash instance → service name, so that a notice about an instance can name its service. */
  services: string;
  /** Written and gone at once when a connection checks its permissions. */
  probe: string;
  /** Prefix of a producer's key. */
  producer: string;
  channel: string;
}

export function redisKeys(feed: string, db: number): RedisKeys {
  const tagged = (what: string): string => `{${feed}}:${what}`;
  return {
    stream: feed,
    meta: tagged('meta'),
    seen: tagged('seen'),
    instances: tagged('instances'),
    services: tagged('services'),
    probe: tagged('probe'),
    producer: tagged('producer:'),
    // Channels know no databases.
    channel: db === 0 ? feed : `${feed}@${db}`,
  };
}
