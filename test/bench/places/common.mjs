// What all places share. A place is somewhere the same work can be done:
//
//   name, kind      "native", "qemu", "node" or "chromium"; several Nodes have names of their own
//   run(command, { image, jit })    to its end: { stdout, ms, cpuMs?, instructions? }
//   start(command, image)           { firstMs (null without output), endMs }, from the call on
//   forget()                        removes stored translations
//
// `image` is "debian" (which has the bench's programs in /bench) or "busybox".

export const references = { debian: "wherry-bench:latest", busybox: "busybox:latest" };

/** A run takes seconds; one that takes this long will not end. */
const runMsMax = 300_000;

/** The promise, unless it takes too long: then what is waited for is ended. */
export async function within(promise, milliseconds, end) {
  let timer;
  const limit = milliseconds ?? runMsMax;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => {
      promise.catch(() => {});
      Promise.resolve(end()).then(() => reject(new Error(`no end after ${limit / 1000} s`)), reject);
    }, limit);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The result of a run that has to succeed. */
export function checked(command, result) {
  if (result.exitCode === 0) return result;
  throw new Error(`${command[0]} ended with ${result.exitCode}: ${result.stderr.trim().split("\n")[0]}`);
}

/** The first number on each line a program of the bench printed: nanoseconds. */
export function nanoseconds(stdout) {
  const times = stdout
    .trim()
    .split("\n")
    .map((line) => Number(line.split(" ")[0]));
  if (times.some((time) => !Number.isFinite(time) || time <= 0)) throw new Error(`unexpected output: ${stdout}`);
  return times;
}
