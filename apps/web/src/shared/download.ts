/** Hands the visitor a file made in the page. */
export function saveFile(name: string, type: string, content: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  // Browsers read the blob after the click has returned.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** A draw's or round's id as part of a file name. */
export function fileStem(id: string): string {
  return id.replaceAll(/[^a-z0-9-]+/gi, "-");
}
