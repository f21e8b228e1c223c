/**
 * The part of Go's text/template that people give to --format: paths (`{{.State.Status}}`), `json`, `index`, `len`,
 * `join`, `upper`, `lower`, `title`, `range`, `if`/`else`. A path that leads nowhere is an error, as in docker.
 */
import { WherryError } from "../../base/errors.ts";

type Node =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "value"; readonly words: readonly string[] }
  | { readonly kind: "range" | "if"; readonly words: readonly string[]; readonly yes: Node[]; readonly no: Node[] };

const bad = (message: string): WherryError =>
  new WherryError("usage", `template parsing error: ${message}`, { exitCode: 64 });

/** Splits an action into words; quoted strings and parentheses stay whole. */
function wordsOf(action: string): string[] {
  return action.match(/"(?:[^"\\]|\\.)*"|`[^`]*`|\((?:[^()]|\([^()]*\))*\)|\||[^\s|]+/g) ?? [];
}

function parse(template: string): Node[] {
  const root: Node[] = [];
  const stack: { list: Node[]; block: Extract<Node, { kind: "range" | "if" }> | null }[] = [
    { list: root, block: null },
  ];
  const add = (node: Node): void => void stack.at(-1)!.list.push(node);
  let at = 0;
  for (const match of template.matchAll(/\{\{(-?)\s*(.*?)\s*(-?)\}\}/gs)) {
    let text = template.slice(at, match.index);
    if (match[1] === "-") text = text.trimEnd();
    if (text !== "") add({ kind: "text", text });
    at = match.index + match[0].length;
    if (match[3] === "-") while (/\s/.test(template.charAt(at))) at++;
    const words = wordsOf(match[2]!);
    const [first] = words;
    if (first === "range" || first === "if") {
      const block = { kind: first, words: words.slice(1), yes: [] as Node[], no: [] as Node[] } as const;
      add(block);
      stack.push({ list: block.yes, block });
    } else if (first === "else") {
      const top = stack.at(-1)!;
      if (top.block === null) throw bad("unexpected {{else}}");
      top.list = top.block.no;
    } else if (first === "end") {
      if (stack.length === 1) throw bad("unexpected {{end}}");
      stack.pop();
    } else if (first === undefined) throw bad("missing value for command");
    else add({ kind: "value", words });
  }
  const rest = template.slice(at);
  if (rest.includes("{{")) throw bad("unclosed action");
  if (stack.length > 1) throw bad("unexpected EOF");
  if (rest !== "") root.push({ kind: "text", text: rest });
  return root;
}

/** Fills in a template; escapes like "\t" and "\n" are read first, as docker does. */
export function renderTemplate(template: string, data: unknown): string {
  const text = template.replaceAll("\\t", "\t").replaceAll("\\n", "\n");
  return render(parse(text), data);
}

function render(nodes: readonly Node[], data: unknown): string {
  let out = "";
  for (const node of nodes) {
    if (node.kind === "text") out += node.text;
    else if (node.kind === "value") out += show(evaluate(node.words, data));
    else {
      const value = evaluate(node.words, data);
      if (node.kind === "if") out += render(isTrue(value) ? node.yes : node.no, data);
      else {
        const items = Array.isArray(value) ? value : value === null ? [] : Object.values(value as object);
        out += items.length === 0 ? render(node.no, data) : items.map((item) => render(node.yes, item)).join("");
      }
    }
  }
  return out;
}

function evaluate(words: readonly string[], data: unknown): unknown {
  const bar = words.lastIndexOf("|");
  if (bar >= 0) return call(words.slice(bar + 1), data, [evaluate(words.slice(0, bar), data)]);
  return call(words, data, []);
}

function call(words: readonly string[], data: unknown, last: readonly unknown[]): unknown {
  const [name = "", ...rest] = words;
  const values = (): unknown[] => [...rest.map((word) => operand(word, data)), ...last];
  switch (name) {
    case "json":
      return JSON.stringify(values()[0] ?? null);
    case "len": {
      const [value] = values();
      return Array.isArray(value) || typeof value === "string" ? value.length : Object.keys(value ?? {}).length;
    }
    case "index": {
      const [value, ...keys] = values();
      return keys.reduce((inner, key) => (inner as Record<string, unknown> | null)?.[String(key)] ?? null, value);
    }
    case "join": {
      const [list, separator] = values();
      return (list as readonly unknown[]).map(show).join(String(separator));
    }
    case "upper":
      return show(values()[0]).toUpperCase();
    case "lower":
      return show(values()[0]).toLowerCase();
    case "println":
      return `${values().map(show).join(" ")}\n`;
    default:
      if (rest.length > 0 || last.length > 0) throw bad(`function "${name}" not defined`);
      return operand(name, data);
  }
}

function operand(word: string, data: unknown): unknown {
  if (word.startsWith("(")) return evaluate(wordsOf(word.slice(1, -1)), data);
  if (word.startsWith('"')) return JSON.parse(word) as unknown;
  if (word.startsWith("`")) return word.slice(1, -1);
  if (/^-?\d+$/.test(word)) return Number(word);
  if (word === "true" || word === "false") return word === "true";
  if (word === ".") return data;
  if (!word.startsWith(".")) throw bad(`function "${word}" not defined`);
  let value: unknown = data;
  for (const key of word.slice(1).split(".")) {
    if (typeof value !== "object" || value === null || !(key in value))
      throw new WherryError("usage", `template: :1: executing "" at <${word}>: map has no entry for key "${key}"`, {
        exitCode: 1,
      });
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}

function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === "object" && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}

/** As Go's fmt prints a value with %v. */
function show(value: unknown): string {
  if (value === null || value === undefined) return "<no value>";
  if (Array.isArray(value)) return `[${value.map(show).join(" ")}]`;
  if (typeof value === "object") {
    const pairs = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
    return `map[${pairs.map(([key, inner]) => `${key}:${show(inner)}`).join(" ")}]`;
  }
  return String(value);
}
