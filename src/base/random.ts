/** Random bytes from the host's cryptographic source, in pieces of at most 64 KiB (getRandomValues' limit). */
export function fillRandom(target: Uint8Array): void {
  const chunk = new Uint8Array(Math.min(65536, target.length));
  for (let at = 0; at < target.length; at += chunk.length) {
    const part = chunk.subarray(0, Math.min(chunk.length, target.length - at));
    crypto.getRandomValues(part);
    target.set(part, at);
  }
}

/** A new container id: 64 hexadecimal digits, like docker's. */
export function randomId(): string {
  const bytes = new Uint8Array(32);
  fillRandom(bytes);
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}
