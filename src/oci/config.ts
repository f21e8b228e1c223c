/** The image configuration (image-spec/config.md), as far as Wherry reads it. */
import { isDigest } from "./digest.ts";
import {
  asArray,
  asObject,
  invalid,
  type JsonObject,
  optionalSet,
  optionalString,
  optionalStringMap,
  optionalStrings,
  parseJson,
  required,
  requiredString,
  requiredStrings,
} from "./json.ts";

export interface ImageConfig {
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string;
  readonly created?: string;
  readonly author?: string;
  readonly config: ContainerConfig;
  readonly rootfs: { readonly type: "layers"; readonly diffIds: readonly string[] };
  readonly history: readonly HistoryEntry[];
}

/** What a container of the image runs with unless told otherwise. */
export interface ContainerConfig {
  readonly User?: string;
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Volumes?: Readonly<Record<string, object>>;
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly StopSignal?: string;
  /** Docker's own fields, outside the specification. */
  readonly Shell?: readonly string[];
  readonly OnBuild?: readonly string[];
  readonly Healthcheck?: {
    readonly Test?: readonly string[];
    readonly Interval?: number;
    readonly Timeout?: number;
    readonly StartPeriod?: number;
    readonly StartInterval?: number;
    readonly Retries?: number;
  };
  readonly ArgsEscaped?: boolean;
}

export interface HistoryEntry {
  readonly created?: string;
  readonly created_by?: string;
  readonly author?: string;
  readonly comment?: string;
  readonly empty_layer?: boolean;
}

/** `file` names the config in errors. */
export function parseImageConfig(bytes: Uint8Array, file: string): ImageConfig {
  const where = `${file}:`;
  const object = asObject(parseJson(bytes, file), where);
  const rootfs = asObject(required(object, "rootfs", where), `${file}: its rootfs`);
  const diffIds = requiredStrings(rootfs, "diff_ids", `${file}: its rootfs`);
  for (const diffId of diffIds)
    if (!isDigest(diffId)) throw invalid(where, `has a diff ID that is not sha256: ${JSON.stringify(diffId)}`);
  const variant = optionalString(object, "variant", where);
  const created = optionalString(object, "created", where);
  const author = optionalString(object, "author", where);
  const history =
    object.history === undefined || object.history === null ? [] : asArray(object.history, `${file}: its history`);
  return {
    architecture: requiredString(object, "architecture", where),
    os: requiredString(object, "os", where),
    ...(variant && { variant }),
    ...(created && { created }),
    ...(author && { author }),
    config: parseContainerConfig(object, file),
    rootfs: { type: "layers", diffIds },
    history: history.map((entry, i) => asObject(entry, `${file}: history entry ${i}`) as HistoryEntry),
  };
}

function parseContainerConfig(object: JsonObject, file: string): ContainerConfig {
  if (object.config === undefined || object.config === null) return {};
  const where = `${file}: its config`;
  const config = asObject(object.config, where);
  const result: Record<string, unknown> = {
    User: optionalString(config, "User", where),
    ExposedPorts: optionalSet(config, "ExposedPorts", where),
    Env: optionalStrings(config, "Env", where),
    Entrypoint: optionalStrings(config, "Entrypoint", where),
    Cmd: optionalStrings(config, "Cmd", where),
    Volumes: optionalSet(config, "Volumes", where),
    WorkingDir: optionalString(config, "WorkingDir", where),
    Labels: optionalStringMap(config, "Labels", where),
    StopSignal: optionalString(config, "StopSignal", where),
    Shell: optionalStrings(config, "Shell", where),
    OnBuild: optionalStrings(config, "OnBuild", where),
    ArgsEscaped: config.ArgsEscaped === true ? true : undefined,
    Healthcheck:
      config.Healthcheck === undefined || config.Healthcheck === null
        ? undefined
        : asObject(config.Healthcheck, `${where}: its Healthcheck`),
  };
  return Object.fromEntries(Object.entries(result).filter(([, value]) => value !== undefined)) as ContainerConfig;
}
