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

/**
 * The promise, unless it takes too long: then what is waited for is ended, which may fail the promise before `end` is
 * through.
 */
export function within(promise, milliseconds, end) {
  const limit = milliseconds ?? runMsMax;
  return new Promise((resolve, reject) => {
    let late = false;
    const timer = setTimeout(async () => {
      late = true;
      try {
        await end();
        reject(new Error(`no end after ${limit / 1000} s`));
      } catch (error) {
        reject(error);
      }
    }, limit);
    promise.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (error) => {
        clearTimeout(timer);
        if (!late) reject(error);
      },
    );
  });
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
