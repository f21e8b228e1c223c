/** Media types of image-spec/media-types.md and of docker's image manifest version 2, schema 2. */
const oci = "application/vnd.oci.image";
const docker = "application/vnd.docker";

const indexTypes: readonly string[] = [`${oci}.index.v1+json`, `${docker}.distribution.manifest.list.v2+json`];
const manifestTypes: readonly string[] = [`${oci}.manifest.v1+json`, `${docker}.distribution.manifest.v2+json`];
const configTypes: readonly string[] = [`${oci}.config.v1+json`, `${docker}.container.image.v1+json`];
const layerTypes: readonly string[] = [
  ...["", "+gzip", "+zstd"].flatMap((suffix) => [
    `${oci}.layer.v1.tar${suffix}`,
    `${oci}.layer.nondistributable.v1.tar${suffix}`,
  ]),
  `${docker}.image.rootfs.diff.tar`,
  `${docker}.image.rootfs.diff.tar.gzip`,
  `${docker}.image.rootfs.diff.tar.zstd`,
  `${docker}.image.rootfs.foreign.diff.tar.gzip`,
];

export type ContentKind = "index" | "manifest" | "config" | "layer" | "other";

export const ociManifestType = `${oci}.manifest.v1+json`;

export function kindOfMediaType(mediaType: string): ContentKind {
  if (indexTypes.includes(mediaType)) return "index";
  if (manifestTypes.includes(mediaType)) return "manifest";
  if (configTypes.includes(mediaType)) return "config";
  if (layerTypes.includes(mediaType)) return "layer";
  return "other";
}
