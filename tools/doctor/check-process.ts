import { type Finding, notAsked, unwell, well } from "./finding";

const ANSWER_WITHIN_MS = 5_000;

/** What a process says of itself in `/readyz`. */
interface Readiness {
  readonly status: string;
  /** Why the ingestor waits. */
  readonly reason?: string;
  /** Why the reader is not level with PostgreSQL. */
  readonly because?: string;
  /** Of the ingestor: why dead letters wait, or `delivered`. */
  readonly deadLetters?: string;
}

/** Asks one of the two processes whether it is ready; somebody else on its port is told from it. */
export async function checkProcess(process: "ingestor" | "reader", url: string | undefined): Promise<Finding> {
  const setting = `${process.toUpperCase()}_URL`;
  if (url === undefined) return notAsked(process, `${setting} does not say where it is`);
  let answer: Response;
  try {
    answer = await fetch(new URL("/readyz", url), { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
  } catch (error) {
    const { cause, message } = error as Error;
    const what = `the ${process} does not answer at ${url}: ${cause instanceof Error ? cause.message : message}`;
    return unwell(process, what, `start it: npm start, or npm run ${process}; or give its address in ${setting}`);
  }
  const ready = await answer.json().then(asReadiness, () => undefined);
  if (!ready) {
    const mend = `look who listens there (ss -ltnp), end it or give the ${process} another port; its address is ${setting}`;
    return unwell(process, `who answers at ${url} is not the ${process}`, mend);
  }
  const waits = ready.reason ?? ready.because ?? ready.status;
  if (!answer.ok)
    return unwell(process, `the ${process} is not ready: ${waits}`, "bring back what it names; it goes on by itself");
  if (ready.deadLetters !== undefined && ready.deadLetters !== "delivered") {
    return unwell(
      process,
      `dead letters wait: ${ready.deadLetters}`,
      "bring back what it names; orders are stored meanwhile",
    );
  }
  return well(process, `the ${process} is ready at ${url}`);
}

function asReadiness(body: unknown): Readiness | undefined {
  const isOurs = typeof body === "object" && body !== null && "status" in body && typeof body.status === "string";
  return isOurs ? (body as Readiness) : undefined;
}
