/** Rows against the processor: the base instruction set. */
import { testRows } from "./rows.ts";

testRows((feature) => feature === "");
