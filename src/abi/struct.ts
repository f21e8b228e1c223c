/**
 * C structures as data: where each member is and how wide. `struct.test.ts` of the abi room compiles a C program that
 * prints the same from the system's headers, so a wrong offset fails a test rather than a guest.
 */
export type MemberType = "u8" | "u16" | "s16" | "u32" | "s32" | "u64" | "s64" | "bytes";

export interface StructLayout<Member extends string> {
  /** As C names it: "struct stat". */
  readonly name: string;
  /** What a C program includes to see it. */
  readonly headers: readonly string[];
  readonly size: number;
  readonly members: Readonly<Record<Member, readonly [offset: number, type: MemberType]>>;
}

/** Infers the member names. */
export function struct<Member extends string>(layout: StructLayout<Member>): StructLayout<Member> {
  return layout;
}

export type StructValues<Member extends string> = { readonly [name in Member]?: number | bigint };

/** The bytes of a structure; members not given are zero. */
export function encodeStruct<Member extends string>(
  layout: StructLayout<Member>,
  values: StructValues<Member>,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(layout.size);
  const view = new DataView(bytes.buffer);
  for (const name in values) {
    const value = values[name];
    if (value !== undefined) put(view, layout.members[name][0], layout.members[name][1], value);
  }
  return bytes;
}

function put(view: DataView, offset: number, type: MemberType, value: number | bigint): void {
  switch (type) {
    case "u64":
    case "s64":
      if (typeof value === "bigint") view.setBigInt64(offset, BigInt.asIntN(64, value), true);
      else {
        view.setUint32(offset, value >>> 0, true);
        view.setInt32(offset + 4, Math.floor(value / 0x1_0000_0000), true);
      }
      return;
    case "u32":
    case "s32":
      view.setUint32(offset, Number(value) >>> 0, true);
      return;
    case "u16":
    case "s16":
      view.setUint16(offset, Number(value) & 0xffff, true);
      return;
    case "u8":
      view.setUint8(offset, Number(value) & 0xff);
      return;
    case "bytes":
      throw new Error("a member of bytes is set by the caller");
  }
}

/** One member as a number: 64-bit values are exact below 2^53. */
export function member<Member extends string>(layout: StructLayout<Member>, bytes: Uint8Array, name: Member): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [offset, type] = layout.members[name];
  switch (type) {
    case "u64":
      return view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 0x1_0000_0000;
    case "s64":
      return view.getUint32(offset, true) + view.getInt32(offset + 4, true) * 0x1_0000_0000;
    case "u32":
      return view.getUint32(offset, true);
    case "s32":
      return view.getInt32(offset, true);
    case "u16":
      return view.getUint16(offset, true);
    case "s16":
      return view.getInt16(offset, true);
    case "u8":
    case "bytes":
      return view.getUint8(offset);
  }
}
