/**
 * What a container needs on disk before the OCI runtime is called: its layers unpacked, its own folder with the
 * writable layer, the files bound over those in /etc, and config.json.
 */
import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import { WherryError } from "../../base/errors.ts";
import type { LayerIndex } from "../../oci/layer-index.ts";
import type { Store } from "../../store/types.ts";
import type { ContainerSpec, ProcessSpec } from "../types.ts";
import { resolveUser, withHome } from "../user.ts";
import { processConfig, runtimeConfig } from "./config.ts";
import type { HostAbilities } from "./config.ts";
import { checkExecutable } from "./executable.ts";
import { layerChains } from "./layout.ts";
import type { NativeLayout } from "./layout.ts";
import { unpackLayer } from "./unpack.ts";
import { UnmountedFiles } from "./unmounted-files.ts";

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Names of the layers that are not unpacked yet, lowest first. */
export async function missingLayers(layout: NativeLayout, diffIds: readonly string[]): Promise<readonly string[]> {
  const chains = layerChains(diffIds);
  const present = await Promise.all(chains.map((chain) => exists(layout.layer(chain))));
  return chains.filter((_, i) => !present[i]);
}

/** Unpacks what is missing. Two processes may do so at once: the first to finish wins. */
export async function unpackLayers(
  layout: NativeLayout,
  store: Store,
  diffIds: readonly string[],
  rootless: boolean,
): Promise<void> {
  const chains = layerChains(diffIds);
  for (const [i, chain] of chains.entries()) {
    const target = layout.layer(chain);
    if (await exists(target)) continue;
    const diffId = diffIds[i]!;
    const index = (await store.getDocument("layer-index", diffId)) as LayerIndex | undefined;
    const read = store.readPackSync;
    if (index === undefined || read === null)
      throw new WherryError("not-found", `the store has no layer ${diffId}`, { data: { digest: diffId } });
    const temporary = `${target}.${process.pid}-${randomBytes(4).toString("hex")}`;
    await mkdir(temporary, { recursive: true });
    try {
      await unpackLayer({
        index,
        read: (offset, length) => read(diffId, offset, length),
        target: temporary,
        below: chains
          .slice(0, i)
          .map((lower) => layout.layer(lower))
          .toReversed(),
        rootless,
      });
      await rename(temporary, target);
    } catch (error) {
      await rm(temporary, { recursive: true, force: true });
      if (!(await exists(target))) throw error;
    }
  }
}

/** The part of config.json about one process: its user resolved, its program looked at. */
export function resolveProcess(
  layout: NativeLayout,
  spec: ContainerSpec,
  process: ProcessSpec,
  host: HostAbilities,
): Record<string, unknown> {
  const files = new UnmountedFiles(layout, spec);
  checkExecutable(files, process);
  const user = resolveUser(process.user, files.readText("/etc/passwd"), files.readText("/etc/group"));
  return processConfig({ ...process, environment: withHome(process.environment, user.home) }, user, host);
}

export async function writeBundle(layout: NativeLayout, spec: ContainerSpec, host: HostAbilities): Promise<string> {
  const folder = layout.container(spec.id);
  await Promise.all(
    [
      join(folder, "upper"),
      join(folder, "work"),
      join(folder, "merged"),
      layout.runtimeState,
      join(layout.root, "empty"),
    ].map((path) => mkdir(path, { recursive: true })),
  );
  const paths = {
    rootfs: "merged",
    hostname: join(folder, "hostname"),
    hosts: join(folder, "hosts"),
    resolvConf: join(folder, "resolv.conf"),
  };
  const config = runtimeConfig(spec, resolveProcess(layout, spec, spec.process, host), paths, host);
  await Promise.all([
    writeFile(paths.hostname, `${spec.hostname}\n`),
    writeFile(paths.hosts, hosts(spec.hostname)),
    // The container has only its loopback interface: there is no name server to reach.
    writeFile(paths.resolvConf, ""),
    writeFile(join(folder, "config.json"), JSON.stringify(config)),
  ]);
  return folder;
}

function hosts(hostname: string): string {
  return [
    "127.0.0.1\tlocalhost",
    "::1\tlocalhost ip6-localhost ip6-loopback",
    "fe00::\tip6-localnet",
    "ff00::\tip6-mcastprefix",
    "ff02::1\tip6-allnodes",
    "ff02::2\tip6-allrouters",
    `127.0.0.1\t${hostname}`,
    "",
  ].join("\n");
}

/** As docker does for -v: a folder that is not there is made. */
export async function prepareMounts(spec: ContainerSpec): Promise<void> {
  for (const mount of spec.mounts) {
    if (mount.type !== "bind" || (await exists(mount.source))) continue;
    await mkdir(mount.source, { recursive: true }).catch((error: Error) => {
      throw new WherryError("not-found", `error while creating mount source path '${mount.source}': ${error.message}`, {
        exitCode: 125,
        cause: error,
      });
    });
  }
}

export async function readState(folder: string): Promise<{ pid: number; start: string } | null> {
  try {
    return JSON.parse(await readFile(join(folder, "state.json"), "utf8")) as { pid: number; start: string };
  } catch {
    return null;
  }
}
