import { expect, test } from "vitest";
import { instructionsMarkdown } from "./docs.ts";

// `npm run docs` writes it anew.
test("docs/instructions.md is what the table says", async () => {
  await expect(instructionsMarkdown()).toMatchFileSnapshot("../../docs/instructions.md");
});
