/** Which address each image was loaded from, so that a run of it can be shared. Images from files have none. */
const key = "wherry.sources";

function read(): Record<string, string> {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(key) ?? "{}");
    return typeof value === "object" && value !== null ? (value as Record<string, string>) : {};
  } catch {
    return {};
  }
}

export function rememberSource(imageId: string, url: string): void {
  try {
    localStorage.setItem(key, JSON.stringify({ ...read(), [imageId]: url }));
  } catch {
    // Without it the image still runs; only sharing asks for the address.
  }
}

export function sourceOf(imageId: string): string | null {
  return read()[imageId] ?? null;
}

/** The image an address was loaded as, if it was. */
export function imageFrom(url: string): string | null {
  for (const [imageId, source] of Object.entries(read())) if (source === url) return imageId;
  return null;
}
