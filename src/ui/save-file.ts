/** Hands the user a file to keep. */
export function saveFile(name: string, content: BlobPart): void {
  const address = URL.createObjectURL(new Blob([content], { type: "text/plain" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name.replaceAll(/[^\w.-]+/g, "-");
  link.click();
  // The download has begun once the click returns; the address may go a moment later.
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
