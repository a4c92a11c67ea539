/** A minute of activity, one bar a second, with what failed standing out at the foot of each bar. */
export function Sparkline({ all, errors }: { all: readonly number[]; errors: readonly number[] }) {
  const most = Math.max(1, ...all);
  const height = (value: number): number => (value === 0 ? 0 : Math.max(1, (value / most) * 20));
  const bars = (values: readonly number[]): string =>
    values.map((value, index) => (value === 0 ? '' : `M${index * 2 + 1} 20v${-height(value)}`)).join('');
  const total = all.reduce((sum, value) => sum + value, 0);
  const failed = errors.reduce((sum, value) => sum + value, 0);
  return (
    <svg
      class="sparkline"
      viewBox={`0 0 ${all.length * 2} 20`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`${total} activities in the last minute, ${failed} of them errors`}
    >
      <path class="sparkline-all" d={bars(all)} />
      <path class="sparkline-errors" d={bars(errors)} />
    </svg>
  );
}
