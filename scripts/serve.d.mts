/** Types of serve.mjs for the tests. */
export function serve(options: { readonly folder: string; readonly port?: number }): Promise<string>;
export function listen(
  folder: string,
  port: number,
): Promise<{ readonly address: string; readonly close: () => Promise<void> }>;
