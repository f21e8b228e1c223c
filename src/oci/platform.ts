/**
 * Platforms, "os/architecture[/variant]", with the aliases containerd's platforms package knows. The emulated processor
 * is x86-64-v2, so an amd64 image may say v1 or v2; v3 needs AVX2.
 */
import { WherryError } from "../base/errors.ts";

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

const architectures: Readonly<Record<string, string>> = {
  x86_64: "amd64",
  "x86-64": "amd64",
  aarch64: "arm64",
  armhf: "arm",
  armel: "arm",
  i386: "386",
  wasm32: "wasm",
};
const systems: Readonly<Record<string, string>> = { macos: "darwin", wasip1: "wasi" };

export const linuxAmd64: Platform = { os: "linux", architecture: "amd64" };
export const wasiWasm: Platform = { os: "wasi", architecture: "wasm" };
/** What runs here, in order of preference, when nothing was asked for. */
export const defaultPlatforms: readonly Platform[] = [linuxAmd64, wasiWasm];

export function normalisePlatform(platform: Platform): Platform {
  const os = platform.os.toLowerCase();
  const architecture = platform.architecture.toLowerCase();
  return {
    os: systems[os] ?? os,
    architecture: architectures[architecture] ?? architecture,
    ...(platform.variant && { variant: platform.variant.toLowerCase() }),
  };
}

/** As typed after --platform. A single word is an operating system or an architecture. */
export function parsePlatform(text: string): Platform {
  const parts = text.split("/");
  if (parts.length > 3 || parts.some((part) => !/^[A-Za-z0-9_.-]+$/.test(part)))
    throw new WherryError("usage", `"${text}" is not a platform: write it as linux/amd64 or wasi/wasm`);
  const [first, architecture, variant] = parts as [string, string?, string?];
  if (architecture !== undefined) return normalisePlatform({ os: first, architecture, ...(variant && { variant }) });
  const word = first.toLowerCase();
  if (word === "linux") return linuxAmd64;
  if (word === "wasi" || word === "wasip1" || word === "wasm") return wasiWasm;
  return normalisePlatform({ os: "linux", architecture: word });
}

export function formatPlatform({ os, architecture, variant }: Platform): string {
  return variant ? `${os}/${architecture}/${variant}` : `${os}/${architecture}`;
}

/** How well an image for `offered` serves who wants `wanted`: 0 not at all, higher is better. */
export function platformFit(wanted: Platform, offered: Platform): number {
  const want = normalisePlatform(wanted);
  const offer = normalisePlatform(offered);
  if (want.os !== offer.os || want.architecture !== offer.architecture) return 0;
  if (want.architecture !== "amd64") return want.variant && offer.variant && want.variant !== offer.variant ? 0 : 1;
  const level = amd64Level(offer.variant);
  return level <= Math.min(2, want.variant ? amd64Level(want.variant) : 2) ? level : 0;
}

function amd64Level(variant: string | undefined): number {
  const match = /^v([1-9])$/.exec(variant ?? "v1");
  return match ? Number(match[1]) : Number.POSITIVE_INFINITY;
}
