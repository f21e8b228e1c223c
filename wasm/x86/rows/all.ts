/** Every file of rows. Their order is the order of rows; a later row of the same encoding replaces an earlier one. */
import "./alu.ts";
import "./bits.ts";
import "./control.ts";
import "./cpuid.ts";
import "./move.ts";
import "./multiply.ts";
import "./shift.ts";
import "./strings.ts";
import "./system.ts";
import "./sse-convert.ts";
import "./sse-float.ts";
import "./sse-integer.ts";
import "./sse-move.ts";
import "./sse-shuffle.ts";
import "./sse-state.ts";
import "./sse-string.ts";
import "./x87.ts";
