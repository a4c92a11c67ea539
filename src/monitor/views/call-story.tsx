import '../styles/story.css';
import { formatCount, formatDuration, formatNumber, formatOffset } from '../state/figures.ts';
import { type Story, tellCall } from '../state/story.ts';
import { useStore } from './context.ts';
import { Glyph } from './glyph.tsx';
import { NotHeld } from './not-held.tsx';

/** Waiting is drawn as space, up to this. */
const GAP_PX_MAX = 64;

/** One request in plain words. */
export function CallStory({ callId }: { callId: string }) {
  const store = useStore();
  const call = store.call(callId);
  if (call === undefined) return <NotHeld what="call" />;
  const story = tellCall(call, call.runningCount > 0 ? store.nowMs.value * 1_000 : call.endUs);
  return (
    <article class="story">
      <h2>{story.request}</h2>
      <p class="muted">
        <code>{story.callId}</code> {story.path.join(' → ')}
      </p>
      <p>
        <Glyph name={story.state} label={story.state} /> {headline(story)}
      </p>
      {story.omitted > 0 && (
        <p class="muted">
          {formatCount(story.omitted, 'earlier activity', 'earlier activities')} of this call are no longer held.
        </p>
      )}
      <ol class="steps">
        {story.steps.map((step) => (
          <li
            key={step.key}
            class={`step step-${step.state}`}
            style={{ marginTop: `${Math.min(GAP_PX_MAX, Math.round(Math.sqrt(step.gapMs) * 1.5))}px` }}
          >
            <time>{formatOffset(step.offsetMs)}</time>
            <b>{step.title}</b>
            <span>{step.detail}</span>
          </li>
        ))}
      </ol>
      {story.chat !== undefined && (
        <section class="chat">
          <h3>Prompt and answer</h3>
          {[...story.chat.input, ...story.chat.output].map((message, index) => (
            // Messages have no identity but their place.
            <div key={index} class={`message message-${message.role}`}>
              <b>{message.role}</b>
              {message.parts.map((part, place) => (
                <p key={place}>{part.tool === undefined ? part.content : `${part.tool}(${part.content})`}</p>
              ))}
            </div>
          ))}
        </section>
      )}
    </article>
  );
}

function headline(story: Story): string {
  const words = story.state === 'running' ? 'running for' : `${story.state} in`;
  const parts = [story.state === 'started' ? 'started' : `${words} ${formatDuration(story.durationMs)}`];
  if (story.model !== undefined) parts.push(story.model);
  if (story.tokens !== undefined) {
    const { input, output, total } = story.tokens;
    parts.push(`${formatNumber(total)} tokens (${input ?? '?'} in, ${output ?? '?'} out)`);
  }
  if (story.firstTokenMs !== undefined) parts.push(`first token after ${formatDuration(story.firstTokenMs)}`);
  if (story.streamingMs !== undefined) {
    parts.push(`streaming for ${formatDuration(story.streamingMs)}`);
    if (story.chunks !== undefined) parts.push(`${formatCount(story.chunks, 'chunk')} so far`);
  }
  if (story.tools.length > 0) parts.push(`tools: ${story.tools.join(', ')}`);
  if (story.attempts.length > 1) parts.push(formatCount(story.attempts.length, 'attempt'));
  if (story.finishReasons.length > 0) parts.push(story.finishReasons.join(', '));
  return parts.join(' · ');
}
