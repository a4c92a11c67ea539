import { type Signal, useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { type ClassRange, countOfRange, isWithin, rangeOf } from '../state/duration-classes.ts';
import type { LatencyHistogram } from '../state/model.ts';
import { CHART_HEIGHT, PLOT_INSET } from './duration-chart.ts';

export interface DurationClassesProps {
  histogram: LatencyHistogram;
  /** What is about to be chosen, or else what the filter lets through. */
  chosen: ClassRange | undefined;
  /** Told what is being pointed at or gone to. */
  onLook: (range: ClassRange | undefined) => void;
  /** Told what is about to be chosen: not let go of yet, or not entered. */
  onBrush: (range: ClassRange | undefined, isByKey: boolean) => void;
  onChoose: (range: ClassRange) => void;
}

const INSET = {
  top: `${PLOT_INSET.top}px`,
  left: `${PLOT_INSET.left}px`,
  right: `${PLOT_INSET.right}px`,
  height: `${CHART_HEIGHT - PLOT_INSET.top - PLOT_INSET.bottom}px`,
};
/** Where a key leads. */
const KEYS: Readonly<Record<string, (from: number, last: number) => number>> = {
  ArrowLeft: (from) => from - 1,
  ArrowUp: (from) => from - 1,
  ArrowRight: (from) => from + 1,
  ArrowDown: (from) => from + 1,
  Home: () => 0,
  End: (_from, last) => last,
};

/** The classes behind the bars: what is pressed, dragged over, gone through by keys and read out. A canvas is silent. */
export function DurationClasses(props: DurationClassesProps) {
  const { histogram, chosen } = props;
  const { list, cursor, named, listeners } = useBrush(props);
  const shown = named ?? histogram;
  const { bounds, counts } = shown;
  return (
    <div
      ref={list}
      class="histogram-classes"
      style={INSET}
      role="listbox"
      tabIndex={0}
      aria-label="Durations"
      aria-describedby="histogram-hint"
      aria-orientation="horizontal"
      aria-multiselectable="true"
      aria-activedescendant={cursor === undefined ? undefined : `duration-class-${cursor}`}
      {...listeners}
    >
      {counts.map((_, index) => (
        <div
          // The classes never change places.
          key={bounds[index] ?? 'over'}
          id={`duration-class-${index}`}
          class={index === cursor ? 'is-cursor' : ''}
          role="option"
          tabIndex={-1}
          aria-selected={isWithin(chosen, index)}
          aria-label={countOfRange(shown, { first: index, last: index })}
        />
      ))}
    </div>
  );
}

/** What presses and keys have in common. */
interface Brush {
  readonly list: { readonly current: HTMLDivElement | null };
  /** Place of the last class. */
  readonly last: number;
  /** Where a range begins. */
  readonly anchor: { current: number };
  /** What is about to be chosen. */
  readonly brushed: { current: ClassRange | undefined };
  readonly isDragging: { current: boolean };
  /** Where the keys are. */
  readonly cursor: Signal<number | undefined>;
  look(index: number | undefined): void;
  brush(range: ClassRange | undefined, isByKey: boolean): void;
  take(range: ClassRange): void;
}

/** From presses, moves and keys to a range. */
function useBrush({ histogram, chosen, onLook, onBrush, onChoose }: DurationClassesProps) {
  /** The counts that are read out: they stand still between keys, or each second would be read out. */
  const named = useSignal<LatencyHistogram | undefined>(undefined);
  const brush: Brush = {
    list: useRef<HTMLDivElement>(null),
    last: histogram.counts.length - 1,
    anchor: useRef(0),
    brushed: useRef<ClassRange | undefined>(undefined),
    isDragging: useRef(false),
    cursor: useSignal<number | undefined>(undefined),
    look: (index) => onLook(index === undefined ? undefined : rangeOf(index, index)),
    brush(range, isByKey) {
      brush.brushed.current = range;
      onBrush(range, isByKey);
    },
    take(range) {
      brush.brush(undefined, false);
      brush.look(undefined);
      onChoose(range);
    },
  };
  const goTo = (to: number, isWidening: boolean): void => {
    if (!isWidening) brush.anchor.current = to;
    brush.cursor.value = to;
    named.value = histogram;
    brush.look(to);
    brush.brush(isWidening ? rangeOf(brush.anchor.current, to) : undefined, true);
  };
  const stop = (): void => {
    brush.isDragging.current = false;
    brush.look(undefined);
    brush.brush(undefined, false);
  };
  const listeners = {
    ...pointerListeners(brush),
    onPointerCancel: stop,
    onKeyDown: (event: KeyboardEvent) => press(brush, event, goTo),
    onFocus: () => !brush.isDragging.current && goTo(chosen?.first ?? firstOf(histogram), false),
    onBlur(): void {
      brush.cursor.value = undefined;
      named.value = undefined;
      stop();
    },
  };
  return { list: brush.list, cursor: brush.cursor.value, named: named.value, listeners };
}

function pointerListeners({ list, last, anchor, isDragging, cursor, look, brush, take }: Brush) {
  const placeOf = ({ clientX }: PointerEvent): number => {
    const { left = 0, width = 1 } = list.current?.getBoundingClientRect() ?? {};
    return within(Math.floor(((clientX - left) / width) * (last + 1)), last);
  };
  return {
    onPointerDown(event: PointerEvent): void {
      if (event.button !== 0) return;
      isDragging.current = true;
      list.current?.setPointerCapture(event.pointerId);
      // Not the class that is pressed: the keys go on in the list.
      event.preventDefault();
      list.current?.focus();
      cursor.value = undefined;
      anchor.current = placeOf(event);
      brush(rangeOf(anchor.current, anchor.current), false);
    },
    onPointerMove(event: PointerEvent): void {
      const at = placeOf(event);
      look(at);
      if (isDragging.current) brush(rangeOf(anchor.current, at), false);
    },
    onPointerUp(event: PointerEvent): void {
      if (!isDragging.current) return;
      isDragging.current = false;
      take(rangeOf(anchor.current, placeOf(event)));
    },
    onPointerLeave: () => !isDragging.current && look(undefined),
    // Pressed by an aid, without a pointer.
    onClick({ target, detail }: MouseEvent): void {
      const index = target instanceof Element ? [...(list.current?.children ?? [])].indexOf(target) : -1;
      if (detail === 0 && index >= 0) take(rangeOf(index, index));
    },
  };
}

function press(
  { cursor, anchor, last, brushed, take }: Brush,
  event: KeyboardEvent,
  goTo: (to: number, isWidening: boolean) => void,
): void {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const from = cursor.peek() ?? anchor.current;
  const to = KEYS[event.key]?.(from, last);
  if (to !== undefined) goTo(within(to, last), event.shiftKey);
  else if (event.key === 'Enter' || event.key === ' ') take(brushed.current ?? rangeOf(from, from));
  else return;
  // The page has its own use for these keys.
  event.preventDefault();
  event.stopPropagation();
}

function within(index: number, last: number): number {
  return Math.min(last, Math.max(0, index));
}

/** The first class that has any. */
function firstOf({ counts }: LatencyHistogram): number {
  return Math.max(
    0,
    counts.findIndex((count) => count > 0),
  );
}
