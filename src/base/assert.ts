/** Assertions at room boundaries: each says why the condition must hold. Not for the hot loop, nor for user input. */
export function assert(condition: unknown, because: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${because}`);
}

/** Marks a branch the type checker proves impossible. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${String(value)}`);
}
