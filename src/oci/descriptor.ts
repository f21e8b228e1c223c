/** Content descriptors (image-spec/descriptor.md): what some bytes are, how many, and their digest. */
import { isDigest } from "./digest.ts";
import {
  asObject,
  invalid,
  type JsonObject,
  optionalString,
  optionalStringMap,
  required,
  requiredString,
} from "./json.ts";
import type { Platform } from "./platform.ts";

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: Platform;
  readonly annotations?: Readonly<Record<string, string>>;
}

export function parseDescriptor(value: unknown, where: string): Descriptor {
  const object = asObject(value, where);
  const digest = requiredString(object, "digest", where);
  if (!isDigest(digest)) throw invalid(where, `has a digest that is not sha256: ${JSON.stringify(digest)}`);
  const size = required(object, "size", where);
  if (!Number.isSafeInteger(size) || (size as number) < 0)
    throw invalid(where, "has a size that is not a number of bytes");
  const platform =
    object.platform === undefined || object.platform === null ? null : parsePlatformObject(object, where);
  const annotations = optionalStringMap(object, "annotations", where);
  return {
    mediaType: requiredString(object, "mediaType", where),
    digest,
    size: size as number,
    ...(platform && { platform }),
    ...(annotations && { annotations }),
  };
}

function parsePlatformObject(object: JsonObject, where: string): Platform {
  const platform = asObject(object.platform, `${where}: its platform`);
  const variant = optionalString(platform, "variant", where);
  return {
    os: requiredString(platform, "os", `${where}: its platform`),
    architecture: requiredString(platform, "architecture", `${where}: its platform`),
    ...(variant && { variant }),
  };
}
