import { expect, test } from "vitest";
import { syscallsMarkdown } from "./docs.ts";

// `npx vitest run src/syscall/docs.test.ts -u` writes it anew.
test("docs/syscalls.md is what the table says", async () => {
  await expect(syscallsMarkdown()).toMatchFileSnapshot("../../docs/syscalls.md");
});
