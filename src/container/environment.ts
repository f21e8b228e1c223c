/**
 * The environment of a container's processes, in docker's order: PATH, HOSTNAME, TERM with a terminal, the user's own
 * variables, then what the image sets and the user did not. HOME comes last, once the user is known
 * (`withHome` in `runtime/user.ts`).
 */
export const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const nameOf = (variable: string): string => variable.split("=", 1)[0]!;

/** Puts each addition in the place of a variable of the same name, or last. "NAME" alone takes the variable out. */
export function mergeEnvironment(base: readonly string[], additions: readonly string[]): string[] {
  const merged = new Map<string, string>();
  for (const variable of base) merged.set(nameOf(variable), variable);
  for (const variable of additions) {
    if (variable.includes("=")) merged.set(nameOf(variable), variable);
    else merged.delete(variable);
  }
  return [...merged.values()];
}

export function containerEnvironment(options: {
  readonly hostname: string;
  readonly tty: boolean;
  readonly image: readonly string[];
  readonly user: readonly string[];
}): string[] {
  const set = new Set(options.user.map(nameOf));
  const fromImage = options.image.filter((variable) => !set.has(nameOf(variable)));
  const base = [`PATH=${defaultPath}`, `HOSTNAME=${options.hostname}`];
  if (options.tty) base.push("TERM=xterm");
  return mergeEnvironment(base, [...options.user, ...fromImage]);
}
