/** Rows against the processor: everything up to SSE4.2 and what came beside it. */
import { testRows } from "./rows.ts";

const advanced = /^(avx|fma|f16c|bmi)/;

testRows((feature) => feature !== "" && !advanced.test(feature));
