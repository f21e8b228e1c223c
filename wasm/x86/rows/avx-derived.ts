/**
 * AVX and AVX2 forms of the SSE rows: the operation is the SSE row's own body (vex.ts). Those whose halves depend on each
 * other, and what AVX adds, are in avx.ts.
 */
import { row, rows, type Row, type RowOptions } from "../row.ts";
import "./crypto.ts";
import "./sse-convert.ts";
import "./sse-float.ts";
import "./sse-integer.ts";
import "./sse-move.ts";
import "./sse-shuffle.ts";
import "./sse-state.ts";
import "./sse-string.ts";
import { vexBody } from "./vex.ts";

/** Without a VEX form, or with another one. */
const others = /^(SHA.*|PBLENDVB|BLENDVP[SD]|CMP[PS][SD])$/;
/** 128 bits only, or with halves that depend on each other. */
const narrow =
  /^(DPPD|PHMINPOSUW|PCMP[EI]STR.|AES.*|PCLMULQDQ|CVTT?PD2.*|CVTDQ2PD|CVTPS2PD|MPSADBW|INSERTPS|MASKMOVDQU|MOVQ|MOV[LH].*)$/;
const aligned = /^(MOVAP[SD]|MOVDQA|MOVNT.*)$/;
/** Each half has bits of its own in the immediate. */
const immediateShifts: Readonly<Record<string, number>> = { BLENDPS: 4, BLENDPD: 2, SHUFPD: 2 };
const countShift = /^PS(LL|RL|RA)[WDQ]$/;

const isVector = (operand: string): boolean => /^[VWU]/.test(operand);
const widened = (operand: string): string => operand.replace(/^([VWUMH])dq/, "$1qq");

function derive(legacy: Row): void {
  const { name } = legacy;
  const operands = legacy.operands.split(" ");
  const [first = "", ...rest] = operands;
  const options: RowOptions = {
    ...(legacy.reads === undefined ? {} : { reads: legacy.reads }),
    ...(legacy.writes === undefined ? {} : { writes: legacy.writes }),
    ...(legacy.undefined === undefined ? {} : { undefined: legacy.undefined }),
    ...(legacy.faults === undefined ? {} : { faults: legacy.faults }),
    ...(legacy.interpreted === undefined ? {} : { interpreted: legacy.interpreted }),
    ...(legacy.sizes === undefined ? {} : { sizes: legacy.sizes }),
    ...(aligned.test(name) ? {} : { unaligned: true }),
  };
  const isScalar = !operands.some((operand) => /dq|^[VWU]q/.test(operand)) || /^V(ss|sd)=/.test(first);
  const isState = name.endsWith("MXCSR");
  const length = isState ? "VEX.LZ" : isScalar || /^MOVS[SD]$/.test(name) ? "VEX.LIG" : "VEX.128";

  const make = (list: readonly string[], reads: readonly number[], merge: number): void => {
    const form = { reads, merge, wide: false, shared: [], immediateShift: 0 };
    row(
      `V${name}`,
      `${length} ${legacy.encoding}`,
      list.join(" "),
      { ...options, feature: "avx" },
      vexBody(legacy.body, form),
    );
    const isWide =
      !narrow.test(name) &&
      /[!=]$/.test(first) &&
      operands.every((operand) => /^([VWUM]dq[!=]?|Ib)$/.test(operand)) &&
      !isScalar;
    if (!isWide) return;
    const isCount = countShift.test(name) && !operands.includes("Ib");
    const wide = list.map((operand, i) => (isCount && i === 2 ? operand : widened(operand)));
    const isInteger = name.startsWith("P") || name === "MOVNTDQA";
    row(
      `V${name}`,
      `VEX.256 ${legacy.encoding}`,
      wide.join(" "),
      { ...options, feature: isInteger ? "avx2" : "avx" },
      vexBody(legacy.body, {
        ...form,
        wide: true,
        shared: isCount ? [1] : [],
        immediateShift: immediateShifts[name] ?? 0,
      }),
    );
  };

  const behind = rest.map((_, i) => i + 2);
  if (first.startsWith("U") && first.endsWith("!")) make(["Hdq=", first.slice(0, -1), ...rest], [1, ...behind], 0);
  else if (name.startsWith("PABS")) make([first.replace("!", "="), ...rest], [0, 1], 0);
  else if (first.startsWith("V") && first.endsWith("!")) make(["Vdq=", "Hdq", ...rest], [1, ...behind], 1);
  else if (/^V(ss|sd|q)=$/.test(first)) make(["Vdq=", "Hdq", ...rest], [0, ...behind], 1);
  else if (/^W(ss|sd)=$/.test(first)) {
    // The store; between registers it merges like the load.
    make([first.replace("W", "M"), ...rest], [0, 1], 0);
    make([first.replace("W", "U"), "Hdq", ...rest], [0, 2], 1);
  } else
    make(
      operands,
      operands.map((_, i) => i),
      0,
    );
}

for (const legacy of rows.slice()) {
  const operands = legacy.operands.split(" ");
  const isState = legacy.name === "LDMXCSR" || legacy.name === "STMXCSR";
  if (others.test(legacy.name) || operands.some((operand) => /^[PQN]/.test(operand))) continue;
  if (isState || operands.some(isVector)) derive(legacy);
}
