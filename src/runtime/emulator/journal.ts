/** The name of a container's writable layer in the store: one journal (vfs/overlayfs keeps it). */
export const writableLayerJournal = (container: string): string => `layer/${container}`;
