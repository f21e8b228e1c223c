/**
 * Image references, "[domain/]path[:tag][@digest]", with docker's normalisation: "debian" means
 * "docker.io/library/debian:latest", and is shown as "debian:latest" again. Grammar: distribution's reference package.
 */
import { WherryError } from "../base/errors.ts";
import { isDigest } from "./digest.ts";

export interface Reference {
  readonly domain: string;
  readonly path: string;
  readonly tag: string | null;
  readonly digest: string | null;
}

const defaultDomain = "docker.io";
const officialPrefix = "library/";
const nameLengthMax = 255;

const domainPattern =
  /^(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?$/;
const componentPattern = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const tagPattern = /^[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}$/;

/** As typed; the tag stays null when none was given. */
export function parseReference(text: string): Reference {
  const at = text.indexOf("@");
  const digest = at < 0 ? null : text.slice(at + 1);
  if (digest !== null && !isDigest(digest)) throw badReference(text);
  const beforeDigest = at < 0 ? text : text.slice(0, at);
  // A colon after the last slash starts a tag; one before it belongs to a port.
  const colon = beforeDigest.lastIndexOf(":");
  const hasTag = colon > beforeDigest.lastIndexOf("/");
  const tag = hasTag ? beforeDigest.slice(colon + 1) : null;
  if (tag !== null && !tagPattern.test(tag)) throw badReference(text);
  const name = hasTag ? beforeDigest.slice(0, colon) : beforeDigest;
  if (/^[0-9a-f]{64}$/.test(name))
    throw new WherryError("usage", `invalid repository name (${name}), cannot specify 64-byte hexadecimal strings`);

  const slash = name.indexOf("/");
  const first = slash < 0 ? "" : name.slice(0, slash);
  const hasDomain = /[.:A-Z]/.test(first) || first === "localhost";
  let domain = hasDomain ? first : defaultDomain;
  let path = hasDomain ? name.slice(slash + 1) : name;
  if (domain === "index.docker.io") domain = defaultDomain;
  if (domain === defaultDomain && !path.includes("/")) path = officialPrefix + path;

  if (!domainPattern.test(domain)) throw badReference(text);
  if (!path.split("/").every((component) => componentPattern.test(component))) {
    if (path !== path.toLowerCase())
      throw new WherryError(
        "usage",
        `invalid reference format: repository name (${path.replace(/^library\//, "")}) must be lowercase`,
      );
    throw badReference(text);
  }
  if (domain.length + 1 + path.length > nameLengthMax)
    throw new WherryError("usage", `repository name must not be more than ${nameLengthMax} characters`);
  return { domain, path, tag, digest };
}

/** As docker completes it: ":latest" unless there is a tag or a digest. */
export function normaliseReference(text: string): Reference {
  const reference = parseReference(text);
  return reference.tag === null && reference.digest === null ? { ...reference, tag: "latest" } : reference;
}

/** In full: "docker.io/library/debian:12". */
export function formatReference(reference: Reference): string {
  return `${reference.domain}/${reference.path}${suffix(reference)}`;
}

/** As people write it: "debian:12". */
export function familiarReference(reference: Reference): string {
  return `${familiarName(reference)}${suffix(reference)}`;
}

export function familiarName(reference: Reference): string {
  if (reference.domain !== defaultDomain) return `${reference.domain}/${reference.path}`;
  const short = reference.path.startsWith(officialPrefix)
    ? reference.path.slice(officialPrefix.length)
    : reference.path;
  return short.includes("/") ? reference.path : short;
}

function suffix({ tag, digest }: Reference): string {
  return `${tag === null ? "" : `:${tag}`}${digest === null ? "" : `@${digest}`}`;
}

function badReference(text: string): WherryError {
  return new WherryError("usage", `invalid reference format: ${JSON.stringify(text)}`);
}
