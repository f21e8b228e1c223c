/**
 * Giving the host its turn: a macrotask as soon as possible, so that messages, timers and terminal input get through
 * while guests compute. `setImmediate` where there is one, otherwise a message to ourselves; a zero `setTimeout` would
 * be held back 4 ms.
 */
type Immediate = (callback: () => void) => unknown;

function makeYield(): (callback: () => void) => void {
  const immediate = (globalThis as { setImmediate?: Immediate }).setImmediate;
  if (immediate !== undefined) return (callback) => void immediate(callback);
  const channel = new MessageChannel();
  const queue: (() => void)[] = [];
  channel.port1.onmessage = () => queue.shift()?.();
  return (callback) => {
    queue.push(callback);
    channel.port2.postMessage(0);
  };
}

let schedule: ((callback: () => void) => void) | null = null;

export function yieldToHost(): Promise<void> {
  schedule ??= makeYield();
  const now = schedule;
  return new Promise((resolve) => now(resolve));
}
