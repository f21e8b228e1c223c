/**
 * A command line to words and back, as a POSIX shell splits it (XCU 2.2 Quoting): single and double quotes and
 * backslashes. No expansions: `$HOME` stays `$HOME`, for the container's own shell to expand.
 */
import { WherryError } from "../base/errors.ts";

export function splitWords(line: string): string[] {
  const words: string[] = [];
  let word: string | null = null;
  for (let i = 0; i < line.length; i++) {
    const character = line[i]!;
    if (/\s/.test(character)) {
      if (word !== null) words.push(word);
      word = null;
    } else if (character === "'") {
      const end = line.indexOf("'", i + 1);
      if (end < 0) throw unclosed("'");
      word = (word ?? "") + line.slice(i + 1, end);
      i = end;
    } else if (character === '"') {
      const [text, end] = doubleQuoted(line, i + 1);
      word = (word ?? "") + text;
      i = end;
    } else if (character === "\\" && i + 1 < line.length) {
      i++;
      // A backslash before a line end joins the lines.
      if (line[i] !== "\n") word = (word ?? "") + line[i]!;
    } else {
      word = (word ?? "") + character;
    }
  }
  if (word !== null) words.push(word);
  return words;
}

/** Inside double quotes a backslash escapes only `$`, a backquote, `"`, itself and a line end. */
function doubleQuoted(line: string, start: number): [text: string, end: number] {
  let text = "";
  for (let i = start; i < line.length; i++) {
    const character = line[i]!;
    if (character === '"') return [text, i];
    if (character === "\\" && i + 1 < line.length && '$`"\\\n'.includes(line[i + 1]!)) {
      i++;
      if (line[i] !== "\n") text += line[i]!;
    } else {
      text += character;
    }
  }
  throw unclosed('"');
}

function unclosed(quote: string): WherryError {
  return new WherryError("usage", `The command has a ${quote} that is never closed.`);
}

/** The inverse: `splitWords(joinWords(words))` is `words`. */
export function joinWords(words: readonly string[]): string {
  return words.map(quoteWord).join(" ");
}

function quoteWord(word: string): string {
  if (word !== "" && /^[\w@%+=:,./-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
