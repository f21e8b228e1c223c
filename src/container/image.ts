/** What of an image a container needs: the store's image, resolved. Field names are the image configuration's own. */
export interface ResolvedImage {
  /** Config digest, "sha256:…". */
  readonly id: string;
  /** Diff IDs, lowest layer first. */
  readonly layers: readonly string[];
  readonly platform: { readonly os: string; readonly architecture: string };
  readonly config: ImageDefaults;
}

export interface ImageDefaults {
  readonly Entrypoint?: readonly string[] | null;
  readonly Cmd?: readonly string[] | null;
  readonly Env?: readonly string[] | null;
  readonly WorkingDir?: string;
  readonly User?: string;
  readonly StopSignal?: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
}
