/** Signals as users write them: "TERM", "SIGTERM", "15", "RTMIN+1". */
import { SIGRTMAX, signals } from "../abi/signal.ts";
import { WherryError } from "../base/errors.ts";

/** What the C library calls RTMIN: it keeps 32 and 33 for itself. */
const libraryRtMin = 34;

const aliases: Readonly<Record<string, number>> = {
  SIGIOT: signals.SIGABRT,
  SIGCLD: signals.SIGCHLD,
  SIGPOLL: signals.SIGIO,
};

/** The number of a signal; throws docker's "Invalid signal" for anything else. */
export function parseSignal(signal: string | number): number {
  const text = String(signal).trim().toUpperCase();
  if (/^\d+$/.test(text)) {
    const number = Number(text);
    if (number >= 1 && number <= SIGRTMAX) return number;
    throw invalid(signal);
  }
  const name = text.startsWith("SIG") ? text : `SIG${text}`;
  const known = (signals as Readonly<Record<string, number>>)[name] ?? aliases[name];
  if (known !== undefined) return known;
  const realTime = /^SIGRT(MIN|MAX)(?:([+-])(\d+))?$/.exec(name);
  if (realTime !== null) {
    const offset = Number(realTime[3] ?? 0) * (realTime[2] === "-" ? -1 : 1);
    const number = (realTime[1] === "MIN" ? libraryRtMin : SIGRTMAX) + offset;
    if (number >= libraryRtMin && number <= SIGRTMAX) return number;
  }
  throw invalid(signal);
}

function invalid(signal: string | number): WherryError {
  return new WherryError("usage", `Invalid signal: ${signal}`);
}
