import type { SpanRow, Trace, TraceNode } from './model.ts';

interface Knot {
  spanId: string;
  span: SpanRow | undefined;
  children: Knot[];
  startUs: number;
}

/**
 * The spans of a trace in tree order, children by their start. A parent that is named but has not arrived has a
 * placeholder, so that what it started hangs together. Spans that name each other as parents (bad data) become roots.
 * @param nowUs end of what still runs
 */
export function layOutTrace(trace: Trace, nowUs: number): TraceNode[] {
  const roots = grow(trace);
  const critical = new Set<SpanRow>();
  for (const root of roots) markCritical(root, nowUs, critical);
  const nodes: TraceNode[] = [];
  for (const root of roots) flatten(root, critical, nodes);
  return nodes;
}

function grow(trace: Trace): Knot[] {
  const knots = new Map<string, Knot>();
  for (const span of trace.spans.values()) {
    knots.set(span.spanId, { spanId: span.spanId, span, children: [], startUs: span.startUs });
  }
  const roots: Knot[] = [];
  /** Following the parents from here ends somewhere. */
  const sound = new Set<Knot>();
  for (const knot of [...knots.values()]) {
    const parentId = knot.span?.parentSpanId;
    if (parentId === undefined || isOwnAncestor(knot, knots, sound)) {
      roots.push(knot);
      continue;
    }
    let parent = knots.get(parentId);
    if (parent === undefined) {
      parent = { spanId: parentId, span: undefined, children: [], startUs: knot.startUs };
      knots.set(parentId, parent);
      roots.push(parent);
    }
    if (parent.span === undefined) parent.startUs = Math.min(parent.startUs, knot.startUs);
    parent.children.push(knot);
  }
  const byStart = (a: Knot, b: Knot): number => a.startUs - b.startUs;
  for (const knot of knots.values()) knot.children.sort(byStart);
  return roots.sort(byStart);
}

/** Whether following the parents leads back here. */
function isOwnAncestor(knot: Knot, knots: ReadonlyMap<string, Knot>, sound: Set<Knot>): boolean {
  const passed = new Set<Knot>();
  for (let at: Knot | undefined = knot; at !== undefined && !sound.has(at); ) {
    // A ring further up, without this one in it, is broken where it is met.
    if (passed.has(at)) return at === knot;
    passed.add(at);
    const parentId: string | undefined = at.span?.parentSpanId;
    at = parentId === undefined ? undefined : knots.get(parentId);
  }
  for (const one of passed) sound.add(one);
  return false;
}

/** Depth first without recursion: a trace may be deeper than the stack. */
function flatten(root: Knot, critical: ReadonlySet<SpanRow>, nodes: TraceNode[]): void {
  const open: { knot: Knot; depth: number }[] = [{ knot: root, depth: 0 }];
  const first = nodes.length;
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { knot, depth } = next;
    const { span, spanId, children } = knot;
    nodes.push({
      span,
      spanId,
      depth,
      childCount: children.length,
      descendantCount: 0,
      isCritical: span !== undefined && critical.has(span),
    });
    for (let index = children.length - 1; index >= 0; index -= 1) {
      const child = children[index];
      if (child !== undefined) open.push({ knot: child, depth: depth + 1 });
    }
  }
  countDescendants(nodes, first);
}

function countDescendants(nodes: TraceNode[], first: number): void {
  /** For each depth, how many nodes below it were passed, from the end. */
  const below: number[] = [];
  for (let index = nodes.length - 1; index >= first; index -= 1) {
    const node = nodes[index];
    if (node === undefined) continue;
    const descendantCount = below[node.depth + 1] ?? 0;
    below[node.depth + 1] = 0;
    below[node.depth] = (below[node.depth] ?? 0) + descendantCount + 1;
    nodes[index] = { ...node, descendantCount };
  }
}

/**
 * The chain that decided how long the trace took: from the end backwards, always the child that ended last before the
 * point reached, then from its start on.
 */
function markCritical(root: Knot, nowUs: number, critical: Set<SpanRow>): void {
  const open = [{ knot: root, untilUs: endOf(root, nowUs) }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { knot } = next;
    if (knot.span !== undefined) critical.add(knot.span);
    let atUs = Math.min(next.untilUs, endOf(knot, nowUs));
    const byEnd = [...knot.children].sort((a, b) => endOf(b, nowUs) - endOf(a, nowUs));
    for (const child of byEnd) {
      if (child.startUs >= atUs) continue;
      const endUs = endOf(child, nowUs);
      // One that overlaps the chosen one did not hold anything up; one that outlived its parent did until there.
      if (endUs > atUs && atUs !== next.untilUs) continue;
      open.push({ knot: child, untilUs: Math.min(endUs, atUs) });
      atUs = child.startUs;
    }
  }
}

function endOf(knot: Knot, nowUs: number): number {
  if (knot.span === undefined) return Math.max(knot.startUs, ...knot.children.map((child) => endOf(child, nowUs)));
  return knot.span.endUs ?? nowUs;
}

/** Ids of the spans that hold the text: in name, service, path, attributes or what is nested in them. All of the trace is searched. */
export function findInTrace(nodes: readonly TraceNode[], text: string): ReadonlySet<string> {
  const wanted = text.trim().toLowerCase();
  if (wanted === '') return new Set();
  return new Set(nodes.flatMap(({ span }) => (span !== undefined && holds(span, wanted) ? [span.spanId] : [])));
}

function holds(span: SpanRow, wanted: string): boolean {
  const activities = [span.start, span.end, ...span.nested].flatMap((entry) => (entry ? [entry.activity] : []));
  return activities.some(({ name, service, summary, statusMessage, attributes }) =>
    [name, service, summary, statusMessage, ...Object.values(attributes)].some((value) =>
      String(value ?? '')
        .toLowerCase()
        .includes(wanted),
    ),
  );
}

/** What is below a folded node is left out, unless it was found: a fold does not hide what is searched for. */
export function withoutFolded(
  nodes: readonly TraceNode[],
  folded: ReadonlySet<string>,
  found: ReadonlySet<string>,
): readonly TraceNode[] {
  if (folded.size === 0) return nodes;
  const shown: TraceNode[] = [];
  let hiddenTo = 0;
  for (const [index, node] of nodes.entries()) {
    if (index < hiddenTo && !found.has(node.spanId)) continue;
    shown.push(node);
    if (index >= hiddenTo && folded.has(node.spanId)) hiddenTo = index + 1 + node.descendantCount;
  }
  return shown;
}
