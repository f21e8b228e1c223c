/** Plain text of what a program wrote for a terminal: control sequences (ECMA-48 CSI, OSC, and two-byte) are left out. */
// oxlint-disable-next-line no-control-regex -- control characters are what it is about
const sequences = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_][^\x1b]*\x1b\\|[ -/]*[0-~])/g;

export function stripEscapes(text: string): string {
  return text
    .replaceAll(sequences, "")
    .replaceAll("\r\n", "\n")
    .replaceAll(/[^\n]*\r(?=[^\n])/g, "");
}
