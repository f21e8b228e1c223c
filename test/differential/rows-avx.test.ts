/** Rows against the processor: what x86-64-v3 adds. */
import { testRows } from "./rows.ts";

const advanced = /^(avx|fma|f16c|bmi)/;

testRows((feature) => advanced.test(feature));
