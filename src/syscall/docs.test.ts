import { expect, test } from "vitest";
import { syscallsMarkdown } from "./docs.ts";

// `npm run docs` writes it anew.
test("docs/syscalls.md is what the table says", async () => {
  await expect(syscallsMarkdown()).toMatchFileSnapshot("../../docs/syscalls.md");
});
