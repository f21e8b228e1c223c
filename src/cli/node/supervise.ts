/**
 * The process behind one detached container: hosts it, serves its socket, and ends with it. It says one line on its
 * output once it listens; whoever asked then attaches and starts the container over the socket.
 */
import { WherryError } from "../../base/errors.ts";
import { loadRecord } from "../../container/record.ts";
import { openNodeHost } from "./engine.ts";

export async function supervise(storePath: string, id: string, self: readonly string[]): Promise<void> {
  // What is written once the command is gone has nowhere to go.
  process.stdout.on("error", () => {});
  process.stderr.on("error", () => {});
  // The terminal's signals are for the command; the container gets what is sent to it over the socket.
  for (const name of ["SIGHUP", "SIGINT", "SIGQUIT"] as const) process.on(name, () => {});
  const { store, supervision } = await openNodeHost({ storePath, self });
  const record = await loadRecord(store, id);
  if (record === null) throw new WherryError("not-found", `No such container: ${id}`);
  const { container, server } = await supervision.host(record, false);
  let ended = false;
  const over = new Promise<void>((resolve) => {
    void container.exited.then(() => {
      ended = true;
      resolve();
    });
    // Nobody came to start it, or the start failed: there is nothing to supervise.
    server.onIdle = () => {
      if (!ended && !container.isStarted) resolve();
    };
  });
  process.once("SIGTERM", () => void container.destroy());
  process.stdout.write("ready\n");
  await over;
  await server.close();
  await store.close();
}
