// The lint rule that keeps the rooms apart: a room imports lower ranks and its own files (scripts/ranks.json). Types
// may also come from a room that stands beside (`import type` of the same rank), because they leave no trace at run time.
import { readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const ranks = JSON.parse(readFileSync(join(root, "scripts/ranks.json"), "utf8"));

/** The room of a path inside the checkout, or null for what has none (tests, scripts). */
export function roomOf(path) {
  const inside = relative(root, path);
  if (inside.startsWith("src/main.")) return "src/main";
  const room = inside
    .split("/")
    .slice(0, inside.startsWith("workers/") ? 1 : 2)
    .join("/");
  return room in ranks ? room : null;
}

const rule = {
  create(context) {
    const file = context.filename ?? context.getFilename();
    const room = roomOf(file);
    if (room === null || file.endsWith(".test.ts")) return {};
    const check = (node, source) => {
      if (typeof source !== "string" || !source.startsWith(".")) return;
      const other = roomOf(resolve(dirname(file), source));
      if (other === null || other === room) return;
      const typeOnly = node.importKind === "type" || node.exportKind === "type";
      if (ranks[other] < ranks[room] || (typeOnly && ranks[other] === ranks[room])) return;
      context.report({
        node,
        message: `${room} (rank ${ranks[room]}) may not import ${other} (rank ${ranks[other]}): see ARCHITECTURE.md`,
      });
    };
    return {
      ImportDeclaration: (node) => check(node, node.source.value),
      ExportNamedDeclaration: (node) => node.source && check(node, node.source.value),
      ExportAllDeclaration: (node) => check(node, node.source.value),
      ImportExpression: (node) => check(node, node.source.value),
    };
  },
};

export default { meta: { name: "wherry" }, rules: { ranks: rule } };
