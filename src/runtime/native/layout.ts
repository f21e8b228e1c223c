/**
 * What the native runtime keeps in the store's folder:
 *
 *     native/l/<chain>            one unpacked layer, in overlayfs's form, as the layers below it need it
 *     native/c/<id>/upper, work   a container's writable layer
 *     native/c/<id>/merged        where it is mounted, inside the container's own mount namespace
 *     native/c/<id>/config.json   the bundle; hostname, hosts, resolv.conf; logs and pid files
 *     native/run                  the OCI runtime's own state
 *     native/probe.json           what was found out about this host
 *
 * A layer is named by the first 16 digits of its chain ID (image-spec config.md, "Layer ChainID"): hard links and
 * directories that a layer does not list depend on the layers below. Names are short and mount options relative to
 * `native`, because mount(2) takes one page of options and a comma or colon in a path would need escaping.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";

export interface NativeLayout {
  readonly root: string;
  readonly runtimeState: string;
  layer(chain: string): string;
  container(id: string): string;
}

export function nativeLayout(storePath: string): NativeLayout {
  const root = join(storePath, "native");
  return {
    root,
    runtimeState: join(root, "run"),
    layer: (chain) => join(root, "l", chain),
    container: (id) => join(root, "c", id),
  };
}

/** The names of an image's layers, lowest first. */
export function layerChains(diffIds: readonly string[]): string[] {
  const chains: string[] = [];
  let chainId = "";
  for (const diffId of diffIds) {
    chainId = chainId === "" ? diffId : `sha256:${createHash("sha256").update(`${chainId} ${diffId}`).digest("hex")}`;
    chains.push(chainId.slice("sha256:".length, "sha256:".length + 16));
  }
  return chains;
}

/** Options of the overlay mount, relative to `native`: the highest layer comes first. */
export function overlayOptions(chains: readonly string[], id: string, rootless: boolean): string {
  const lower = chains.length === 0 ? ["empty"] : chains.toReversed().map((chain) => `l/${chain}`);
  const options = [`lowerdir=${lower.join(":")}`, `upperdir=c/${id}/upper`, `workdir=c/${id}/work`];
  // Inside a user namespace overlayfs keeps its marks in "user." attributes (kernel: filesystems/overlayfs.rst).
  if (rootless) options.push("userxattr");
  return options.join(",");
}
