/** Where the store is: $WHERRY_HOME, or the XDG base directory specification's place for a program's data. */
import { homedir } from "node:os";
import { join, resolve } from "node:path";

export function storeFolder(environment: Readonly<Record<string, string | undefined>>): string {
  const own = environment["WHERRY_HOME"];
  if (own !== undefined && own !== "") return resolve(own);
  const data = environment["XDG_DATA_HOME"];
  // The specification: a relative path there is to be ignored.
  const base = data !== undefined && data.startsWith("/") ? data : join(homedir(), ".local", "share");
  return join(base, "wherry");
}
