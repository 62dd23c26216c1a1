/**
 * The durations of requests as a Prometheus histogram. prom-client's own takes 3 µs a value, which is a tenth of what an
 * order from memory costs in all; this one adds two numbers.
 */
export interface RequestHistogram {
  /** @param labels in Prometheus's form, without the braces; there must be few different ones */
  observe(labels: string, seconds: number): void;
  /** In Prometheus's text form. */
  expose(): string;
}

interface Series {
  /** Values up to each bound and above the one before; the last are above all bounds. */
  readonly counts: number[];
  sum: number;
}

/** @param bounds upper bounds of the buckets in seconds, ascending */
export function createRequestHistogram(name: string, help: string, bounds: readonly number[]): RequestHistogram {
  const all = new Map<string, Series>();

  const seriesOf = (labels: string): Series => {
    const series = { counts: Array.from({ length: bounds.length + 1 }, () => 0), sum: 0 };
    all.set(labels, series);
    return series;
  };

  const linesOf = (labels: string, { counts, sum }: Series): string[] => {
    let upTo = 0;
    const buckets = counts.map((count, at) => {
      upTo += count;
      return `${name}_bucket{le="${bounds[at] ?? "+Inf"}",${labels}} ${upTo}`;
    });
    return [...buckets, `${name}_sum{${labels}} ${sum}`, `${name}_count{${labels}} ${upTo}`];
  };

  return {
    observe(labels, seconds) {
      const series = all.get(labels) ?? seriesOf(labels);
      let bucket = 0;
      while (seconds > (bounds[bucket] ?? Number.POSITIVE_INFINITY)) bucket += 1;
      series.counts[bucket] = (series.counts[bucket] ?? 0) + 1;
      series.sum += seconds;
    },
    expose() {
      const lines = [...all].flatMap(([labels, series]) => linesOf(labels, series));
      return `${[`# HELP ${name} ${help}`, `# TYPE ${name} histogram`, ...lines].join("\n")}\n`;
    },
  };
}
