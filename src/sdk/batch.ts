/** What one numbered call carries; never changes while it has its number. */
export interface BatchContent {
  /** JSON of at most 128 activities. */
  activities: readonly string[];
  /** Indexes of our own notices among them, which the application's sums do not count. */
  notices: readonly number[];
  /** Ring sequence of the first activity of the application, or of the next one where there is none. */
  firstSequence: number;
  /** Size of the JSON, in bytes at least. */
  bytes: number;
  /** What the instance says of itself with it, where it says anything. */
  sign: 'started' | 'alive' | 'stopped';
}

export interface Batch {
  number: number;
  content: BatchContent;
  inFlight: boolean;
  /** Why the log will never take it as it is. */
  refused?: Error | undefined;
}

/** Activities of the application in it. */
export function countOf(content: BatchContent): number {
  return content.activities.length - content.notices.length;
}

/** Two contents with the same activities in the same order; `undefined` where there is only one activity. */
export function splitContent(content: BatchContent): [BatchContent, BatchContent] | undefined {
  const { activities, notices, firstSequence } = content;
  if (activities.length < 2) return undefined;
  const middle = activities.length >> 1;
  const head = activities.slice(0, middle);
  const tail = activities.slice(middle);
  const headNotices = notices.filter((index) => index < middle);
  const tailNotices = notices.filter((index) => index >= middle).map((index) => index - middle);
  return [
    {
      activities: head,
      notices: headNotices,
      firstSequence,
      bytes: bytesOf(head),
      sign: content.sign === 'started' ? 'started' : 'alive',
    },
    {
      activities: tail,
      notices: tailNotices,
      firstSequence: firstSequence + head.length - headNotices.length,
      bytes: bytesOf(tail),
      sign: content.sign === 'stopped' ? 'stopped' : 'alive',
    },
  ];
}

export function bytesOf(activities: readonly string[]): number {
  let bytes = 0;
  for (const json of activities) bytes += json.length;
  return bytes;
}
